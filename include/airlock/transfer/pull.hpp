// SPDX-License-Identifier: Apache-2.0
// Registry to bundle: blobs in parallel, each straight into its place.
#pragma once

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/writer.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/transfer/resolve.hpp"

namespace airlock::transfer {

/// Downloads every blob that is not a manifest, `jobs` at a time, largest first. Stops at the first failure.
void pull(registry::Client& client, const Resolution& resolution, bundle::Writer& writer, unsigned jobs,
          Reporter& reporter);

}  // namespace airlock::transfer

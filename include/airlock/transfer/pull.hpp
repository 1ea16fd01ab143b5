// SPDX-License-Identifier: Apache-2.0
// Registry to bundle: blobs in parallel, each straight into its place.
#pragma once

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/writer.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/transfer/resolve.hpp"

namespace airlock::transfer {

enum class PullMode {
  whole_blobs,
  parted_blobs  ///< blobs over 64 MiB in parts of 32 MiB, for registries far away
};

/// Downloads every blob that is not a manifest, `jobs` requests at a time, largest first. Stops at the first failure.
void pull(registry::Client& client, const Resolution& resolution, bundle::Writer& writer, unsigned jobs, PullMode mode,
          Reporter& reporter);

}  // namespace airlock::transfer

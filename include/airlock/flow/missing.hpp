// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/metadata.hpp"

namespace airlock::flow {

/// A warning for what the exporter left out with permission; nothing where all is there.
inline void tell_missing(const std::vector<bundle::Missing>& missing, Reporter& reporter) {
  if (missing.empty()) return;
  std::vector<std::string> lines;
  for (const bundle::Missing& one : missing)
    lines.push_back(fmt::format("{}: {}", one.source.str(), printable(one.reason)));
  reporter.warning(
      fmt::format("{} of the selection {} not in the bundle, as upstream did not have {} (--allow-missing):"
                  "\n  {}",
                  count_of(lines.size(), "image"), lines.size() == 1 ? "is" : "are", lines.size() == 1 ? "it" : "them",
                  join(lines, "\n  ")));
}

}  // namespace airlock::flow

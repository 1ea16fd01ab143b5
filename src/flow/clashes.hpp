// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/kubeone/paths.hpp"

namespace airlock::flow {

/// Two images that would get the same name in the local registry cannot travel together, unless they are the same.
inline void refuse_name_clashes(const std::vector<bundle::Image>& images) {
  std::map<std::string, const bundle::Image*> by_path;
  for (const bundle::Image& image : images)
    for (const kubeone::TargetPath& path : kubeone::target_paths(image.source)) {
      const auto [other, added] = by_path.try_emplace(path.str(), &image);
      if (added || other->second->descriptor.digest == image.descriptor.digest) continue;
      throw Error(ErrorCode::selection, other->second->source.str() + " and " + image.source.str() +
                                            " are different images, but both become " + path.str() +
                                            " in the local registry")
          .hint("leave one out with --exclude, or make two bundles for two registry prefixes");
    }
}

}  // namespace airlock::flow

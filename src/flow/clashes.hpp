// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/kubeone/paths.hpp"

namespace airlock::flow {

/// Two manifests that would get the same name in the local registry cannot travel together: which of them the name
/// stood for would be chance. Referrers have names too, where cosign looks for them. An Error with this code; `what`
/// says what to do about it.
inline void refuse_name_clashes(const std::vector<records::Image>& images, const kubeone::NameMapping& mapping,
                                ErrorCode code, const std::string& what) {
  struct Named {
    std::string by;
    oci::Digest digest;
  };
  std::map<std::string, Named> names;
  const auto name = [&](const std::string& path, const std::string& by, const oci::Digest& digest) {
    const auto [other, added] = names.try_emplace(path, Named{by, digest});
    if (added || other->second.digest == digest) return;
    throw Error(code, fmt::format("{} and {} are different images, but both become {} in the local registry",
                                  other->second.by, by, path))
        .hint(what);
  };
  for (const records::Image& image : images)
    for (const kubeone::TargetPath& path : kubeone::target_paths(image.source, mapping)) {
      name(path.str(), image.source.str(), image.descriptor.digest);
      for (const auto& [descriptor, tag] : image.referrers)
        if (tag)
          name(fmt::format("{}:{}", path.repository.str(), tag->str()), "a referrer of " + image.source.str(),
               descriptor.digest);
    }
}

inline constexpr const char* clash_at_export =
    "leave one out with --exclude, give them different names with --map (keep-host keeps all apart), or make two "
    "bundles for two registry prefixes";
inline constexpr const char* clash_at_import = "choose other rules for --map; keep-host keeps all apart";
inline constexpr const char* clash_in_bundle = "its exporter has to make two bundles of it, for two registry prefixes";

}  // namespace airlock::flow

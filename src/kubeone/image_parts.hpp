// SPDX-License-Identifier: Apache-2.0
// Images whose registry, repository, tag and digest stand apart, as in Helm values and custom resources.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "airlock/base/yaml.hpp"

namespace airlock::kubeone {

struct JoinedImage {
  std::string reference;
  std::size_t line = 0;
  bool complete = false;            ///< it has a tag or a digest
  std::string open;                 ///< what of it only a person or rendering can tell, "whose …"; else empty
  bool readable = true;             ///< false: an image was meant, and the parts make no reference
  bool doubtful = false;            ///< it may be a chart or a package: nothing says that it is an image
  std::set<std::string_view> keys;  ///< those of the mapping that it was joined from; they live as long as the mapping
};

/// The image of a mapping such as `{repository, tag}`, `{registry, repository, tag, digest}`,
/// `{repository, image, version}` or kustomize's `{name, newName, newTag}`; nothing for others. `of_image`: it is the
/// value of a key that speaks of images, and may be `{name, tag}` then. `tag`: where the mapping has none that says
/// something, as charts have their application's version then.
std::optional<JoinedImage> join_image(const YamlNode& mapping, bool of_image, const std::string& tag = {});

}  // namespace airlock::kubeone

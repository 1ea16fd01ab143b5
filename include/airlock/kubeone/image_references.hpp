// SPDX-License-Identifier: Apache-2.0
// Image references out of Kubernetes YAML: manifests, `helm template` and `kubectl kustomize` output, KubeOne addons.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::kubeone {

struct FoundImages {
  std::map<std::string, std::string> images;  ///< reference as written to "FILE:LINE"
  std::vector<std::string> unresolved;        ///< "FILE:LINE: text" of images that are known only after rendering
};

/// Every value of a key `image` in all documents of a text. KubeOne's template function `Registry` is resolved to its
/// argument (pkg/addons/manifest.go, txtFuncMap); other templates stay unresolved. Works line by line, because
/// templates are not YAML before they are rendered; comments are left out.
void find_images(std::string_view text, const std::string& where, FoundImages& into);

/// The same for a file, of the .yaml, .yml and .json files below a directory, or of standard input (`-`). An Error
/// (code `media`) for an unreadable file.
FoundImages find_images_in(const std::filesystem::path& path);

}  // namespace airlock::kubeone

// SPDX-License-Identifier: Apache-2.0
// Images that Kubernetes YAML names: manifests, `helm template` and `kubectl kustomize` output, KubeOne addons, custom
// resources, Helm values. What is surely an image is told apart from what only looks like one (docs/sets.md).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::kubeone {

/// Something that may be an image.
struct Suspect {
  std::string text;          ///< as it would be taken
  std::string where;         ///< "FILE:LINE"
  std::string why;           ///< "a bare word", "in a text"
  bool is_reference = true;  ///< false: it cannot be taken as it stands
};

struct FoundImages {
  std::map<std::string, std::string> images;  ///< reference as written to "FILE:LINE"
  std::vector<Suspect> suspects;              ///< each text once, none that is among the images
  std::vector<std::string> unresolved;        ///< "FILE:LINE: text" of images that are known only after rendering
  std::vector<std::string> unreadable;        ///< "FILE:LINE: why": documents that are no YAML, read line by line

  void add(FoundImages other);
  /// Leaves each suspect and what is unresolved once, and none that is taken anyway: after several were added.
  void settle();
};

struct ReferenceOptions {
  /// What an action of a Go template stands for, its braces left off; nothing where only rendering tells. Default:
  /// KubeOne's `Registry`.
  std::function<std::optional<std::string>(std::string_view)> action;
  bool embedded = false;    ///< also read documents inside ConfigMaps and Secrets
  std::string default_tag;  ///< of a repository whose tag is empty; empty: such an image is unresolved
};

/// The images of all documents of a text. A document that is no YAML spoils no other. Linear in the length of the text;
/// documents are parsed in parallel.
FoundImages find_images(std::string_view text, const std::string& where, const ReferenceOptions& options = {});

/// The same for a file, for the .yaml, .yml and .json files below a directory, or for standard input (`-`). An Error
/// (code `media`) for an unreadable file.
FoundImages find_images_in(const std::filesystem::path& path, const ReferenceOptions& options = {});

}  // namespace airlock::kubeone

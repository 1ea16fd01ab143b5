// SPDX-License-Identifier: Apache-2.0
// Whether a text is an image reference, and how much there is to it: `true` and `driver` are references too, by the
// grammar, and name images on Docker Hub that anybody may own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::kubeone {

inline constexpr std::string_view transport = "docker://";  ///< KubeVirt's and CDI's, as skopeo writes it
inline constexpr std::string_view artifact = "oci://";      ///< Istio's, Flux's, Helm's and Kuadrant's

struct ImageText {
  std::string reference;  ///< without a transport such as docker://
  bool host = false;      ///< it names its registry
  bool path = false;      ///< it has a slash
  bool version = false;   ///< it has a tag or a digest
  bool transport = false;
  /// Its version is one that images have: a digest, or a tag with a digit in it, or with a word such as `latest`,
  /// `main` or `stable`. `NoSchedule` is none.
  bool plausible = false;

  bool is_full() const { return host && path && version && plausible; }
};

/// Nothing for what is no reference by the grammar.
std::optional<ImageText> read_image_text(std::string_view text);

/// The parts of a text that are full references: in prose, scripts, arguments, addresses of artifacts (oci://) and
/// embedded documents. Linear.
std::vector<std::string_view> full_references_in(std::string_view text);

/// Values of keys `image` in a text that holds YAML or JSON, as written: at the beginning of a line, or with quotes.
/// They are parts of the text. Linear.
std::vector<std::string_view> image_values_in(std::string_view text);

/// Whether a key, a variable or an option speaks of an image: `image`, `CSI_ATTACHER_IMAGE`, `--default-engine-image`;
/// not of where images come from or how they are pulled (`imageRegistry`, `IMAGE_PULL_POLICY`).
bool speaks_of_image(std::string_view name);
/// Whether it says that its value is one: it ends so.
bool names_image(std::string_view name);

/// Whether its host is known for images, or has a name that such hosts have: a path there is an image, with a tag or
/// without; `k8s.io/ingress-nginx` is a label.
bool is_at_known_registry(std::string_view reference);

/// `--option=value` and `NAME=value`; for others, no name and the text.
struct Assignment {
  std::string_view name;
  std::string_view value;
};
Assignment assignment_of(std::string_view text);

}  // namespace airlock::kubeone

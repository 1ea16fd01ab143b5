// SPDX-License-Identifier: Apache-2.0
// Image references and their normal form, as Docker, containerd and KubeOne read them (grammar: OCI distribution-spec
// v1.1 "Pulling manifests"; normal form: distribution/reference).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "airlock/oci/digest.hpp"

namespace airlock::oci {

/// A fully qualified image reference. `alpine` becomes `docker.io/library/alpine:latest`.
struct Reference {
  std::string registry;    ///< host, with the port where one is given: `quay.io`, `127.0.0.1:5000`
  std::string repository;  ///< `calico/cni`; a single name on docker.io gains `library/`
  std::string tag;         ///< empty when only a digest is given
  std::optional<Digest> digest;

  /// An Error (code `selection`) says what is malformed.
  static Reference parse(std::string_view text);

  /// `registry/repository[:tag][@digest]`.
  std::string str() const;
  /// `registry/repository`.
  std::string name() const { return registry + "/" + repository; }
  /// What to ask the registry for: the digest where there is one, else the tag.
  std::string identifier() const { return digest ? digest->str() : tag; }

  auto operator<=>(const Reference&) const = default;
};

/// Whether `text` is a repository path: components of lower-case letters, digits and separators, at most 255
/// characters.
bool is_repository(std::string_view text);
/// Whether `text` is a tag: 1 to 128 of `[A-Za-z0-9_.-]`, not starting with a dot or a dash.
bool is_tag(std::string_view text);
/// Whether `text` is `host` or `host:port`.
bool is_registry(std::string_view text);

}  // namespace airlock::oci

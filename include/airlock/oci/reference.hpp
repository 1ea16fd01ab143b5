// SPDX-License-Identifier: Apache-2.0
// Image references and their normal form, as Docker, containerd and KubeOne read them (grammar: OCI distribution-spec
// v1.1 "Pulling manifests"; normal form: distribution/reference).
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "airlock/oci/digest.hpp"
#include "airlock/oci/names.hpp"

namespace airlock::oci {

/// A fully qualified image reference. `alpine` becomes `docker.io/library/alpine:latest`.
struct Reference {
  Registry registry;
  Repository repository;  ///< `calico/cni`; a single name on docker.io gains `library/`
  std::optional<Tag> tag;
  std::optional<Digest> digest;  ///< REQUIRES: this or the tag is there

  /// An Error (code `selection`) says what is malformed.
  static Reference parse(std::string_view text);
  /// The same; nothing for what is malformed.
  static std::optional<Reference> find(std::string_view text);

  /// `registry/repository[:tag][@digest]`.
  std::string str() const;
  /// `registry/repository`.
  std::string name() const;
  /// What to ask the registry for: the digest where there is one, else the tag.
  ManifestId id() const { return digest ? ManifestId(*digest) : ManifestId(*tag); }

  /// By registry, repository, tag (none first) and digest (none first).
  auto operator<=>(const Reference&) const = default;
};

/// Whether the first path component of a reference names a registry, and not a user of Docker Hub: it has a dot or a
/// port, is localhost, or has upper case (distribution/reference, splitDockerDomain).
bool names_registry(std::string_view first);

}  // namespace airlock::oci

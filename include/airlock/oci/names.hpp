// SPDX-License-Identifier: Apache-2.0
// The names of the distribution API, each a type that can hold nothing else: a tag with a slash or a repository with
// dots in it cannot reach a URL, a path or another registry's name. A value of these types is checked; what
// comes from a bundle, a lock file, a receipt, a registry or a command line becomes one where it is parsed.
#pragma once

#include <compare>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "airlock/oci/digest.hpp"

namespace airlock::oci {

/// A text that obeys a grammar. Grammar: `static bool holds(std::string_view)` and `noun`, for messages.
template <typename Grammar>
class Name {
 public:
  /// Anything else is an Error (code `format`).
  static Name parse(std::string_view text) {
    if (!Grammar::holds(text)) refuse(text);
    return Name(text);
  }
  /// The same; nothing for anything else.
  static std::optional<Name> find(std::string_view text) {
    if (!Grammar::holds(text)) return std::nullopt;
    return Name(text);
  }

  const std::string& str() const { return text_; }
  operator const std::string&() const { return text_; }  // NOLINT(google-explicit-constructor): out of the type is safe

  auto operator<=>(const Name&) const = default;
  bool operator==(const Name&) const = default;
  friend bool operator==(const Name& name, std::string_view text) { return name.text_ == text; }
  friend std::string operator+(const std::string& text, const Name& name) { return text + name.text_; }
  friend std::string operator+(const Name& name, std::string_view text) { return name.text_ + std::string(text); }

 private:
  explicit Name(std::string_view text) : text_(text) {}
  [[noreturn]] static void refuse(std::string_view text);
  std::string text_;
};

struct TagGrammar {
  static constexpr const char* noun = "a tag (1 to 128 letters, digits, dots, dashes and underscores)";
  static bool holds(std::string_view text);
};
struct RepositoryGrammar {
  static constexpr const char* noun = "a repository (lower-case letters, digits, . _ - and /)";
  static bool holds(std::string_view text);
};
struct RegistryGrammar {
  static constexpr const char* noun = "a registry (HOST or HOST:PORT)";
  static bool holds(std::string_view text);
};

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec v1.1, "Pulling manifests").
using Tag = Name<TagGrammar>;
/// The specification's <name>: components of lower-case letters, digits and separators, at most 255 characters.
using Repository = Name<RepositoryGrammar>;
/// `quay.io`, `127.0.0.1:5000`, `[::1]:5000`.
using Registry = Name<RegistryGrammar>;

/// `prefix/name`. An Error (code `usage`) where that is longer than a repository may be.
Repository below(const std::optional<Repository>& prefix, const Repository& name);

/// What a manifest is asked for by: the specification's <reference>.
class ManifestId {
 public:
  ManifestId(Tag tag) : id_(std::move(tag)) {}       // NOLINT(google-explicit-constructor): it is one
  ManifestId(const Digest& digest) : id_(digest) {}  // NOLINT(google-explicit-constructor): it is one
  const Digest* digest() const { return std::get_if<Digest>(&id_); }
  std::string str() const;

 private:
  std::variant<Tag, Digest> id_;
};

/// The tag of the list of what refers to a manifest, where a registry has no API for it: `sha256-<hex>`
/// (distribution-spec v1.1, "Referrers Tag Schema").
Tag referrers_tag(const Digest& subject);

/// Where cosign keeps what it signs: `sha256-<hex>.sig`, `.att`, `.sbom` (sigstore/cosign, specs/SIGNATURE_SPEC.md,
/// "Tag-based Discovery").
inline constexpr const char* cosign_suffixes[] = {".sig", ".att", ".sbom"};
Tag cosign_tag(const Digest& subject, std::string_view suffix);
/// What one of cosign's tags is about; nothing for other tags.
std::optional<Digest> cosign_subject(const Tag& tag);

}  // namespace airlock::oci

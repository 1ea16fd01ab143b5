// SPDX-License-Identifier: Apache-2.0
// Platforms as in OCI image-spec v1.1, image-index.md: os/architecture[/variant].
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::oci {

/// Its parts have letters, digits, `_`, `.` and `-` only, as containerd's specifiers (containerd/platforms,
/// specifierRe).
class Platform {
 public:
  /// `linux/amd64`, `linux/arm/v7`; otherwise an Error (code `selection`).
  static Platform parse(std::string_view text);
  /// Of a document's fields; `variant` may be empty. Nothing where a part is malformed.
  static std::optional<Platform> find(std::string_view os, std::string_view architecture, std::string_view variant);
  /// What BuildKit gives to attestations.
  static Platform unknown();

  const std::string& os() const { return os_; }
  const std::string& architecture() const { return architecture_; }
  const std::string& variant() const { return variant_; }  ///< empty: none, and in a request: any
  std::string str() const;

  auto operator<=>(const Platform&) const = default;

 private:
  Platform(std::string_view os, std::string_view architecture, std::string_view variant)
      : os_(os), architecture_(architecture), variant_(variant) {}
  std::string os_;
  std::string architecture_;
  std::string variant_;
};

/// Which platforms of an image are wanted.
class PlatformSelection {
 public:
  /// Every platform that upstream serves.
  static PlatformSelection everything();
  /// Just these.
  explicit PlatformSelection(std::vector<Platform> platforms);
  /// From the words of a command line or a bundle: platforms, or the single word `all`.
  static PlatformSelection parse(const std::vector<std::string>& words);

  bool wants(const Platform& platform) const;
  bool all() const { return all_; }
  /// The words that parse() takes.
  std::vector<std::string> words() const;

 private:
  bool all_ = false;
  std::vector<Platform> platforms_;
};

}  // namespace airlock::oci

// SPDX-License-Identifier: Apache-2.0
// Platforms as in OCI image-spec v1.1, image-index.md: os/architecture[/variant].
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;  ///< empty: none, and in a request: any

  /// `linux/amd64`, `linux/arm/v7`; otherwise an Error (code `selection`).
  static Platform parse(std::string_view text);
  std::string str() const;

  auto operator<=>(const Platform&) const = default;
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

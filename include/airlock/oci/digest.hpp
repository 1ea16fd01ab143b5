// SPDX-License-Identifier: Apache-2.0
// Content digests. A Digest cannot hold anything but 32 bytes of SHA-256, so a malformed one cannot reach a path or a
// URL (compare CVE-2024-3727). Rules: OCI image-spec v1.1, descriptor.md, "Digests".
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace airlock::oci {

/// A SHA-256 digest. airlock accepts no other algorithm: registries and KubeOne use no other.
class Digest {
 public:
  /// `sha256:` and 64 lower-case hexadecimal digits, exactly; anything else is an Error (code `format`).
  static Digest parse(std::string_view text);
  /// The 64 digits alone.
  static Digest from_hex(std::string_view hex);
  explicit Digest(const std::array<unsigned char, 32>& bytes) : bytes_(bytes) {}

  std::string str() const { return "sha256:" + hex(); }
  std::string hex() const;
  /// The 32 bytes themselves.
  std::string bytes() const { return {bytes_.begin(), bytes_.end()}; }
  /// The first 12 digits, enough to tell digests apart in a message.
  std::string short_hex() const { return hex().substr(0, 12); }

  auto operator<=>(const Digest&) const = default;

 private:
  std::array<unsigned char, 32> bytes_;
};

/// Running SHA-256.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  /// The digest of all bytes so far; the object is reset.
  Digest finish();

 private:
  struct Context;
  struct Release {
    void operator()(Context* context) const;
  };
  void start();
  std::unique_ptr<Context, Release> context_;
};

Digest sha256(std::string_view bytes);

}  // namespace airlock::oci

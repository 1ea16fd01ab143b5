// SPDX-License-Identifier: Apache-2.0
// Bundles in memory, right ones and ones with exactly one defect.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/bundle/tar.hpp"
#include "airlock/bundle/writer.hpp"

namespace airlock::test {

/// A bundle's bytes without a file.
class MemoryMedium final : public bundle::ReadableMedium {
 public:
  explicit MemoryMedium(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  std::string name() const override { return "test.tar"; }
  void read(std::uint64_t offset, std::span<char> into) const override {
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset)
      throw Error(ErrorCode::internal, "read past the end of the medium");
    std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }

 private:
  std::string bytes_;
};

inline const trust::PrivateKey& alice() {
  static const auto key = trust::PrivateKey::generate(trust::Algorithm::ecdsa_p256_sha256);
  return key;
}

inline const trust::PrivateKey& mallory() {
  static const auto key = trust::PrivateKey::generate(trust::Algorithm::ecdsa_p256_sha256);
  return key;
}

/// The parts of a bundle before they are put together. Entries, sums and signature are made from them, so that a
/// changed part gives a bundle whose other parts fit it.
struct TestBundle {
  using Entry = std::pair<std::string, std::string>;

  bundle::Metadata metadata;
  std::vector<Entry> entries;       ///< signed ones, in order
  std::optional<std::string> sums;  ///< instead of the right ones
  std::optional<std::vector<trust::SignatureFile>> signatures;
  std::function<void(const std::string&, bundle::tar::Block&)>
      patch;  ///< changes a header; its checksum is made right afterwards
  std::function<std::string(std::string)> patch_region = [](std::string region) { return region; };
  bool fix_checksums = true;
  std::string tail = std::string(1024, '\0');

  std::string& content(const std::string& name) {
    for (auto& [entry, text] : entries)
      if (entry == name) return text;
    throw Error(ErrorCode::internal, "no entry " + name);
  }

  std::string right_sums() const {
    bundle::Sums lines;
    for (const auto& [name, text] : entries) lines.push_back({name, oci::sha256(text)});
    return bundle::format_sums(lines);
  }

  std::string bytes() const {
    const std::string list = sums.value_or(right_sums());
    std::string archive;
    append(archive, "SHA256SUMS", list);
    archive += patch_region(bundle::format_region(
        signatures.value_or(std::vector<trust::SignatureFile>{{"signatures/alice.sig", alice().sign(list)}})));
    for (const auto& [name, text] : entries) append(archive, name, text);
    return archive + tail;
  }

  void append(std::string& archive, const std::string& name, const std::string& text) const {
    auto header = bundle::tar::make_header({name, text.size()});
    if (patch) patch(name, header);
    if (fix_checksums) fix_checksum(header);
    archive.append(header.data(), header.size());
    archive += text;
    archive.resize(bundle::tar::padded(archive.size()), '\0');
  }

  static void fix_checksum(bundle::tar::Block& header) {
    std::memset(header.data() + 148, ' ', 8);
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    std::snprintf(header.data() + 148, 7, "%06o", sum);
    header.at(154) = '\0';
  }
};

struct TestImage {
  std::string name;
  std::string manifest;  ///< text
  std::string type;
};

/// A bundle of these images: top manifests or indexes, and all other blobs that belong to them.
TestBundle make_bundle(const std::vector<TestImage>& images, const std::vector<std::string>& documents,
                       const std::vector<std::string>& blobs);

/// Two images, one of them an index of two wanted and one unwanted platform, with a shared layer.
TestBundle good_bundle();

/// Of its images.
oci::Graph graph_of(const TestBundle& bundle);

std::string layer_text();
std::string manifest_text(const std::string& config, const std::vector<std::string>& layers);

inline trust::Policy alices_policy() { return trust::Policy::single_key("alice", alice().public_key()); }

inline bundle::VerifiedBundle verify(const std::string& bytes) {
  Reporter reporter({ReporterOptions::Form::plain, true, false});
  return bundle::verify(std::make_shared<MemoryMedium>(bytes), alices_policy(), {}, reporter);
}

}  // namespace airlock::test

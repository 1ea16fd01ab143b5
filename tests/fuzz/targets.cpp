// SPDX-License-Identifier: Apache-2.0
#include "targets.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/bundle/sums.hpp"
#include "airlock/bundle/tar.hpp"
#include "airlock/oci/manifest.hpp"
#include "airlock/oci/reference.hpp"
#include "airlock/records/journal.hpp"
#include "airlock/records/lock.hpp"
#include "airlock/records/receipt.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::fuzz {

namespace {

class Bytes final : public bundle::ReadableMedium {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  std::string name() const override { return "input"; }
  void read(std::uint64_t offset, std::span<char> into) const override {
    require(offset <= bytes_.size() && into.size() <= bytes_.size() - offset, "read past the end");
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }

 private:
  std::string_view bytes_;
};

// Two keys that the seeds of the policy target name.
constexpr const char* alice = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExQ8sc1gO88ltOOCNSsxNGyL4dMGm
Vleuu4jpQvxeS/i3l2cGdtw97b1kD2FDIIEiI641khiImDfa9k43qHoZdw==
-----END PUBLIC KEY-----
)";
constexpr const char* bob = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA+Ti6gpUNuCxtbqcUBgakWe8EJSMHhlyVmGAPiz6xL3k=
-----END PUBLIC KEY-----
)";

/// A directory with the key files, made once.
const std::filesystem::path& key_directory() {
  static const std::filesystem::path directory = [] {
    std::string name = (std::filesystem::temp_directory_path() / "airlock-fuzz-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    write_new_file(name + "/alice.pub", alice);
    write_new_file(name + "/bob.pub", bob);
    std::atexit([] { std::filesystem::remove_all(key_directory()); });
    return std::filesystem::path(name);
  }();
  return directory;
}

/// The archive with the checksum of each header made right, walking by the sizes that the headers claim.
std::string with_right_checksums(std::string_view archive) {
  constexpr std::size_t block = bundle::tar::block_size;
  std::string bytes(archive);
  std::size_t at = 0;
  while (at + block <= bytes.size()) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at + 148), 8, ' ');
    unsigned sum = 0;
    for (std::size_t i = at; i < at + block; ++i) sum += static_cast<unsigned char>(bytes[i]);
    if (sum == 8 * ' ') {
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at + 148), 8, '\0');
      break;  // the end
    }
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), "%06o", sum);
    std::copy(digits.begin(), digits.begin() + 7, bytes.begin() + static_cast<std::ptrdiff_t>(at + 148));
    const std::uint64_t size = std::strtoull(bytes.substr(at + 124, 11).c_str(), nullptr, 8);
    if (size > bytes.size()) break;
    at += block + bundle::tar::padded(size);
  }
  return bytes;
}

}  // namespace

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

void archive(std::string_view raw) {
  // The first byte says whether headers get right checksums first: a fuzzer would hardly find them.
  if (raw.empty()) return;
  const std::string input = raw.front() == 'M' ? with_right_checksums(raw.substr(1)) : std::string(raw.substr(1));
  const auto medium = std::make_shared<Bytes>(input);
  const bundle::Archive archive(medium);
  for (const auto& entry : archive.entries())
    require(entry.extent.size <= input.size(), "an entry larger than the file");
  static_cast<void>(bundle::read_unverified(medium));
}

void journal(std::string_view input) {
  const auto record = records::parse_journal(input);
  if (!record) return;
  constexpr std::uint64_t from = 1000;
  constexpr std::uint64_t to = 5000;
  for (const auto& [digest, ranges] : record->written)
    require(record->covered(digest, from, to) <= to - from, "more was written than there is");
}

void json(std::string_view input) {
  const Json value = parse_json(input, "input", {1U << 16, 32, 1U << 12});
  const std::string text = value.dump();
  require(parse_json(text, "again", {1U << 20, 32, 1U << 12}) == value, "JSON changed by being written and read");
}

void lock(std::string_view input) {
  const std::string text = records::Lock::parse(input, "input").format();
  require(records::looks_like_lock(text), "what was written looks like something else");
  require(records::Lock::parse(text, "again").format() == text, "a lock changed by being written and read");
}

void manifest(std::string_view input) {
  // The first byte chooses the media type that a descriptor would claim.
  if (input.empty()) return;
  constexpr std::array types{oci::media_type::oci_manifest, oci::media_type::oci_index,
                             oci::media_type::docker_manifest, oci::media_type::docker_index};
  const auto type = types[static_cast<unsigned char>(input.front()) % types.size()];
  const auto document = oci::parse_document(input.substr(1), std::string(type));
  static_cast<void>(document);
}

void metadata(std::string_view input) {
  const auto metadata = bundle::Metadata::parse(input);
  require(metadata.format() == input, "bundle.json has two forms");
  static_cast<void>(bundle::format_index(metadata.images));
}

void policy(std::string_view input) {
  const auto policy = trust::Policy::parse(input, key_directory() / "policy.yaml");
  static_cast<void>(policy.explain());
  static_cast<void>(policy.warnings());
  trust::Circumstances circumstances;
  circumstances.now = clock_time();
  try {
    static_cast<void>(policy.authenticate("content", {{"a.sig", "x"}}, circumstances));
    require(false, "a policy that takes any signature");
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): it must throw
  }
}

void receipt(std::string_view input) {
  require(records::Receipt::parse(input, "input").format() == input, "a receipt has two forms");
}

void reference(std::string_view input) {
  const auto reference = oci::Reference::parse(input);
  const std::string text = reference.str();
  require(oci::Reference::parse(text).str() == text, "a reference has two forms");
}

void signature(std::string_view input) {
  constexpr std::array forms{trust::Form::raw, trust::Form::sigstore, trust::Form::minisign, trust::Form::approval};
  if (input.empty()) return;
  const auto form = forms[static_cast<unsigned char>(input.front()) % forms.size()];
  const auto signature =
      trust::Signature::parse({"x" + std::string(trust::suffix_of(form)), std::string(input.substr(1))});
  static const auto key = trust::PrivateKey::generate(trust::Algorithm::ed25519).public_key();
  static_cast<void>(signature.is_by(key, trust::SignedText("content")));
  if (form == trust::Form::approval) static_cast<void>(trust::Approval::parse(signature.payload, "statement"));
}

void sums(std::string_view input) {
  require(bundle::format_sums(bundle::parse_sums(input)) == input, "SHA256SUMS has two forms");
}

std::span<const Target> targets() {
  static constexpr std::array<Target, 39> all{{{"archive", archive},
                                               {"challenge", challenge},
                                               {"chart", chart},
                                               {"chart_index", chart_index},
                                               {"cluster", cluster},
                                               {"credentials", credentials},
                                               {"declared_set", declared_set},
                                               {"elf", elf},
                                               {"error_body", error_body},
                                               {"findings", findings},
                                               {"go_buildinfo", go_buildinfo},
                                               {"image_config", image_config},
                                               {"image_details", image_details},
                                               {"image_list", image_list},
                                               {"java_archive", java_archive},
                                               {"journal", journal},
                                               {"json", json},
                                               {"link_header", link_header},
                                               {"lock", lock},
                                               {"manifest", manifest},
                                               {"metadata", metadata},
                                               {"name_mapping", name_mapping},
                                               {"package_text", package_text},
                                               {"package_url", package_url},
                                               {"patch", patch},
                                               {"policy", policy},
                                               {"public_key", public_key},
                                               {"receipt", receipt},
                                               {"reference", reference},
                                               {"rpm_header", rpm_header},
                                               {"rpm_ndb", rpm_ndb},
                                               {"rpm_sqlite", rpm_sqlite},
                                               {"sbom_scan", sbom_scan},
                                               {"signature", signature},
                                               {"sums", sums},
                                               {"template_action", template_action},
                                               {"text", text},
                                               {"url", url},
                                               {"yaml", yaml}}};
  return all;
}

void run(const Target& target, std::string_view input) {
  try {
    target.run(input);
  } catch (const Error& error) {
    require(error.code() != ErrorCode::internal, error.what());
  }
}

}  // namespace airlock::fuzz

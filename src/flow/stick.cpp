// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/stick.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/medium.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/flow/release.hpp"
#include "airlock/trust/signature.hpp"

namespace airlock::flow {

namespace {

constexpr std::string_view page_title = "READ ME FIRST: images for Kubernetes clusters, carried by airlock\n";
constexpr std::size_t max_page = 1U << 20;

/// What the page tells about a bundle.
struct Facts {
  std::string name;                          ///< of the bundle, without directories
  std::vector<std::filesystem::path> files;  ///< itself, or its volumes
  bool volumes = false;
  bool scattered = false;  ///< not all volumes are beside the page
  std::string signature;   ///< the raw form's path in the bundle
  std::string stem;        ///< "alice"
  trust::Algorithm algorithm;
  std::string fingerprint;
  std::string sums_digest;
  std::string release;  ///< directory beside the bundle; empty: none
  std::string release_signature;
  std::string registry;
};

std::string files_text(const Facts& facts) {
  std::string text;
  for (const auto& file : facts.files)
    text += fmt::format("  {:<30} {:>12}   {} bytes\n", printable(file.filename().string()),
                        human_size(std::filesystem::file_size(file)), std::filesystem::file_size(file));
  if (facts.scattered)
    text += "\nThey are on several media. Copy all of them into one directory, with this page, and work there.\n";
  return text;
}

/// OpenSSL's command for a signature by a key of this algorithm.
std::string openssl_text(trust::Algorithm algorithm, const std::string& key, const std::string& signature) {
  if (algorithm == trust::Algorithm::ed25519)
    return fmt::format("openssl pkeyutl -verify -pubin -inkey {} -rawin -in SHA256SUMS -sigfile {}", key, signature);
  return fmt::format("openssl dgst -sha256 -verify {} -signature {} SHA256SUMS", key, signature);
}

std::string key_text(const Facts& facts) {
  return fmt::format(
      "1. Trust does not come from this medium\n\n"
      "Whoever had it in hand may have changed everything on it: the bundle, the programs and this page.\n"
      "What proves the bundle is the public key of its signer, {0}.pub, which you have from somewhere else.\n"
      "Its fingerprint, to compare with what the signer told you by another channel (not with this page alone):\n\n"
      "  {1}\n\n"
      "The fingerprint of the key that you have, here in the directory of this page:\n\n"
      "    openssl pkey -pubin -in {0}.pub -outform DER | sha256sum\n\n",
      facts.stem, facts.fingerprint);
}

std::string verify_text(const Facts& facts) {
  const std::string bundle = shell_word(facts.name);
  std::string text = "2. Verify the bundle without airlock\n\n    mkdir unpacked\n";
  text += facts.volumes ? fmt::format("    cat {}.[0-9][0-9][0-9] | tar -xf - -C unpacked\n", bundle)
                        : fmt::format("    tar -xf {} -C unpacked\n", bundle);
  text += fmt::format("    cd unpacked\n    {}\n    sha256sum --strict --quiet -c SHA256SUMS\n    cd ..\n\n",
                      openssl_text(facts.algorithm, fmt::format("../{}.pub", facts.stem), facts.signature));
  return text + fmt::format(
                    "The first of the last two commands proves that the signer made the list, the second that every\n"
                    "file is as listed. The digest of SHA256SUMS:\n\n  {}\n\n",
                    facts.sums_digest);
}

std::string program_text(const Facts& facts) {
  if (facts.release.empty()) return {};
  return fmt::format(
      "3. Take airlock itself, if this machine has none\n\n"
      "The programs need nothing else: they are linked statically. If you have the key of airlock's makers,\n"
      "check SHA256SUMS in the directory {0}{1}.\nThat the programs arrived whole:\n\n"
      "    (cd {0} && sha256sum --strict --quiet -c SHA256SUMS)\n"
      "    cp {0}/bin/airlock-*-linux-$(uname -m) ./airlock && chmod +x ./airlock\n\n"
      "Where the medium forbids programs to run, copy it to another directory.\n\n",
      facts.release, facts.release_signature.empty() ? "" : " against " + facts.release_signature);
}

std::string import_text(const Facts& facts) {
  const std::string program = facts.release.empty() ? "airlock" : "./airlock";
  const std::string bundle = shell_word(facts.name);
  return fmt::format(
      "{0}. Verify and import\n\n"
      "    {1} verify {2} --key {3}.pub\n"
      "    {1} import {2} {4} --key {3}.pub\n\n"
      "The second command prints what belongs into the KubeOneCluster manifest. Give the registry's authority\n"
      "with --cacert FILE, and a user with --username NAME --password-stdin. Then, at any time:\n\n"
      "    {1} check {4} --bundle {2} --key {3}.pub\n\n"
      "More: {1} help import{5}\n",
      facts.release.empty() ? 3 : 4, program, bundle, facts.stem, facts.registry,
      facts.release.empty() ? "" : fmt::format(", and {}/docs", facts.release));
}

std::string page_text(const Facts& facts) {
  return std::string(page_title) + "\n" + files_text(facts) + "\n" + key_text(facts) + verify_text(facts) +
         program_text(facts) + import_text(facts);
}

/// The raw form of the signer's signature in the bundle.
std::string find_signature(const bundle::Head& head, const trust::PublicKey& signer) {
  for (const trust::SignatureFile& file : head.signatures)
    if (trust::form_of(file.name) == trust::Form::raw && trust::signs(file, signer, head.sums)) return file.name;
  throw Error(ErrorCode::trust, Side::bundle, fmt::format("it is not signed by {}", signer.fingerprint()))
      .hint("give the public key of its signer with --key");
}

std::filesystem::path directory_of(const std::filesystem::path& bundle) {
  return bundle.has_parent_path() ? bundle.parent_path() : std::filesystem::path(".");
}

void check_page(const std::filesystem::path& page) {
  check_replaceable(page);
  if (std::filesystem::exists(page) && !read_file(page, max_page).starts_with(page_title))
    throw Error(ErrorCode::media, fmt::format("{} was not written by airlock", page.string()))
        .hint("move it away, or put the bundle into a directory of its own");
}

/// The name under which commands find the bundle.
std::string common_name(const StickRequest& request, const std::vector<std::filesystem::path>& volumes) {
  const std::string name = (volumes.empty() ? request.bundle : volumes.front().stem()).filename().string();
  if (name != printable(name))
    throw Error(ErrorCode::usage, fmt::format("\"{}\" has characters that no page should show", printable(name)))
        .hint("rename the bundle");
  return name;
}

Facts gather(const StickRequest& request, const trust::PublicKey& signer) {
  // All headers are walked: a page beside a bundle that was cut short would help nobody.
  const bundle::Archive archive(bundle::open_medium(request.bundle, request.volumes));
  const bundle::Head& head = archive.head();
  const auto volumes = bundle::find_volumes(request.bundle, request.volumes);
  Facts facts{};
  facts.name = common_name(request, volumes);
  facts.volumes = !volumes.empty();
  facts.files = facts.volumes ? volumes : std::vector{request.bundle};
  for (const auto& file : facts.files)
    facts.scattered = facts.scattered || directory_of(file) != directory_of(request.bundle);
  facts.signature = find_signature(head, signer);
  facts.stem = std::filesystem::path(facts.signature).stem().string();
  facts.algorithm = signer.algorithm();
  facts.fingerprint = signer.fingerprint();
  facts.sums_digest = oci::sha256(head.sums).hex();
  facts.registry = request.registry ? request.registry->str() : "REGISTRY:5000/kubernetes";
  return facts;
}

/// The file with the signature of the release's key, where that is known. What the page says to copy has to be there.
std::string check_release(const StickRequest& request, const Release& release) {
  if (std::none_of(release.files.begin(), release.files.end(), [](const ReleaseFile& file) {
        return file.path.parent_path() == "bin" && file.path.filename().string().find("-linux-") != std::string::npos;
      }))
    throw Error(ErrorCode::format, release.directory.string() + " has no program for Linux in bin/")
        .hint("give the directory of an unpacked release of airlock");
  if (request.release_key) return check_release_signature(release, *request.release_key);
  return release.signatures.empty() ? "" : release.signatures.front().name;
}

}  // namespace

void check_stick(const StickRequest& request) {
  check_page(directory_of(request.bundle) / stick_page_name);
  if (!request.release.empty()) check_release(request, read_release(request.release));
}

StickResult lay_stick(const StickRequest& request, const trust::PublicKey& signer) {
  Facts facts = gather(request, signer);
  const auto directory = directory_of(request.bundle);
  StickResult result{directory / stick_page_name, {}};
  check_page(result.page);
  if (!request.release.empty()) {
    const Release release = read_release(request.release);
    facts.release_signature = check_release(request, release);
    result.release = copy_release(release, directory).directory;
    facts.release = result.release.filename().string();
  }
  replace_file(result.page, page_text(facts));
  return result;
}

}  // namespace airlock::flow

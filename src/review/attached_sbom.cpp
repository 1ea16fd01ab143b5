// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/attached_sbom.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <tuple>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "airlock/review/image_summary.hpp"
#include "review/sbom_scan.hpp"

namespace airlock::review {

namespace {

constexpr std::size_t max_document = 32U << 20;
constexpr std::size_t max_documents = 2 * max_document;  // of an image's platform
constexpr std::size_t max_lists = 8;                     // what each of them alone names is kept

bool has_word(std::string_view type, std::initializer_list<std::string_view> words) {
  const std::string lower = to_lower(type);
  return std::any_of(words.begin(), words.end(), [&](auto word) { return lower.find(word) != std::string::npos; });
}

/// Whether a media type says that there is a list of software, in whatever form, or an attestation, which may be one.
bool promises_list(std::string_view type) {
  return has_word(type, {"spdx", "cyclonedx", "syft", "sbom", "in-toto", "dsse", "sigstore.bundle"});
}

bool may_hold_list(std::string_view type) {
  return promises_list(type) || (has_word(type, {"json"}) && !oci::media_type::is_layer(type));
}

class Finder {
 public:
  Finder(const bundle::BundleContent& bundle, const PlatformImage& image, const ImageInventory& inventory)
      : bundle_(bundle), image_(image) {
    for (const InstalledPackage& installed : inventory.packages)
      if (const auto url = PackageUrl::of(installed.package)) here_.emplace(key_of(*url), &installed.package);
  }

  std::vector<AttachedSbom> find() {
    for (const records::Referrer& referrer : image_.image->referrers) {
      const oci::Node& node = bundle_.graph().at(referrer.descriptor.digest);
      const auto subject = referrer.tag ? oci::cosign_subject(*referrer.tag) : node.content->subject;
      if (subject && is_ours(*subject)) look_into(node, true);
    }
    const oci::Node& top = bundle_.graph().at(image_.image->descriptor.digest);
    for (const oci::MemberEdge& member : top.content->members)
      if (member.attestation) look_into(*member.to, false);
    return std::move(found_);
  }

 private:
  using Key = std::tuple<std::string, std::string, std::string>;
  static Key key_of(const PackageUrl& url) { return {url.type, url.name, url.version}; }

  bool is_ours(const oci::Digest& digest) const {
    return digest == image_.manifest->digest || digest == image_.image->descriptor.digest;
  }

  /// `attached`: to this very image; else only a statement says to which.
  void look_into(const oci::Node& document, bool attached) {
    if (!document.content || !document.content->parsed || !seen_.insert(&document).second) return;
    for (const oci::MemberEdge& member : document.content->members) look_into(*member.to, attached);
    for (const oci::Edge& layer : document.content->layers)
      if (seen_.insert(layer.to).second && may_hold_list(layer.media_type)) look_into(layer, attached);
  }

  void look_into(const oci::Edge& layer, bool attached) {
    throw_if_interrupted();
    if (full_) return;
    AttachedSbom sbom{layer.to->digest, {}, {}, 0, {}, {}, {}};
    if (bundle_.is_in_base(layer.to->digest) || budget_ == 0) {
      if (!promises_list(layer.media_type)) return;
      sbom.problem = "it is not in this delta";
    } else {
      // What cannot be read at all is said of every blob; what is no JSON, of those that promise to be a list.
      std::string text;
      try {
        text = read_blob(bundle_, layer.to->digest, max_document);
        budget_ -= std::min(budget_, text.size());
        if (!read(text, attached, sbom)) return;
      } catch (const Error& error) {
        if (error.code() == ErrorCode::interrupted) throw;
        if (!text.empty() && !promises_list(layer.media_type)) return;
        sbom.problem = error.what();
      }
    }
    if (found_.size() == max_lists || budget_ == 0) {
      full_ = true;
      sbom = {layer.to->digest, {}, {}, 0, {}, {}, {}};
      sbom.problem = fmt::format("more than {}, or too large ones, are attached: only the first were read", max_lists);
    }
    found_.push_back(std::move(sbom));
  }

  /// False where it is no list of software, or one of another platform.
  bool read(std::string_view text, bool attached, AttachedSbom& sbom) const {
    const std::string where = sbom.digest.str();
    SbomScan scan = scan_sbom(text, where);
    if (!scan.payload.empty() && scan.format.empty()) {
      const auto statement = base64_decode(scan.payload);
      if (!statement) throw Error(ErrorCode::format, where + ": its payload is no base64");
      scan = scan_sbom(*statement, where);
    }
    if (scan.format.empty()) return false;
    sbom.format = scan.format;
    if (scan.statement && !is_about_us(scan)) {
      sbom.problem = "its statement is about other images";
      return attached;
    }
    if (!scan.statement && !attached) return false;
    if (scan.found.empty())
      sbom.problem = "it names no package by its package URL";
    else
      compare(scan, sbom);
    return true;
  }

  bool is_about_us(const SbomScan& scan) const {
    return scan.subjects.contains(image_.manifest->digest.hex()) ||
           scan.subjects.contains(image_.image->descriptor.digest.hex());
  }

  void compare(const SbomScan& scan, AttachedSbom& sbom) const {
    std::set<Key> there;
    std::set<std::string> kinds;
    for (const auto& [text, url] : scan.found) {
      kinds.insert(url.type);
      if (!there.insert(key_of(url)).second) continue;
      if (here_.contains(key_of(url)))
        ++sbom.both;
      else
        sbom.only_there.push_back({url, text});
    }
    for (const auto& [key, package] : here_)
      if (!there.contains(key)) sbom.only_here.push_back(*package);
    std::sort(sbom.only_here.begin(), sbom.only_here.end());
    sbom.kinds.assign(kinds.begin(), kinds.end());
  }

  const bundle::BundleContent& bundle_;
  const PlatformImage& image_;
  std::map<Key, const Package*> here_;
  std::set<const oci::Node*> seen_;  // documents and blobs
  std::vector<AttachedSbom> found_;
  std::size_t budget_ = max_documents;
  bool full_ = false;
};

}  // namespace

std::vector<Package> AttachedSbom::unexpected() const {
  std::vector<Package> packages;
  for (const Package& package : only_here)
    if (std::binary_search(kinds.begin(), kinds.end(), package.type)) packages.push_back(package);
  return packages;
}

std::vector<AttachedSbom> read_attached_sboms(const bundle::BundleContent& bundle, const PlatformImage& image,
                                              const ImageInventory& inventory) {
  return Finder(bundle, image, inventory).find();
}

}  // namespace airlock::review

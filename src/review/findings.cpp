// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace airlock::review {

namespace {

bool is_closed(const Finding& finding) { return finding.status == "not_affected" || finding.status == "fixed"; }

/// Which images have a package of a version, and which have a digest or are of a repository.
class Places {
 public:
  explicit Places(const std::vector<InventoriedImage>& images) {
    for (const InventoriedImage& image : images) {
      const oci::Reference& source = image.image.image->source;
      const std::string name = source.str();
      for (const oci::Digest& digest : {image.image.manifest->digest, image.image.image->descriptor.digest,
                                        image.image.manifest->content->config->to->digest})
        by_image_[digest.str()].insert(name);
      platforms_[name].push_back({image.image.manifest->digest.str(),
                                  image.image.manifest->content->config->to->digest.str(),
                                  image.image.image->descriptor.digest.str()});
      by_image_[source.name()].insert(name);
      if (source.tag) by_image_[source.name() + ":" + source.tag->str()].insert(name);
      for (const InstalledPackage& installed : image.inventory.packages) add(installed.package, name);
      for (const DeclaredPackage& declared : image.declared()) add(declared.url, name);
    }
  }

  std::set<std::string> of(const Finding& finding) const {
    if (finding.names_images()) return named_by(finding);
    std::set<std::string> images = with(finding.package, finding.version);
    if (!images.empty() || !finding.purl) return images;
    return with(key_of(*finding.purl), finding.purl->version);
  }

  /// What images have under the finding's name and version.
  std::vector<PackageUrl> kinds_of(const Finding& finding) const {
    const auto found = kinds_.find({finding.package, finding.version});
    return found == kinds_.end() ? std::vector<PackageUrl>() : found->second;
  }

  /// Whether a statement is about all platforms of an image that the finding is about.
  bool is_about(const Finding& vex, const std::string& image, const Finding& finding) const {
    if (!vex.names_images()) return true;
    if (!named_by(vex).contains(image)) return false;
    Finding by_repository = vex;
    by_repository.digests.clear();
    if (named_by(by_repository).contains(image)) return true;
    const std::vector<Platform>& all = platforms_.at(image);
    const bool says_which =
        std::any_of(all.begin(), all.end(), [&](const Platform& one) { return one.is_itself_in(finding.digests); });
    return std::all_of(all.begin(), all.end(), [&](const Platform& one) {
      if (says_which && !one.is_itself_in(finding.digests)) return true;
      return one.is_itself_in(vex.digests) || vex.digests.contains(one.index);
    });
  }

  std::set<std::string> named_by(const Finding& finding) const {
    std::set<std::string> images;
    for (const auto* names : {&finding.digests, &finding.repositories})
      for (const std::string& one : *names)
        if (const auto found = by_image_.find(one); found != by_image_.end())
          images.insert(found->second.begin(), found->second.end());
    return images;
  }

 private:
  /// Digests of an image for one platform, and of the index that has it.
  struct Platform {
    std::string manifest;
    std::string config;
    std::string index;
    bool is_itself_in(const std::set<std::string>& digests) const {
      return digests.contains(manifest) || digests.contains(config);
    }
  };

  static std::string key_of(const PackageUrl& purl) { return "pkg:" + purl.type + "/" + purl.name; }

  std::set<std::string> with(const std::string& package, const std::string& version) const {
    const auto found = by_package_.find({package, version});
    return found == by_package_.end() ? std::set<std::string>() : found->second;
  }

  void add(const Package& package, const std::string& image) {
    const auto purl = PackageUrl::of(package);
    std::vector<std::string> names{package.name};
    if (!package.ns.empty())
      for (const char* separator : {"/", ":"}) names.push_back(package.ns + separator + package.name);
    for (const std::string& name : names) {
      by_package_[{name, package.version}].insert(image);
      if (!purl) continue;
      auto& kinds = kinds_[{name, package.version}];
      const auto same = [&](const PackageUrl& kind) { return kind.covers(*purl) && purl->covers(kind); };
      if (std::none_of(kinds.begin(), kinds.end(), same)) kinds.push_back(*purl);
    }
    if (purl) by_package_[{key_of(*purl), purl->version}].insert(image);
  }

  void add(const PackageUrl& purl, const std::string& image) {
    by_package_[{purl.name, purl.version}].insert(image);
    by_package_[{key_of(purl), purl.version}].insert(image);
  }

  std::map<std::string, std::set<std::string>> by_image_;  // digests and repositories
  std::map<std::string, std::vector<Platform>> platforms_;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> by_package_;
  std::map<std::pair<std::string, std::string>, std::vector<PackageUrl>> kinds_;
};

/// Whether this statement of VEX about the same weakness is about the finding's package; of which images, it says
/// itself. What cannot be told is not covered: a closed finding is not seen any more.
bool covers(const Finding& vex, const Finding& finding, const Places& places) {
  if (!vex.purl && vex.package.empty()) return vex.names_images();  // all of an image
  if (vex.purl && finding.purl) return vex.purl->covers(*finding.purl);
  if (!vex.purl)
    return !finding.purl && !vex.version.empty() && vex.package == finding.package && vex.version == finding.version &&
           places.kinds_of(finding).size() < 2;
  // The finding has a name only: it may be of any kind that images have under this name and version.
  const std::vector<PackageUrl> kinds = places.kinds_of(finding);
  return !kinds.empty() &&
         std::all_of(kinds.begin(), kinds.end(), [&](const PackageUrl& kind) { return vex.purl->covers(kind); });
}

/// Whether a statement may be about the finding's package: one that says that it is affected counts then.
bool may_cover(const Finding& vex, const Finding& finding) {
  if (!vex.purl && vex.package.empty()) return true;
  if (vex.purl && finding.purl) return vex.purl->type == finding.purl->type && vex.purl->name == finding.purl->name;
  return vex.package == finding.package || finding.package.empty();
}

/// Statements of all files, by weakness.
class Statements {
 public:
  explicit Statements(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings)
      if (!finding.status.empty() && !finding.id.empty()) by_id_.emplace(finding.id, &finding);
  }

  /// Whether the latest that may be about the finding in this image closes it. One without a time is older than those
  /// that close, and newer than those that do not.
  bool close(const Finding& finding, const std::string& image, const Places& places) const {
    std::optional<Instant> open;
    std::optional<Instant> closed;
    bool any_closed = false;
    const auto [first, last] = by_id_.equal_range(finding.id);
    for (auto one = first; one != last; ++one) {
      const Finding& vex = *one->second;
      if (is_closed(vex)) {
        if (!covers(vex, finding, places) || !places.is_about(vex, image, finding)) continue;
        any_closed = true;
        closed = std::max(closed, vex.time);
      } else if (may_cover(vex, finding) && (!vex.names_images() || places.named_by(vex).contains(image))) {
        if (!vex.time) return false;
        open = std::max(open, vex.time);
      }
    }
    return any_closed && (!open || (closed && *closed > *open));
  }

 private:
  std::multimap<std::string, const Finding*> by_id_;
};

}  // namespace

std::string to_string(Severity severity) {
  constexpr std::array words{"critical", "high", "medium", "low", "negligible", "unknown"};
  return words.at(static_cast<std::size_t>(severity));
}

PlacedFindings place_findings(const std::vector<Finding>& findings, const std::vector<InventoriedImage>& images,
                              const std::set<std::string>& fresh) {
  const Places places(images);
  PlacedFindings result;
  std::vector<PlacedFinding>& placed = result.placed;
  const Statements statements(findings);
  for (const Finding& finding : findings) {
    if (is_closed(finding)) continue;
    std::set<std::string> of = places.of(finding);
    if (of.empty()) {
      result.elsewhere.push_back(finding);
      continue;
    }
    std::erase_if(of, [&](const std::string& image) { return statements.close(finding, image, places); });
    if (of.empty()) continue;
    const bool is_new = std::any_of(of.begin(), of.end(), [&](const auto& image) { return fresh.contains(image); });
    placed.push_back({finding, {of.begin(), of.end()}, is_new});
  }
  const auto key = [](const PlacedFinding& one) {
    return std::tuple(!one.is_new, one.finding.severity, one.finding.id, one.finding.package, one.finding.version);
  };
  std::sort(placed.begin(), placed.end(),
            [&](const PlacedFinding& a, const PlacedFinding& b) { return key(a) < key(b); });
  placed.erase(std::unique(placed.begin(), placed.end(),
                           [&](const PlacedFinding& a, const PlacedFinding& b) {
                             return key(a) == key(b) && a.images == b.images;
                           }),
               placed.end());
  return result;
}

}  // namespace airlock::review

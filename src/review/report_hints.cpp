// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "airlock/base/text.hpp"
#include "airlock/review/report.hpp"

namespace airlock::review {

namespace {

constexpr std::chrono::days young{7};

std::string registry_of(const std::string& reference) { return reference.substr(0, reference.find('/')); }

class HintFinder {
 public:
  explicit HintFinder(const ReportInput& input) : input_(input) {
    if (!input.since) return;
    for (const auto& [source, digest] : input.since->images) known_registries_.insert(registry_of(source));
  }

  std::vector<Hint> find() {
    for (const ImageSummary& image : input_.images) look_at(image);
    for (const InventoriedImage& image : input_.software) look_at_files(image);
    for (const bundle::Missing& one : input_.bundle->metadata().missing())
      add("missing from the bundle", one.source.str(), one.reason, true);
    std::sort(hints_.begin(), hints_.end(), [](const Hint& a, const Hint& b) {
      return std::tuple(!a.grave, a.what, a.image, a.detail) < std::tuple(!b.grave, b.what, b.image, b.detail);
    });
    hints_.erase(std::unique(hints_.begin(), hints_.end(),
                             [](const Hint& a, const Hint& b) {
                               return std::tie(a.what, a.image, a.detail) == std::tie(b.what, b.image, b.detail);
                             }),
                 hints_.end());
    return std::move(hints_);
  }

 private:
  void add(const std::string& what, const std::string& image, const std::string& detail, bool grave = false) {
    hints_.push_back({what, image, detail, grave});
  }

  void look_at(const ImageSummary& image) {
    const std::string name = image.image->source.str();
    look_at_change(image, name);
    if (image.platforms.empty()) return;
    if (image.root) add("runs as root", name, "no user is set, or root is");
    if (image.image->referrers.empty())
      add("unsigned upstream", name, "no signature, attestation or SBOM came with it");
    for (const PlatformDetails& platform : image.platforms) {
      if (!platform.known) add("not looked into", name, "its config is not in this delta", true);
      for (const EnvironmentVariable& variable : platform.details.environment)
        if (variable.secret_like)
          add("looks like a secret", name, fmt::format("environment variable {}", variable.name), true);
    }
    if (const auto created = parse_instant(image.created)) {
      const Time made = input_.bundle->metadata().created;
      if (created->second > made)
        add("made after the bundle", name, "its config says " + image.created, true);
      else if (made - created->second < young)
        add("young", name, fmt::format("made {} before the bundle", human_age(made - created->second)));
    }
  }

  void look_at_change(const ImageSummary& image, const std::string& name) {
    if (!input_.since) return;
    if (!known_registries_.contains(registry_of(name)))
      add("new source registry", name, fmt::format("nothing came from {} before", registry_of(name)), true);
    const auto before = input_.since->images.find(name);
    if (before != input_.since->images.end() && before->second != image.image->descriptor.digest)
      add("moved tag", name, fmt::format("was {}", before->second.str()), true);
  }

  void look_at_files(const InventoriedImage& image) {
    const std::string name = image.image.image->source.str();
    for (const std::string& path : image.inventory.setuid) add("runs as its owner (setuid)", name, "/" + path);
    for (const std::string& note : image.inventory.notes) add("not looked into", name, note, true);
    if (!image.inventory.without_database.empty()) add("no list of packages", name, image.inventory.without_database);
    for (const AttachedSbom& sbom : image.attached) look_at_list(sbom, name);
  }

  void look_at_list(const AttachedSbom& sbom, const std::string& name) {
    if (!sbom.problem.empty()) return add("upstream's list of software was not compared", name, sbom.problem);
    constexpr std::size_t most = 8;
    const std::vector<Package> unexpected = sbom.unexpected();
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(most, unexpected.size()); ++i) {
      const Package& package = unexpected[i];
      names.push_back(fmt::format("{} {} ({})", package.ns.empty() ? package.name : package.ns + "/" + package.name,
                                  package.version, package.type));
    }
    if (unexpected.size() > most) names.push_back(fmt::format("and {} more", unexpected.size() - most));
    if (!names.empty()) add("not in upstream's list of software", name, join(names, ", "));
  }

  const ReportInput& input_;
  std::set<std::string> known_registries_;
  std::vector<Hint> hints_;
};

}  // namespace

std::vector<Hint> hints_of(const ReportInput& input) { return HintFinder(input).find(); }

}  // namespace airlock::review

// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/image_difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "airlock/base/text.hpp"
#include "airlock/review/file_system.hpp"

namespace airlock::review {

namespace {

std::string platform_name(const PlatformDetails& platform) {
  return platform.image.platform ? platform.image.platform->str()
                                 : fmt::format("{}/{}", platform.details.os, platform.details.architecture);
}

std::map<std::string, const PlatformDetails*> platforms_of(const ImageSummary& image) {
  std::map<std::string, const PlatformDetails*> platforms;
  for (const PlatformDetails& platform : image.platforms) platforms.emplace(platform_name(platform), &platform);
  return platforms;
}

std::string shown(const std::string& text) { return text.empty() ? "nothing" : printable(text, 200); }

std::vector<std::string> names_of(const std::vector<EnvironmentVariable>& environment) {
  std::vector<std::string> names;
  for (const EnvironmentVariable& variable : environment) names.push_back(variable.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::map<std::string, oci::Digest> values_of(const ImageDetails& details) {
  std::map<std::string, oci::Digest> values;
  for (const EnvironmentVariable& variable : details.environment) values.emplace(variable.name, variable.value_digest);
  return values;
}

/// What decides about how it runs.
std::map<std::string, std::string> settings_of(const ImageDetails& details) {
  std::map<std::string, std::string> settings{{"user", details.user},
                                              {"entrypoint", join(details.entrypoint, " ")},
                                              {"command", join(details.command, " ")},
                                              {"directory", details.working_directory},
                                              {"ports", join(details.ports, ", ")},
                                              {"volumes", join(details.volumes, ", ")},
                                              {"environment", join(names_of(details.environment), ", ")}};
  for (const auto& [name, value] : details.labels) settings.emplace("label " + name, value);
  return settings;
}

/// `take(key, before, after)` for all keys of two maps, a null for what is not there.
template <typename Map, typename Take>
void walk_both(const Map& before, const Map& after, Take&& take) {
  std::set<typename Map::key_type> keys;
  for (const auto& [key, ignored] : before) keys.insert(key);
  for (const auto& [key, ignored] : after) keys.insert(key);
  for (const auto& key : keys) {
    const auto old = before.find(key);
    const auto now = after.find(key);
    take(key, old == before.end() ? nullptr : &old->second, now == after.end() ? nullptr : &now->second);
  }
}

using Versions = std::map<std::string, std::set<std::string>>;

/// The software of one side's images, by manifest. Layers are read once for all of them.
class VersionsByManifest {
 public:
  explicit VersionsByManifest(const std::vector<InventoriedImage>& known) {
    for (const InventoriedImage& image : known) known_.emplace(image.image.manifest, &image);
  }
  VersionsByManifest(const bundle::BundleContent& bundle, const std::vector<PlatformImage>& images,
                     const InventoryOptions& options, Reporter& reporter)
      : inventory_(std::make_unique<SoftwareInventory>(bundle, images, options, reporter)) {
    for (std::size_t i = 0; i < images.size(); ++i) places_.emplace(images[i].manifest, i);
  }

  Versions of(const PlatformImage& image) const {
    if (!inventory_) return versions_of(known_.at(image.manifest)->inventory);
    return versions_of(inventory_->at(places_.at(image.manifest)).inventory);
  }

 private:
  static Versions versions_of(const ImageInventory& inventory) {
    Versions versions;
    for (const InstalledPackage& installed : inventory.packages) {
      const Package& package = installed.package;
      versions[fmt::format("{} {}{}{}", package.type, package.ns, package.ns.empty() ? "" : "/", package.name)].insert(
          package.version);
    }
    return versions;
  }

  std::unique_ptr<SoftwareInventory> inventory_;
  std::map<const oci::Node*, std::size_t> places_;
  std::map<const oci::Node*, const InventoriedImage*> known_;
};

std::string joined(const std::set<std::string>& texts) { return printable(join({texts.begin(), texts.end()}, ", ")); }

bool same_file(const ImageFile& a, const ImageFile& b) {
  return a.file.kind == b.file.kind && a.file.mode == b.file.mode && a.file.uid == b.file.uid &&
         a.file.gid == b.file.gid && a.file.target == b.file.target && a.content == b.content;
}

struct Pair {
  const ImageSummary* before;
  const ImageSummary* after;
};

/// Both have the platform, and their manifests differ.
struct PlatformPair {
  std::string platform;
  const PlatformDetails* before;
  const PlatformDetails* after;
};

/// `absent`: a platform that only one of them has.
template <typename Absent>
std::vector<PlatformPair> platform_pairs(const Pair& pair, Absent&& absent) {
  std::vector<PlatformPair> pairs;
  walk_both(platforms_of(*pair.before), platforms_of(*pair.after),
            [&](const std::string& platform, const PlatformDetails* const* was, const PlatformDetails* const* is) {
              if (was == nullptr || is == nullptr)
                absent(platform, was == nullptr);
              else if ((*was)->image.manifest->digest != (*is)->image.manifest->digest)
                pairs.push_back({platform, *was, *is});
            });
  return pairs;
}

std::vector<Pair> pair_images(const std::vector<ImageSummary>& before, const std::vector<ImageSummary>& after) {
  std::map<std::string, const ImageSummary*> old;
  for (const ImageSummary& image : before) old.emplace(image.image->source.str(), &image);
  std::vector<Pair> pairs;
  std::map<std::string, std::vector<const ImageSummary*>> added;  // by repository
  for (const ImageSummary& image : after)
    if (const auto same = old.extract(image.image->source.str()); same.empty())
      added[image.image->source.name()].push_back(&image);
    else if (same.mapped()->image->descriptor.digest != image.image->descriptor.digest)
      pairs.push_back({same.mapped(), &image});
  std::map<std::string, std::vector<const ImageSummary*>> gone;
  for (const auto& [source, image] : old) gone[image->image->source.name()].push_back(image);
  // With several on one side, nobody knows which one takes whose place.
  for (const auto& [repository, images] : added)
    if (const auto found = gone.find(repository);
        images.size() == 1 && found != gone.end() && found->second.size() == 1 &&
        found->second.front()->image->descriptor.digest != images.front()->image->descriptor.digest)
      pairs.push_back({found->second.front(), images.front()});
  std::sort(pairs.begin(), pairs.end(),
            [](const Pair& a, const Pair& b) { return a.after->image->source.str() < b.after->image->source.str(); });
  return pairs;
}

class Comparer {
 public:
  Comparer(const bundle::BundleContent& before, const bundle::BundleContent& after, const std::vector<Pair>& pairs,
           const DifferenceOptions& options, Reporter& reporter)
      : before_(before), after_(after), options_(options) {
    if (!options.packages) return;
    std::vector<PlatformImage> old;
    std::vector<PlatformImage> now;
    for (const Pair& pair : pairs)
      for (const PlatformPair& platform : platform_pairs(pair, [](const std::string&, bool) {})) {
        old.push_back(platform.before->image);
        now.push_back(platform.after->image);
      }
    old_software_.emplace(before, old, options.layers, reporter);
    if (options.software_after != nullptr)
      new_software_.emplace(*options.software_after);
    else
      new_software_.emplace(after, now, options.layers, reporter);
  }

  ImageDifference compare(const Pair& pair) {
    ImageDifference difference{pair.after->image->source.str(), pair.before->image->source.str(), {}, {}, {}};
    const auto absent = [&](const std::string& platform, bool is_new) {
      difference.settings.push_back(fmt::format("{} {}", is_new ? "+" : "-", platform));
    };
    for (const auto& [platform, was, is] : platform_pairs(pair, absent)) {
      compare_settings(platform, *was, *is, difference);
      if (options_.packages) compare_packages(platform, *was, *is, difference);
      if (options_.files) compare_files(platform, *was, *is, difference);
    }
    return difference;
  }

 private:
  static void compare_settings(const std::string& platform, const PlatformDetails& was, const PlatformDetails& is,
                               ImageDifference& into) {
    walk_both(settings_of(was.details), settings_of(is.details),
              [&](const std::string& name, const std::string* old, const std::string* now) {
                const std::string before = old == nullptr ? "" : *old;
                const std::string after = now == nullptr ? "" : *now;
                if (before != after)
                  into.settings.push_back(
                      fmt::format("{}: {}: {}, was {}", platform, printable(name, 120), shown(after), shown(before)));
              });
    walk_both(
        values_of(was.details), values_of(is.details),
        [&](const std::string& name, const oci::Digest* old, const oci::Digest* now) {
          if (old != nullptr && now != nullptr && *old != *now)
            into.settings.push_back(fmt::format("{}: environment {}: another value", platform, printable(name, 120)));
        });
    const std::size_t layers = was.image.manifest->content->layers.size();
    const std::size_t layers_now = is.image.manifest->content->layers.size();
    if (layers != layers_now)
      into.settings.push_back(fmt::format("{}: {}, were {}", platform, count_of(layers_now, "layer"), layers));
  }

  void compare_packages(const std::string& platform, const PlatformDetails& was, const PlatformDetails& is,
                        ImageDifference& into) {
    walk_both(old_software_->of(was.image), new_software_->of(is.image),
              [&](const std::string& name, const std::set<std::string>* old, const std::set<std::string>* now) {
                if (old != nullptr && now != nullptr && *old == *now) return;
                const char* sign = old == nullptr ? "+" : now == nullptr ? "-" : "~";
                std::string text = fmt::format("{}: {} {} {}", platform, sign, printable(name, 200),
                                               joined(now == nullptr ? *old : *now));
                if (old != nullptr && now != nullptr) text += ", was " + joined(*old);
                into.packages.push_back(std::move(text));
              });
  }

  void compare_files(const std::string& platform, const PlatformDetails& was, const PlatformDetails& is,
                     ImageDifference& into) {
    const auto files = [](const bundle::BundleContent& bundle, const PlatformDetails& image) {
      const oci::Node& manifest = *image.image.manifest;
      return FileSystem::of(bundle, manifest, manifest.content->layers.size(), Contents::hash);
    };
    walk_both(
        files(before_, was).files(), files(after_, is).files(),
        [&](const std::string& path, const ImageFile* old, const ImageFile* now) {
          if (old != nullptr && now != nullptr && same_file(*old, *now)) return;
          const char* sign = old == nullptr ? "+" : now == nullptr ? "-" : "~";
          into.files.push_back(fmt::format("{}: {} {} /{}", platform, sign,
                                           mode_text((now == nullptr ? *old : *now).file), printable(path, 1024)));
        });
  }

  const bundle::BundleContent& before_;
  const bundle::BundleContent& after_;
  const DifferenceOptions& options_;
  std::optional<VersionsByManifest> old_software_;
  std::optional<VersionsByManifest> new_software_;
};

}  // namespace

std::vector<ImageDifference> compare_images(const bundle::BundleContent& before, const bundle::BundleContent& after,
                                            const DifferenceOptions& options, Reporter& reporter) {
  const auto old = summarize(before);
  const auto now = summarize(after);
  const std::vector<Pair> pairs = pair_images(old, now);
  Comparer comparer(before, after, pairs, options, reporter);
  std::vector<ImageDifference> differences;
  for (const Pair& pair : pairs) differences.push_back(comparer.compare(pair));
  return differences;
}

}  // namespace airlock::review

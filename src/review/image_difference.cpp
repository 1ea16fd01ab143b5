// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/image_difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "airlock/base/text.hpp"
#include "airlock/review/file_system.hpp"

namespace airlock::review {

namespace {

std::map<std::string, const PlatformDetails*> platforms_of(const ImageSummary& image) {
  std::map<std::string, const PlatformDetails*> platforms;
  for (const PlatformDetails& platform : image.platforms) platforms.emplace(platform.platform_name(), &platform);
  return platforms;
}

std::string shown(const std::string& text) { return text.empty() ? "nothing" : printable(text, 200); }

std::vector<std::string> names_of(const std::vector<EnvironmentVariable>& environment) {
  std::vector<std::string> names;
  for (const EnvironmentVariable& variable : environment) names.push_back(variable.name);
  std::sort(names.begin(), names.end());
  return names;
}

/// All of one name: which of two counts, runtimes and programs decide.
std::map<std::string, std::vector<oci::Digest>> values_of(const ImageDetails& details) {
  std::map<std::string, std::vector<oci::Digest>> values;
  for (const EnvironmentVariable& variable : details.environment)
    values[variable.name].push_back(variable.value_digest);
  return values;
}

/// Words apart, so that no other list looks the same.
std::string list_text(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words)
    quoted.push_back(word.starts_with('-') ? "-" + shell_word(word.substr(1)) : shell_word(word));
  return join(quoted, " ");
}

/// What decides about how it runs.
std::map<std::string, std::string> settings_of(const ImageDetails& details) {
  std::map<std::string, std::string> settings{{"user", details.user},
                                              {"entrypoint", list_text(details.entrypoint)},
                                              {"command", list_text(details.command)},
                                              {"directory", details.working_directory},
                                              {"ports", join(details.ports, ", ")},
                                              {"volumes", join(details.volumes, ", ")},
                                              {"environment", join(names_of(details.environment), ", ")},
                                              {"stop signal", details.stop_signal},
                                              {"health check", details.health_check}};
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

/// Under which other name a file is linked makes it no other file.
bool same_file(const ImageFile& a, const ImageFile& b) {
  const auto facts = [](const ImageFile& one) {
    const bundle::LayerFile& file = one.file;
    const bool link = file.kind == bundle::FileKind::hardlink;
    const bool known = link && one.content.has_value();
    return std::tuple(link ? bundle::FileKind::file : file.kind, file.mode, file.uid, file.gid, file.device,
                      file.capability, known ? std::string() : file.target, one.content);
  };
  return facts(a) == facts(b);
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
  auto before = platforms_of(*pair.before);
  auto after = platforms_of(*pair.after);
  // Of one whose config is in a delta's base, the platform is not known: it is the other's.
  if (before.size() == 1 && after.size() == 1 && !(before.begin()->second->known && after.begin()->second->known)) {
    auto only = after.extract(after.begin());
    only.key() = before.begin()->first;
    after.insert(std::move(only));
  }
  walk_both(before, after,
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
    if (!was.known || !is.known) {
      into.settings.push_back(fmt::format("{}: its config is not in {}: not compared", platform,
                                          is.known ? "the earlier bundle" : "this delta"));
      return;
    }
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
        [&](const std::string& name, const std::vector<oci::Digest>* old, const std::vector<oci::Digest>* now) {
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

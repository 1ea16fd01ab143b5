// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/layer_inventory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "airlock/base/text.hpp"

#include "review/package_finder.hpp"

namespace airlock::review {

namespace {

constexpr std::string_view whiteout = ".wh.";
constexpr std::string_view opaque_whiteout = ".wh..wh..opq";

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
}
std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

void note_path(const bundle::LayerFile& file, const PathHash& hash, LayerInventory& into) {
  const std::string_view name = base_name(file.path);
  if (name == opaque_whiteout) {
    into.opaque.push_back(hash(folder_of(file.path)));
  } else if (name.starts_with(whiteout)) {
    const std::string_view folder = folder_of(file.path);
    const std::string target =
        std::string(folder) + (folder.empty() ? "" : "/") + std::string(name.substr(whiteout.size()));
    into.whiteouts.push_back(hash(target));
  } else {
    (file.kind == bundle::FileKind::directory ? into.directories : into.entries).push_back(hash(file.path));
  }
}

bool has(const std::vector<std::uint64_t>& sorted, std::uint64_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

/// Whether a layer above replaces or deletes a file below it.
bool hides(const LayerInventory& layer, const PathHash& hash, std::string_view path) {
  const std::uint64_t own = hash(path);
  if (has(layer.entries, own) || has(layer.directories, own) || has(layer.whiteouts, own)) return true;
  for (std::string_view folder = path; !folder.empty();) {
    folder = folder_of(folder);
    const std::uint64_t above = hash(folder);
    // A file in the place of a folder, a deleted folder, one that begins anew.
    if (has(layer.entries, above) || has(layer.whiteouts, above) || has(layer.opaque, above)) return true;
  }
  return false;
}

bool survives(const std::vector<const LayerInventory*>& layers, const PathHash& hash, std::size_t from,
              std::string_view path) {
  for (std::size_t i = from + 1; i < layers.size(); ++i)
    if (hides(*layers[i], hash, path)) return false;
  return true;
}

/// Other names of files: of those that were found, and of those whose own name told nothing.
class HardLinks {
 public:
  explicit HardLinks(LayerInventory& inventory) : inventory_(inventory) {}

  void add(const bundle::LayerFile& link) {
    for (; known_ < inventory_.found.size(); ++known_)
      if (inventory_.found[known_].packages) by_path_[inventory_.found[known_].path] = known_;
    const auto target = by_path_.find(link.target);
    if (target != by_path_.end()) return follow(link.target, link.path, inventory_.found[target->second].packages);
    if (!tells_by_name(link.path)) return;
    if (open_names_ < most_open) open_[link.target].push_back(link.path);
    if (++open_names_ == most_open + 1)
      inventory_.notes.emplace_back(
          "more than 100,000 hard links to files with other names: only the first ones are followed");
  }

  bool any_open() const { return !open_.empty(); }

  /// A file on the second way through the layer: what it is, under the first of its other names.
  void visit(const bundle::LayerFile& file, bundle::FileContent& content) {
    const auto names = open_.find(file.path);
    if (names == open_.end() || file.kind != bundle::FileKind::file) return;
    bundle::LayerFile renamed = file;
    renamed.path = names->second.front();
    const std::size_t before = inventory_.found.size();
    find_packages(renamed, content, inventory_);
    for (std::size_t i = 1; i < names->second.size() && inventory_.found.size() > before; ++i)
      follow(file.path, names->second[i], inventory_.found[before].packages);
    open_.erase(names);
  }

  /// No other name is that of a file that is there no more.
  void forget(const std::string& path) { by_path_.erase(path); }

 private:
  static constexpr std::size_t most = 16;
  static constexpr std::size_t most_open = 100'000;

  void follow(const std::string& target, const std::string& path,
              const std::shared_ptr<const std::vector<Package>>& packages) {
    // Every one more would cost as much as the whole list, in each image that has the layer.
    const std::size_t count = ++counts_[target];
    if (count == most + 1)
      inventory_.notes.push_back("more than " + std::to_string(most) + " hard links to /" + target +
                                 ": only the first ones are followed");
    if (count <= most) inventory_.found.push_back({path, packages});
  }

  LayerInventory& inventory_;
  std::map<std::string, std::size_t> by_path_;
  std::map<std::string, std::size_t> counts_;
  std::map<std::string, std::vector<std::string>> open_;  // by the file's own name
  std::size_t open_names_ = 0;
  std::size_t known_ = 0;
};

/// A path may stand twice in a layer: the last file counts. What was found before loses its list at once, and its place
/// at the end: an attacker may write a path a million times.
class Latest {
 public:
  explicit Latest(LayerInventory& inventory) : inventory_(inventory) {}

  /// Forgets what was found at a path; true where there was something.
  bool replace(std::uint64_t hash, const std::string& path) {
    if (!inventory_.releases.empty()) inventory_.releases.erase(path);
    const auto places = places_.find(hash);
    if (places == places_.end()) return false;
    for (const std::size_t place : places->second) inventory_.found[place].packages.reset();
    places_.erase(places);
    return true;
  }
  /// What was found since `before` is at this path.
  void note(std::uint64_t hash, std::size_t before) {
    for (std::size_t place = before; place < inventory_.found.size(); ++place) places_[hash].push_back(place);
  }
  void finish() {
    std::erase_if(inventory_.found, [](const FoundPackages& found) { return found.packages == nullptr; });
  }

 private:
  LayerInventory& inventory_;
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> places_;
};

/// Files that run as their owner or group, under each of their names in the layer.
class SetuidFiles {
 public:
  void add(const bundle::LayerFile& file) {
    paths_.erase(file.path);
    if (file.kind == bundle::FileKind::file && (file.mode & 06000U) != 0) paths_.insert(file.path);
  }
  /// A hard link is its target, whose mode its own header repeats where the target is in a layer below.
  void link(const bundle::LayerFile& link) {
    const bool is_one = paths_.contains(link.target) || (link.mode & 06000U) != 0;
    paths_.erase(link.path);
    if (is_one) paths_.insert(link.path);
  }
  std::vector<std::string> take() { return {paths_.begin(), paths_.end()}; }

 private:
  std::set<std::string> paths_;
};

/// More packages than any image has: what a file says beyond them is not kept. Each image that has the layer, and each
/// of its lists, would cost as much again.
class PackageLimit {
 public:
  explicit PackageLimit(LayerInventory& inventory) : inventory_(inventory) {}

  /// What was found since `before`.
  void count(std::size_t before) {
    for (std::size_t place = before; place < inventory_.found.size(); ++place) {
      FoundPackages& found = inventory_.found[place];
      if (!found.packages) continue;
      count_ += found.packages->size();
      if (count_ <= most) continue;
      inventory_.notes.push_back(fmt::format("{}: {} packages, of more than {} in this layer: not listed",
                                             printable(found.path), found.packages->size(), most));
      count_ -= found.packages->size();
      found.packages.reset();
    }
  }

 private:
  static constexpr std::size_t most = 50'000;

  LayerInventory& inventory_;
  std::size_t count_ = 0;
};

/// An attacker may write a million files that cannot be read.
class Notes {
 public:
  explicit Notes(std::vector<std::string>& notes) : notes_(notes) {}

  void trim() {
    if (notes_.size() <= most) return;
    dropped_ += notes_.size() - most;
    notes_.resize(most);
  }
  void finish() {
    trim();
    if (dropped_ > 0) notes_.push_back(fmt::format("and {} more like these", dropped_));
  }

 private:
  static constexpr std::size_t most = 200;

  std::vector<std::string>& notes_;
  std::size_t dropped_ = 0;
};

/// Distributions whose packages are read: an image of one that shows none hides them, or has them elsewhere.
bool has_packages(std::string_view distribution) {
  constexpr std::array known{"debian", "ubuntu",  "alpine",     "wolfi",     "chainguard", "fedora",
                             "rhel",   "centos",  "rocky",      "almalinux", "ol",         "amzn",
                             "sles",   "mariner", "azurelinux", "photon",    "openEuler"};
  return std::find(known.begin(), known.end(), distribution) != known.end() || distribution.starts_with("opensuse");
}

bool is_of_distribution(const Package& package) {
  return package.type == "deb" || package.type == "apk" || package.type == "rpm";
}

}  // namespace

LayerInventory read_layer_inventory(const std::function<bundle::BlobReader()>& open, std::string_view media_type,
                                    const PathHash& hash) {
  LayerInventory inventory;
  HardLinks links(inventory);
  Latest latest(inventory);
  Notes notes(inventory.notes);
  PackageLimit limit(inventory);
  SetuidFiles setuid;
  bundle::read_layer(open(), media_type, [&](const bundle::LayerFile& file, bundle::FileContent& content) {
    note_path(file, hash, inventory);
    if (latest.replace(hash(file.path), file.path)) links.forget(file.path);
    const std::size_t before = inventory.found.size();
    if (file.kind == bundle::FileKind::hardlink) {
      setuid.link(file);
      links.add(file);
    } else {
      setuid.add(file);
      find_packages(file, content, inventory);
    }
    limit.count(before);
    latest.note(hash(file.path), before);
    notes.trim();
  });
  if (links.any_open())
    bundle::read_layer(open(), media_type, [&](const bundle::LayerFile& file, bundle::FileContent& content) {
      const std::size_t before = inventory.found.size();
      links.visit(file, content);
      limit.count(before);
      notes.trim();
    });
  inventory.setuid = setuid.take();
  latest.finish();
  notes.finish();
  for (auto* list : {&inventory.entries, &inventory.directories, &inventory.whiteouts, &inventory.opaque})
    std::sort(list->begin(), list->end());
  return inventory;
}

ImageInventory merge_inventories(const std::vector<const LayerInventory*>& layers, const PathHash& hash) {
  ImageInventory image;
  std::map<Package, std::set<std::string>> packages;
  std::map<std::string, Distribution> releases;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    image.notes.insert(image.notes.end(), layers[i]->notes.begin(), layers[i]->notes.end());
    for (const FoundPackages& found : layers[i]->found)
      if (survives(layers, hash, i, found.path))
        for (const Package& package : *found.packages) packages[package].insert(found.path);
    for (const std::string& path : layers[i]->setuid)
      if (survives(layers, hash, i, path)) image.setuid.push_back(path);
    for (const auto& [path, release] : layers[i]->releases)
      if (survives(layers, hash, i, path)) releases[path] = release;
  }
  // os-release(5): the first counts, where both are there.
  for (const char* path : {"usr/lib/os-release", "etc/os-release"})
    if (const auto release = releases.find(path); release != releases.end()) image.distribution = release->second;
  std::sort(image.setuid.begin(), image.setuid.end());
  for (auto& [package, paths] : packages) image.packages.push_back({package, {paths.begin(), paths.end()}});
  const bool any = std::any_of(image.packages.begin(), image.packages.end(),
                               [](const InstalledPackage& installed) { return is_of_distribution(installed.package); });
  if (!any && has_packages(image.distribution.id))
    image.without_database = fmt::format(
        "os-release says {}, but no database of its packages was found: they are removed, or in a place that "
        "is not searched",
        printable(image.distribution.id, 80));
  return image;
}

}  // namespace airlock::review

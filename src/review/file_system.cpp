// SPDX-License-Identifier: Apache-2.0
#include "airlock/review/file_system.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::review {

namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view whiteout_of_all = ".wh..wh..opq";
constexpr unsigned max_links = 40;

struct LayerContent {
  std::vector<bundle::LayerFile> files;
  std::map<std::string, oci::Digest> digests;
};

oci::Digest digest_of(bundle::FileContent& content) {
  oci::Sha256 hash;
  for (auto piece = content.next(); !piece.empty(); piece = content.next()) hash.update(piece);
  return hash.finish();
}

LayerContent read_files(const bundle::BundleContent& bundle, const oci::Edge& layer,
                        Contents contents = Contents::pass) {
  if (bundle.is_in_base(layer.to->digest))
    throw Error(ErrorCode::format, Side::bundle,
                fmt::format("layer {} is not in this delta, but in what it builds on", layer.to->digest.str()))
        .hint("look into the earlier bundle, or merge both (airlock merge)");
  LayerContent content;
  bundle::read_layer(bundle.open_blob(layer.to->digest), layer.media_type,
                     [&](const bundle::LayerFile& file, bundle::FileContent& bytes) {
                       content.files.push_back(file);
                       if (contents == Contents::hash && file.kind == bundle::FileKind::file)
                         content.digests.insert_or_assign(file.path, digest_of(bytes));
                     });
  return content;
}

std::string joined(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

}  // namespace

void FileSystem::remove_below(const std::string& folder) {
  if (folder.empty()) {
    files_.clear();
    return;
  }
  const std::string first = folder + "/";
  auto at = files_.lower_bound(first);
  while (at != files_.end() && at->first.starts_with(first)) at = files_.erase(at);
}

void FileSystem::add_layer(const bundle::BundleContent& bundle, const oci::Edge& layer, std::size_t number,
                           Contents contents) {
  const LayerContent content = read_files(bundle, layer, contents);
  // Whiteouts are about layers below, wherever they stand in this one.
  for (const bundle::LayerFile& file : content.files) {
    const auto slash = file.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : file.path.substr(0, slash);
    const std::string name = file.path.substr(slash == std::string::npos ? 0 : slash + 1);
    if (name == whiteout_of_all) {
      remove_below(folder);
    } else if (name.starts_with(whiteout_prefix)) {
      const std::string target = joined(folder, std::string_view(name).substr(whiteout_prefix.size()));
      remove_below(target);
      files_.erase(target);
    }
  }
  for (const bundle::LayerFile& file : content.files) {
    const auto slash = file.path.rfind('/');
    if (std::string_view(file.path).substr(slash == std::string::npos ? 0 : slash + 1).starts_with(whiteout_prefix))
      continue;
    if (file.kind != bundle::FileKind::directory) remove_below(file.path);
    if (file.kind == bundle::FileKind::hardlink) {
      files_.insert_or_assign(file.path, linked(file, number));
      continue;
    }
    const auto digest = content.digests.find(file.path);
    files_.insert_or_assign(
        file.path,
        ImageFile{file, number, digest == content.digests.end() ? std::nullopt : std::optional(digest->second),
                  file.path});
  }
}

ImageFile FileSystem::linked(const bundle::LayerFile& link, std::size_t layer) const {
  const auto target = files_.find(link.target);
  if (target == files_.end()) return {link, layer, std::nullopt, link.target};
  ImageFile file = target->second;
  file.file.path = link.path;
  file.file.kind = bundle::FileKind::hardlink;
  file.file.target = link.target;
  return file;
}

FileSystem FileSystem::of(const bundle::BundleContent& bundle, const oci::Node& manifest, std::size_t count,
                          Contents contents) {
  FileSystem system;
  for (std::size_t i = 0; i < count && i < manifest.content->layers.size(); ++i)
    system.add_layer(bundle, manifest.content->layers[i], i, contents);
  return system;
}

FileSystem FileSystem::of_layer(const bundle::BundleContent& bundle, const oci::Node& manifest, std::size_t layer) {
  FileSystem system;
  for (bundle::LayerFile& file : read_files(bundle, manifest.content->layers.at(layer)).files) {
    std::string path = file.path;
    system.files_.insert_or_assign(path, ImageFile{std::move(file), layer, std::nullopt, path});
  }
  return system;
}

std::optional<ImageFile> FileSystem::find(const std::string& path) const {
  std::vector<std::string> open;  // parts yet to be walked, the next one last
  const auto push = [&](std::string_view text) {
    const auto parts = split(text, '/');
    open.insert(open.end(), parts.rbegin(), parts.rend());
  };
  push(path);
  std::string at;
  for (unsigned links = 0; !open.empty();) {
    const std::string part = open.back();
    open.pop_back();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      at.resize(at.rfind('/') == std::string::npos ? 0 : at.rfind('/'));
      continue;
    }
    const std::string next = joined(at, part);
    const auto found = files_.find(next);
    if (found != files_.end() && found->second.file.kind == bundle::FileKind::symlink) {
      if (++links > max_links) return std::nullopt;
      if (found->second.file.target.starts_with('/')) at.clear();
      push(found->second.file.target);
      continue;
    }
    at = next;
  }
  const auto found = files_.find(at);
  if (found == files_.end()) return std::nullopt;
  ImageFile file = found->second;
  if (file.file.kind == bundle::FileKind::hardlink) file.file.kind = bundle::FileKind::file;
  return file;
}

void read_file_of(const bundle::BundleContent& bundle, const oci::Node& manifest, const ImageFile& file,
                  const std::function<void(std::string_view)>& take) {
  const oci::Edge& layer = manifest.content->layers.at(file.layer);
  bool found = false;
  bundle::read_layer(bundle.open_blob(layer.to->digest), layer.media_type,
                     [&](const bundle::LayerFile& one, bundle::FileContent& content) {
                       if (found || one.kind != bundle::FileKind::file || one.path != file.stored_at) return;
                       found = true;
                       for (auto piece = content.next(); !piece.empty(); piece = content.next()) take(piece);
                     });
}

std::string mode_text(const bundle::LayerFile& file) {
  constexpr std::string_view kinds = "-dlhc";
  std::string text(1, kinds[static_cast<std::size_t>(file.kind)]);
  for (unsigned shift = 9; shift > 0; shift -= 3) {
    const unsigned bits = (file.mode >> (shift - 3)) & 7U;
    text += (bits & 4U) != 0 ? 'r' : '-';
    text += (bits & 2U) != 0 ? 'w' : '-';
    text += (bits & 1U) != 0 ? 'x' : '-';
  }
  const auto special = [&](unsigned bit, std::size_t place, char letter) {
    if ((file.mode & bit) == 0) return;
    text[place] = text[place] == 'x' ? letter : static_cast<char>(letter - 'a' + 'A');
  };
  special(04000U, 3, 's');
  special(02000U, 6, 's');
  special(01000U, 9, 't');
  return text;
}

}  // namespace airlock::review

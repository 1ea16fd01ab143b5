// SPDX-License-Identifier: Apache-2.0
#include "kubeone/image_parts.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "kubeone/image_text.hpp"

namespace airlock::kubeone {

namespace {

/// The scalar of the first of these keys that the mapping has; of a key that it has twice the last one, as most readers
/// take it.
struct Part {
  std::string_view key;
  std::string text;
  std::size_t line = 0;
  bool twice = false;
  bool there() const { return !text.empty(); }
};

/// A switch beside parts of an image is none of them.
bool is_switch(const YamlNode& node) {
  return node.kind == YamlNode::Kind::plain && (node.text == "true" || node.text == "false");
}

Part part_of(const YamlNode& mapping, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    Part part;
    for (const YamlEntry& entry : mapping.entries)
      if (entry.key == key && entry.value.is_scalar() && !entry.value.text.empty() && !is_switch(entry.value))
        part = {entry.key, entry.value.text, entry.line, part.there() && part.text != entry.value.text};
    if (part.there()) return part;
  }
  return {};
}

std::string_view without_scheme(std::string_view address) {
  const auto scheme = address.find("://");
  return scheme == std::string_view::npos ? address : address.substr(scheme + 3);
}

bool has_tag(std::string_view base) {
  return base.substr(base.rfind('/') == std::string_view::npos ? 0 : base.rfind('/')).find_first_of(":@") !=
         std::string_view::npos;
}

bool is_false(const YamlNode& mapping, std::string_view key) {
  const YamlNode* node = mapping.find(key);
  return node != nullptr && node->text == "false";
}

std::string with_digest(std::string_view digest) {
  constexpr std::string_view algorithm = "sha256:";
  return "@" + (digest.starts_with(algorithm) ? std::string() : std::string(algorithm)) + std::string(digest);
}

bool is_sha256(std::string_view text) {
  constexpr std::string_view algorithm = "sha256:";
  if (text.starts_with(algorithm)) text.remove_prefix(algorithm.size());
  return text.size() == 64 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// What is joined, and from which keys.
class Joiner {
 public:
  Joiner(const YamlNode& mapping, bool of_image) : mapping_(mapping), of_image_(of_image) {}

  std::optional<JoinedImage> join(const std::string& default_tag) {
    if (!find_base()) return std::nullopt;
    add_registry();
    add_version(default_tag);
    find_several();
    image_.readable = read_image_text(image_.reference).has_value();
    if (!image_.readable && is_filled_in()) image_.open = "which is filled in elsewhere";
    if (!image_.readable && image_.open.empty() && !is_meant()) return std::nullopt;
    return std::move(image_);
  }

 private:
  void take(const Part& part) {
    if (part.twice) image_.open = "whose " + std::string(part.key) + " is given twice";
    image_.keys.insert(part.key);
    if (image_.line == 0) image_.line = part.line;
  }

  bool find_base() {
    const Part renamed = part_of(mapping_, {"newName"});
    const Part name = part_of(mapping_, {"name"});
    if (renamed.there() || (name.there() && part_of(mapping_, {"newTag"}).there())) {
      base_ = renamed.there() ? renamed.text : name.text;
      take(renamed.there() ? renamed : name);
      if (name.there()) take(name);  // what it takes the place of
      return true;
    }
    Part repository = part_of(mapping_, {"repository", "imageRepository", "repo", "image_repository"});
    const Part image = part_of(mapping_, {"image", "baseImage", "imageName", "image_name"});
    if (!repository.there() && !image.there()) return find_named(name);
    if (image.there() && is_whole_beside(image.text, repository.text)) repository = {};
    base_ = repository.there() && image.there() ? repository.text + "/" + image.text : repository.text + image.text;
    if (repository.there()) take(repository);
    if (image.there()) take(image);
    image_.doubtful = !image.there() && !of_image_ && part_of(mapping_, {"version"}).there() && !has_image_version();
    if (image_.doubtful && repository.key == "repo" && !registry().there() && !names_host(base_)) return false;
    // A repository alone may be one of git or of packages; an image alone is none in parts.
    return !has_tag(base_) && (speaks_of_version() || registry().there() || (repository.there() && speaks_of_pull()));
  }

  static bool names_host(const std::string& base) {
    const auto text = read_image_text(base);
    return text && text->host;
  }

  /// The repository of something else: of a chart, or the first part of the image.
  static bool is_whole_beside(const std::string& image, const std::string& repository) {
    const auto text = read_image_text(image);
    return repository.find("://") != std::string::npos || (text && text->host);
  }

  /// `{registry, repository, tag: "<<TAG>>"}`. What templates leave out is told by their marks.
  bool is_filled_in() const {
    const bool marked = std::any_of(image_.reference.begin(), image_.reference.end(),
                                    [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    return !marked && registry().there() && has_image_version() &&
           image_.reference.find_first_of("<$%") != std::string::npos;
  }

  /// Not an address of something else, and not for rendering.
  bool is_meant() const {
    const bool plain = std::all_of(image_.reference.begin(), image_.reference.end(),
                                   [](char c) { return c > ' ' && c < 127 && c != '$' && c != '<' && c != '%'; });
    return plain && !image_.doubtful && has_image_version() && image_.reference.find("://") == std::string::npos;
  }

  /// `image: {name, tag}`, `{registry, organization, path, tag}`.
  bool find_named(const Part& name) {
    const Part path = part_of(mapping_, {"path"});
    const Part& last = path.there() ? path : name;
    if (!last.there() || has_tag(last.text) || !speaks_of_version()) return false;
    if (!of_image_ && !registry().there()) return false;
    image_.doubtful = !of_image_ && !has_image_version();
    const Part organization = part_of(mapping_, {"organization", "org", "owner"});
    base_ = organization.there() ? organization.text + "/" + last.text : last.text;
    if (organization.there()) take(organization);
    take(last);
    return true;
  }

  /// `sha` and `sha256` may be those of a commit or of an archive.
  Part digest_part() const {
    const Part digest = part_of(mapping_, {"digest"});
    if (digest.there()) return digest;
    Part sum = part_of(mapping_, {"sha256", "sha"});
    return !sum.there() || is_sha256(sum.text) ? sum : Part();
  }

  Part registry() const { return part_of(mapping_, {"registry", "imageRegistry", "hub", "image_registry"}); }

  /// A chart has a version, too.
  bool has_image_version() const {
    return part_of(mapping_, {"tag", "imageTag", "image_tag", "newTag"}).there() || digest_part().there();
  }

  /// `{repository, tag, genericDigest, awsDigest}`: a chart chooses among images with other names.
  void find_several() {
    for (const YamlEntry& entry : mapping_.entries)
      if (entry.key != "digest" && entry.key != "imageDigest" && entry.key.ends_with("Digest") &&
          entry.value.text.starts_with("sha256:") && image_.open.empty())
        image_.open = "which stands for several (" + entry.key + ")";
  }

  bool speaks_of_version() const {
    constexpr std::array keys{"tag", "digest", "imageTag", "version", "image_tag", "image_version"};
    return digest_part().there() ||
           std::any_of(keys.begin(), keys.end(), [&](const char* key) { return mapping_.find(key) != nullptr; });
  }
  bool speaks_of_pull() const {
    return mapping_.find("pullPolicy") != nullptr || mapping_.find("imagePullPolicy") != nullptr;
  }

  void add_registry() {
    const Part host = registry();
    std::string_view name = without_scheme(host.text);
    while (name.ends_with('/')) name.remove_suffix(1);
    if (host.there() && !base_.starts_with(std::string(name) + "/")) {
      base_ = std::string(name) + (base_.starts_with('/') ? "" : "/") + base_;
      take(host);
    }
    const YamlNode* apart = mapping_.find("registry");
    if (apart != nullptr && apart->kind == YamlNode::Kind::mapping) image_.open = "whose registry stands elsewhere";
    image_.reference = base_;
  }

  void add_version(const std::string& default_tag) {
    Part tag = part_of(mapping_, {"tag", "imageTag", "newTag", "image_tag", "image_version", "version"});
    const Part digest = digest_part();
    if (tag.there()) {
      take(tag);
      image_.reference += (tag.text.starts_with("sha256:") ? "@" : ":") + tag.text;
    } else if (!default_tag.empty() && !digest.there()) {
      image_.reference += ":" + default_tag;
    }
    if (digest.there() && !is_false(mapping_, "useDigest")) {
      take(digest);
      if (image_.reference.find('@') == std::string::npos) image_.reference += with_digest(digest.text);
    }
    image_.complete = has_tag(image_.reference);
  }

  const YamlNode& mapping_;
  const bool of_image_;
  JoinedImage image_;
  std::string base_;
};

}  // namespace

std::optional<JoinedImage> join_image(const YamlNode& mapping, bool of_image, const std::string& tag) {
  if (mapping.kind != YamlNode::Kind::mapping) return std::nullopt;
  return Joiner(mapping, of_image).join(tag);
}

}  // namespace airlock::kubeone

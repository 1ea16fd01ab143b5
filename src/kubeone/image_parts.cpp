// SPDX-License-Identifier: Apache-2.0
#include "kubeone/image_parts.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "kubeone/image_text.hpp"

namespace airlock::kubeone {

namespace {

/// The scalar of the first of these keys that the mapping has.
struct Part {
  std::string_view key;
  std::string text;
  std::size_t line = 0;
  bool there() const { return !text.empty(); }
};

Part part_of(const YamlNode& mapping, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys)
    for (const YamlEntry& entry : mapping.entries)
      if (entry.key == key && entry.value.is_scalar() && !entry.value.text.empty())
        return {entry.key, entry.value.text, entry.line};
  return {};
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

/// What is joined, and from which keys.
class Joiner {
 public:
  Joiner(const YamlNode& mapping, bool of_image) : mapping_(mapping), of_image_(of_image) {}

  std::optional<JoinedImage> join(const std::string& default_tag) {
    if (!find_base()) return std::nullopt;
    add_registry();
    add_version(default_tag);
    find_several();
    if (!read_image_text(image_.reference)) return std::nullopt;
    return std::move(image_);
  }

 private:
  void take(const Part& part) {
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
    const Part repository = part_of(mapping_, {"repository", "imageRepository", "repo", "image_repository"});
    const Part image = part_of(mapping_, {"image", "baseImage", "imageName", "image_name"});
    if (!repository.there() && !image.there()) return find_named(name);
    base_ = repository.there() && image.there() ? repository.text + "/" + image.text : repository.text + image.text;
    if (repository.there()) take(repository);
    if (image.there()) take(image);
    image_.doubtful = !image.there() && !of_image_ && part_of(mapping_, {"version"}).there() && !has_image_version();
    // A repository alone may be one of git or of packages; an image alone is none in parts.
    return !has_tag(base_) && (speaks_of_version() || registry().there() || (repository.there() && speaks_of_pull()));
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

  Part registry() const { return part_of(mapping_, {"registry", "imageRegistry", "hub", "image_registry"}); }

  /// A chart has a version, too.
  bool has_image_version() const {
    return part_of(mapping_, {"tag", "imageTag", "image_tag", "newTag", "digest", "sha256", "sha"}).there();
  }

  /// `{repository, tag, genericDigest, awsDigest}`: a chart chooses among images with other names.
  void find_several() {
    for (const YamlEntry& entry : mapping_.entries)
      if (entry.key != "digest" && entry.key != "imageDigest" && entry.key.ends_with("Digest") &&
          entry.value.text.starts_with("sha256:") && image_.several.empty())
        image_.several = entry.key;
  }

  bool speaks_of_version() const {
    constexpr std::array keys{"tag", "digest", "imageTag", "sha", "sha256", "version", "image_tag", "image_version"};
    return std::any_of(keys.begin(), keys.end(), [&](const char* key) { return mapping_.find(key) != nullptr; });
  }
  bool speaks_of_pull() const {
    return mapping_.find("pullPolicy") != nullptr || mapping_.find("imagePullPolicy") != nullptr;
  }

  void add_registry() {
    const Part host = registry();
    if (host.there() && !base_.starts_with(host.text + "/")) {
      base_ = host.text + (host.text.ends_with('/') ? "" : "/") + base_;
      take(host);
    }
    image_.reference = base_;
  }

  void add_version(const std::string& default_tag) {
    Part tag = part_of(mapping_, {"tag", "imageTag", "newTag", "image_tag", "image_version", "version"});
    const Part digest = part_of(mapping_, {"digest", "sha256", "sha"});
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

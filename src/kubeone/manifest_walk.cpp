// SPDX-License-Identifier: Apache-2.0
#include "kubeone/manifest_walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "kubeone/image_parts.hpp"
#include "kubeone/image_text.hpp"
#include "kubeone/manifest_words.hpp"
#include "kubeone/scalar_lines.hpp"

namespace airlock::kubeone {

namespace {

/// Where the walk is.
struct Scope {
  bool container = false;      // in the mapping of a container, or a list of them
  bool process = false;        // in arguments or variables
  bool image = false;          // below something that speaks of images
  bool named = false;          // below something whose value is an image, by its name
  bool text = false;           // in text, or in a schema: nothing is sure
  std::string_view kind = {};  // of an object of a typed list, which need not say it itself
};

/// Of documents in scalars of documents.
constexpr int max_nesting = 4;

class Walk {
 public:
  /// `text`: what was parsed, whose first line is number `first`.
  Walk(const std::string& where, std::string_view text, std::size_t first, const TemplateText& masked,
       const ReferenceOptions& options, FoundImages& into, int nesting = 0)
      : where_(where), lines_(text, first), masked_(masked), options_(options), into_(into), nesting_(nesting) {}

  void document(const YamlNode& node) {
    registry_for_all_ = node.find("kind") == nullptr && names_registry_for_all(node);
    value(node, "", {});
  }

 private:
  std::string place(std::size_t line) const { return fmt::format("{}:{}", where_, line); }

  void value(const YamlNode& node, std::string_view key, const Scope& scope) {
    switch (node.kind) {
      case YamlNode::Kind::mapping: return mapping(node, scope);
      case YamlNode::Kind::sequence: return sequence(node, key, scope);
      case YamlNode::Kind::null: return;
      default: return scalar(node, key, scope);
    }
  }

  static Scope below(std::string_view key, const Scope& scope) {
    Scope next;
    next.container = is_one_of(key, container_keys);
    next.process = scope.process || is_one_of(key, process_keys);
    next.image = speaks_of_image(key);
    next.named = names_image(key);
    next.text = scope.text || is_one_of(key, text_keys);
    return next;
  }

  static std::string_view text_of(const YamlNode& node, std::string_view key) {
    const YamlNode* found = node.find(key);
    return found != nullptr && found->is_scalar() ? std::string_view(found->text) : std::string_view();
  }

  /// Objects stand alone, in lists of any kind, and in templates of others.
  void mapping(const YamlNode& node, Scope scope) {
    const std::string_view own_kind = text_of(node, "kind");
    const std::string_view kind = own_kind.empty() ? scope.kind : own_kind;
    scope.text = scope.text || kind == "CustomResourceDefinition" || kind == "CustomResourceDefinitionList";
    const bool holds_files = kind == "ConfigMap" || kind == "Secret";
    const auto outside = std::pair(in_text_, crossplane_);
    if (options_.embedded && holds_files) embedded(node, kind == "Secret");
    if (!options_.embedded && holds_files) in_text_ = "in a text; --in-config-maps reads manifests in it";
    crossplane_ = crossplane_ || text_of(node, "apiVersion").starts_with("pkg.crossplane.io/");
    members(node, scope, kind);
    std::tie(in_text_, crossplane_) = outside;
  }

  void members(const YamlNode& node, const Scope& scope, std::string_view kind) {
    std::set<std::string_view> joined;
    if (const auto image = join_image(node, scope.image, options_.default_tag)) {
      joined = image->keys;
      take_joined(*image, node, scope);
    }
    const bool variable = names_image_variable(node);
    const bool patch = text_of(node, "path").ends_with("/image");  // RFC 6902, as kustomize has it
    for (const YamlEntry& entry : node.entries) {
      if (joined.contains(entry.key)) continue;
      Scope next = below(entry.key, scope);
      // `image: {reference: ...}` of a volume (KEP-4639); {name: X_IMAGE, value: ...} of a variable.
      next.image = next.image || (scope.image && entry.value.is_scalar()) || (variable && entry.key == "value");
      next.named = next.named || (scope.named && says_which(node, entry.key)) || (variable && entry.key == "value");
      if (crossplane_ && entry.key == "package" && node.find("version") != nullptr) {  // of dependencies: a range
        into_.unresolved.push_back(fmt::format("{}: {}, whose version is {}", place(entry.line),
                                               printable(entry.value.text, 200),
                                               printable(text_of(node, "version"), 80)));
        continue;
      }
      if (entry.key == "items" && kind.ends_with("List")) next.kind = kind.substr(0, kind.size() - 4);
      if (entry.value.is_scalar()) next.container = scope.container;
      if (patch && entry.key == "value" && entry.value.is_scalar()) {
        next.container = true;
        scalar(entry.value, "image", next);
        continue;
      }
      if (entry.value.kind == YamlNode::Kind::mapping || entry.value.kind == YamlNode::Kind::sequence)
        value(entry.value, entry.key, next);
      else
        scalar(entry.value, entry.key, next);
    }
  }

  /// A name beside the image is a name of something.
  static bool says_which(const YamlNode& node, std::string_view key) {
    return is_one_of(key, naming_keys) &&
           (key != "name" || (node.find("image") == nullptr && node.find("url") == nullptr));
  }

  static bool names_image_variable(const YamlNode& node) {
    const YamlNode* name = node.find("name");
    return name != nullptr && node.find("value") != nullptr && speaks_of_image(name->text);
  }

  /// `--engine-image X` has its value in the next item.
  void sequence(const YamlNode& node, std::string_view key, const Scope& scope) {
    bool after_option = false;
    for (const YamlEntry& entry : node.entries) {
      Scope next = scope;
      next.image = scope.image || after_option;
      next.named = scope.named || after_option;
      value(entry.value, key == "image" ? std::string_view() : key, next);
      const std::string& text = entry.value.text;
      after_option =
          text.starts_with('-') && text.find('=') == std::string::npos && scope.process && speaks_of_image(text);
    }
  }

  /// What only rendering tells of it; empty where nothing is missing.
  std::string open_part(const JoinedImage& image, const ImageText& text) const {
    if (!image.open.empty()) return image.open;
    if (!image.complete) return "whose tag is not given";
    return !text.host && registry_for_all_ ? "whose registry stands elsewhere" : "";
  }

  void take_joined(const JoinedImage& image, const YamlNode& node, const Scope& scope) {
    const auto text = read_image_text(image.reference);
    if (!text && scope.text) return;
    if (!text && image.open.empty())
      return suspect(image.reference, image.line, "joined from parts, which make no image reference");
    if (!text) {
      into_.unresolved.push_back(
          fmt::format("{}: {}, {}", place(image.line), printable(image.reference, 200), image.open));
      return;
    }
    const std::string open = open_part(image, *text);
    if (!open.empty()) {
      if (!scope.text || text->host || text->path)
        into_.unresolved.push_back(fmt::format("{}: {}, {}", place(image.line), image.reference, printable(open)));
      return;
    }
    const bool helm = image.keys.contains("repository") && node.find("tag") != nullptr && text->path;
    const bool kubeadm = image.keys.contains("imageRepository");  // kubeadm appends the component
    const bool sure = !scope.text && !kubeadm && !image.doubtful;
    if (sure && (text->host || helm)) return take(image.reference, image.line);
    suspect(image.reference, image.line, sure ? "names no registry" : "joined from parts");
  }

  void scalar(const YamlNode& node, std::string_view key, const Scope& scope) {
    if (node.text.empty()) {
      if (key == "image" && scope.container && !scope.text)
        into_.unresolved.push_back(place(node.line) + ": an image that is empty");
      return;
    }
    const bool is_image =
        key == "image" || key == "imageName" || key == "baseImage" || (crossplane_ && key == "package");
    if (TemplateText::is_marked(node.text)) return marked(node, is_image || (scope.image && !scope.process), scope);
    if (is_image && !scope.text) return image_key(node, scope);
    if (!scope.text && node.text.starts_with("docker://")) {
      if (const auto image = read_image_text(node.text)) return take(image->reference, node.line);
    }
    const Assignment assigned = assignment_of(node.text);
    const bool speaks = scope.image || speaks_of_image(key) || speaks_of_image(assigned.name);
    const bool named = scope.named || names_image(key) || names_image(assigned.name);
    if (speaks && speaking(node, speaks_of_image(assigned.name) ? assigned.value : node.text, named, scope)) return;
    if (scope.process && !scope.text) return process(node, assigned);
    if (!scope.text && is_pinned(node.text)) return take(trim(node.text), node.line);
    texts(node, in_text_);
  }

  /// A registry, a path and a digest: that is nothing else.
  static bool is_pinned(std::string_view text) {
    if (text.find("@sha256:") == std::string_view::npos) return false;
    const auto image = read_image_text(text);
    return image && image->is_full();
  }

  void marked(const YamlNode& node, bool wanted, const Scope& scope) {
    if (wanted && !scope.text)
      into_.unresolved.push_back(fmt::format("{}: {}", place(node.line), printable(masked_.original(node.text))));
    else
      texts(node, in_text_);
  }

  /// The value of `image`.
  void image_key(const YamlNode& node, const Scope& scope) {
    const std::string text = node.text.starts_with(artifact) ? node.text.substr(artifact.size()) : node.text;
    if (node.kind == YamlNode::Kind::plain && (text == "true" || text == "false" || text == "~" || text == "null"))
      return;
    if (text.find_first_of("$<%") != std::string::npos && text.find(' ') == std::string::npos) {
      into_.unresolved.push_back(fmt::format("{}: {}", place(node.line), printable(text)));
      return;
    }
    const auto image = read_image_text(text);
    if (!image) {
      // An address is one of a disk's image, prose is a description.
      const bool other = text.find("://") != std::string::npos || text.find_first_of(" \n") != std::string::npos;
      if (scope.container || !other)
        into_.suspects.push_back({printable(text), place(node.line), "is no image reference", false});
      else
        texts(node, in_text_);
      return;
    }
    if (image->host || image->transport || scope.container || (image->path && image->version))
      return take(image->reference, node.line);
    suspect(text, node.line, why_unsure(*image));
  }

  static const char* why_unsure(const ImageText& image) {
    if (!image.path && !image.version) return "a bare word";
    if (image.host) return image.version ? "its tag may be none" : "has no tag";
    return image.version ? "names no registry" : "names no registry and no tag";
  }

  /// The value of a key, a variable or an option that speaks of an image; false where it is none.
  bool speaking(const YamlNode& node, std::string_view text, bool named, const Scope& scope) {
    if (named && text.starts_with(artifact)) text.remove_prefix(artifact.size());
    const auto image = read_image_text(text);
    if (!image) return !scope.text && named && several(node);
    if (scope.text) {
      const bool likely_one = named && image->path && (image->host || image->plausible);
      if (likely_one) suspect(image->reference, node.line, in_text_);
      return likely_one;
    }
    const bool likely = image->plausible || !has_capital(image->reference);
    if (image->path && image->version && (!image->host || likely)) {
      take(image->reference, node.line);
    } else if ((image->path && (image->host || named)) ||
               (named && (image->version ? image->plausible : is_bare_word(text)))) {
      suspect(image->reference, node.line, why_unsure(*image));
    } else {
      return false;
    }
    return true;
  }

  /// `3.6.0=quay.io/strimzi/kafka:1` on each line, or images between commas; false where there is none.
  bool several(const YamlNode& node) {
    bool any = false;
    for (const std::string_view word : words_of(node.text)) {
      const auto image = read_image_text(assignment_of(word).value);
      if (!image || !image->path || !image->plausible) continue;
      const std::size_t line = lines_.of(node, static_cast<std::size_t>(word.data() - node.text.data()));
      image->host ? take(image->reference, line) : suspect(image->reference, line, "names no registry");
      any = true;
    }
    return any;
  }

  /// An argument or variable that is a reference as a whole, or the value of an option.
  void process(const YamlNode& node, const Assignment& assigned) {
    const std::string option = to_lower(assigned.name);
    const bool label = std::any_of(label_words.begin(), label_words.end(),
                                   [&](const char* word) { return option.find(word) != std::string::npos; });
    const auto image = read_image_text(node.text.starts_with('-') ? assigned.value : std::string_view(node.text));
    if (image && !label && !image->version && image->host && is_at_known_registry(image->reference) &&
        std::count(image->reference.begin(), image->reference.end(), '/') > 1)  // else it may be a prefix
      return suspect(image->reference, node.line, why_unsure(*image));
    if (!image || label || !image->path || !image->plausible) return texts(node, in_text_);
    if (image->host && !is_cluster_service(image->reference)) return take(image->reference, node.line);
    suspect(image->reference, node.line, image->host ? "at a service of the cluster" : "names no registry");
  }

  /// References in what is said, and images of what is embedded.
  void texts(const YamlNode& node, const char* why) {
    const std::string_view text = node.text;
    const auto line_of = [&](std::string_view part) {
      return lines_.of(node, static_cast<std::size_t>(part.data() - text.data()));
    };
    if (text.find('/') != std::string_view::npos)
      for (const std::string_view reference : full_references_in(text)) suspect(reference, line_of(reference), why);
    if (images_in_document(node, why) || text.find("image") == std::string_view::npos) return;
    for (const std::string_view value : image_values_in(text)) {
      const auto image = read_image_text(value);
      if (image && (image->path || image->version || is_bare_word(value))) suspect(value, line_of(value), why);
      if (!image && value.find_first_of("$%<") != std::string_view::npos)
        into_.unresolved.push_back(fmt::format("{}: {}", place(line_of(value)), printable(masked_.original(value))));
    }
  }

  void take(std::string_view reference, std::size_t line) { into_.images.emplace(reference, place(line)); }

  void suspect(std::string_view text, std::size_t line, const char* why) {
    const auto image = read_image_text(text);
    into_.suspects.push_back({image ? image->reference : printable(text, 200), place(line), why, image.has_value()});
  }

  /// Whether a scalar may be YAML or JSON itself.
  static bool may_be_document(std::string_view text) {
    return text.find('\n') != std::string_view::npos || text.starts_with('{') || text.starts_with('[');
  }

  /// Images of a document that stands in a scalar (HelmChartConfig, Argo CD's Application, examples of operators), and
  /// those of patches; false where it is no document.
  bool images_in_document(const YamlNode& node, const char* why) {
    constexpr std::array words{"mage", "repo", "registry"};
    if (!may_be_document(node.text) || std::none_of(words.begin(), words.end(), [&](const char* word) {
          return node.text.find(word) != std::string::npos;
        }))
      return false;
    FoundImages found;
    if (!embedded_text(node.text, where_, lines_.of(node, 0), found)) return false;
    for (const auto& [image, place] : found.images) into_.suspects.push_back({image, place, why, true});
    for (Suspect& one : found.suspects) {
      if (one.is_reference) one.why = why;
      into_.suspects.push_back(std::move(one));
    }
    into_.unresolved.insert(into_.unresolved.end(), found.unresolved.begin(), found.unresolved.end());
    return true;
  }

  /// Files in a ConfigMap or Secret that are YAML themselves.
  void embedded(const YamlNode& node, bool secret) {
    for (const char* key : {"data", "stringData"}) {
      const YamlNode* data = node.find(key);
      if (data == nullptr) continue;
      for (const YamlEntry& entry : data->entries) {
        const auto decoded = secret && std::string_view(key) == "data" ? base64_decode(entry.value.text) : std::nullopt;
        if (decoded && is_utf8(*decoded) && may_be_document(*decoded))
          embedded_text(*decoded, fmt::format("{}: {}", place(entry.line), printable(entry.key)), 1, into_);
        else if (may_be_document(entry.value.text))
          embedded_text(entry.value.text, where_, lines_.of(entry.value, 0), into_);
      }
    }
  }

  /// False for what is no YAML, or only a scalar.
  bool embedded_text(const std::string& text, const std::string& where, std::size_t line, FoundImages& into) const {
    if (nesting_ >= max_nesting) return false;
    YamlOptions options{{text.size() + (1U << 20), 100, 1U << 20}, YamlAliases::expand, 1000, YamlOddities::pass, line};
    std::vector<YamlNode> documents;
    try {
      documents = parse_yaml_nodes(text, where, options);
    } catch (const Error&) {
      return false;  // searched as text
    }
    Walk inner(where, text, line, masked_, options_, into, nesting_ + 1);
    bool any = false;
    for (const YamlNode& document : documents) {
      if (document.is_scalar()) continue;
      inner.document(document);
      any = true;
    }
    return any;
  }

  const std::string& where_;
  ScalarLines lines_;
  const TemplateText& masked_;
  const ReferenceOptions& options_;
  FoundImages& into_;
  const int nesting_;
  const char* in_text_ = "in a text";
  bool crossplane_ = false;        // in a package of Crossplane's, which is an image
  bool registry_for_all_ = false;  // a chart's values, which name a registry for images that name none
};

}  // namespace

void walk_manifest(const YamlNode& document, const std::string& where, std::size_t first_line,
                   const TemplateText& masked, const ReferenceOptions& options, FoundImages& into) {
  Walk(where, masked.text(), first_line, masked, options, into).document(document);
}

}  // namespace airlock::kubeone

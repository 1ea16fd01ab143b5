// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock {

namespace {

/// RFC 6901, section 3.
std::string pointer_token(std::string_view key) {
  std::string token;
  for (const char c : key) token += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return token;
}

/// Builds the values from the parser's events; the parser's own tree loses duplicate keys and lines.
class StrictBuilder final : public YAML::EventHandler {
 public:
  StrictBuilder(std::string what, const YamlOptions& options) : what_(std::move(what)), options_(options) {}

  std::vector<YamlDocument> take() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // For a token that it cannot place, yaml-cpp 0.7 yields empty documents without end.
    if (!starts_.insert(mark.pos).second) refuse_yaml(mark, "not valid YAML: unexpected token");
    if (starts_.size() > options_.documents)
      refuse_yaml(mark, fmt::format("more than {} documents", options_.documents));
    current_ = YamlDocument();
    anchors_.clear();
    pointer_.clear();
  }
  void OnDocumentEnd() override {
    if (!current_.value.is_null()) documents_.push_back(std::move(current_));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_event(mark, "", anchor);
    if (wants_key()) refuse_yaml(mark, "a key is missing");
    keep(anchor, place(mark, nullptr));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (options_.aliases == YamlAliases::refuse) refuse_yaml(mark, "aliases (*) are not allowed");
    const auto target = anchors_.find(anchor);
    if (wants_key()) refuse_yaml(mark, "a key that is not plain text");
    if (target == anchors_.end()) refuse_yaml(mark, "an alias to something that is not complete");
    // Counted before it is copied: ten lines of nested aliases can exceed any memory.
    count(mark, target->second.cost);
    place_counted(mark, target->second.value);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_event(mark, tag, anchor);
    if (wants_key()) {
      if (value == "<<" && options_.aliases == YamlAliases::refuse)
        refuse_yaml(mark, "merge keys (<<) are not allowed");
      if (open_.back().value->contains(value))
        refuse_yaml(mark, fmt::format("the key \"{}\" appears twice", printable(value, 80)));
      count(mark, {0, value.size()});
      open_.back().key = value;
      note_line(mark, "/" + pointer_token(value));
      return;
    }
    keep(anchor, place(mark, tag == "!" ? Json(value) : plain_scalar(value)));  // "!": it was quoted
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::object());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override {
    merge(open_.back());
    close();
  }

 private:
  /// The memory cost of a value.
  struct Cost {
    std::size_t values = 0;
    std::size_t bytes = 0;  // of texts and keys
  };
  struct Container {
    Json* value;  // a parent does not move while a child is open
    std::optional<std::string> key;
    YAML::anchor_t anchor = YAML::NullAnchor;
    Cost cost_before;
    std::size_t pointer_size = 0;  // of what leads to it
    YAML::Mark mark;
  };
  struct Anchored {
    Json value;
    Cost cost;
  };

  [[noreturn]] void refuse_yaml(const YAML::Mark& mark, const std::string& why) const {
    throw Error(ErrorCode::format, fmt::format("{}: line {}: {}", what_, mark.line + 1, why));
  }

  bool wants_key() const { return !open_.empty() && open_.back().value->is_object() && !open_.back().key; }

  void check_event(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor && options_.aliases == YamlAliases::refuse)
      refuse_yaml(mark, "anchors (&) are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!")
      refuse_yaml(mark, fmt::format("tags ({}) are not allowed", printable(tag, 80)));
  }

  void count(const YAML::Mark& mark, const Cost& more) {
    cost_.values += more.values;
    cost_.bytes += more.bytes;
    if (cost_.values > options_.limits.values)
      refuse_yaml(mark, fmt::format("more than {} values", options_.limits.values));
    // Only aliases can exceed the size of the text.
    if (cost_.bytes > options_.limits.bytes)
      refuse_yaml(mark, fmt::format("its aliases expand to more than {} bytes", options_.limits.bytes));
  }

  static Cost cost_of(const Json& scalar) {
    return {1, scalar.is_string() ? scalar.get_ref<const std::string&>().size() : 0};
  }
  Cost cost_since(const Cost& before) const { return {cost_.values - before.values, cost_.bytes - before.bytes}; }

  void note_line(const YAML::Mark& mark, const std::string& below) {
    current_.lines.emplace(pointer_ + below, static_cast<std::size_t>(mark.line) + 1);
  }

  Json* place(const YAML::Mark& mark, Json value) {
    count(mark, cost_of(value));
    return place_counted(mark, std::move(value));
  }

  Json* place_counted(const YAML::Mark& mark, Json value) {
    if (open_.empty()) {
      current_.value = std::move(value);
      return &current_.value;
    }
    Container& parent = open_.back();
    if (parent.value->is_array()) {
      note_line(mark, fmt::format("/{}", parent.value->size()));
      parent.value->push_back(std::move(value));
      return &parent.value->back();
    }
    Json& member = (*parent.value)[*parent.key] = std::move(value);
    last_key_ = std::exchange(parent.key, std::nullopt);
    return &member;
  }

  void keep(YAML::anchor_t anchor, const Json* scalar) {
    if (anchor != YAML::NullAnchor) anchors_.insert_or_assign(anchor, Anchored{*scalar, cost_of(*scalar)});
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json empty) {
    check_event(mark, tag, anchor);
    if (wants_key()) refuse_yaml(mark, "a key that is not plain text");
    if (open_.size() >= options_.limits.depth)
      refuse_yaml(mark, fmt::format("nested deeper than {} levels", options_.limits.depth));
    const std::size_t pointer_size = pointer_.size();
    const Cost before = cost_;
    Json* placed = place(mark, std::move(empty));
    if (!open_.empty())
      pointer_ += "/" + (open_.back().value->is_array() ? std::to_string(open_.back().value->size() - 1)
                                                        : pointer_token(*last_key_));
    open_.push_back({placed, std::nullopt, anchor, before, pointer_size, mark});
  }

  void close() {
    const Container closed = open_.back();
    open_.pop_back();
    pointer_.resize(closed.pointer_size);
    if (closed.anchor == YAML::NullAnchor) return;
    // A copy costs as much as what it copies, once for each level of nesting: bounded by the depth.
    anchors_.insert_or_assign(closed.anchor, Anchored{*closed.value, cost_since(closed.cost_before)});
  }

  /// `<<: *base` (yaml.org/type/merge): the mapping's own keys take precedence.
  void merge(const Container& map) const {
    const auto found = map.value->find("<<");
    if (found == map.value->end()) return;
    const Json from = std::move(*found);
    map.value->erase("<<");
    for (const Json& source : from.is_array() ? from : Json::array({from})) {
      if (!source.is_object()) refuse_yaml(map.mark, "a merge key (<<) that does not name a mapping");
      for (const auto& [key, value] : source.items())
        if (!map.value->contains(key)) (*map.value)[key] = value;
    }
  }

  static Json plain_scalar(const std::string& value) {
    if (value == "true") return true;
    if (value == "false") return false;
    if (value.empty() || value == "~" || value == "null") return nullptr;
    const auto number = parse_number(value);
    if (number && (value == "0" || value.front() != '0')) return *number;
    return value;
  }

  std::string what_;
  const YamlOptions& options_;
  Cost cost_;             // over all documents
  std::set<int> starts_;  // where documents began
  std::vector<YamlDocument> documents_;
  YamlDocument current_;
  std::string pointer_;  // of the innermost open container
  std::optional<std::string> last_key_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::vector<Container> open_;
};

void check_text(std::string_view text, const std::string& name, const YamlOptions& options) {
  if (text.size() > options.limits.bytes)
    throw Error(ErrorCode::format,
                fmt::format("{}: {} bytes, more than the {} allowed", name, text.size(), options.limits.bytes));
  if (text.find('\0') != std::string_view::npos) throw Error(ErrorCode::format, name + ": it contains a zero byte");
  // yaml-cpp accepts such bytes, but they could not be written again.
  if (!is_utf8(text)) throw Error(ErrorCode::format, name + ": it is not UTF-8");
}

}  // namespace

std::size_t YamlDocument::line(std::string pointer) const {
  for (;;) {
    if (const auto found = lines.find(pointer); found != lines.end()) return found->second;
    if (pointer.empty()) return 1;
    pointer.resize(pointer.rfind('/') == std::string::npos ? 0 : pointer.rfind('/'));
  }
}

std::vector<YamlDocument> parse_yaml_documents(std::string_view text, std::string_view what,
                                               const YamlOptions& options) {
  const std::string name(what);
  check_text(text, name, options);
  std::istringstream stream{std::string(text)};
  StrictBuilder builder(name, options);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::format,
                fmt::format("{}: line {}: not valid YAML: {}", name, error.mark.line + 1, printable(error.msg)));
  }
  return builder.take();
}

Json parse_yaml(std::string_view text, std::string_view what, const JsonLimits& limits) {
  auto documents = parse_yaml_documents(text, what, {limits, YamlAliases::refuse, 2});
  if (documents.empty()) throw Error(ErrorCode::format, std::string(what) + ": it is empty");
  if (documents.size() > 1)
    throw Error(ErrorCode::format, std::string(what) + ": more than one document, where one is expected");
  return std::move(documents.front().value);
}

}  // namespace airlock

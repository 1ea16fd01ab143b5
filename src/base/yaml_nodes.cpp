// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"

namespace airlock {

namespace {

/// Builds the values from the parser's events; the parser's own tree loses duplicate keys and lines.
class NodeBuilder final : public YAML::EventHandler {
 public:
  NodeBuilder(std::string what, const YamlOptions& options) : what_(std::move(what)), options_(options) {}

  std::vector<YamlNode> take() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // For a token that it cannot place, yaml-cpp 0.7 yields empty documents without end.
    if (!starts_.insert(mark.pos).second) refuse_yaml(mark, "not valid YAML: unexpected token");
    if (starts_.size() > options_.documents)
      refuse_yaml(mark, fmt::format("more than {} documents", options_.documents));
    root_ = YamlNode();
    anchors_.clear();
  }
  void OnDocumentEnd() override {
    if (root_.kind != YamlNode::Kind::null) documents_.push_back(std::move(root_));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_event(mark, "", anchor);
    if (wants_key()) refuse_yaml(mark, "a key is missing");
    keep(anchor, place(mark, {}));
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
    if (wants_key()) return take_key(mark, value);
    YamlNode node;
    node.kind = tag == "!" ? YamlNode::Kind::quoted : YamlNode::Kind::plain;
    node.text = value;
    keep(anchor, place(mark, std::move(node)));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::sequence);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::mapping);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override {
    merge(*open_.back().node, open_.back().mark);
    close();
  }

 private:
  /// The memory cost of a value.
  struct Cost {
    std::size_t values = 0;
    std::size_t bytes = 0;  // of texts and keys
  };
  struct Container {
    YamlNode* node;        // a parent does not move while a child is open
    bool has_key = false;  // of a mapping: its last entry waits for its value
    YAML::anchor_t anchor = YAML::NullAnchor;
    Cost cost_before;
    YAML::Mark mark;
    std::set<std::string, std::less<>> keys = {};
  };
  struct Anchored {
    YamlNode value;
    Cost cost;
  };

  [[noreturn]] void refuse_yaml(const YAML::Mark& mark, const std::string& why) const {
    throw Error(ErrorCode::format, fmt::format("{}: line {}: {}", what_, line_of(mark), why));
  }

  std::size_t line_of(const YAML::Mark& mark) const {
    return static_cast<std::size_t>(mark.line) + options_.first_line;
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().node->kind == YamlNode::Kind::mapping && !open_.back().has_key;
  }

  bool passes_oddities() const { return options_.oddities == YamlOddities::pass; }

  void take_key(const YAML::Mark& mark, const std::string& key) {
    if (key == "<<" && options_.aliases == YamlAliases::refuse) refuse_yaml(mark, "merge keys (<<) are not allowed");
    Container& map = open_.back();
    if (!passes_oddities() && !map.keys.insert(key).second)
      refuse_yaml(mark, fmt::format("the key \"{}\" appears twice", printable(key, 80)));
    count(mark, {0, key.size()});
    map.has_key = true;
    map.node->entries.push_back({key, line_of(mark), {}});
  }

  void check_event(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor && options_.aliases == YamlAliases::refuse)
      refuse_yaml(mark, "anchors (&) are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!" && !passes_oddities())
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

  Cost cost_since(const Cost& before) const { return {cost_.values - before.values, cost_.bytes - before.bytes}; }

  YamlNode* place(const YAML::Mark& mark, YamlNode node) {
    node.line = line_of(mark);
    count(mark, {1, node.text.size()});
    return place_counted(mark, std::move(node));
  }

  YamlNode* place_counted(const YAML::Mark& mark, YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    Container& parent = open_.back();
    if (parent.node->kind == YamlNode::Kind::sequence) {
      parent.node->entries.push_back({{}, line_of(mark), std::move(node)});
      return &parent.node->entries.back().value;
    }
    parent.has_key = false;
    YamlNode& member = parent.node->entries.back().value;
    member = std::move(node);
    return &member;
  }

  void keep(YAML::anchor_t anchor, const YamlNode* scalar) {
    if (anchor != YAML::NullAnchor) anchors_.insert_or_assign(anchor, Anchored{*scalar, {1, scalar->text.size()}});
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    check_event(mark, tag, anchor);
    if (wants_key()) refuse_yaml(mark, "a key that is not plain text");
    if (open_.size() >= options_.limits.depth)
      refuse_yaml(mark, fmt::format("nested deeper than {} levels", options_.limits.depth));
    const Cost before = cost_;
    YamlNode node;
    node.kind = kind;
    open_.push_back({place(mark, std::move(node)), false, anchor, before, mark});
  }

  void close() {
    const Container closed = std::move(open_.back());
    open_.pop_back();
    if (closed.anchor == YAML::NullAnchor) return;
    // A copy costs as much as what it copies, once for each level of nesting: bounded by the depth.
    anchors_.insert_or_assign(closed.anchor, Anchored{*closed.node, cost_since(closed.cost_before)});
  }

  /// `<<: *base` (yaml.org/type/merge): the mapping's own keys take precedence.
  void merge(YamlNode& map, const YAML::Mark& mark) const {
    const auto found =
        std::find_if(map.entries.begin(), map.entries.end(), [](const YamlEntry& entry) { return entry.key == "<<"; });
    if (found == map.entries.end()) return;
    const YamlNode from = std::move(found->value);
    map.entries.erase(found);
    std::vector<YamlEntry> one;
    if (from.kind != YamlNode::Kind::sequence) one.push_back({{}, from.line, from});
    for (const YamlEntry& source : from.kind == YamlNode::Kind::sequence ? from.entries : one) {
      if (source.value.kind != YamlNode::Kind::mapping)
        refuse_yaml(mark, "a merge key (<<) that does not name a mapping");
      for (const YamlEntry& entry : source.value.entries)
        if (map.find(entry.key) == nullptr) map.entries.push_back(entry);
    }
  }

  std::string what_;
  const YamlOptions& options_;
  Cost cost_;             // over all documents
  std::set<int> starts_;  // where documents began
  std::vector<YamlNode> documents_;
  YamlNode root_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::vector<Container> open_;
};

void check_text(std::string_view text, const std::string& name, const YamlOptions& options) {
  if (text.size() > options.limits.bytes)
    throw Error(ErrorCode::format,
                fmt::format("{}: {} bytes, more than the {} allowed", name, text.size(), options.limits.bytes));
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    throw Error(ErrorCode::format, name + ": it is UTF-16").hint("save it as UTF-8");
  if (text.find('\0') != std::string_view::npos) throw Error(ErrorCode::format, name + ": it contains a zero byte");
  // yaml-cpp accepts such bytes, but they could not be written again.
  if (!is_utf8(text)) throw Error(ErrorCode::format, name + ": it is not UTF-8");
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  if (kind != Kind::mapping) return nullptr;
  for (const YamlEntry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::vector<YamlNode> parse_yaml_nodes(std::string_view text, std::string_view what, const YamlOptions& options) {
  const std::string name(what);
  check_text(text, name, options);
  std::istringstream stream{std::string(text)};
  NodeBuilder builder(name, options);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::format,
                fmt::format("{}: line {}: not valid YAML: {}", name,
                            static_cast<std::size_t>(error.mark.line) + options.first_line, printable(error.msg)));
  }
  return builder.take();
}

}  // namespace airlock

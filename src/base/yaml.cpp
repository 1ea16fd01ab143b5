// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock {

namespace {

/// Builds the value from the parser's events; the parser's own tree would have forgotten duplicate keys and anchors.
class StrictBuilder final : public YAML::EventHandler {
 public:
  StrictBuilder(std::string what, const JsonLimits& limits) : what_(std::move(what)), limits_(limits) {}

  Json take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "", anchor);
    if (wants_key()) refuse(mark, "a key is missing");
    place(mark, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases (*) are not allowed"); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    if (wants_key()) {
      if (value == "<<") refuse(mark, "merge keys (<<) are not allowed");
      if (open_.back().value->contains(value)) refuse(mark, "the key \"" + printable(value, 80) + "\" appears twice");
      open_.back().key = value;
      return;
    }
    place(mark, tag == "!" ? Json(value) : plain_scalar(value));  // "!": it was quoted
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Json::object());
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  struct Container {
    Json* value;  // a parent does not move while a child is open
    std::optional<std::string> key;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& why) const {
    throw Error(ErrorCode::format, what_ + ": line " + std::to_string(mark.line + 1) + ": " + why);
  }

  bool wants_key() const { return !open_.empty() && open_.back().value->is_object() && !open_.back().key; }

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors (&) are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags (" + printable(tag, 80) + ") are not allowed");
  }

  Json* place(const YAML::Mark& mark, Json value) {
    if (++values_ > limits_.values) refuse(mark, "more than " + std::to_string(limits_.values) + " values");
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Container& parent = open_.back();
    if (parent.value->is_array()) {
      parent.value->push_back(std::move(value));
      return &parent.value->back();
    }
    Json& member = (*parent.value)[*parent.key] = std::move(value);
    parent.key.reset();
    return &member;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json empty) {
    check(mark, tag, anchor);
    if (wants_key()) refuse(mark, "a key that is not plain text");
    if (open_.size() >= limits_.depth) refuse(mark, "nested deeper than " + std::to_string(limits_.depth) + " levels");
    open_.push_back({place(mark, std::move(empty)), std::nullopt});
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
  JsonLimits limits_;
  std::size_t values_ = 0;
  Json root_;
  std::vector<Container> open_;
};

}  // namespace

Json parse_yaml(std::string_view text, std::string_view what, const JsonLimits& limits) {
  const std::string name(what);
  if (text.size() > limits.bytes)
    throw Error(ErrorCode::format, name + ": " + std::to_string(text.size()) + " bytes, more than the " +
                                       std::to_string(limits.bytes) + " allowed");
  if (text.find('\0') != std::string_view::npos) throw Error(ErrorCode::format, name + ": it holds a zero byte");
  // yaml-cpp lets such bytes through, and they could not be written again.
  if (!is_utf8(text)) throw Error(ErrorCode::format, name + ": it is not UTF-8");
  std::istringstream stream{std::string(text)};
  StrictBuilder builder(name, limits);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) throw Error(ErrorCode::format, name + ": it is empty");
    StrictBuilder second(name, limits);
    if (parser.HandleNextDocument(second))
      throw Error(ErrorCode::format, name + ": more than one document, where one is expected");
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::format,
                name + ": line " + std::to_string(error.mark.line + 1) + ": not valid YAML: " + printable(error.msg));
  }
  return builder.take();
}

}  // namespace airlock

// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/yaml.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
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

Json plain_scalar(std::string value) {
  if (value == "true") return true;
  if (value == "false") return false;
  if (value.empty() || value == "~" || value == "null") return nullptr;
  const auto number = parse_number(value);
  if (number && (value == "0" || value.front() != '0')) return *number;
  return value;
}

using Lines = std::map<std::string, std::size_t>;

/// `pointer`: what leads to the node; it is as it was when this returns.
Json to_json(YamlNode& node, std::string& pointer, Lines& lines) {
  switch (node.kind) {
    case YamlNode::Kind::null: return nullptr;
    case YamlNode::Kind::plain: return plain_scalar(std::move(node.text));
    case YamlNode::Kind::quoted: return std::move(node.text);
    default: break;
  }
  const bool is_map = node.kind == YamlNode::Kind::mapping;
  Json json = is_map ? Json::object() : Json::array();
  const std::size_t size = pointer.size();
  for (YamlEntry& entry : node.entries) {
    pointer += "/" + (is_map ? pointer_token(entry.key) : std::to_string(json.size()));
    lines.emplace(pointer, entry.line);
    Json value = to_json(entry.value, pointer, lines);
    pointer.resize(size);
    if (is_map)
      json.emplace(std::move(entry.key), std::move(value));
    else
      json.push_back(std::move(value));
  }
  return json;
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
  std::vector<YamlDocument> documents;
  for (YamlNode& node : parse_yaml_nodes(text, what, options)) {
    YamlDocument document;
    std::string pointer;
    document.value = to_json(node, pointer, document.lines);
    if (!document.value.is_null()) documents.push_back(std::move(document));
  }
  return documents;
}

Json parse_yaml(std::string_view text, std::string_view what, const JsonLimits& limits) {
  YamlOptions options;
  options.limits = limits;
  options.documents = 2;
  auto documents = parse_yaml_documents(text, what, options);
  if (documents.empty()) throw Error(ErrorCode::format, std::string(what) + ": it is empty");
  if (documents.size() > 1)
    throw Error(ErrorCode::format, std::string(what) + ": more than one document, where one is expected");
  return std::move(documents.front().value);
}

}  // namespace airlock

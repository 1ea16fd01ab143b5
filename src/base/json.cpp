// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/secret.hpp"
#include "airlock/base/text.hpp"

namespace airlock {

namespace {

constexpr std::uint64_t max_exact_integer = (1ULL << 53) - 1;

[[noreturn]] void refuse_json(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::format, fmt::format("{}: {}", where, why));
}

/// Builds the value and checks what nlohmann's own handler does not: duplicate keys and depth.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  using Take = std::function<void(const std::string& key, const Json& element)>;

  StrictBuilder(std::string what, const JsonLimits& limits) : what_(std::move(what)), limits_(limits) {}
  /// Elements of arrays under these of the root's keys go to `take`, and are not kept. REQUIRES: both outlive it.
  void give(const std::set<std::string>& keys, const Take& take) {
    given_ = &keys;
    take_ = &take;
  }

  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (stack_.back()->contains(name))
      refuse_json(what_, fmt::format("the key \"{}\" appears twice in one object", printable(name, 80)));
    key_ = std::move(name);
    if (stack_.size() == 1) root_key_ = key_;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    const std::string text = error.what();  // "[json.exception.parse_error.101] parse error at line ...: reason"
    const auto reason = text.find("parse error");
    refuse_json(what_, fmt::format("not valid JSON at byte {}: {}", position,
                                   printable(reason == std::string::npos ? text : text.substr(reason))));
  }

 private:
  template <typename Value>
  bool add(Value&& value) {
    place(Json(std::forward<Value>(value)));
    give_element();
    return true;
  }

  /// What was completed last, if it is an element of such an array.
  void give_element() {
    if (given_ == nullptr || stack_.size() != 2 || !stack_[1]->is_array() || !given_->contains(root_key_)) return;
    (*take_)(root_key_, stack_[1]->back());
    stack_[1]->erase(stack_[1]->size() - 1);
  }

  Json* place(Json value) {
    if (++values_ > limits_.values) refuse_json(what_, fmt::format("more than {} values", limits_.values));
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  bool open(Json empty) {
    if (stack_.size() >= limits_.depth) refuse_json(what_, fmt::format("nested deeper than {} levels", limits_.depth));
    stack_.push_back(place(std::move(empty)));
    return true;
  }

  bool close() {
    stack_.pop_back();
    give_element();
    return true;
  }

  std::string what_;
  JsonLimits limits_;
  std::size_t values_ = 0;
  Json root_;
  std::vector<Json*> stack_;  // open containers; a parent does not move while a child is open
  std::string key_;
  std::string root_key_;
  const std::set<std::string>* given_ = nullptr;
  const Take* take_ = nullptr;
};

void refuse_floats(const Json& value) {
  if (value.is_number_float()) throw Error(ErrorCode::internal, "canonical JSON has no floating-point numbers");
  if (value.is_structured())
    for (const Json& element : value) refuse_floats(element);
}

}  // namespace

namespace {

Json parse_with(StrictBuilder& builder, std::string_view text, const std::string& name, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    refuse_json(name, fmt::format("{} bytes, more than the {} allowed", text.size(), limits.bytes));
  if (text.starts_with("\xEF\xBB\xBF")) refuse_json(name, "starts with a byte order mark");
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) refuse_json(name, "not valid JSON");
  return builder.take();
}

}  // namespace

Json parse_json(std::string_view text, std::string_view what, const JsonLimits& limits) {
  const std::string name(what);
  StrictBuilder builder(name, limits);
  return parse_with(builder, text, name, limits);
}

Json parse_json_elements(std::string_view text, std::string_view what, const JsonLimits& limits,
                         const std::set<std::string>& keys,
                         const std::function<void(const std::string& key, const Json& element)>& take) {
  const std::string name(what);
  StrictBuilder builder(name, limits);
  builder.give(keys, take);
  return parse_with(builder, text, name, limits);
}

std::string canonical_json(const Json& value) {
  refuse_floats(value);
  return value.dump();
}

namespace {

std::string safe_dump(const Json& value, int indent) {
  return escape_controls(value.dump(indent, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::string pretty_json(const Json& value) { return safe_dump(value, 2); }

std::string json_line(const Json& value) { return safe_dump(value, -1); }

void wipe(Json& value) noexcept {
  if (auto* text = value.get_ptr<std::string*>()) wipe(*text);
  if (auto* items = value.get_ptr<Json::array_t*>())
    for (Json& item : *items) wipe(item);
  if (auto* members = value.get_ptr<Json::object_t*>())
    for (auto& member : *members) wipe(member.second);
}

JsonObject::JsonObject(const Json& value, std::string where) : value_(&value), where_(std::move(where)) {
  if (!value.is_object()) refuse_json(where_, "not a JSON object");
}

std::string JsonObject::path(std::string_view key) const { return fmt::format("{}: {}", where_, key); }

const Json* JsonObject::find(std::string_view key) const {
  const auto member = value_->find(key);
  return member == value_->end() ? nullptr : &*member;
}

const Json& JsonObject::get(std::string_view key) const {
  const Json* member = find(key);
  if (member == nullptr) refuse_json(where_, fmt::format("\"{}\" is missing", key));
  return *member;
}

bool JsonObject::has(std::string_view key) const { return find(key) != nullptr; }

std::string JsonObject::string(std::string_view key) const {
  const Json& member = get(key);
  if (!member.is_string()) refuse_json(path(key), "not a string");
  return member.get<std::string>();
}

std::optional<std::string> JsonObject::optional_string(std::string_view key) const {
  if (!has(key)) return std::nullopt;
  return string(key);
}

std::uint64_t JsonObject::integer(std::string_view key) const {
  const Json& member = get(key);
  if (!member.is_number_unsigned() || member.get<std::uint64_t>() > max_exact_integer)
    refuse_json(path(key), "not an integer from 0 to 2^53-1");
  return member.get<std::uint64_t>();
}

JsonObject JsonObject::object(std::string_view key) const { return {get(key), path(key)}; }

std::optional<JsonObject> JsonObject::optional_object(std::string_view key) const {
  if (!has(key)) return std::nullopt;
  return object(key);
}

std::vector<JsonObject> JsonObject::objects(std::string_view key) const {
  const Json& member = get(key);
  if (!member.is_array()) refuse_json(path(key), "not an array");
  std::vector<JsonObject> elements;
  elements.reserve(member.size());
  for (const Json& element : member) elements.emplace_back(element, fmt::format("{}[{}]", path(key), elements.size()));
  return elements;
}

std::vector<std::string> JsonObject::strings(std::string_view key) const {
  std::vector<std::string> elements;
  if (!has(key)) return elements;
  const Json& member = get(key);
  if (!member.is_array()) refuse_json(path(key), "not an array");
  for (const Json& element : member) {
    if (!element.is_string()) refuse_json(path(key), "contains a value that is not a string");
    elements.push_back(element.get<std::string>());
  }
  return elements;
}

std::map<std::string, std::string> JsonObject::string_map() const {
  std::map<std::string, std::string> members;
  for (const auto& [key, value] : value_->items()) {
    if (!value.is_string()) refuse_json(path(key), "not a string");
    members.emplace(key, value.get<std::string>());
  }
  return members;
}

void JsonObject::only(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, value] : value_->items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      refuse_json(where_, fmt::format("unknown key \"{}\"", printable(key, 80)));
}

}  // namespace airlock

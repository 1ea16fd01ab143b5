// SPDX-License-Identifier: Apache-2.0
#include "review/lenient_json.hpp"

namespace airlock::review {

const Json& member(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

const Json& elements(const Json& object, const char* key) {
  static const Json empty = Json::array();
  const Json& value = member(object, key);
  return value.is_array() ? value : empty;
}

std::string text_of(const Json& object, const char* key) {
  const Json& value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

namespace {

/// Takes the texts of the outermost object, and nothing else.
class TopTexts : public nlohmann::json_sax<Json> {
 public:
  std::map<std::string, std::string> texts;

  bool null() override { return other(); }
  bool boolean(bool /*value*/) override { return other(); }
  bool number_integer(number_integer_t /*value*/) override { return other(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return other(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return other(); }
  bool binary(binary_t& /*value*/) override { return other(); }
  bool string(string_t& value) override {
    if (depth_ == 1 && object_) texts.insert_or_assign(key_, value);
    return depth_ > 0;
  }
  bool start_object(std::size_t /*elements*/) override { return start(true); }
  bool start_array(std::size_t /*elements*/) override { return start(false); }
  bool key(string_t& value) override {
    if (depth_ == 1) key_ = value;
    return true;
  }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/, const Json::exception& /*error*/) override {
    return false;
  }

 private:
  bool other() {
    if (depth_ == 1) texts.erase(key_);
    return depth_ > 0;
  }
  bool start(bool object) {
    if (depth_ == 0) object_ = object;
    if (depth_ == 1) texts.erase(key_);
    ++depth_;
    return object_;
  }

  std::size_t depth_ = 0;
  bool object_ = false;
  std::string key_;
};

}  // namespace

std::optional<std::map<std::string, std::string>> top_texts(std::string_view text) {
  std::string readable(is_utf8(text) ? text : std::string_view());
  if (readable.empty())
    for (const char c : text) readable += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  if (readable.starts_with("???")) readable.erase(0, 3);  // a byte-order mark
  TopTexts reader;
  if (!Json::sax_parse(readable, &reader)) return std::nullopt;
  return std::move(reader.texts);
}

}  // namespace airlock::review

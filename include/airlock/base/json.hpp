// SPDX-License-Identifier: Apache-2.0
// Strict JSON: I-JSON (RFC 7493) where airlock reads it, canonical where airlock writes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace airlock {

using Json = nlohmann::json;

/// Limits on what parsing a text may allocate.
struct JsonLimits {
  std::size_t bytes = 4U << 20;   ///< length of the text
  std::size_t depth = 64;         ///< nesting of arrays and objects
  std::size_t values = 1U << 20;  ///< values of any kind: `{},` is three bytes of text and many more of memory
};

/// Parses one JSON text. Refuses duplicate keys, a byte order mark, bad UTF-8, trailing bytes and whatever is past the
/// limits. `what` names the text in the Error (code `format`).
Json parse_json(std::string_view text, std::string_view what, const JsonLimits& limits = {});

/// The same of an object whose arrays may be long: each element of the arrays under these of its keys is given to
/// `take` as soon as it is complete, and not kept; they are empty in what is returned. So memory follows the largest
/// element. `take` is called before the rest of the text is known to be well-formed.
Json parse_json_elements(std::string_view text, std::string_view what, const JsonLimits& limits,
                         const std::set<std::string>& keys,
                         const std::function<void(const std::string& key, const Json& element)>& take);

/// The canonical form: keys sorted bytewise, no white space, UTF-8 kept, no floating-point numbers (an Error).
std::string canonical_json(const Json& value);

/// The same content, indented for people. Characters that would move a terminal's cursor or change the writing
/// direction are escaped, as JSON allows for any; invalid UTF-8 become U+FFFD.
std::string pretty_json(const Json& value);
/// The same on one line.
std::string json_line(const Json& value);

/// Overwrites all strings in it: for documents with secrets.
void wipe(Json& value) noexcept;
/// Wipes it when destroyed.
class WipedJson {
 public:
  explicit WipedJson(Json& owned) : owned_(owned) {}
  ~WipedJson() { wipe(owned_); }
  WipedJson(const WipedJson&) = delete;
  WipedJson& operator=(const WipedJson&) = delete;

 private:
  Json& owned_;
};

/// A view of a JSON object that names the place in its errors (code `format`). Does not own the value.
class JsonObject {
 public:
  JsonObject(const Json& value, std::string where);

  bool has(std::string_view key) const;
  std::string string(std::string_view key) const;
  std::optional<std::string> optional_string(std::string_view key) const;
  /// An integer from 0 to 2^53 - 1, the range that every JSON reader keeps exactly.
  std::uint64_t integer(std::string_view key) const;
  JsonObject object(std::string_view key) const;
  std::optional<JsonObject> optional_object(std::string_view key) const;
  /// Elements of an array of objects.
  std::vector<JsonObject> objects(std::string_view key) const;
  /// Elements of an array of strings; absent counts as empty.
  std::vector<std::string> strings(std::string_view key) const;
  /// All members, each of which must be a string.
  std::map<std::string, std::string> string_map() const;
  /// Refuses keys other than these: for formats that airlock itself defines.
  void only(std::initializer_list<std::string_view> keys) const;
  const Json& json() const { return *value_; }
  const std::string& where() const { return where_; }

 private:
  const Json* find(std::string_view key) const;
  const Json& get(std::string_view key) const;
  std::string path(std::string_view key) const;

  const Json* value_;
  std::string where_;
};

}  // namespace airlock

// SPDX-License-Identifier: Apache-2.0
// The one YAML reader: policies, lock files, catalogs, cluster manifests, patches. It yields the same values as
// JSON, so that JsonObject reads both. YamlOptions bounds the work and the memory for any text.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/json.hpp"

namespace airlock {

/// Whether `&anchor`, `*alias` and merge keys (`<<`) may be used.
enum class YamlAliases {
  refuse,  ///< for files that control airlock
  expand   ///< for files of others: each alias is copied, and its values count against the limits
};

/// What becomes of tags and duplicate keys.
enum class YamlOddities {
  refuse,
  pass  ///< for what is only searched: tags count for nothing, and of duplicate keys all stay
};

struct YamlOptions {
  JsonLimits limits{1U << 20, 16, 1U << 16};  ///< of all documents together
  YamlAliases aliases = YamlAliases::refuse;
  std::size_t documents = 1000;  ///< how many a text may have
  YamlOddities oddities = YamlOddities::refuse;
  std::size_t first_line = 1;  ///< the number of the text's first line, where it is a part of a file
};

struct YamlEntry;

/// A value as it is written.
struct YamlNode {
  enum class Kind { null, plain, quoted, sequence, mapping };
  Kind kind = Kind::null;
  std::size_t line = 0;  ///< where it begins; what came through an alias has the line of its anchor
  std::string text;      ///< of a scalar
  std::vector<YamlEntry> entries;

  bool is_scalar() const { return kind == Kind::plain || kind == Kind::quoted; }
  /// The first entry of a mapping with this key, or null.
  const YamlNode* find(std::string_view key) const;
};

/// Of a mapping, in the order of the text; of a sequence, without a key.
struct YamlEntry {
  std::string key;
  std::size_t line = 0;  ///< of the key or item
  YamlNode value;
};

/// Parses all documents of a text, those that hold nothing left out; what parse_yaml_documents() refuses is refused.
std::vector<YamlNode> parse_yaml_nodes(std::string_view text, std::string_view what, const YamlOptions& options = {});

struct YamlDocument {  // NOLINT(bugprone-exception-escape): the library's moves of JSON only assert
  Json value;
  /// Lines of mapping keys and sequence items, from 1, by JSON pointer (RFC 6901): "/versions/kubernetes". What came
  /// through an alias has the line of its anchor.
  std::map<std::string, std::size_t> lines;

  /// The line of this pointer, else of the closest one above it; 1 for the root.
  std::size_t line(std::string pointer) const;
};

/// Parses all documents of a text; those that hold nothing are left out. Beyond what yaml-cpp refuses: duplicate keys,
/// tags, keys that are not plain text, invalid UTF-8, whatever is past the limits, and what yaml-cpp 0.7 reads
/// as documents without end. `what` names the text in the Error (code `format`), which also says the line.
///
/// Scalars: decimal integers are numbers, `true` and `false` booleans, `~`, `null` and nothing are null. All others,
/// and all quoted ones, are strings; so are 1.29, yes and 012, on which YAML versions differ.
std::vector<YamlDocument> parse_yaml_documents(std::string_view text, std::string_view what,
                                               const YamlOptions& options = {});

/// Parses a text of exactly one document, without anchors and aliases.
Json parse_yaml(std::string_view text, std::string_view what, const JsonLimits& limits = YamlOptions().limits);

}  // namespace airlock

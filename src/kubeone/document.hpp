// SPDX-License-Identifier: Apache-2.0
// One data file of a catalog. Its top-level parts are parsed on demand: a run needs one release of many, and rarely the
// fields of manifests.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "airlock/base/json.hpp"
#include "airlock/oci/digest.hpp"

namespace airlock::kubeone {

class Document {
 public:
  explicit Document(std::string name) : name_(std::move(name)) {}
  /// A whole YAML text. An Error (code `selection`) says what is wrong and where.
  static Document from_yaml(std::string name, std::string_view text);

  /// A part whose JSON text outlives the document.
  void add(std::string_view key, std::string_view json) { texts_.emplace(key, json); }

  const std::string& name() const { return name_; }
  bool has(std::string_view key) const;
  /// Null where there is none.
  const Json& part(const std::string& key) const;
  /// All parts but those left out, as one object.
  Json whole(std::initializer_list<std::string_view> except = {}) const;

 private:
  std::string name_;
  std::map<std::string, std::string_view, std::less<>> texts_;
  mutable std::map<std::string, Json, std::less<>> values_;
};

/// Over the canonical JSON of all, in the order of their names.
oci::Digest documents_digest(const std::map<std::string, std::unique_ptr<Document>>& documents);

/// Throws the error for a mistake in a catalog.
[[noreturn]] void refuse_catalog(const std::string& where, const std::string& why);

}  // namespace airlock::kubeone

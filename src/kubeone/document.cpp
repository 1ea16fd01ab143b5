// SPDX-License-Identifier: Apache-2.0
#include "kubeone/document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/yaml.hpp"

namespace airlock::kubeone {

namespace {

constexpr JsonLimits limits{16U << 20, 32, 1U << 20};

}  // namespace

void refuse_catalog(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::selection, fmt::format("catalog {}: {}", where, why))
      .hint("correct the file given with --catalog; data/catalog in the source has examples");
}

Document Document::from_yaml(std::string name, std::string_view text) {
  Document document(std::move(name));
  Json root;
  try {
    root = parse_yaml(text, "catalog " + document.name_, limits);
  } catch (const Error& error) {
    throw Error(ErrorCode::selection, error.what())
        .hint("correct the file given with --catalog; data/catalog in the source has examples");
  }
  if (!root.is_object()) refuse_catalog(document.name_, "not a YAML mapping");
  for (auto& [key, value] : root.items()) document.values_.emplace(key, std::move(value));
  return document;
}

bool Document::has(std::string_view key) const { return values_.contains(key) || texts_.contains(key); }

const Json& Document::part(const std::string& key) const {
  if (const auto known = values_.find(key); known != values_.end()) return known->second;
  const auto text = texts_.find(key);
  // Written by the build, so not checked again.
  return values_.emplace(key, text == texts_.end() ? Json() : Json::parse(text->second)).first->second;
}

Json Document::whole(std::initializer_list<std::string_view> except) const {
  Json result = Json::object();
  const auto wanted = [&](std::string_view key) {
    return std::find(except.begin(), except.end(), key) == except.end();
  };
  for (const auto& [key, text] : texts_)
    if (wanted(key)) result[key] = part(key);
  for (const auto& [key, value] : values_)
    if (wanted(key) && !value.is_null()) result[key] = value;
  return result;
}

oci::Digest documents_digest(const std::map<std::string, std::unique_ptr<Document>>& documents) {
  oci::Sha256 hash;
  for (const auto& [name, document] : documents)
    hash.update(fmt::format("{}  {}\n", oci::sha256(canonical_json(document->whole())).hex(), name));
  return hash.finish();
}

}  // namespace airlock::kubeone

// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "kubeone/document.hpp"
#include "kubeone/embedded.hpp"
#include "kubeone/release_reader.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::string_view kubeadm_file = "kubeadm.yaml";
constexpr std::size_t max_file = 16U << 20;

using Documents = std::map<std::string, std::unique_ptr<Document>>;

std::string text_part(const Document& document, const std::string& key) {
  const Json& part = document.part(key);
  if (!part.is_string()) refuse_catalog(fmt::format("{}: {}", document.name(), key), "a text value is missing");
  return part.get<std::string>();
}

}  // namespace

struct Catalog::State {
  Documents documents;
  std::map<Minor, const Document*> lines;
  mutable std::map<std::string, Release> releases;  // by "v1.14.1"
  mutable std::map<std::string, Json> fields;       // by release and API version
  mutable std::optional<std::map<Version, KubeadmImages>> kubeadm;
  std::string looked_up;
  bool embedded = false;

  const Release& newest(const Document& document) const {
    const std::string version = text_part(document, "kubeone");
    const auto known = releases.find(version);
    if (known != releases.end()) return known->second;
    return releases.emplace(version, read_release(document.whole({"fields", "patches"}), document.name()))
        .first->second;
  }

  /// A patch release: the newest one with its differences applied (JSON Merge Patch, RFC 7396).
  const Release* patch(const Document& document, const std::string& version) const {
    if (const auto known = releases.find(version); known != releases.end()) return &known->second;
    const Json& patches = document.part("patches");
    const auto found = patches.is_object() ? patches.find(version) : patches.end();
    if (found == patches.end()) return nullptr;
    Json whole = document.whole({"fields", "patches"});
    Json difference = *found;
    difference.erase("fields");
    whole.merge_patch(difference);
    whole["kubeone"] = version;
    return &releases.emplace(version, read_release(whole, fmt::format("{}: {}", document.name(), version)))
                .first->second;
  }

  void arrange() {
    for (const auto& [name, document] : documents) {
      if (name == kubeadm_file) continue;
      const std::string version = text_part(*document, "kubeone");
      const auto parsed = Version::parse(version);
      if (!parsed) refuse_catalog(name + ": kubeone", fmt::format("\"{}\" is not a version", printable(version, 80)));
      if (!lines.emplace(parsed->line, document.get()).second)
        refuse_catalog(name, fmt::format("another file also has KubeOne {}", parsed->line.str()));
    }
    if (!documents.contains(std::string(kubeadm_file))) refuse_catalog(std::string(kubeadm_file), "missing or empty");
    if (lines.empty()) refuse_catalog("kubeone-*.yaml", "no KubeOne release");
  }
};

std::string to_string(Group group) {
  switch (group) {
    case Group::base: return "base";
    case Group::optional: return "optional";
    case Group::control_plane: return "control-plane";
  }
  return "";
}

std::set<std::string> Release::addon_names() const {
  std::set<std::string> names(embedded_addons.begin(), embedded_addons.end());
  for (const Component& component : components) names.insert(component.addons.begin(), component.addons.end());
  return names;
}

std::string Release::line() const { return Version::parse(version)->line.str(); }

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) { state_->arrange(); }
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;
Catalog::~Catalog() = default;

Catalog Catalog::built_in() {
  auto state = std::make_unique<State>();
  state->embedded = true;
  for (const EmbeddedPart& part : embedded_parts()) {
    auto& document = state->documents[std::string(part.file)];
    if (!document) document = std::make_unique<Document>(std::string(part.file));
    document->add(part.key, part.json);
  }
  return Catalog(std::move(state));
}

Catalog Catalog::load(const std::filesystem::path& directory) {
  std::error_code status;
  auto state = std::make_unique<State>();
  for (const auto& entry : std::filesystem::directory_iterator(directory, status)) {
    const std::string name = entry.path().filename().string();
    if (name != kubeadm_file && !glob_match("kubeone-*.yaml", name)) continue;
    state->documents[name] = std::make_unique<Document>(Document::from_yaml(name, read_file(entry.path(), max_file)));
  }
  if (status)
    throw Error(ErrorCode::media,
                fmt::format("cannot read the catalog directory {}: {}", directory.string(), status.message()))
        .hint("name a directory with kubeadm.yaml and kubeone-*.yaml");
  Catalog catalog(std::move(state));
  // Users' files are read completely, so mistakes in releases that this run does not use are reported too.
  for (const auto& [line, document] : catalog.state_->lines)
    for (const std::string& version : catalog.patches(line.str())) catalog.find_release(version);
  if (catalog.kubeadm().empty()) refuse_catalog(std::string(kubeadm_file), "missing or empty");
  return catalog;
}

std::vector<std::string> Catalog::lines() const {
  std::vector<std::string> names;
  for (const auto& [line, document] : state_->lines) names.push_back(line.str());
  return names;
}

std::vector<std::string> Catalog::patches(const std::string& line) const {
  const auto minor = Minor::parse(line);
  const auto found = minor ? state_->lines.find(*minor) : state_->lines.end();
  if (found == state_->lines.end()) return {};
  std::vector<Version> versions{*Version::parse(text_part(*found->second, "kubeone"))};
  const Json& patches = found->second->part("patches");
  if (!patches.is_object() && !patches.is_null()) refuse_catalog(found->second->name() + ": patches", "not a mapping");
  for (const auto& [name, patch] : patches.items()) {
    const auto version = Version::parse(name);
    if (!version || version->line != *minor)
      refuse_catalog(found->second->name() + ": patches",
                     fmt::format("\"{}\" is not a patch release of {}", printable(name, 80), line));
    versions.push_back(*version);
  }
  std::sort(versions.rbegin(), versions.rend());
  std::vector<std::string> names;
  for (const Version& version : versions) names.push_back(version.str());
  return names;
}

const Release* Catalog::find_release(std::string_view name) const {
  const auto exact = Version::parse(name);
  const auto line = exact ? exact->line : Minor::parse(name);
  const auto found = line ? state_->lines.find(*line) : state_->lines.end();
  if (found == state_->lines.end()) return nullptr;
  const Document& document = *found->second;
  if (!exact || exact->str() == text_part(document, "kubeone")) return &state_->newest(document);
  return state_->patch(document, exact->str());
}

const Json& Catalog::fields(const Release& release, const std::string& api_version) const {
  const std::string key = fmt::format("{} {}", release.version, api_version);
  if (const auto known = state_->fields.find(key); known != state_->fields.end()) return known->second;
  const Document& document = *state_->lines.at(Version::parse(release.version)->line);
  Json fields = document.part("fields");
  const Json& patches = document.part("patches");
  if (patches.is_object() && patches.contains(release.version) && patches[release.version].contains("fields"))
    fields.merge_patch(patches[release.version]["fields"]);
  Json& kept = state_->fields[key];
  if (fields.is_object() && fields.contains(api_version)) kept = std::move(fields[api_version]);
  return kept;
}

const std::map<Version, KubeadmImages>& Catalog::kubeadm() const {
  if (!state_->kubeadm) {
    const std::string name(kubeadm_file);
    state_->kubeadm = read_kubeadm(state_->documents.at(name)->whole(), name);
  }
  return *state_->kubeadm;
}

void Catalog::add_kubeadm(const Version& version, const KubeadmImages& images) {
  kubeadm();
  state_->kubeadm->insert_or_assign(version, images);
  state_->looked_up += fmt::format(" {} {} {} {}\n", version.str(), images.coredns, images.etcd, images.pause);
}

std::optional<Version> Catalog::newest_patch(const Minor& minor) const {
  std::optional<Version> newest;
  for (const auto& [version, images] : kubeadm())
    if (version.line == minor && version.pre_release.empty()) newest = version;
  return newest;
}

oci::Digest Catalog::digest() const {
  const auto digest =
      state_->embedded ? oci::Digest::parse(std::string(embedded_digest())) : documents_digest(state_->documents);
  return state_->looked_up.empty() ? digest : oci::sha256(digest.hex() + state_->looked_up);
}

}  // namespace airlock::kubeone

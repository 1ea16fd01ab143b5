// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/declared_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/findings.hpp"
#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"

namespace airlock::flow {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_set_file = 4U << 20;
constexpr const char* api_version = "airlock/v1";
constexpr const char* set_kind = "ImageSet";

[[noreturn]] void refuse_set(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::usage, fmt::format("{}: {}", where, why)).hint("docs/sets.md says what may be in it");
}

/// Keys of one file, each read once.
class SetReader {
 public:
  SetReader(const JsonObject& object, const fs::path& file) : object_(object), folder_(file.parent_path()) {}

  std::string text(const char* key) const { return object_.optional_string(key).value_or(""); }

  bool flag(const char* key) const { return optional_flag(key).value_or(false); }
  std::optional<bool> optional_flag(const char* key) const {
    if (!object_.has(key)) return std::nullopt;
    const Json& value = object_.json().at(key);
    if (!value.is_boolean()) refuse_set(fmt::format("{}: {}", object_.where(), key), "expected is true or false");
    return value.get<bool>();
  }

  std::vector<std::string> texts(const char* key) const { return object_.strings(key); }
  std::vector<fs::path> paths(const char* key) const {
    std::vector<fs::path> paths;
    for (const std::string& path : object_.strings(key)) paths.push_back(located(path));
    return paths;
  }

  std::string choice(const char* key, std::initializer_list<std::string_view> words) const {
    std::string word = text(key);
    if (object_.has(key) && std::find(words.begin(), words.end(), word) == words.end())
      refuse_set(fmt::format("{}: {}", object_.where(), key),
                 fmt::format("\"{}\" is not one of {}", printable(word, 80), join({words.begin(), words.end()}, ", ")));
    return word;
  }

  /// `{name, path}` or `{name, url, digest}`.
  std::vector<std::string> files() const {
    std::vector<std::string> files;
    if (!object_.has("files")) return files;
    for (const JsonObject& file : object_.objects("files")) {
      file.only({"name", "path", "url", "digest"});
      const auto path = file.optional_string("path");
      const auto url = file.optional_string("url");
      if (path.has_value() == url.has_value()) refuse_set(file.where(), "expected is either path or url");
      const auto digest = file.optional_string("digest");
      files.push_back(fmt::format("{}={}{}", file.string("name"), path ? located(*path).string() : *url,
                                  digest ? "@" + *digest : ""));
    }
    return files;
  }

  fs::path located(const std::string& path) const {
    return fs::path(path).is_absolute() ? fs::path(path) : folder_ / path;
  }

 private:
  const JsonObject& object_;
  fs::path folder_;
};

/// The keys `charts` of a set file are those of a charts file.
std::vector<kubeone::HelmRelease> charts_of(std::string_view text, const fs::path& file, const SetReader& reader) {
  auto charts = kubeone::parse_charts_file(text, file.string());
  for (kubeone::HelmRelease& chart : charts) {
    for (kubeone::HelmValues& values : chart.values)
      if (!values.file.empty()) values.file = reader.located(values.file).string();
    if (chart.repo_url.empty() && chart.chart_url.empty()) chart.chart = reader.located(chart.chart).string();
  }
  return charts;
}

/// What declares nothing would mean everything.
void check_selects(const JsonObject& object, const fs::path& file) {
  constexpr std::array selecting{"kubeone", "clusters", "kubernetesVersions", "filters",   "addons", "cloudProvider",
                                 "images",  "exclude",  "imagesFiles",        "manifests", "charts", "files"};
  if (std::none_of(selecting.begin(), selecting.end(), [&](const char* key) { return object.has(key); }))
    refuse_set(file.string(),
               "it selects nothing; filters: [base, optional, control-plane] would be everything of KubeOne");
}

constexpr std::array known_keys{"apiVersion", "kind",         "kubeone",       "clusters", "kubernetesVersions",
                                "filters",    "addons",       "cloudProvider", "images",   "imagesFiles",
                                "manifests",  "takeSuspects", "inConfigMaps",  "exclude",  "charts",
                                "noCharts",   "files",        "platforms",     "map",      "allowMissing",
                                "stream",     "pinned",       "forRegistry",   "referrers"};

/// Each mistake at once, with its line: change control sees the file many times otherwise.
DeclaredSet read_set(const JsonObject& object, const YamlDocument& document, std::string_view text,
                     const fs::path& file) {
  if (object.string("apiVersion") != api_version || object.string("kind") != set_kind)
    refuse_set(file.string(), fmt::format("it is no set of this version: expected are apiVersion: {} and kind: {}",
                                          api_version, set_kind));
  Findings findings;
  const auto line_of = [&](const std::string& key) {
    return fmt::format("{}: line {}", file.string(), document.line("/" + key));
  };
  for (const auto& entry : object.json().items())
    if (const std::string& key = entry.key(); std::find(known_keys.begin(), known_keys.end(), key) == known_keys.end())
      findings.check([&] { refuse_set(line_of(key), fmt::format("unknown key \"{}\"", printable(key, 80))); });
  const SetReader reader(object, file);
  DeclaredSet set;
  const auto read = [&](const char* key, auto&& action) {
    if (object.has(key)) findings.check([&] { within([&] { return line_of(key); }, action); });
  };
  read("kubeone", [&] { set.kubeone = reader.text("kubeone"); });
  read("clusters", [&] { set.clusters = reader.paths("clusters"); });
  read("kubernetesVersions", [&] { set.kubernetes_versions = reader.texts("kubernetesVersions"); });
  read("filters", [&] { set.filters = reader.texts("filters"); });
  read("addons", [&] { set.addons = reader.texts("addons"); });
  read("cloudProvider", [&] { set.cloud_provider = reader.text("cloudProvider"); });
  read("images", [&] { set.images = reader.texts("images"); });
  read("imagesFiles", [&] { set.image_files = reader.paths("imagesFiles"); });
  read("manifests", [&] { set.manifests = reader.paths("manifests"); });
  read("takeSuspects", [&] { set.take_suspects = reader.flag("takeSuspects"); });
  read("inConfigMaps", [&] { set.in_config_maps = reader.flag("inConfigMaps"); });
  read("exclude", [&] { set.exclude = reader.texts("exclude"); });
  read("charts", [&] { set.charts = charts_of(text, file, reader); });
  read("noCharts", [&] { set.no_charts = reader.flag("noCharts"); });
  read("files", [&] { set.files = reader.files(); });
  read("platforms", [&] { set.platforms = reader.texts("platforms"); });
  read("map", [&] { set.map = reader.texts("map"); });
  read("allowMissing", [&] { set.allow_missing = reader.texts("allowMissing"); });
  read("stream", [&] { set.stream = reader.text("stream"); });
  read("pinned", [&] { set.pinned = reader.choice("pinned", {"whole", "filter", "refuse"}); });
  read("forRegistry", [&] { set.for_registry = reader.choice("forRegistry", {"strict", "sparse"}); });
  read("referrers", [&] { set.referrers = reader.optional_flag("referrers"); });
  if (findings.empty()) check_selects(object, file);
  findings.conclude();
  return set;
}

}  // namespace

DeclaredSet DeclaredSet::parse(std::string_view text, const fs::path& file) {
  try {
    auto documents = parse_yaml_documents(text, file.string(), {{max_set_file, 32, 1U << 16}, YamlAliases::refuse, 2});
    if (documents.size() != 1) refuse_set(file.string(), "expected is one document");
    return read_set(JsonObject(documents.front().value, "set"), documents.front(), text, file);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::format) throw;
    throw Error(ErrorCode::usage, error.what()).hint("docs/sets.md says what may be in it");
  }
}

DeclaredSet DeclaredSet::load(const fs::path& file) { return parse(read_text(file, max_set_file), text_name(file)); }

}  // namespace airlock::flow

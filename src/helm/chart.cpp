// SPDX-License-Identifier: Apache-2.0
#include "airlock/helm/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"
#include "helm/chart_archive.hpp"

namespace airlock::helm {

namespace {

constexpr unsigned max_depth = 8;                 // dependencies of dependencies
constexpr std::size_t max_unpacked = 128U << 20;  // a chart with all that is in it

[[noreturn]] void refuse_chart(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::format, fmt::format("{}: {}", where, why))
      .hint("it is no chart that Helm would take: get it again, or ask its publisher");
}

bool is_text_of_chart(std::string_view path) {
  constexpr std::array<std::string_view, 4> endings{".yaml", ".yml", ".tpl", ".json"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return path.ends_with(end); });
}

bool is_read(std::string_view path) { return is_text_of_chart(path) || path.ends_with(".tgz"); }

std::string text_of(const Json& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end() || found->is_structured() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

/// As Helm's lint wants it (pkg/lint/rules/chartfile.go), with capitals and `_`, which are out there. Names become
/// arguments, paths and repositories.
bool is_chart_name(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= 250 && is_word(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_word(c) || c == '-' || c == '_' || c == '.'; });
}

/// Of all files below a chart, by path. `left`: bytes that those in it may still unpack to.
Chart chart_of(std::map<std::string, std::string> files, const std::string& where, unsigned depth, std::size_t& left) {
  const auto yaml = files.find("Chart.yaml");
  if (yaml == files.end()) refuse_chart(where, "it has no Chart.yaml");
  if (depth > max_depth) refuse_chart(where, "its dependencies are nested deeper than 8 levels");
  Chart chart;
  YamlOptions options;
  options.limits = {4U << 20, 32, 1U << 16};
  options.aliases = YamlAliases::expand;
  auto documents = parse_yaml_documents(yaml->second, where + ": Chart.yaml", options);
  if (documents.size() != 1 || !documents.front().value.is_object())
    refuse_chart(where, "its Chart.yaml is no mapping");
  chart.metadata = std::move(documents.front().value);
  chart.name = text_of(chart.metadata, "name");
  chart.version = text_of(chart.metadata, "version");
  chart.app_version = text_of(chart.metadata, "appVersion");
  if (chart.name.empty() || chart.version.empty()) refuse_chart(where, "its Chart.yaml has no name or no version");
  if (!is_chart_name(chart.name)) refuse_chart(where, printable(chart.name, 80) + " is no name of a chart");
  std::map<std::string, std::map<std::string, std::string>> below;
  for (auto& [path, content] : files) {
    constexpr std::string_view folder = "charts/";
    if (!path.starts_with(folder)) {
      if (is_text_of_chart(path)) chart.files.emplace(path, std::move(content));
      continue;
    }
    const std::string rest = path.substr(folder.size());
    const auto slash = rest.find('/');
    if (slash != std::string::npos)
      below[rest.substr(0, slash)].emplace(rest.substr(slash + 1), std::move(content));
    else if (rest.ends_with(".tgz"))
      below[rest] = read_archive(std::exchange(content, {}), where + ": " + path, is_read, left);
  }
  for (auto& [name, inner] : below)
    if (inner.contains("Chart.yaml"))  // else it is a README
      chart.dependencies.emplace(
          name, chart_of(std::move(inner), fmt::format("{}: charts/{}", where, name), depth + 1, left));
  return chart;
}

}  // namespace

Chart read_chart(std::string_view archive, const std::string& where) {
  std::size_t left = max_unpacked;
  auto files = read_archive(archive, where, is_read, left);
  return chart_of(std::move(files), where, 0, left);
}

Chart read_chart_folder(const std::filesystem::path& folder) {
  constexpr std::size_t max_file = 16U << 20;
  constexpr std::size_t max_files = 20'000;
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    if (!entry.is_regular_file() || !is_read(path)) continue;
    if (files.size() == max_files) refuse_chart(folder.string(), "it has more than 20,000 files");
    files.emplace(path, read_file(entry.path(), max_file));
  }
  std::size_t left = max_unpacked;
  return chart_of(std::move(files), folder.string(), 0, left);
}

}  // namespace airlock::helm

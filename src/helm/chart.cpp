// SPDX-License-Identifier: Apache-2.0
#include "airlock/helm/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"
#include "helm/chart_archive.hpp"

namespace airlock::helm {

namespace {

constexpr unsigned max_depth = 8;  // dependencies of dependencies

[[noreturn]] void refuse_chart(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::format, fmt::format("{}: {}", where, why))
      .hint("it is no chart that Helm would take: get it again, or ask its publisher");
}

bool is_text_of_chart(std::string_view path) {
  constexpr std::array<std::string_view, 4> endings{".yaml", ".yml", ".tpl", ".json"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return path.ends_with(end); });
}

std::string text_of(const Json& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end() || found->is_structured() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

/// Of all files below a chart, by path.
Chart chart_of(std::map<std::string, std::string> files, const std::string& where, unsigned depth) {
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
      below[rest] = read_archive(content, where + ": " + path);
  }
  for (auto& [name, inner] : below)
    if (inner.contains("Chart.yaml"))  // else it is a README
      chart.dependencies.emplace(name,
                                 chart_of(std::move(inner), fmt::format("{}: charts/{}", where, name), depth + 1));
  return chart;
}

}  // namespace

Chart read_chart(std::string_view archive, const std::string& where) {
  return chart_of(read_archive(archive, where), where, 0);
}

Chart read_chart_folder(const std::filesystem::path& folder) {
  constexpr std::size_t max_file = 16U << 20;
  constexpr std::size_t max_files = 20'000;
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    if (!entry.is_regular_file() || !(is_text_of_chart(path) || path.ends_with(".tgz"))) continue;
    if (files.size() == max_files) refuse_chart(folder.string(), "it has more than 20,000 files");
    files.emplace(path, read_file(entry.path(), max_file));
  }
  return chart_of(std::move(files), folder.string(), 0);
}

}  // namespace airlock::helm

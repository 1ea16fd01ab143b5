// SPDX-License-Identifier: Apache-2.0
#include "kubeone/chart_patch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "kubeone/manifest_document.hpp"

namespace airlock::kubeone {

namespace {

[[noreturn]] void refuse_chart_patch(const std::string& file, std::size_t line, const ChartPatch& chart) {
  throw Error(ErrorCode::selection,
              fmt::format("{}: line {}: this release is not written with one key per line", file, line))
      .hint(fmt::format("write into it, instead of repoURL: chartURL: \"{}\" and releaseName: {}", chart.chart_url,
                        chart.name));
}

/// Where `KEY:` begins in a line, behind spaces and a list's dash; nothing for other lines.
std::optional<std::size_t> key_column(std::string_view line, std::string_view key) {
  const std::size_t column = std::min(line.find_first_not_of(" -"), line.size());
  const std::string_view rest = line.substr(column);
  if (!rest.starts_with(key) || rest.size() <= key.size() || rest[key.size()] != ':') return std::nullopt;
  return column;
}

class ChartPatcher {
 public:
  ChartPatcher(std::string_view text, std::string file) : lines_(split(text, '\n')), file_(std::move(file)) {
    for (const YamlDocument& document : manifest_documents(text, file_))
      if (is_cluster(document.value)) document_ = document;
  }

  void plan(const ChartPatch& chart) {
    const char* key = has(chart, "repoURL") ? "repoURL" : "chartURL";
    const std::size_t number = document_.line(fmt::format("{}/{}", chart.pointer, key));
    std::string& line = lines_.at(number - 1);
    const auto column = key_column(line, key);
    if (!column || (has(chart, "repoURL") && has(chart, "chartURL"))) refuse_chart_patch(file_, number, chart);
    const std::string end = line.ends_with('\r') ? "\r" : "";
    line = fmt::format("{}chartURL: \"{}\"{}", line.substr(0, *column), chart.chart_url, end);
    const std::string margin(*column, ' ');
    if (!has(chart, "releaseName"))
      added_[number].push_back(fmt::format("{}releaseName: {}{}", margin, chart.name, end));
    if (!chart.version.empty()) set(chart, "version", fmt::format("\"{}\"", chart.version));
    if (!chart.insecure) return;
    if (has(chart, "insecure"))
      set(chart, "insecure", "true");
    else
      added_[number].push_back(fmt::format("{}insecure: true{}", margin, end));
  }

  std::string text() const {
    std::string text;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      text += (i == 0 ? "" : "\n") + lines_[i];
      if (const auto more = added_.find(i + 1); more != added_.end())
        for (const std::string& line : more->second) text += "\n" + line;
    }
    return text;
  }

 private:
  bool has(const ChartPatch& chart, const char* key) const {
    return document_.lines.contains(fmt::format("{}/{}", chart.pointer, key));
  }

  void set(const ChartPatch& chart, const char* key, const std::string& value) {
    const std::size_t number = document_.line(fmt::format("{}/{}", chart.pointer, key));
    std::string& line = lines_.at(number - 1);
    const auto column = key_column(line, key);
    if (!column) refuse_chart_patch(file_, number, chart);
    line = fmt::format("{}{}: {}{}", line.substr(0, *column), key, value, line.ends_with('\r') ? "\r" : "");
  }

  std::vector<std::string> lines_;
  std::string file_;
  YamlDocument document_;
  std::map<std::size_t, std::vector<std::string>> added_;  // behind a line, by its number
};

}  // namespace

std::string patch_charts(std::string_view text, const std::vector<ChartPatch>& charts, const std::string& file) {
  if (charts.empty()) return std::string(text);
  ChartPatcher patcher(text, file);
  for (const ChartPatch& chart : charts) patcher.plan(chart);
  return patcher.text();
}

void apply_charts(Json& manifest, const std::vector<ChartPatch>& charts) {
  for (const ChartPatch& chart : charts) {
    Json& release = manifest.at(Json::json_pointer(chart.pointer));
    release.erase("repoURL");
    release["chartURL"] = chart.chart_url;
    if (!release.contains("releaseName")) release["releaseName"] = chart.name;
    if (!chart.version.empty()) release["version"] = chart.version;
    if (chart.insecure) release["insecure"] = true;
  }
}

}  // namespace airlock::kubeone

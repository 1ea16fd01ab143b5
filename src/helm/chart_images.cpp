// SPDX-License-Identifier: Apache-2.0
#include "airlock/helm/chart_images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"

namespace airlock::helm {

namespace {

constexpr YamlOptions values_options{{16U << 20, 64, 1U << 20}, YamlAliases::expand, 1};

[[noreturn]] void refuse_as_helm(const std::string& why) {
  throw Error(ErrorCode::format, why).hint("tell whoever made the chart; Helm refuses it, too");
}

/// The mapping that a values file is; empty where it cannot be read.
Json values_of(const Chart& chart, const std::string& where, kubeone::FoundImages& found) {
  const auto file = chart.files.find("values.yaml");
  if (file == chart.files.end()) return Json::object();
  std::vector<YamlDocument> documents;
  try {
    documents = parse_yaml_documents(file->second, where + ": values.yaml", values_options);
  } catch (const Error& error) {
    found.unreadable.emplace_back(error.what());
  }
  if (documents.empty()) return Json::object();
  if (!documents.front().value.is_object()) refuse_as_helm(where + ": values.yaml is no mapping");
  return std::move(documents.front().value);
}

const Json& member(const Json& object, const std::string& key) {
  static const Json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

/// What Chart.yaml says of a dependency that lies in a folder or archive of this name.
const Json& dependency_entry(const Chart& chart, const std::string& folder, const std::string& name) {
  static const Json none;
  const Json& list = member(chart.metadata, "dependencies");
  if (!list.is_array()) return none;
  for (const Json& entry : list)
    if (member(entry, "name") == name || member(entry, "alias") == folder) return entry;
  return none;
}

/// Helm wants all of them there, switched off or not (pkg/action, CheckDependencies).
void check_dependencies(const Chart& chart, const std::string& where) {
  const Json& list = member(chart.metadata, "dependencies");
  for (const Json& entry : list.is_array() ? list : Json::array()) {
    const bool there = std::any_of(chart.dependencies.begin(), chart.dependencies.end(), [&](const auto& one) {
      return member(entry, "name") == one.second.name || member(entry, "alias") == one.first;
    });
    if (!there)
      refuse_as_helm(fmt::format("{}: its dependency {} is in Chart.yaml, and not in charts/ (helm dependency build)",
                                 where, printable(member(entry, "name").dump(), 80)));
  }
}

/// Whether the first of its conditions that the values answer says no.
bool is_switched_off(const Json& entry, const Json& values) {
  const Json& condition = member(entry, "condition");
  if (!condition.is_string()) return false;
  for (const std::string& path : split(condition.get<std::string>(), ',')) {
    const Json* node = &values;
    for (const std::string& key : split(trim(path), '.')) node = &member(*node, key);
    if (node->is_boolean()) return !node->get<bool>();
  }
  return false;
}

/// Values with the lines of the file that they come from, where it has the same.
void add_values(const Chart& chart, const Json& values, const std::string& where, kubeone::FoundImages& into) {
  kubeone::ReferenceOptions options;
  options.default_tag = chart.app_version;
  auto effective = kubeone::find_images(values.dump(), where + ": values", options);
  const auto file = chart.files.find("values.yaml");
  const auto written = file == chart.files.end() ? kubeone::FoundImages()
                                                 : kubeone::find_images(file->second, where + ": values.yaml", options);
  for (auto& [image, place] : effective.images)
    if (const auto same = written.images.find(image); same != written.images.end()) place = same->second;
  for (kubeone::Suspect& suspect : effective.suspects)
    for (const kubeone::Suspect& same : written.suspects)
      if (same.text == suspect.text) suspect.where = same.where;
  effective.unresolved.clear();  // its template tells, or only rendering
  into.add(std::move(effective));
}

void scan(const Chart& chart, const Json& given, const std::string& where, kubeone::FoundImages& into) {
  check_dependencies(chart, where);
  into.add(annotated_images(chart, where));
  const Json values = merge_values(values_of(chart, where, into), given);
  Json own = values;
  for (const auto& [folder, dependency] : chart.dependencies) {
    const Json& entry = dependency_entry(chart, folder, dependency.name);
    const Json& alias = member(entry, "alias");
    const std::string key = alias.is_string() ? alias.get<std::string>() : dependency.name;
    own.erase(key);
    if (is_switched_off(entry, values)) continue;
    Json below = member(values, key).is_object() ? member(values, key) : Json::object();
    if (const Json& global = member(values, "global"); global.is_object())
      below["global"] = merge_values(global, member(below, "global"));
    scan(dependency, below, fmt::format("{}: charts/{}", where, folder), into);
  }
  add_values(chart, own, where, into);
  kubeone::ReferenceOptions options;
  options.action = [&](std::string_view action) { return evaluate_action(action, values, chart); };
  for (const auto& [path, text] : chart.files) {
    const bool is_test = path.starts_with("templates/tests/") && text.find("helm.sh/hook") != std::string::npos;
    const bool is_manifest = path.starts_with("templates/") || path.starts_with("crds/");
    if (is_manifest && !is_test && !path.ends_with(".tpl"))
      into.add(kubeone::find_images(text, fmt::format("{}: {}", where, path), options));
  }
}

}  // namespace

Json merge_values(Json base, const Json& over, Nulls nulls) {
  if (over.is_null()) return base;
  if (!over.is_object()) return over;
  if (!base.is_object()) base = Json::object();
  for (const auto& [key, value] : over.items()) {
    if (value.is_null() && nulls == Nulls::remove)
      base.erase(key);
    else if (value.is_object() && base.contains(key) && base[key].is_object())
      base[key] = merge_values(std::move(base[key]), value, nulls);
    else
      base[key] = value;
  }
  return base;
}

kubeone::FoundImages annotated_images(const Chart& chart, const std::string& where) {
  const Json& list = member(member(chart.metadata, "annotations"), "artifacthub.io/images");
  if (!list.is_string()) return {};
  return kubeone::find_images(list.get<std::string>(), where + ": annotation artifacthub.io/images");
}

kubeone::FoundImages scan_chart(const Chart& chart, const Json& values, const std::string& where) {
  kubeone::FoundImages found;
  scan(chart, values, where, found);
  found.settle();
  return found;
}

}  // namespace airlock::helm

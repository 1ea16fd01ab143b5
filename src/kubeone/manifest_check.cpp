// SPDX-License-Identifier: Apache-2.0
// What KubeOne's strict decoder (pkg/apis/kubeone/config) and its validation would refuse.
#include <fmt/format.h>

#include <optional>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "kubeone/manifest_document.hpp"

namespace airlock::kubeone {

namespace {

struct Finding {
  std::string pointer;
  std::string what;
};

std::string token(const std::string& key) {
  std::string text;
  for (const char c : key) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return text;
}

/// "/a/b~1c/0" in dotted form: a.b/c[0]
std::string dotted(const std::string& pointer) {
  std::string text;
  for (const std::string& part : split(pointer.substr(1), '/')) {
    std::string key = part;
    for (std::size_t at = 0; (at = key.find('~', at)) != std::string::npos; ++at)
      key.replace(at, 2, 1, key.compare(at, 2, "~1") == 0 ? '/' : '~');
    if (parse_number(key))
      text += fmt::format("[{}]", key);
    else
      text += fmt::format("{}{}", text.empty() ? "" : ".", printable(key, 80));
  }
  return text;
}

/// The first difference between a manifest and the fields of a release (catalog, `fields`).
class FieldCheck {
 public:
  std::optional<Finding> run(const Json& value, const Json& fields) {
    look(value, fields, "");
    return std::move(finding_);
  }

 private:
  void found(const std::string& pointer, std::string what) {
    if (!finding_) finding_ = {pointer, std::move(what)};
  }

  void look(const Json& value, const Json& fields, const std::string& pointer) {
    if (finding_ || value.is_null()) return;
    if (fields.is_string()) return scalar(value, fields.get_ref<const std::string&>(), pointer);
    if (const Json& item = child(fields, "[]"); !item.is_null()) {
      if (!value.is_array()) return found(pointer, "is not a list");
      for (std::size_t i = 0; i < value.size(); ++i) look(value[i], item, fmt::format("{}/{}", pointer, i));
      return;
    }
    if (!value.is_object()) return found(pointer, "is not a mapping");
    const Json& any = child(fields, "*");
    for (const auto& [key, inner] : value.items()) {
      const Json& known = any.is_null() ? child(fields, key) : any;
      const std::string below = fmt::format("{}/{}", pointer, token(key));
      if (known.is_null()) return found(below, "is not a known field");
      look(inner, known, below);
    }
  }

  /// Only clear cases: YAML versions differ in how they type plain words.
  void scalar(const Json& value, const std::string& type, const std::string& pointer) {
    if (type == "any") return;
    if (value.is_structured())
      return found(pointer, "is not a " + std::string(type == "string" ? "string" : type.c_str()));
    if (type == "string" && !value.is_string()) found(pointer, "is not a string: put it in quotes");
    if (type == "integer" && value.is_boolean()) found(pointer, "is not a number");
    if (type == "bool" && value.is_number()) found(pointer, "is neither true nor false");
  }

  std::optional<Finding> finding_;
};

/// What is wrong with a manifest for one release.
std::optional<Finding> problem(const Cluster& cluster, const Catalog& catalog, const Release& release) {
  const auto rules = release.rules.find(cluster.api_version);
  if (rules == release.rules.end()) return Finding{"/apiVersion", "is not loaded"};
  const Json& root = cluster.document->value;
  const Json& fields = catalog.fields(release, cluster.api_version);
  if (!fields.is_null())
    if (auto finding = FieldCheck().run(root, fields)) return finding;
  const Json& registries = child(child(child(root, "containerRuntime"), "containerd"), "registries");
  if (!rules->second.registries_together && !child(root, "registryConfiguration").is_null() && !registries.is_null())
    return Finding{"/containerRuntime/containerd/registries", "cannot be combined with registryConfiguration"};
  return std::nullopt;
}

std::vector<std::string> releases_that_take(const Cluster& cluster, const Catalog& catalog) {
  std::vector<std::string> lines;
  for (const std::string& line : catalog.lines())
    if (!problem(cluster, catalog, *catalog.find_release(line))) lines.push_back(line);
  return lines;
}

std::string loads(const Release& release) {
  std::vector<std::string> versions;
  for (const auto& [api_version, rules] : release.rules) versions.push_back(api_version);
  return join(versions, " and ");
}

}  // namespace

void check_manifest(const Cluster& cluster, const Catalog& catalog, const Release& release, bool assumed,
                    std::vector<std::string>& warnings) {
  const auto finding = problem(cluster, catalog, release);
  if (!finding) {
    const Rules& rules = release.rules.at(cluster.api_version);
    if (!rules.migrate_to.empty())
      warnings.push_back(
          fmt::format("{}: KubeOne {} refuses {} until kubeone config migrate has converted it to {}; the images are "
                      "those of the migrated manifest",
                      cluster.origin, release.version, cluster.api_version, rules.migrate_to));
    return;
  }
  const bool version = finding->pointer == "/apiVersion";
  const std::string what = fmt::format(
      "{}: {}", place(cluster.origin, *cluster.document, finding->pointer),
      version ? fmt::format("the API version {} is not loaded by KubeOne {}, which loads {}",
                            printable(cluster.api_version, 80), release.version, loads(release))
              : fmt::format("{} {}; KubeOne {} refuses it", dotted(finding->pointer), finding->what, release.version));
  const auto others = releases_that_take(cluster, catalog);
  if (assumed && !others.empty()) {
    warnings.push_back(
        fmt::format("{}, but KubeOne {} would accept it: name yours with --kubeone", what, join(others, ", ")));
    return;
  }
  throw Error(ErrorCode::selection, what)
      .hint(others.empty() ? "correct the manifest; kubeone config print --full shows the allowed fields"
                           : "correct the manifest, or name another release with --kubeone: the manifest is for " +
                                 join(others, ", "));
}

}  // namespace airlock::kubeone

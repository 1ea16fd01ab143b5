// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/helm_release.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "kubeone/manifest_document.hpp"

namespace airlock::kubeone {

namespace {

class ReleaseReader {
 public:
  enum class Keys { any, known };

  /// Of a user's own file, all keys have to be known; what KubeOne adds to its manifests is no concern of ours.
  ReleaseReader(const YamlDocument& document, const std::string& file, Keys keys = Keys::any)
      : document_(document), file_(file), keys_(keys) {}

  HelmRelease read(const Json& entry, const std::string& pointer) const {
    HelmRelease release;
    release.origin = place(file_, document_, pointer);
    release.pointer = pointer;
    if (!entry.is_object()) refuse_entry(pointer, "it is no mapping");
    if (keys_ == Keys::known) check_keys(entry, pointer);
    release.chart = text(entry, pointer, "chart");
    release.repo_url = text(entry, pointer, "repoURL");
    release.chart_url = text(entry, pointer, "chartURL");
    release.version = text(entry, pointer, "version");
    release.name = text(entry, pointer, "releaseName");
    release.ns = text(entry, pointer, "namespace");
    const Json& insecure = child(entry, "insecure");
    release.insecure = insecure.is_boolean() && insecure.get<bool>();
    const Json& auth = child(entry, "auth");
    release.username = text(auth, pointer + "/auth", "username");
    release.password = text(auth, pointer + "/auth", "password");
    release.take_login();
    read_values(entry, pointer, release);
    if (release.chart.empty() && release.chart_url.empty()) refuse_entry(pointer, "it names no chart");
    return release;
  }

 private:
  [[noreturn]] void refuse_entry(const std::string& pointer, const std::string& why) const {
    throw Error(ErrorCode::selection, fmt::format("{}: {}", place(file_, document_, pointer), why))
        .hint("expected are chart, repoURL or chartURL, version, and values, as in KubeOne's helmReleases");
  }

  void check_keys(const Json& entry, const std::string& pointer) const {
    constexpr std::array known{"auth",    "chart",  "chartURL", "insecure", "namespace",  "releaseName",
                               "repoURL", "values", "version",  "wait",     "waitTimeout"};
    for (const auto& [key, value] : entry.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        refuse_entry(fmt::format("{}/{}", pointer, key), fmt::format("unknown key \"{}\"", printable(key, 80)));
  }

  std::string text(const Json& object, const std::string& pointer, const char* key) const {
    const Json& value = child(object, key);
    if (value.is_null()) return {};
    if (value.is_structured()) refuse_entry(fmt::format("{}/{}", pointer, key), fmt::format("{} is no text", key));
    return value.is_string() ? value.get<std::string>() : value.dump();
  }

  void read_values(const Json& entry, const std::string& pointer, HelmRelease& release) const {
    const Json& values = child(entry, "values");
    if (!values.is_null() && !values.is_array()) refuse_entry(pointer + "/values", "values is no list");
    for (const Json& one : values) {
      const Json& in_place = child(one, "inline");
      release.values.push_back(
          {text(one, pointer + "/values", "valuesFile"), in_place.is_null() ? std::string() : in_place.dump()});
    }
  }

  const YamlDocument& document_;
  const std::string& file_;
  Keys keys_;
};

}  // namespace

std::string HelmRelease::str() const {
  return fmt::format("{}: chart {}{}", origin, printable(chart_url.empty() ? chart : chart_url),
                     version.empty() ? "" : " " + printable(version, 80));
}

void HelmRelease::take_login() {
  for (std::string* url : {&repo_url, &chart_url}) {
    const auto scheme = url->find("://");
    if (scheme == std::string::npos) continue;
    const auto begin = scheme + 3;
    const auto at = url->rfind('@', url->find('/', begin));
    if (at == std::string::npos || at < begin || url->find('/', begin) < at) continue;
    const std::string login = url->substr(begin, at - begin);
    url->erase(begin, at + 1 - begin);
    const auto colon = login.find(':');
    if (!username.empty() || colon == std::string::npos) continue;
    username = login.substr(0, colon);
    password = login.substr(colon + 1);
  }
}

std::vector<HelmRelease> read_helm_releases(const YamlDocument& document, const std::string& file) {
  const ReleaseReader reader(document, file);
  std::vector<HelmRelease> releases;
  const auto read_list = [&](const Json& list, const std::string& pointer, const char* below) {
    if (!list.is_array()) return;  // a manifest is checked elsewhere
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string entry = fmt::format("{}/{}", pointer, i);
      if (*below == '\0')
        releases.push_back(reader.read(list[i], entry));
      else if (const Json& inner = child(list[i], below); !inner.is_null())
        releases.push_back(reader.read(inner, fmt::format("{}/{}", entry, below)));
    }
  };
  read_list(child(document.value, "helmReleases"), "/helmReleases", "");
  read_list(child(child(document.value, "addons"), "addons"), "/addons/addons", "helmRelease");
  return releases;
}

std::vector<HelmRelease> parse_charts_file(std::string_view text, const std::string& file) {
  std::vector<HelmRelease> releases;
  for (const YamlDocument& document : manifest_documents(text, file)) {
    const ReleaseReader reader(document, file, ReleaseReader::Keys::known);
    const Json& list = child(document.value, "charts");
    if (!list.is_array())
      throw Error(ErrorCode::selection, file + ": it has no list `charts`")
          .hint("write charts: and below it entries with chart, repoURL or chartURL, and version");
    for (std::size_t i = 0; i < list.size(); ++i)
      releases.push_back(reader.read(list[i], fmt::format("/charts/{}", i)));
  }
  if (releases.empty())
    throw Error(ErrorCode::selection, file + ": its list `charts` is empty").hint("name a chart, or leave charts out");
  return releases;
}

}  // namespace airlock::kubeone

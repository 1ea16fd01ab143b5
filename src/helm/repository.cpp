// SPDX-License-Identifier: Apache-2.0
#include "airlock/helm/repository.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"

namespace airlock::helm {

namespace {

struct Semver {
  std::array<std::uint64_t, 3> numbers{};
  std::string prerelease;
};

std::optional<Semver> parse_semver(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  text = text.substr(0, text.find('+'));
  Semver version;
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    version.prerelease = text.substr(dash + 1);
    text = text.substr(0, dash);
  }
  const auto parts = split(text, '.');
  if (parts.empty() || parts.size() > 3) return std::nullopt;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = parse_number(parts[i]);
    if (!number) return std::nullopt;
    version.numbers.at(i) = *number;
  }
  return version;
}

/// semver.org, 11.4.
int compare_prereleases(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return (a.empty() ? 1 : 0) - (b.empty() ? 1 : 0);
  const auto left = split(a, '.');
  const auto right = split(b, '.');
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const auto x = parse_number(left[i]);
    const auto y = parse_number(right[i]);
    if (x && y && *x != *y) return *x < *y ? -1 : 1;
    if (x.has_value() != y.has_value()) return x ? -1 : 1;
    if (const int order = left[i].compare(right[i]); !x && order != 0) return order;
  }
  return left.size() == right.size() ? 0 : left.size() < right.size() ? -1 : 1;
}

std::string absolute(const std::string& repository, const std::string& url) {
  if (url.find("://") != std::string::npos) return url;
  std::string base = repository.substr(0, repository.find('?'));
  if (url.starts_with('/')) {
    const auto host = base.find('/', base.find("://") + 3);
    return base.substr(0, host) + url;
  }
  if (!base.ends_with('/')) base += '/';
  return base + url;
}

std::string scalar_of(const YamlNode& node, std::string_view key) {
  const YamlNode* value = node.find(key);
  return value == nullptr ? std::string() : value->text;
}

const YamlNode* chart_entries(const YamlNode& root, const std::string& url, const std::string& name) {
  const YamlNode* entries = root.find("entries");
  const YamlNode* chart = entries == nullptr ? nullptr : entries->find(name);
  if (chart != nullptr && chart->kind == YamlNode::Kind::sequence && !chart->entries.empty()) return chart;
  throw Error(ErrorCode::selection, fmt::format("the chart repository {} has no chart {}", url, printable(name, 80)))
      .hint("check the name and the repository's address; helm search repo lists what it has");
}

IndexedChart entry_of(const YamlNode& node, const std::string& repository) {
  IndexedChart chart{scalar_of(node, "version"), "", std::nullopt};
  const YamlNode* urls = node.find("urls");
  if (urls == nullptr || urls->entries.empty() || urls->entries.front().value.text.empty())
    throw Error(ErrorCode::format, Side::source,
                fmt::format("the chart repository {} says no address of version {}", repository, chart.version))
        .hint("its index.yaml is broken: tell whoever keeps it");
  chart.url = absolute(repository, urls->entries.front().value.text);
  std::string digest = scalar_of(node, "digest");
  if (!digest.empty()) chart.digest = oci::Digest::parse(digest.starts_with("sha256:") ? digest : "sha256:" + digest);
  return chart;
}

}  // namespace

bool same_version(std::string_view a, std::string_view b) {
  const auto bare = [](std::string_view text) { return text.starts_with('v') ? text.substr(1) : text; };
  return bare(a) == bare(b);
}

bool is_release_version(std::string_view version) {
  const auto parsed = parse_semver(version.substr(0, version.find('_')));  // a tag has `_` for `+`
  return parsed && parsed->prerelease.empty();
}

bool is_version_range(std::string_view version) {
  return version.find_first_of("^~<>=*, |") != std::string_view::npos || version.ends_with(".x") ||
         version.ends_with(".X") || version == "x";
}

int compare_versions(std::string_view a, std::string_view b) {
  const auto left = parse_semver(a);
  const auto right = parse_semver(b);
  if (!left || !right) return (left ? 1 : 0) - (right ? 1 : 0);
  if (left->numbers != right->numbers) return left->numbers < right->numbers ? -1 : 1;
  return compare_prereleases(left->prerelease, right->prerelease);
}

IndexedChart find_chart(std::string_view index, const std::string& url, const std::string& name,
                        const std::string& version) {
  const YamlOptions options{{max_index, 32, 16U << 20}, YamlAliases::expand, 1, YamlOddities::pass, 1};
  const auto documents = parse_yaml_nodes(index, url + "/index.yaml", options);
  const YamlNode none;
  const YamlNode* chart = chart_entries(documents.empty() ? none : documents.front(), url, name);
  const YamlNode* best = nullptr;
  std::string newest;
  for (const YamlEntry& entry : chart->entries) {
    const std::string found = scalar_of(entry.value, "version");
    if (!version.empty() && same_version(found, version)) return entry_of(entry.value, url);
    const auto parsed = parse_semver(found);
    if (!parsed || !parsed->prerelease.empty()) continue;
    if (best == nullptr || compare_versions(found, newest) > 0) {
      best = &entry.value;
      newest = found;
    }
  }
  if (version.empty() && best != nullptr) return entry_of(*best, url);
  throw Error(ErrorCode::selection,
              fmt::format("the chart repository {} has no version {} of {}", url,
                          version.empty() ? "that is no pre-release" : printable(version, 80), name))
      .hint(is_version_range(version) ? fmt::format("name one version, not a range: a bundle is reviewed once; the "
                                                    "newest is {}",
                                                    newest)
                                      : "the newest is " + (newest.empty() ? "unknown" : newest));
}

}  // namespace airlock::helm

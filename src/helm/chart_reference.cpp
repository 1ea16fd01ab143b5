// SPDX-License-Identifier: Apache-2.0
#include "airlock/helm/chart_reference.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/helm/repository.hpp"

namespace airlock::helm {

namespace {

[[noreturn]] void refuse_reference(const std::string& what, const std::string& why) {
  throw Error(ErrorCode::selection, fmt::format("the chart {}: {}", printable(what), why))
      .hint("write oci://HOST/PATH/NAME:VERSION, or the name, the repository's address and the version");
}

struct UrlParts {
  std::string host;
  std::vector<std::string> path;
};

UrlParts parts_of(const std::string& url) {
  const auto scheme = url.find("://");
  const std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
  auto parts = split(rest.substr(0, rest.find_first_of("?#")), '/');
  UrlParts result{to_lower(parts.front().substr(parts.front().rfind('@') + 1)), {}};
  for (std::size_t i = 1; i < parts.size(); ++i)
    if (!parts[i].empty()) result.path.push_back(parts[i]);
  return result;
}

/// A part of an address as a part of a repository.
std::string plain_part(const std::string& part) {
  std::string plain;
  for (const char c : to_lower(part)) {
    const bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (keep)
      plain += c;
    else if (!plain.empty() && plain.back() != '-')
      plain += '-';
  }
  while (plain.ends_with('-')) plain.pop_back();
  return plain;
}

}  // namespace

std::string tag_of_version(const std::string& version) {
  std::string tag = version;
  std::replace(tag.begin(), tag.end(), '+', '_');
  return tag;
}

oci::Reference http_chart_reference(const std::string& repository_url, const std::string& name,
                                    const std::string& version) {
  const UrlParts parts = parts_of(repository_url);
  std::string path = "charts";
  for (const std::string& part : parts.path)
    if (const std::string plain = plain_part(part); !plain.empty()) path += "/" + plain;
  const auto host = oci::Registry::find(parts.host);
  const auto repository = oci::Repository::find(path + "/" + name);
  const auto tag = oci::Tag::find(tag_of_version(version));
  if (!host) refuse_reference(repository_url, "its repository has no host");
  if (!repository) refuse_reference(name, "its name cannot be one of a registry");
  if (!tag) refuse_reference(name, fmt::format("its version {} cannot be a tag", printable(version, 80)));
  return {*host, *repository, tag, std::nullopt};
}

bool names_version(const std::string& url) { return url.find_first_of(":@", url.rfind('/')) != std::string::npos; }

oci::Reference oci_chart_reference(const std::string& url, const std::string& version) {
  std::string text = url.substr(oci_scheme.size());
  const bool named = names_version(url);
  if (!named && version.empty()) refuse_reference(url, "no version is named");
  if (!named && is_version_range(version))
    refuse_reference(
        url, fmt::format("{} is a range: name one version, as a bundle is reviewed once", printable(version, 80)));
  if (!named) text += ":" + tag_of_version(version);
  const auto reference = oci::Reference::find(text);
  if (!reference || text.find('/') == std::string::npos) refuse_reference(url, "this is no reference of a registry");
  return *reference;
}

std::string folder_of_url(const std::string& url) { return url.substr(0, url.rfind('/')); }

bool is_chart_of(const oci::Reference& chart, const kubeone::HelmRelease& release) {
  try {
    const std::string version = release.version.empty() && chart.tag ? chart.tag->str() : release.version;
    if (release.chart_url.starts_with(oci_scheme)) {
      const oci::Reference wanted = oci_chart_reference(release.chart_url, version);
      return wanted.registry == chart.registry && wanted.repository == chart.repository && wanted.tag == chart.tag;
    }
    if (!release.chart_url.empty()) {
      const std::string file = release.chart_url.substr(release.chart_url.rfind('/') + 1);
      const std::string& path = chart.repository;
      const std::string name = path.substr(path.rfind('/') + 1);
      return chart.tag && tag_of_version(file) == fmt::format("{}-{}.tgz", name, chart.tag->str()) &&
             http_chart_reference(folder_of_url(release.chart_url), name, chart.tag->str()) == chart;
    }
    return !release.repo_url.empty() && chart.tag && same_version(tag_of_version(version), chart.tag->str()) &&
           http_chart_reference(release.repo_url, release.chart, chart.tag->str()) == chart;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace airlock::helm

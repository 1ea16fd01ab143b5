// SPDX-License-Identifier: Apache-2.0
// Under which reference a chart is in a set of images, and so where it is inside.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "airlock/kubeone/helm_release.hpp"
#include "airlock/oci/reference.hpp"

namespace airlock::helm {

inline constexpr std::string_view oci_scheme = "oci://";

/// A version as a tag: `+`, which no tag has, is `_` (helm.sh/docs/topics/registries).
std::string tag_of_version(const std::string& version);

/// `charts.example/charts/PATH/NAME:VERSION` for a chart that an HTTP server has, whose address is that of its
/// repository. An Error (code `selection`) where the name or version cannot be one of a registry.
oci::Reference http_chart_reference(const std::string& repository_url, const std::string& name,
                                    const std::string& version);

/// Whether an address of a registry has a tag or a digest.
bool names_version(const std::string& url);

/// `oci://HOST/PATH[:VERSION][@sha256:DIGEST]`, with the version of the release where it has one. An Error (code
/// `selection`) where neither says one.
oci::Reference oci_chart_reference(const std::string& url, const std::string& version);

/// The folder of a URL: of a chart's archive, its repository as far as names go.
std::string folder_of_url(const std::string& url);

/// Whether a chart in a set is the one that a release names. A release without a version is any version of it.
bool is_chart_of(const oci::Reference& chart, const kubeone::HelmRelease& release);

}  // namespace airlock::helm

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "airlock/kubeone/catalog.hpp"
#include "kubeone/document.hpp"

namespace airlock::kubeone {

/// A release out of its JSON form (data/catalog/kubeone-*.yaml, a patch applied). An Error (code `selection`) names the
/// file and the place of a mistake.
Release read_release(const Json& document, const std::string& file);

/// The table of kubeadm.yaml.
std::map<Version, KubeadmImages> read_kubeadm(const Json& table, const std::string& file);

MinorRange read_range(const Json& node, const std::string& where);

}  // namespace airlock::kubeone

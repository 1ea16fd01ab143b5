// SPDX-License-Identifier: Apache-2.0
#include "kubeone/manifest_document.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"

namespace airlock::kubeone {

namespace {

// Four MiB are possible for a manifest; a million values are not.
constexpr YamlOptions manifest_options{{max_manifest, 64, 1U << 20}, YamlAliases::expand, 1000};

}  // namespace

std::vector<YamlDocument> manifest_documents(std::string_view text, const std::string& file) {
  try {
    return parse_yaml_documents(text, file, manifest_options);
  } catch (const Error& error) {
    throw Error(ErrorCode::selection, error.what())
        .hint("kubeone would refuse it too, or read it differently; correct the line");
  }
}

bool is_cluster(const Json& document) {
  const Json& kind = child(document, "kind");
  return kind.is_string() && kind.get_ref<const std::string&>() == "KubeOneCluster";
}

const Json& child(const Json& node, std::string_view key) {
  static const Json none;
  if (!node.is_object()) return none;
  const auto found = node.find(key);
  return found == node.end() ? none : *found;
}

std::string place(const std::string& file, const YamlDocument& document, const std::string& pointer) {
  return fmt::format("{}: line {}", file, document.line(pointer));
}

}  // namespace airlock::kubeone

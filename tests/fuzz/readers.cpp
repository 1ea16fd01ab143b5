// SPDX-License-Identifier: Apache-2.0
// Readers of what registries answer, of what people have in hand, and of text that is shown.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "airlock/base/encoding.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"
#include "airlock/kubeone/cluster.hpp"
#include "airlock/kubeone/image_list.hpp"
#include "airlock/kubeone/image_references.hpp"
#include "airlock/kubeone/manifest_patch.hpp"
#include "airlock/kubeone/selection.hpp"
#include "airlock/oci/image_config.hpp"
#include "airlock/oci/names.hpp"
#include "airlock/registry/credentials.hpp"
#include "airlock/trust/key.hpp"
#include "registry/auth.hpp"
#include "registry/link_header.hpp"
#include "registry/session.hpp"
#include "registry/url.hpp"
#include "targets.hpp"

namespace airlock::fuzz {

namespace {

bool is_safe(std::string_view shown) { return without_controls(shown, false) == shown; }

}  // namespace

void challenge(std::string_view input) {
  for (const auto& challenge : registry::parse_challenges({std::string(input)}))
    require(to_lower(challenge.scheme) == challenge.scheme, "a scheme that is not in lower case");
}

void cluster(std::string_view input) { static_cast<void>(kubeone::parse_cluster(input, "/nonexistent/kubeone.yaml")); }

void credentials(std::string_view input) {
  // Helpers would be run: a text that names one is not looked at.
  if (input.find("cred") != std::string_view::npos) return;
  static const std::filesystem::path directory = [] {
    std::string name = (std::filesystem::temp_directory_path() / "airlock-fuzz-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    ::setenv("DOCKER_CONFIG", name.c_str(), 1);
    ::unsetenv("REGISTRY_AUTH_FILE");
    static const std::string kept = name;
    std::atexit([] { std::filesystem::remove_all(kept); });
    return std::filesystem::path(name);
  }();
  replace_file(directory / "config.json", input);
  const auto store = registry::CredentialStore::from_environment();
  for (const char* host : {"docker.io", "quay.io", "registry.local:5000"}) static_cast<void>(store.find(host));
}

void error_body(std::string_view input) {
  const std::string body(input);
  require(is_safe(registry::error_text(body)), "an error text with controls");
  registry::HttpAnswer answer;
  answer.status = 500;
  answer.body = body;
  require(is_safe(registry::describe(answer)), "a description with controls");
}

void image_config(std::string_view input) { static_cast<void>(oci::ImageConfig::parse(input, "config")); }

void image_list(std::string_view input) {
  static_cast<void>(kubeone::find_images(input, "input"));
  static_cast<void>(kubeone::read_image_list(to_utf8(std::string(input), "f"), "f"));
}

void link_header(std::string_view input) {
  const auto next = registry::next_page({std::string(input)});
  if (next) static_cast<void>(registry::resolve_url("https://registry.local/v2/a/referrers/x", *next));
}

void patch(std::string_view input) {
  const kubeone::PatchValues values{"registry.local:5000/kube", true};
  const std::string once = kubeone::patch_manifest(input, values, "input");
  require(kubeone::patch_manifest(once, values, "input") == once,
          "a patched manifest changes when it is patched again");
}

void public_key(std::string_view input) {
  const auto key = trust::PublicKey::from_text(input, "input");
  require(trust::PublicKey::from_text(key.pem(), "again").spki() == key.spki(),
          "a key changed by being written and read");
  require(!key.matches("message", "x"), "a key that takes any signature");
}

void text(std::string_view input) {
  const std::string shown = without_controls(input, true);
  require(is_utf8(shown) && without_controls(shown, true) == shown, "text that is made safe is not");
  require(clipped(input, 5).size() <= 5, "a longer text than wanted");
  if (const auto bytes = base64_decode(input)) require(base64_encode(*bytes) == input, "base64 has two forms");
  static_cast<void>(parse_time(input));
  static_cast<void>(parse_duration(input));
  const Json value{{"text", std::string(input)}};
  const std::string line = json_line(value);
  require(is_safe(line), "JSON that is printed has controls");
  if (is_utf8(input)) require(Json::parse(line) == value, "JSON changed by being made safe");
  const auto middle = input.size() / 2;
  static_cast<void>(glob_match(input.substr(0, middle), input.substr(middle)));
  if (const auto tag = oci::Tag::find(input)) require(tag->str().find('/') == std::string::npos, "a tag with a slash");
}

void url(std::string_view input) {
  const std::string location(input);
  const std::string resolved = registry::resolve_url("https://registry.local:5000/v2/a/blobs/uploads/", location);
  if (resolved.empty()) return;
  if (const auto origin = registry::origin_of(resolved))
    require(registry::origin_of(origin->str() + "/v2/") == origin, "an origin has two forms");
}

void yaml(std::string_view input) {
  const auto documents = parse_yaml_documents(input, "input", {{1U << 16, 32, 1U << 12}, YamlAliases::expand, 100});
  for (const auto& document : documents)
    for (const auto& [pointer, line] : document.lines) require(line > 0, "a line before the first");
}

}  // namespace airlock::fuzz

// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/image_config.hpp"

#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/oci/spelling.hpp"

namespace airlock::oci {

ImageConfig ImageConfig::parse(std::string_view text, std::string_view where) {
  const Json json = parse_json(text, where, {max_config_size, 64});
  const JsonObject object(json, std::string(where));
  check_config_spelling(object);
  ImageConfig config;
  const auto field = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  config.platform = Platform::find(field("os"), field("architecture"), field("variant"));
  const auto root = json.find("rootfs");
  // Go encodes an empty list as null.
  if (root != json.end() && root->is_object() && root->contains("diff_ids") && !root->at("diff_ids").is_null())
    config.diff_ids = JsonObject(*root, object.where() + ": rootfs").strings("diff_ids");
  return config;
}

}  // namespace airlock::oci

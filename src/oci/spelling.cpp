// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/spelling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::oci {

namespace {

/// An object with fields: their names, and those among them that are such objects again, alone or in a list.
struct Shape {
  Shape(const std::set<std::string>& fields, std::map<std::string, const Shape*> inner) : objects(std::move(inner)) {
    for (const std::string& field : fields) spellings.emplace(to_lower(field), field);
  }
  std::map<std::string, std::string> spellings;  // by the field in lower case
  std::map<std::string, const Shape*> objects;
};

const Shape& platform_shape() {
  static const Shape shape{{"architecture", "os", "os.version", "os.features", "variant", "features"}, {}};
  return shape;
}

const Shape& descriptor_shape() {
  static const Shape shape{{"mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"},
                           {{"platform", &platform_shape()}}};
  return shape;
}

/// Manifest and index in one: what a program takes a document for may depend on its keys (CVE-2021-41190).
const Shape& document_shape() {
  static const Shape shape{{"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs",
                            "subject", "annotations", "fsLayers", "history", "signatures"},
                           {{"config", &descriptor_shape()},
                            {"layers", &descriptor_shape()},
                            {"manifests", &descriptor_shape()},
                            {"blobs", &descriptor_shape()},
                            {"subject", &descriptor_shape()}}};
  return shape;
}

const Shape& run_shape() {
  static const Shape shape{
      {"User",        "ExposedPorts", "Env",         "Entrypoint",      "Cmd",          "Volumes",      "WorkingDir",
       "Labels",      "StopSignal",   "StopTimeout", "ArgsEscaped",     "Memory",       "MemorySwap",   "CpuShares",
       "Healthcheck", "Hostname",     "Domainname",  "AttachStdin",     "AttachStdout", "AttachStderr", "Tty",
       "OpenStdin",   "StdinOnce",    "Image",       "NetworkDisabled", "MacAddress",   "OnBuild",      "Shell"},
      {}};
  return shape;
}

const Shape& config_shape() {
  static const Shape root_file_system{{"type", "diff_ids"}, {}};
  static const Shape history{{"created", "created_by", "author", "comment", "empty_layer"}, {}};
  static const Shape shape{
      {"created", "author", "architecture", "os", "os.version", "os.features", "variant", "config", "rootfs", "history",
       "container", "container_config", "docker_version", "id", "parent", "comment"},
      {{"config", &run_shape()},
       {"container_config", &run_shape()},
       {"rootfs", &root_file_system},
       {"history", &history}}};
  return shape;
}

[[noreturn]] void refuse_key(const std::string& where, const std::string& key, const std::string& why) {
  throw Error(ErrorCode::format, fmt::format("{}: the key \"{}\" {}, so programs would read this document differently",
                                             where, printable(key, 80), why))
      .hint("the image's author must spell it as in the OCI specification; leave the image out until then");
}

void check_keys(const Json& value, const Shape& shape, const std::string& where) {
  if (!value.is_object()) return;  // its readers check its type
  std::set<std::string> seen;
  for (const auto& [key, member] : value.items()) {
    if (std::any_of(key.begin(), key.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
      refuse_key(where, key, "is not ASCII");
    const std::string folded = to_lower(key);
    if (const auto known = shape.spellings.find(folded); known != shape.spellings.end() && known->second != key)
      refuse_key(where, key, fmt::format("is not spelled \"{}\"", known->second));
    if (!seen.insert(folded).second) refuse_key(where, key, "appears in two spellings");
    const auto inner = shape.objects.find(key);
    if (inner == shape.objects.end()) continue;
    const std::string below = fmt::format("{}: {}", where, key);
    if (member.is_array())
      for (const Json& element : member) check_keys(element, *inner->second, below);
    else
      check_keys(member, *inner->second, below);
  }
}

}  // namespace

void check_document_spelling(const JsonObject& document) {
  check_keys(document.json(), document_shape(), document.where());
}

void check_config_spelling(const JsonObject& config) { check_keys(config.json(), config_shape(), config.where()); }

}  // namespace airlock::oci

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/transfer/layout_ports.hpp"
#include "transfer/layout_files.hpp"
#include "transfer/send_file.hpp"

namespace airlock::transfer {

namespace {

constexpr std::size_t max_index = 64U << 20;
/// What a document says of itself. The OCI's may leave it out: then its shape tells.
std::string media_type_of(std::string_view bytes, const std::string& where) {
  const Json json = parse_json(bytes, where, {oci::max_manifest_size, 64});
  const JsonObject body(json, where);
  if (auto type = body.optional_string("mediaType")) return *type;
  return std::string(body.has("manifests") ? oci::media_type::oci_index : oci::media_type::oci_manifest);
}

}  // namespace

LayoutNames read_layout_names(const std::filesystem::path& directory) {
  const auto read = [&](const char* name, std::size_t limit) {
    return parse_json(read_file(directory / name, limit), (directory / name).string(), {limit, 16, 2U << 20});
  };
  const Json version = read("oci-layout", 1024);
  if (JsonObject(version, "oci-layout").string("imageLayoutVersion") != "1.0.0")
    throw Error(ErrorCode::format, fmt::format("{} is not an OCI image layout of version 1.0.0", directory.string()))
        .hint("name a directory that a tool of the OCI wrote");
  const Json index = read("index.json", max_index);
  LayoutNames names;
  for (const JsonObject& entry : JsonObject(index, "index.json").objects("manifests")) {
    oci::Descriptor descriptor = oci::Descriptor::from_json(entry);
    const auto name = descriptor.annotations.find(ref_name);
    if (name != descriptor.annotations.end()) names.emplace(name->second, descriptor);
  }
  return names;
}

std::optional<oci::RawDocument> LayoutSource::document(const oci::Digest& digest) {
  const auto path = layout_blob(directory_, digest);
  if (!std::filesystem::exists(path)) return std::nullopt;
  std::string bytes = read_file(path, oci::max_manifest_size);
  const oci::Digest actual = oci::sha256(bytes);
  std::string type = media_type_of(bytes, path.string());
  return oci::RawDocument{std::move(type), std::move(bytes), actual};
}

bool LayoutSource::has(const oci::Node& blob) const {
  return std::filesystem::exists(layout_blob(directory_, blob.digest));
}

void LayoutSource::send(const oci::Node& blob, oci::BlobPart part, oci::BlobSink& sink) {
  send_file(layout_blob(directory_, blob.digest), part, sink);
}

std::string LayoutSource::name_of(const oci::Node& /*blob*/) const { return directory_.string(); }

}  // namespace airlock::transfer

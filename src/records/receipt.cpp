// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/receipt.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"

namespace airlock::records {

namespace {

constexpr JsonLimits receipt_limits{64U << 20, 16, 2U << 20};

/// airlock writes nothing outside of the prefix that it was given, and so neither does a receipt say it.
oci::Repository below_prefix(const JsonObject& where, const std::string& name, const oci::Location& registry) {
  oci::Repository repository = oci::Repository::parse(name);
  if (oci::Location{registry.host, repository}.is_within(registry)) return repository;
  throw Error(ErrorCode::format,
              fmt::format("{}: {} is not below {}", where.where(), repository.str(), registry.str()));
}

/// "HOST/REPOSITORY:TAG" of this registry.
ReceiptImage image_of(const JsonObject& image, const oci::Location& registry) {
  const std::string name = image.string("name");
  const std::string host = registry.host + "/";
  const auto colon = name.rfind(':');
  if (!name.starts_with(host) || colon == std::string::npos || colon < host.size())
    throw Error(ErrorCode::format, fmt::format("{}: name: not a name in {}", image.where(), registry.host.str()));
  ReceiptImage found{oci::Reference::parse(image.string("source")),
                     below_prefix(image, name.substr(host.size(), colon - host.size()), registry),
                     oci::Tag::parse(name.substr(colon + 1)), oci::Digest::parse(image.string("digest")),
                     oci::Digest::parse(image.string("upstreamDigest"))};
  if (found.source.digest && *found.source.digest != found.upstream_digest)
    throw Error(ErrorCode::format, image.where() + ": its source is pinned to another digest");
  return found;
}

Receipt from_json(const JsonObject& object) {
  object.only({"mediaType", "registry", "time", "bundle", "policy", "signers", "images", "blobs"});
  if (object.string("mediaType") != receipt_media_type)
    throw Error(ErrorCode::format, object.where() + ": not a receipt of this format");
  const JsonObject bundle = object.object("bundle");
  bundle.only({"sumsDigest", "stream", "serial"});
  const auto time = parse_time(object.string("time"));
  if (!time) throw Error(ErrorCode::format, object.where() + ": time: not a time");
  const std::string stream = bundle.string("stream");
  if (!is_plain_name(stream)) throw Error(ErrorCode::format, bundle.where() + ": malformed stream name");
  Receipt receipt{oci::Location::parse(object.string("registry")),
                  *time,
                  oci::Digest::parse(bundle.string("sumsDigest")),
                  stream,
                  bundle.integer("serial"),
                  object.string("policy"),
                  object.strings("signers"),
                  {},
                  {}};
  for (const JsonObject& image : object.objects("images")) {
    image.only({"source", "name", "digest", "upstreamDigest"});
    receipt.images.push_back(image_of(image, receipt.registry));
  }
  for (const JsonObject& blob : object.objects("blobs")) {
    blob.only({"digest", "size", "repositories"});
    ReceiptBlob held{blob.integer("size"), {}};
    for (const std::string& name : blob.strings("repositories"))
      held.repositories.insert(below_prefix(blob, name, receipt.registry));
    if (!receipt.blobs.emplace(oci::Digest::parse(blob.string("digest")), std::move(held)).second)
      throw Error(ErrorCode::format, blob.where() + ": the blob appears twice");
  }
  return receipt;
}

}  // namespace

std::string Receipt::name(const ReceiptImage& image) const {
  return fmt::format("{}/{}:{}", registry.host.str(), image.repository.str(), image.tag.str());
}

std::string Receipt::format() const {
  Json json{{"mediaType", receipt_media_type},
            {"registry", registry.str()},
            {"time", format_time(time)},
            {"bundle", {{"sumsDigest", bundle.str()}, {"stream", stream}, {"serial", serial}}},
            {"policy", policy},
            {"signers", signers},
            {"images", Json::array()},
            {"blobs", Json::array()}};
  for (const ReceiptImage& image : images)
    json["images"].push_back({{"source", image.source.str()},
                              {"name", name(image)},
                              {"digest", image.digest.str()},
                              {"upstreamDigest", image.upstream_digest.str()}});
  for (const auto& [digest, blob] : blobs) {
    Json repositories = Json::array();
    for (const oci::Repository& repository : blob.repositories) repositories.push_back(repository.str());
    json["blobs"].push_back({{"digest", digest.str()}, {"size", blob.size}, {"repositories", std::move(repositories)}});
  }
  return canonical_json(json) + "\n";
}

Receipt Receipt::parse(std::string_view text, const std::string& where) {
  try {
    const Json json = parse_json(text, where, receipt_limits);
    Receipt receipt = from_json(JsonObject(json, where));
    if (receipt.format() != text) throw Error(ErrorCode::format, where + ": not in canonical form");
    return receipt;
  } catch (const Error& error) {
    throw Error(ErrorCode::format, std::string("not a receipt that airlock can read: ") + error.what())
        .hint("get it again from the isolated side, where airlock import --receipt FILE wrote it");
  }
}

}  // namespace airlock::records

// SPDX-License-Identifier: Apache-2.0
#include "airlock/transfer/receipt.hpp"

#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"

namespace airlock::transfer {

namespace {

constexpr JsonLimits limits{64U << 20, 16, 2U << 20};

Receipt from_json(const JsonObject& object) {
  object.only({"mediaType", "registry", "time", "bundle", "policy", "signers", "images", "blobs"});
  if (object.string("mediaType") != receipt_media_type)
    throw Error(ErrorCode::format, object.where() + ": it is no receipt of this format");
  const JsonObject bundle = object.object("bundle");
  bundle.only({"sumsDigest", "stream", "serial"});
  const auto time = parse_time(object.string("time"));
  if (!time) throw Error(ErrorCode::format, object.where() + ": time: not a time");
  Receipt receipt{object.string("registry"),
                  *time,
                  oci::Digest::parse(bundle.string("sumsDigest")),
                  bundle.string("stream"),
                  bundle.integer("serial"),
                  object.string("policy"),
                  object.strings("signers"),
                  {},
                  {}};
  for (const JsonObject& image : object.objects("images")) {
    image.only({"source", "name", "digest", "upstreamDigest"});
    receipt.images.push_back({image.string("source"), image.string("name"), oci::Digest::parse(image.string("digest")),
                              oci::Digest::parse(image.string("upstreamDigest"))});
  }
  for (const JsonObject& blob : object.objects("blobs")) {
    blob.only({"digest", "size", "repositories"});
    const auto repositories = blob.strings("repositories");
    receipt.blobs.emplace(oci::Digest::parse(blob.string("digest")),
                          ReceiptBlob{blob.integer("size"), {repositories.begin(), repositories.end()}});
  }
  return receipt;
}

}  // namespace

std::string Receipt::format() const {
  Json json{{"mediaType", receipt_media_type},
            {"registry", registry},
            {"time", format_time(time)},
            {"bundle", {{"sumsDigest", bundle.str()}, {"stream", stream}, {"serial", serial}}},
            {"policy", policy},
            {"signers", signers},
            {"images", Json::array()},
            {"blobs", Json::array()}};
  for (const ReceiptImage& image : images)
    json["images"].push_back({{"source", image.source},
                              {"name", image.name},
                              {"digest", image.digest.str()},
                              {"upstreamDigest", image.upstream_digest.str()}});
  for (const auto& [digest, blob] : blobs)
    json["blobs"].push_back({{"digest", digest.str()}, {"size", blob.size}, {"repositories", blob.repositories}});
  return canonical_json(json) + "\n";
}

Receipt Receipt::parse(std::string_view text, const std::string& where) {
  try {
    const Json json = parse_json(text, where, limits);
    Receipt receipt = from_json(JsonObject(json, where));
    if (receipt.format() != text) throw Error(ErrorCode::format, where + ": not in canonical form");
    return receipt;
  } catch (const Error& error) {
    throw Error(ErrorCode::format, std::string("not a receipt that airlock can read: ") + error.what())
        .hint("get it again from the isolated side; airlock import --receipt FILE writes it");
  }
}

}  // namespace airlock::transfer

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "trust/forms.hpp"

namespace airlock::trust {

namespace {

constexpr std::string_view bundle_media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr std::string_view payload_type = "application/vnd.in-toto+json";
constexpr JsonLimits bundle_limits{64U << 10, 16, 4096};

[[noreturn]] void refuse_sigstore(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::format, fmt::format("{}: {}", file, why));
}

Json verification_material(const PublicKey& key) { return {{"publicKey", {{"hint", key.fingerprint()}}}}; }

std::string decoded(const JsonObject& object, std::string_view key) {
  const auto bytes = base64_decode(object.string(key));
  if (!bytes) refuse_sigstore(object.where(), std::string(key) + ": not base64");
  return *bytes;
}

/// The text's top object, with what all sigstore bundles have in common checked. `value` must outlive it.
JsonObject open_bundle(const Json& value, const std::string& file) {
  const JsonObject bundle(value, file);
  if (bundle.string("mediaType") != bundle_media_type)
    refuse_sigstore(file, fmt::format("not a sigstore bundle of version 0.3 (mediaType {})", bundle_media_type));
  // The verifier's policy decides whose key it is: hints and certificates are ignored.
  static_cast<void>(bundle.object("verificationMaterial"));
  if (bundle.has("messageSignature") && bundle.has("dsseEnvelope"))
    refuse_sigstore(file, "both a signature and an envelope");
  return bundle;
}

}  // namespace

std::string dsse_encoding(std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} {}", payload_type.size(), payload_type, payload.size(), payload);
}

std::string format_message_bundle(const PublicKey& key, std::string_view content, std::string_view signature) {
  return canonical_json(
      {{"mediaType", bundle_media_type},
       {"verificationMaterial", verification_material(key)},
       {"messageSignature",
        {{"messageDigest", {{"algorithm", "SHA2_256"}, {"digest", base64_encode(oci::sha256(content).bytes())}}},
         {"signature", base64_encode(signature)}}}});
}

std::string format_dsse_bundle(const PublicKey& key, std::string_view payload, std::string_view signature) {
  // No keyid: other verifiers (go-securesystemslib, cosign) skip a signature whose keyid is not their own.
  const Json signatures = Json::array({{{"sig", base64_encode(signature)}}});
  return canonical_json(
      {{"mediaType", bundle_media_type},
       {"verificationMaterial", verification_material(key)},
       {"dsseEnvelope",
        {{"payload", base64_encode(payload)}, {"payloadType", payload_type}, {"signatures", signatures}}}});
}

void parse_message_bundle(std::string_view text, Signature& into) {
  const Json value = parse_json(text, into.file, bundle_limits);
  const JsonObject bundle = open_bundle(value, into.file);
  const JsonObject message = bundle.object("messageSignature");
  if (const auto key = bundle.object("verificationMaterial").optional_object("publicKey"))
    into.key_hint = key->optional_string("hint").value_or("");
  // A lookup hint (sigstore_common.proto, MessageSignature): cosign leaves it empty for Ed25519, which signs no digest.
  // If present, it must be right.
  if (const auto digest = message.optional_object("messageDigest"); digest && !digest->json().empty()) {
    if (digest->string("algorithm") != "SHA2_256") refuse_sigstore(digest->where(), "algorithm: not SHA2_256");
    const std::string bytes = decoded(*digest, "digest");
    if (bytes.size() != 32) refuse_sigstore(digest->where(), "digest: not 32 bytes");
    into.content = oci::Digest::from_hex(hex_encode(bytes));
  }
  into.bytes = decoded(message, "signature");
}

void parse_dsse_bundle(std::string_view text, Signature& into) {
  const Json value = parse_json(text, into.file, bundle_limits);
  const JsonObject envelope = open_bundle(value, into.file).object("dsseEnvelope");
  if (envelope.string("payloadType") != payload_type)
    refuse_sigstore(envelope.where(), "payloadType: not " + std::string(payload_type));
  into.payload = decoded(envelope, "payload");
  const auto signatures = envelope.objects("signatures");
  if (signatures.size() != 1) refuse_sigstore(envelope.where(), "signatures: not exactly one");
  into.bytes = decoded(signatures.front(), "sig");
  into.encoded_payload = dsse_encoding(into.payload);
}

}  // namespace airlock::trust

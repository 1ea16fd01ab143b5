// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "trust/forms.hpp"

namespace airlock::trust {

namespace {

constexpr std::string_view bundle_media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
// Alike in what is read here. The order is that of their age.
constexpr std::array older_media_types{"application/vnd.dev.sigstore.bundle+json;version=0.1",
                                       "application/vnd.dev.sigstore.bundle+json;version=0.2",
                                       "application/vnd.dev.sigstore.bundle+json;version=0.3"};
constexpr std::string_view payload_type = "application/vnd.in-toto+json";
constexpr JsonLimits bundle_limits{64U << 10, 16, 4096};

[[noreturn]] void refuse_sigstore(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::format, fmt::format("{}: {}", file, why));
}

Json verification_material(const PublicKey& key) { return {{"publicKey", {{"hint", key.fingerprint()}}}}; }

/// Either alphabet, padded or not (protobuf's JSON mapping; DSSE, "Signature").
std::optional<std::string> any_base64(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.append((4 - text.size() % 4) % 4, '=');
  return base64_decode(text);
}

std::string decoded(const JsonObject& object, std::string_view key) {
  const auto bytes = any_base64(object.string(key));
  if (!bytes) refuse_sigstore(object.where(), std::string(key) + ": not base64");
  return *bytes;
}

/// protobuf's JSON mapping: null is a field that was not set.
void drop_nulls(Json& value) {
  if (!value.is_structured()) return;
  for (auto member = value.begin(); member != value.end();) {
    if (value.is_object() && member->is_null()) {
      member = value.erase(member);
    } else {
      drop_nulls(*member);
      ++member;
    }
  }
}

Json parse_bundle(std::string_view text, const std::string& file) {
  Json value = parse_json(text, file, bundle_limits);
  drop_nulls(value);
  return value;
}

/// The text's top object, with what all sigstore bundles have in common checked. `value` must outlive it.
JsonObject open_bundle(const Json& value, Signature& into) {
  const std::string& file = into.file;
  const JsonObject bundle(value, file);
  if (const auto other = recognize_bundle(value, into.form))
    throw Error(ErrorCode::format, fmt::format("{}: {}", file, other->what)).hint(other->hint);
  const std::string type = bundle.string("mediaType");
  if (type != bundle_media_type &&
      std::find(older_media_types.begin(), older_media_types.end(), type) == older_media_types.end())
    throw Error(ErrorCode::format, fmt::format("{}: not a sigstore bundle of version 0.3 or older (mediaType {})", file,
                                               bundle_media_type))
        .hint("cosign 2 and 3 write version 0.3: cosign sign-blob --new-bundle-format --bundle NAME.sigstore.json");
  // The verifier's policy decides whose key it is: hints and certificates are ignored.
  const JsonObject material = bundle.object("verificationMaterial");
  into.keyless = material.has("certificate") || material.has("x509CertificateChain");
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
  const Json value = parse_bundle(text, into.file);
  const JsonObject bundle = open_bundle(value, into);
  const JsonObject message = bundle.object("messageSignature");
  if (const auto key = bundle.object("verificationMaterial").optional_object("publicKey"))
    into.key_hint = key->optional_string("hint").value_or("");
  // A lookup hint (sigstore_common.proto, MessageSignature): cosign leaves it empty for Ed25519, which signs no digest.
  // If present, it must be right.
  if (const auto digest = message.optional_object("messageDigest"); digest && !digest->json().empty()) {
    const std::string algorithm = digest->string("algorithm");
    if (algorithm == "SHA2_512")
      throw Error(ErrorCode::format, into.file + ": a signature over a SHA-512 hash (Ed25519ph, or another curve)")
          .hint(
              "cosign signs so for its public log; sign without one (docs/verify-without-airlock.md, section 6), or "
              "with openssl "
              "or minisign");
    if (algorithm != "SHA2_256") refuse_sigstore(digest->where(), "algorithm: not SHA2_256");
    const std::string bytes = decoded(*digest, "digest");
    if (bytes.size() != 32) refuse_sigstore(digest->where(), "digest: not 32 bytes");
    into.content = oci::Digest::from_hex(hex_encode(bytes));
  }
  into.bytes = decoded(message, "signature");
}

void parse_dsse_bundle(std::string_view text, Signature& into) {
  const Json value = parse_bundle(text, into.file);
  const JsonObject envelope = open_bundle(value, into).object("dsseEnvelope");
  if (envelope.string("payloadType") != payload_type)
    refuse_sigstore(envelope.where(), "payloadType: not " + std::string(payload_type));
  into.payload = decoded(envelope, "payload");
  const auto signatures = envelope.objects("signatures");
  if (signatures.size() != 1) refuse_sigstore(envelope.where(), "signatures: not exactly one");
  into.bytes = decoded(signatures.front(), "sig");
  into.encoded_payload = dsse_encoding(into.payload);
}

}  // namespace airlock::trust

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "trust/forms.hpp"

namespace airlock::trust {

namespace {

constexpr std::string_view statement_type = "https://in-toto.io/Statement/v1";
constexpr std::string_view older_statement_type = "https://in-toto.io/Statement/v0.1";  // the same fields
// SVR requires a URI for the verifier. The verifier is a person with a key; the URI is the hash of the key's
// SubjectPublicKeyInfo as a name (RFC 6920).
constexpr std::string_view verifier_prefix = "ni:///sha-256;";
constexpr JsonLimits statement_limits{64U << 10, 16, 4096};

/// RFC 4648 section 5, without padding, as RFC 6920 requires.
std::string base64url(std::string_view bytes) {
  std::string text = base64_encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

}  // namespace

std::string format_statement(const PublicKey& key, std::string_view content, const Review& review) {
  Json properties = Json::array({approved_property});
  if (review.content_checked) properties.push_back(checked_property);
  // SVR's own fields, and ours with the prefix that in-toto asks of extensions (spec/v1/README.md, "Parsing rules").
  const Json predicate{
      {"verifier", {{"id", std::string(verifier_prefix) + base64url(key.spki().bytes())}, {"policies", Json::array()}}},
      {"timeCreated", format_time(review.time)},
      {"properties", std::move(properties)},
      {"airlock_reviewer", review.reviewer},
      {"airlock_comment", review.comment}};
  const Json subject{{"name", signed_file}, {"digest", {{"sha256", oci::sha256(content).hex()}}}};
  return canonical_json({{"_type", statement_type},
                         {"subject", Json::array({subject})},
                         {"predicateType", svr_predicate_type},
                         {"predicate", predicate}});
}

Approval Approval::parse(std::string_view payload, const std::string& where) {
  const Json value = parse_json(payload, where, statement_limits);
  const JsonObject statement(value, where);
  if (const auto type = statement.string("_type"); type != statement_type && type != older_statement_type)
    throw Error(ErrorCode::format, fmt::format("{}: _type: neither {} nor v0.1", where, statement_type));
  const auto subjects = statement.objects("subject");
  if (subjects.size() != 1) throw Error(ErrorCode::format, where + ": subject: not exactly one");
  if (subjects.front().string("name") != signed_file)
    throw Error(ErrorCode::format, fmt::format("{}: subject: its name is not {}", where, signed_file));
  const JsonObject digests = subjects.front().object("digest");
  const std::string hex = digests.string("sha256");
  const auto subject = within([&] { return digests.where(); }, [&] { return oci::Digest::from_hex(hex); });
  const JsonObject predicate = statement.object("predicate");
  const auto properties = predicate.strings("properties");
  const auto states = [&](std::string_view property) {
    return std::find(properties.begin(), properties.end(), property) != properties.end();
  };
  return {subject,
          statement.string("predicateType"),
          predicate.optional_string("airlock_reviewer").value_or(""),
          predicate.optional_string("airlock_comment").value_or(""),
          predicate.optional_string("timeCreated").value_or(""),
          states(approved_property),
          states(checked_property)};
}

bool approves(const Signature& signature, std::string_view content) {
  try {
    return Approval::parse(signature.payload, signature.file).subject == oci::sha256(content);
  } catch (const Error&) {
    return false;  // a statement of another kind
  }
}

}  // namespace airlock::trust

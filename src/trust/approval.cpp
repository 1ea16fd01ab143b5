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
  Json properties = Json::array({review.rejects ? rejected_property : approved_property});
  if (review.content_checked) properties.push_back(checked_property);
  // SVR's own fields, and ours with the prefix that in-toto asks of extensions (spec/v1/README.md, "Parsing rules").
  Json predicate{
      {"verifier", {{"id", std::string(verifier_prefix) + base64url(key.spki().bytes())}, {"policies", Json::array()}}},
      {"timeCreated", format_time(review.time)},
      {"properties", std::move(properties)},
      {"airlock_reviewer", review.reviewer},
      {"airlock_comment", review.comment}};
  for (const auto& [name, digest] : review.documents) predicate["airlock_documents"][name] = digest.str();
  for (const Answer& one : review.checklist)
    predicate["airlock_checklist"].push_back({{"question", one.question}, {"answer", one.answer}});
  const Json subject{{"name", signed_file}, {"digest", {{"sha256", oci::sha256(content).hex()}}}};
  std::string text = canonical_json({{"_type", statement_type},
                                     {"subject", Json::array({subject})},
                                     {"predicateType", svr_predicate_type},
                                     {"predicate", predicate}});
  if (text.size() > statement_limits.bytes)
    throw Error(ErrorCode::usage, fmt::format("the statement to sign would have {} bytes; verifiers read at most {}",
                                              text.size(), statement_limits.bytes))
        .hint("shorten the comment and the answers, or name fewer documents");
  return text;
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
  std::vector<Answer> checklist;
  if (predicate.has("airlock_checklist"))
    for (const JsonObject& one : predicate.objects("airlock_checklist"))
      checklist.push_back({one.string("question"), one.string("answer")});
  const auto documents = predicate.optional_object("airlock_documents");
  return {subject,
          statement.string("predicateType"),
          predicate.optional_string("airlock_reviewer").value_or(""),
          predicate.optional_string("airlock_comment").value_or(""),
          predicate.optional_string("timeCreated").value_or(""),
          states(approved_property) && !states(rejected_property),
          states(checked_property),
          states(rejected_property),
          documents ? documents->string_map() : std::map<std::string, std::string>(),
          std::move(checklist)};
}

std::string Approval::decision() const {
  if (rejected) return "rejected";
  return approved && predicate_type == svr_predicate_type ? "approved" : "none";
}

bool declines(std::string_view answer) {
  // Spaces of Unicode that look like no text (Zs and zero-width ones), beside those of ASCII.
  constexpr std::array<std::string_view, 10> spaces{"\u00A0", "\u00AD", "\u2007", "\u200B", "\u200C",
                                                    "\u200D", "\u202F", "\u2060", "\u2064", "\u3000"};
  std::string text(answer);
  for (const std::string_view space : spaces)
    for (auto at = text.find(space); at != std::string::npos; at = text.find(space))
      text.replace(at, space.size(), " ");
  text = to_lower(text);
  // Quotes and punctuation around it are no part of a word.
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  const auto is_part = [&](char c) {
    return letters.find(c) != std::string_view::npos || static_cast<unsigned char>(c) >= 0x80;
  };
  text.erase(text.begin(), std::find_if(text.begin(), text.end(), is_part));
  text.erase(std::find_if(text.rbegin(), text.rend(), is_part).base(), text.end());
  return text.empty() || text == "no" || text == "n" || text == "nope" || text == "nay";
}

std::vector<Claim> unchecked_claims(const std::vector<SignatureFile>& files) {
  std::vector<Claim> claims;
  for (const SignatureFile& file : files) {
    claims.push_back({file.name, std::nullopt});
    if (form_of(file.name) != Form::approval) continue;
    try {
      claims.back().approval = Approval::parse(Signature::parse(file).payload, file.name);
    } catch (const Error&) {
      continue;  // verification says what is wrong with it
    }
  }
  return claims;
}

bool approves(const Signature& signature, std::string_view content) {
  try {
    return Approval::parse(signature.payload, signature.file).subject == oci::sha256(content);
  } catch (const Error&) {
    return false;  // a statement of another kind
  }
}

}  // namespace airlock::trust

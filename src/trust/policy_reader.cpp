// SPDX-License-Identifier: Apache-2.0
// The policy file (docs/policy.md).
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/yaml.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::trust {

namespace {

constexpr std::size_t max_policy_file = 1U << 20;

[[noreturn]] void refuse_policy(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::trust, fmt::format("{}: {}", where, why));
}

/// Accepts the plain hash, and the fingerprint as keygen prints it.
oci::Digest read_hash(const std::string& text, const std::string& where) {
  constexpr std::string_view prefix = "SHA256:";
  const std::string_view hex = text.starts_with(prefix) ? std::string_view(text).substr(prefix.size()) : text;
  return within([&] { return where; }, [&] { return oci::Digest::from_hex(to_lower(hex)); });
}

TrustedKey read_key(const std::string& name, const JsonObject& entry, const std::filesystem::path& path) {
  entry.only({"file", "spki_sha256", "algorithm"});
  const oci::Digest pinned = read_hash(entry.string("spki_sha256"), entry.where() + ": spki_sha256");
  auto key = PublicKey::from_text(read_file(path, max_key_file), path.string());
  if (key.spki() != pinned)
    throw Error(ErrorCode::trust, fmt::format("{}: {} contains the key {}, not the pinned SHA256:{}", entry.where(),
                                              path.string(), key.fingerprint(), pinned.hex()))
        .hint(
            "the file was replaced, or the policy is older than the key; ask the key's owner for the "
            "fingerprint");
  const auto algorithm = entry.optional_string("algorithm");
  if (algorithm && *algorithm != to_string(key.algorithm()))
    refuse_policy(entry.where() + ": algorithm",
                  fmt::format("the key is {}, not {}", to_string(key.algorithm()), printable(*algorithm)));
  return {name, std::move(key)};
}

void read_keys(const JsonObject& keys, const std::filesystem::path& directory, PolicyContent& into) {
  for (const auto& [name, value] : keys.json().items()) {
    const JsonObject entry(value, fmt::format("{}.{}", keys.where(), printable(name, 80)));
    if (!is_plain_name(name))
      refuse_policy(entry.where(), "not a valid key name: use letters, digits, dots, dashes and underscores");
    const std::filesystem::path path = directory / entry.string("file");
    into.keys.push_back(read_key(name, entry, path));
    into.files.emplace(name, path);
  }
}

Requirement read_requirement(const JsonObject& entry, const std::vector<std::string>& questions) {
  entry.only({"role", "keys", "threshold", "attestation", "checklist"});
  Requirement requirement;
  requirement.role = entry.string("role");
  if (!is_plain_name(requirement.role)) refuse_policy(entry.where() + ": role", "not a plain name");
  requirement.keys = entry.strings("keys");
  if (entry.has("threshold")) {
    const std::uint64_t threshold = entry.integer("threshold");
    if (threshold > 1000) refuse_policy(entry.where() + ": threshold", "larger than 1000");
    requirement.threshold = static_cast<unsigned>(threshold);
  }
  requirement.attestation = entry.optional_string("attestation").value_or("");
  if (entry.has("attestation") && requirement.attestation != svr_predicate_type)
    refuse_policy(entry.where() + ": attestation", "airlock supports only " + std::string(svr_predicate_type));
  if (!entry.has("checklist")) return requirement;
  const Json& checklist = entry.json().at("checklist");
  if (!checklist.is_boolean()) refuse_policy(entry.where() + ": checklist", "neither true nor false");
  if (!checklist.get<bool>()) return requirement;
  if (requirement.attestation.empty()) refuse_policy(entry.where() + ": checklist", "only an attestation has answers");
  if (questions.empty()) refuse_policy(entry.where() + ": checklist", "the policy has no questions");
  requirement.questions = questions;
  return requirement;
}

Rollback read_rollback(const JsonObject& entry) {
  const std::string word = entry.optional_string("rollback").value_or("deny");
  if (word != "deny" && word != "allow") refuse_policy(entry.where() + ": rollback", "neither deny nor allow");
  return word == "deny" ? Rollback::deny : Rollback::allow;
}

StreamRules read_stream(const JsonObject& entry, const std::vector<std::string>& questions) {
  entry.only({"require", "allow_sources", "registries", "max_age", "rollback"});
  StreamRules rules;
  for (const JsonObject& requirement : entry.objects("require"))
    rules.requirements.push_back(read_requirement(requirement, questions));
  rules.allow_sources = entry.strings("allow_sources");
  if (entry.has("allow_sources") && rules.allow_sources.empty())
    refuse_policy(entry.where() + ": allow_sources", "empty, so no image would be allowed; omit it to allow all");
  for (const std::string& registry : entry.strings("registries"))
    rules.registries.push_back(
        within([&] { return entry.where() + ": registries"; }, [&] { return oci::Location::parse(registry); }));
  if (entry.has("registries") && rules.registries.empty())
    refuse_policy(entry.where() + ": registries", "empty, so nothing could be imported; omit it to allow all");
  if (const auto age = entry.optional_string("max_age")) {
    rules.max_age = parse_duration(*age);
    if (!rules.max_age) refuse_policy(entry.where() + ": max_age", "not a duration such as 45d, 12h or 2w");
  }
  rules.rollback = read_rollback(entry);
  return rules;
}

/// So many, and so short, that they and their answers fit into one signed statement.
std::vector<std::string> read_questions(const JsonObject& policy) {
  constexpr std::size_t most = 50;
  constexpr std::size_t longest = 300;
  auto questions = policy.strings("questions");
  const std::string where = policy.where() + ": questions";
  if (questions.size() > most) refuse_policy(where, fmt::format("{}, more than {}", questions.size(), most));
  for (const std::string& question : questions)
    if (question.empty() || question.size() > longest)
      refuse_policy(where, fmt::format("\"{}\" does not have 1 to {} bytes", printable(question, 80), longest));
  if (std::set<std::string>(questions.begin(), questions.end()).size() != questions.size())
    refuse_policy(where, "one appears twice");
  return questions;
}

PolicyContent read_policy(std::string_view text, const std::filesystem::path& file) {
  PolicyContent content;
  content.origin = file.string();
  content.digest = oci::sha256(text);
  const Json value = parse_yaml(text, file.string());
  const JsonObject policy(value, file.string());
  policy.only({"version", "keys", "revoked", "questions", "streams"});
  if (policy.integer("version") != 1)
    refuse_policy(file.string() + ": version", "this airlock supports only version 1");
  read_keys(policy.object("keys"), file.parent_path(), content);
  for (const std::string& hash : policy.strings("revoked"))
    if (!content.revoked.insert(read_hash(hash, file.string() + ": revoked")).second)
      refuse_policy(file.string() + ": revoked", hash + " appears twice");
  content.questions = read_questions(policy);
  const JsonObject streams = policy.object("streams");
  for (const auto& [name, rules] : streams.json().items()) {
    const JsonObject entry(rules, fmt::format("{}.{}", streams.where(), printable(name, 80)));
    if (!is_plain_name(name)) refuse_policy(entry.where(), "not a valid stream name");
    content.streams.emplace(name, read_stream(entry, content.questions));
  }
  return content;
}

}  // namespace

Policy Policy::parse(std::string_view text, const std::filesystem::path& file) {
  const char* advice = "correct the policy, and check it with: airlock policy check FILE (docs/policy.md)";
  try {
    return Policy(read_policy(text, file));
  } catch (Error& error) {
    error.hint(advice);
    // A mistake in a policy has the code `trust`, whichever reader found it.
    if (error.code() != ErrorCode::format && error.code() != ErrorCode::usage) throw;
    throw Error(ErrorCode::trust, error.what()).hint(error.hint());
  }
}

Policy Policy::load(const std::filesystem::path& file) {
  std::string text;
  try {
    text = read_file(file, max_policy_file);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::format) throw;
    throw Error(ErrorCode::trust, error.what()).hint("a policy is a short YAML file; is this the right one?");
  }
  return parse(text, file);
}

}  // namespace airlock::trust

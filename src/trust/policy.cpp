// SPDX-License-Identifier: Apache-2.0
#include "airlock/trust/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "airlock/base/error.hpp"
#include "trust/assignment.hpp"

namespace airlock::trust {

namespace {

[[noreturn]] void refuse_policy(const std::string& why) { throw Error(ErrorCode::trust, why); }

void check_requirement(const std::string& where, const Requirement& requirement, const std::set<std::string>& known) {
  const std::set<std::string> distinct(requirement.keys.begin(), requirement.keys.end());
  const std::string role = fmt::format("{}: role {}", where, requirement.role);
  if (distinct.size() != requirement.keys.size()) refuse_policy(role + " names a key twice");
  if (requirement.threshold == 0 || requirement.threshold > distinct.size())
    refuse_policy(
        fmt::format("{} has a threshold of {} over {}", role, requirement.threshold, count_of(distinct.size(), "key")));
  for (const std::string& key : distinct)
    if (!known.contains(key)) refuse_policy(fmt::format("{}: there is no key {}", role, key));
}

std::string in_words(const Requirement& requirement) {
  std::string what = requirement.attestation.empty() ? "signed" : "approved";
  if (!requirement.questions.empty())
    what += fmt::format(" (answering {})", count_of(requirement.questions.size(), "question"));
  std::string who = join(requirement.keys, ", ");
  if (requirement.keys.size() > 1)
    who = (requirement.threshold == requirement.keys.size() ? "all of "
                                                            : fmt::format("at least {} of ", requirement.threshold)) +
          who;
  return fmt::format("{} by {} as {}", what, who, requirement.role);
}

std::vector<std::string> names_of(const std::vector<oci::Location>& locations) {
  std::vector<std::string> names;
  for (const oci::Location& location : locations) names.push_back(location.str());
  return names;
}

/// A place where bundles of both streams may be imported; empty if there is none.
std::string common_place(const StreamRules& a, const StreamRules& b) {
  if (a.registries.empty() && b.registries.empty()) return "any registry";
  if (a.registries.empty()) return b.registries.front().str();
  if (b.registries.empty()) return a.registries.front().str();
  for (const oci::Location& one : a.registries)
    for (const oci::Location& other : b.registries) {
      if (one.is_within(other)) return one.str();
      if (other.is_within(one)) return other.str();
    }
  return {};
}

}  // namespace

Policy Policy::single_key(std::string name, PublicKey key) {
  PolicyContent content;
  content.origin = "--key";
  content.keys.push_back({name, std::move(key)});
  StreamRules rules;
  rules.requirements.push_back({"exporter", {std::move(name)}, 1, ""});
  rules.rollback = Rollback::allow;
  content.any_stream = std::move(rules);
  return Policy(std::move(content));
}

Policy::Policy(PolicyContent content) : content_(std::move(content)) {
  std::set<std::string> names;
  std::map<oci::Digest, std::string> material;
  for (const TrustedKey& trusted : content_.keys) {
    if (!names.insert(trusted.name).second)
      refuse_policy(fmt::format("{}: the key name {} appears twice", content_.origin, trusted.name));
    const auto [other, added] = material.emplace(trusted.key.spki(), trusted.name);
    if (!added)
      refuse_policy(fmt::format("{}: keys: {} and {} are the same key", content_.origin, other->second, trusted.name));
  }
  if (content_.streams.empty() && !content_.any_stream) refuse_policy(content_.origin + ": streams: no stream");
  for (const auto& [name, rules] : content_.streams)
    check_stream(fmt::format("{}: {}", content_.origin, where(name)), rules);
  if (content_.any_stream) check_stream(content_.origin, *content_.any_stream);
}

void Policy::check_stream(const std::string& where, const StreamRules& rules) const {
  std::set<std::string> usable;
  std::set<std::string> known;
  for (const TrustedKey& trusted : content_.keys) {
    known.insert(trusted.name);
    if (!content_.revoked.contains(trusted.key.spki())) usable.insert(trusted.name);
  }
  if (rules.requirements.empty()) refuse_policy(where + ": require: empty, so nothing would be verified");
  for (const Requirement& requirement : rules.requirements) check_requirement(where, requirement, known);
  const auto possible =
      assign(rules.requirements, [&](const Requirement&, const std::string& key) { return usable.contains(key); });
  if (const auto unmet = possible.first_unmet(rules.requirements))
    refuse_policy(
        fmt::format("{}: require[{}]: role {} cannot be met: one key fills one role, and revoked keys do not count",
                    where, *unmet, rules.requirements[*unmet].role));
}

const StreamRules* Policy::rules_of(const std::string& stream) const {
  const auto named = content_.streams.find(stream);
  if (named != content_.streams.end()) return &named->second;
  return content_.any_stream ? &*content_.any_stream : nullptr;
}

std::string Policy::where(const std::string& stream) const {
  return content_.streams.contains(stream) ? "streams." + stream : content_.origin;
}

bool Policy::needs_import_state() const { return !content_.streams.empty(); }

std::vector<std::string> Policy::explain() const {
  std::vector<std::string> lines;
  for (const auto& [name, rules] : content_.streams) {
    lines.push_back(fmt::format("A bundle of stream {} is accepted when it", name));
    for (const Requirement& requirement : rules.requirements) lines.push_back("  - is " + in_words(requirement));
    if (!rules.allow_sources.empty())
      lines.push_back("  - contains only images from " + join(rules.allow_sources, ", "));
    if (!rules.registries.empty()) lines.push_back("  - is imported into " + join(names_of(rules.registries), " or "));
    if (rules.max_age) lines.push_back("  - is not older than " + human_age(*rules.max_age));
    lines.emplace_back("  - has not expired, if it has an expiry time");
    if (rules.rollback == Rollback::deny)
      lines.emplace_back(
          "  - is not older, by serial, than the last one of this stream that this machine imported into that "
          "registry");
  }
  lines.emplace_back("One key fills one role and counts once. Bundles of any other stream are refused.");
  return lines;
}

std::vector<std::string> Policy::warnings() const {
  std::vector<std::string> odd;
  std::set<std::string> used;
  for (const auto& [name, rules] : content_.streams) {
    const std::string at = where(name) + ": ";
    for (const Requirement& requirement : rules.requirements) {
      used.insert(requirement.keys.begin(), requirement.keys.end());
      for (const TrustedKey& trusted : content_.keys)
        if (content_.revoked.contains(trusted.key.spki()) &&
            std::find(requirement.keys.begin(), requirement.keys.end(), trusted.name) != requirement.keys.end())
          odd.push_back(fmt::format("{}role {} names {}, whose key is revoked", at, requirement.role, trusted.name));
    }
    if (!rules.max_age) odd.push_back(at + "no max_age: a bundle of any age is accepted");
    if (rules.rollback == Rollback::allow) odd.push_back(at + "rollback: an older bundle may follow a newer one");
    if (rules.allow_sources.empty()) odd.push_back(at + "no allow_sources: images may come from anywhere");
    if (rules.requirements.size() == 1 && rules.requirements.front().threshold == 1)
      odd.push_back(at + "a single key suffices");
  }
  for (auto first = content_.streams.begin(); first != content_.streams.end(); ++first)
    for (auto second = std::next(first); second != content_.streams.end(); ++second)
      if (const std::string place = common_place(first->second, second->second); !place.empty())
        odd.push_back(fmt::format(
            "{} and {} may both write below {}: each can move names of the other; separate them with registries",
            where(first->first), where(second->first), place));
  for (const TrustedKey& trusted : content_.keys)
    if (!used.contains(trusted.name) && !content_.revoked.contains(trusted.key.spki()))
      odd.push_back(fmt::format("keys: {} is not used by any stream", trusted.name));
  return odd;
}

}  // namespace airlock::trust

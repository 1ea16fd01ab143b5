// SPDX-License-Identifier: Apache-2.0
// The rules beyond signatures: stream, sources, age, expiry, serial.
#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/findings.hpp"
#include "trust/requirements.hpp"

namespace airlock::trust {

namespace {

// Clocks of isolated machines drift; time zones and flat batteries explain up to a day.
constexpr std::chrono::hours clock_tolerance{24};

[[noreturn]] void refuse_claim(const std::string& rule, const std::string& why, const std::string& hint) {
  throw Error(ErrorCode::policy, Side::bundle, fmt::format("{}: {}", rule, why)).hint(hint);
}

std::string check_sources(const std::string& rule, const std::vector<std::string>& allowed,
                          const std::vector<std::string>& sources) {
  std::vector<std::string> foreign;
  for (const std::string& source : sources)
    if (std::none_of(allowed.begin(), allowed.end(), [&](const auto& pattern) { return glob_match(pattern, source); }))
      foreign.push_back(source);
  if (foreign.size() == 1)
    refuse_claim(rule, fmt::format("image {} comes from none of {}", foreign.front(), join(allowed, ", ")),
                 "ask for a bundle without it, or have the policy's owner allow its source");
  if (!foreign.empty())
    refuse_claim(rule,
                 fmt::format("{} come from none of {}:\n  {}", count_of(foreign.size(), "image"), join(allowed, ", "),
                             join(foreign, "\n  ")),
                 "ask for a bundle without them, or have the policy's owner allow their sources");
  return fmt::format("{} from {}", count_of(sources.size(), "image"), join(allowed, ", "));
}

std::string check_age(const std::string& rule, std::chrono::seconds max_age, Time created, Time now) {
  if (created > now + clock_tolerance)
    refuse_claim(
        rule, fmt::format("it was made on {}, but this machine's time is {}", format_time(created), format_time(now)),
        "check this machine's clock, or ask the exporter to check theirs");
  const std::chrono::seconds age = std::max(now - created, std::chrono::seconds(0));
  if (age > max_age)
    refuse_claim(rule,
                 fmt::format("it is {} old (made on {}); {} is allowed", human_age(age), format_time(created),
                             human_age(max_age)),
                 "ask its exporter for a new one");
  return fmt::format("{} old, {} allowed", human_age(age), human_age(max_age));
}

std::string check_expiry(const std::optional<Time>& expires, Time now) {
  if (!expires) return "no expiry time";
  if (now > *expires)
    throw Error(ErrorCode::policy, Side::bundle, "it expired on " + format_time(*expires))
        .hint("ask its exporter for a new one");
  return "not before " + format_time(*expires);
}

/// Why a record forbids this bundle; empty if it does not.
std::string why_older(const Claims& claims, const oci::Digest& content, const LastImport& last,
                      const std::string& registry) {
  const std::string where = registry == any_registry ? "here" : "into " + registry;
  if (claims.serial < last.serial)
    return fmt::format("serial {} of stream {} was already imported {}, or its import started", last.serial,
                       claims.stream, where);
  if (claims.serial == last.serial && content != last.content)
    return fmt::format(
        "another bundle with the same serial of stream {} was already imported {}, or its import started",
        claims.stream, where);
  return {};
}

/// With a registry: compared with the imports started there. Without one (verify only): a bundle is too old if none of
/// the known registries would accept it.
std::string check_serial(const std::string& rule, const Claims& claims, const oci::Digest& content,
                         const Circumstances& circumstances) {
  const std::string serial = fmt::format("serial {}", claims.serial);
  const auto stream = circumstances.last_imports.find(claims.stream);
  std::vector<std::string> refusals;
  std::size_t judged = 0;
  if (stream != circumstances.last_imports.end())
    for (const auto& [registry, last] : stream->second) {
      if (circumstances.target && registry != any_registry && registry != circumstances.target->key()) continue;
      ++judged;
      if (auto why = why_older(claims, content, last, registry); !why.empty()) refusals.push_back(std::move(why));
    }
  if (judged == 0)
    return fmt::format("{}; no earlier import {}is known here", serial,
                       circumstances.target ? fmt::format("into {} ", circumstances.target->str()) : std::string());
  const bool refused = circumstances.target ? !refusals.empty() : refusals.size() == judged;
  if (refused)
    refuse_claim(rule, fmt::format("it has {}, but {}", serial, join(refusals, "; ")),
                 "import a newer bundle; to go back, the policy's owner sets rollback: allow. Of two bundles with one "
                 "serial, the "
                 "exporter knows which is right");
  return serial +
         (refusals.empty() ? ", not older than what was imported before" : "; too old where " + join(refusals, "; "));
}

std::string check_registry(const std::string& rule, const std::vector<oci::Location>& allowed,
                           const std::optional<oci::Location>& target) {
  std::vector<std::string> names;
  for (const oci::Location& location : allowed) names.push_back(location.str());
  if (!target) return fmt::format("only for {}; import checks it", join(names, ", "));
  if (std::none_of(allowed.begin(), allowed.end(), [&](const auto& place) { return target->is_within(place); }))
    refuse_claim(rule, fmt::format("it may only be imported into {}, not into {}", join(names, ", "), target->str()),
                 "name one of these registries, or have the policy's owner allow this one");
  return target->str() + " is allowed";
}

std::string why_not_counted(const std::string& file, const Signers& signers, bool by_policy_file) {
  for (const auto& [name, signer] : signers)
    for (const auto* files : {&signer.signature_files, &signer.approval_files})
      if (std::find(files->begin(), files->end(), file) != files->end())
        return fmt::format("{} by {}: {}", file, name,
                           signer.revoked ? "the key is revoked" : "no requirement needs it");
  for (const auto& [name, signer] : signers)
    for (std::size_t i = 0; i < signer.foreign_files.size(); ++i)
      if (signer.foreign_files[i] == file) return fmt::format("{} by {}: {}", file, name, signer.foreign_reasons[i]);
  return file + (by_policy_file ? ": not a signature over this content by a key of the policy"
                                : ": by another key than the one given, which decides alone");
}

MetRequirement describe(const std::string& rule, const Requirement& requirement, const std::vector<std::string>& keys,
                        const Signers& signers) {
  MetRequirement met{rule, requirement.role, requirement.threshold, requirement.attestation, {}};
  for (const std::string& key : keys) {
    const Signer& signer = signers.at(key);
    MetRequirement::Met entry{signer.name, signer.fingerprint, signer.algorithm, signer.signature_files, std::nullopt};
    if (!requirement.attestation.empty()) {
      const std::size_t which = find_approval(signer, requirement).value();
      entry.files = {signer.approval_files[which]};
      entry.approval = signer.approvals[which];
    }
    met.signers.push_back(std::move(entry));
  }
  return met;
}

}  // namespace

Assignment Policy::assign_signers(const std::string& stream, const Authentication& authentication) const {
  const StreamRules* rules = rules_of(stream);
  if (rules == nullptr) {
    std::vector<std::string> known;
    for (const auto& [name, ignored] : content_.streams) known.push_back(name);
    throw Error(ErrorCode::policy,
                fmt::format("{} has no stream {}; it has {}", content_.origin, stream, join(known, ", ")))
        .hint("the policy's owner decides which streams are accepted");
  }
  const std::string at =
      content_.streams.contains(stream) ? fmt::format("{}: {}.", content_.origin, where(stream)) : "";
  return meet(at, rules->requirements, authentication.signers_, authentication.files_);
}

std::vector<MetRule> Policy::check_rules(const Claims& claims, const oci::Digest& content,
                                         const Circumstances& circumstances, Findings& findings) const {
  const StreamRules& rules = *rules_of(claims.stream);
  const std::string at = content_.streams.contains(claims.stream) ? where(claims.stream) + "." : "";
  std::vector<MetRule> met;
  const auto rule = [&](const std::string& name, auto&& check) {
    findings.check([&] { met.push_back({at + name, check()}); });
  };
  if (!rules.allow_sources.empty())
    rule("allow_sources", [&] { return check_sources(at + "allow_sources", rules.allow_sources, claims.sources); });
  if (!rules.registries.empty())
    rule("registries", [&] { return check_registry(at + "registries", rules.registries, circumstances.target); });
  if (rules.max_age)
    rule("max_age", [&] { return check_age(at + "max_age", *rules.max_age, claims.created, circumstances.now); });
  rule("expires", [&] { return check_expiry(claims.expires, circumstances.now); });
  if (rules.rollback == Rollback::deny)
    rule("rollback", [&] { return check_serial(at + "rollback", claims, content, circumstances); });
  return met;
}

void Policy::find_faults(const Claims& claims, const oci::Digest& content, const Circumstances& circumstances,
                         Findings& findings) const {
  if (rules_of(claims.stream) != nullptr) check_rules(claims, content, circumstances, findings);
}

Evidence Policy::judge(const Authentication& authentication, const Claims& claims,
                       const Circumstances& circumstances) const {
  if (circumstances.stream && claims.stream != *circumstances.stream)
    throw Error(ErrorCode::policy, Side::bundle,
                fmt::format("it belongs to stream {}, not {}", claims.stream, *circumstances.stream))
        .hint("this is not a bundle of the stream given with --stream");
  const StreamRules* rules = rules_of(claims.stream);
  std::optional<Assignment> assignment;
  // All that the rules have against it is said at once: each may take somebody a day to put right.
  Findings findings;
  findings.check([&] { assignment = assign_signers(claims.stream, authentication); });
  if (rules == nullptr) findings.conclude();  // there are no rules to go by

  Evidence evidence(authentication.signed_content());
  evidence.origin_ = content_.origin;
  evidence.policy_ = content_.digest;
  evidence.tracks_serial_ = content_.streams.contains(claims.stream);
  evidence.rules_ = check_rules(claims, evidence.content_, circumstances, findings);
  findings.conclude();

  const std::string at = evidence.tracks_serial_ ? where(claims.stream) + "." : "";
  std::vector<std::string> counted;
  for (std::size_t i = 0; i < rules->requirements.size(); ++i) {
    evidence.requirements_.push_back(describe(fmt::format("{}require[{}]", at, i), rules->requirements[i],
                                              assignment->keys[i], authentication.signers_));
    for (const auto& signer : evidence.requirements_.back().signers)
      counted.insert(counted.end(), signer.files.begin(), signer.files.end());
  }
  for (const std::string& file : authentication.files_)
    if (std::find(counted.begin(), counted.end(), file) == counted.end())
      evidence.not_counted_.push_back(why_not_counted(file, authentication.signers_, content_.digest.has_value()));
  return evidence;
}

}  // namespace airlock::trust

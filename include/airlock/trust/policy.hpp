// SPDX-License-Identifier: Apache-2.0
// Who must have signed, and what else must hold. The verifier's policy decides, not the bundle: nothing in a bundle
// names the keys to trust.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/base/findings.hpp"
#include "airlock/oci/location.hpp"
#include "airlock/trust/evidence.hpp"
#include "airlock/trust/key.hpp"
#include "airlock/trust/signature.hpp"

namespace airlock::trust {

/// A key that the verifier trusts, under the verifier's own name for it.
struct TrustedKey {
  std::string name;
  PublicKey key;
};

/// At least `threshold` of these distinct keys must have signed.
struct Requirement {
  std::string role;               ///< "exporter", "reviewer": free text for the report
  std::vector<std::string> keys;  ///< names of TrustedKeys
  unsigned threshold = 1;
  std::string attestation;                  ///< predicate type of the statement that is wanted; empty: a signature
  std::vector<std::string> questions = {};  ///< that the statement must answer
};

enum class Rollback { deny, allow };

/// What must hold for the bundles of one stream.
struct StreamRules {
  std::vector<Requirement> requirements;
  std::vector<std::string> allow_sources;       ///< patterns for image references; empty: any
  std::vector<oci::Location> registries;        ///< where its bundles may be imported, and below; empty: anywhere
  std::optional<std::chrono::seconds> max_age;  ///< since the bundle was made
  Rollback rollback = Rollback::deny;           ///< whether an older bundle may follow a newer one
};

/// What a policy is made of.
struct PolicyContent {
  std::string origin;                 ///< the policy's file, or "--key"; for messages
  std::optional<oci::Digest> digest;  ///< of the policy's file
  std::vector<TrustedKey> keys;
  std::vector<std::string> questions;                  ///< to whoever approves with a checklist
  std::set<oci::Digest> revoked;                       ///< SubjectPublicKeyInfo hashes
  std::map<std::string, StreamRules> streams;          ///< by name
  std::optional<StreamRules> any_stream;               ///< for streams that are not named; only `--key` has it
  std::map<std::string, std::filesystem::path> files;  ///< where the keys came from, for explain()
};

/// A bundle's own claims, used only after its signatures are verified.
struct Claims {
  std::string stream;
  std::uint64_t serial = 0;
  Time created{};
  std::optional<Time> expires;
  std::vector<std::string> sources;  ///< full image references
};

/// The newest bundle of a stream whose import into a registry was started on this machine.
struct LastImport {
  std::uint64_t serial = 0;
  oci::Digest content;  ///< SHA256SUMS digest
};
/// By stream and by registry (oci::Location::key(); `any_registry`: a record that names none).
using LastImports = std::map<std::string, std::map<std::string, LastImport>>;
inline constexpr const char* any_registry = "";

/// What the verifier knows besides policy and bundle.
struct Circumstances {
  Time now{};
  std::optional<std::string> stream;    ///< the only accepted one
  std::optional<oci::Location> target;  ///< where it is to be imported; nothing: verification only
  LastImports last_imports;
};

/// Signatures that were checked against a policy's keys, before anything of the bundle was parsed.
class Authentication {
 public:
  const oci::Digest& signed_content() const { return content_; }

 private:
  friend class Policy;
  explicit Authentication(const oci::Digest& content) : content_(content) {}
  oci::Digest content_;
  Signers signers_;
  std::vector<std::string> files_;  // all signature files, for messages
};

struct Assignment;

/// The verifier's rules.
class Policy {
 public:
  /// The short form `--key PUB`: this key must have signed as exporter; any stream, any age, no rollback state.
  static Policy single_key(std::string name, PublicKey key);
  /// Reads a policy file and the key files it names, which lie relative to it. An Error (code `trust`) for anything
  /// that is not exactly the form of docs/policy.md.
  static Policy load(const std::filesystem::path& file);
  /// The same from a text; `file` is its origin.
  static Policy parse(std::string_view text, const std::filesystem::path& file);
  /// Checked: something is required in every stream, known and distinct keys, thresholds that can be met with one key
  /// in one role and without revoked keys. An Error (code `trust`).
  explicit Policy(PolicyContent content);

  /// Checks the signatures over `text`. An Error (code `trust`) when they meet the requirements of no stream (of
  /// `circumstances.stream`, where that is given), or when two forms of a signature disagree; code `format` for a
  /// malformed file.
  Authentication authenticate(std::string_view text, const std::vector<SignatureFile>& files,
                              const Circumstances& circumstances) const;

  /// Checks the bundle's claims against the rules of its stream. An Error says which rule failed: code `trust` for a
  /// requirement, `policy` for stream, sources, age, expiry and serial.
  Evidence judge(const Authentication& authentication, const Claims& claims, const Circumstances& circumstances) const;

  /// Of a bundle that authenticate() refused: whether a key of the policy, not revoked, has signed it. Then its claims
  /// may be read to say what else is against it.
  bool knows_a_signer(std::string_view text, const std::vector<SignatureFile>& files) const;
  /// What the rules beside signatures have against the claims, for messages.
  void find_faults(const Claims& claims, const oci::Digest& content, const Circumstances& circumstances,
                   Findings& findings) const;

  /// Whether imports under it are recorded, including streams with rollback allowed: a later policy may deny it.
  bool needs_import_state() const;
  /// The policy in words, and warnings about it, such as streams that could overwrite each other's names.
  std::vector<std::string> explain() const;
  std::vector<std::string> warnings() const;
  const PolicyContent& content() const { return content_; }

 private:
  /// The rules beside signatures: what was found out by each, or a finding.
  std::vector<MetRule> check_rules(const Claims& claims, const oci::Digest& content, const Circumstances& circumstances,
                                   Findings& findings) const;
  /// Which signers meet which of the stream's requirements; an Error as judge() says.
  Assignment assign_signers(const std::string& stream, const Authentication& authentication) const;
  void check_stream(const std::string& where, const StreamRules& rules) const;
  const StreamRules* rules_of(const std::string& stream) const;
  std::string where(const std::string& stream) const;

  PolicyContent content_;
};

}  // namespace airlock::trust

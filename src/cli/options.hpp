// SPDX-License-Identifier: Apache-2.0
// Options that several verbs share, and what they mean.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/output.hpp"
#include "airlock/base/reporter.hpp"
#include "airlock/base/secret.hpp"
#include "airlock/bundle/metadata.hpp"
#include "airlock/flow/select_images.hpp"
#include "airlock/flow/verify.hpp"
#include "airlock/kubeone/selection.hpp"
#include "airlock/registry/client.hpp"
#include "airlock/registry/types.hpp"
#include "airlock/trust/policy.hpp"

namespace airlock::cli {

/// `--output`, `--quiet`, `-v`: every verb has them.
struct GlobalOptions {
  std::string output = "text";
  bool quiet = false;
  bool verbose = false;

  void add_to(CLI::App& verb);
  bool json() const { return output == "json"; }
  ReporterOptions reporter() const;
};

/// Which images: list and export.
struct SelectionOptions {
  std::vector<std::string> filters;
  std::vector<std::string> kubernetes_versions;
  std::string kubeone;
  std::vector<std::string> images;
  std::vector<std::filesystem::path> image_files;
  std::vector<std::filesystem::path> clusters;
  std::vector<std::filesystem::path> manifests;
  std::vector<std::string> addons;
  std::string cloud_provider;
  std::vector<std::string> exclude;
  std::string catalog_directory;
  bool look_up = false;
  std::string look_up_url;
  std::string ca_file;  ///< for looking up; the verb's --cacert, where it has one

  void add_to(CLI::App& verb);
  /// Whether any of them was given.
  bool any() const;
  kubeone::Catalog catalog() const;
  /// May add versions to the catalog (--look-up).
  kubeone::ImageSet select(kubeone::Catalog& catalog, Reporter& reporter) const;
};

/// `--username` and `--password-stdin`.
struct LoginOptions {
  std::string username;
  bool password_stdin = false;

  void add_to(CLI::App& verb);
  /// Reads the password; nothing when no user is named.
  std::optional<registry::Credentials> read() const;
};

/// `--cacert`, `--cert`, `--cert-key`.
struct TlsOptions {
  std::string ca_file;
  std::string certificate;
  std::string key;

  void add_to(CLI::App& verb);
  void apply(registry::ClientOptions& client) const;
};

/// `--stall-timeout`.
struct PatienceOptions {
  unsigned stall_timeout_s = 60;

  void add_to(CLI::App& verb);
  void apply(registry::ClientOptions& client) const;
};

/// `--key` of a signer, with its passphrase.
struct SigningOptions {
  std::string key;  ///< a PEM file or a `pkcs11:` URI
  std::string passphrase_file;
  int passphrase_fd = -1;
  std::string name;

  void add_to(CLI::App& verb);
  trust::PrivateKey load() const;
  /// `--name`, or what the key file's name gives.
  std::string signature_name() const;
};

/// `--volume-dir`, of every verb that takes a bundle, and `--volume-size`, of those that write one.
struct VolumePlaceOptions {
  std::vector<std::filesystem::path> directories;

  void add_to(CLI::App& verb);
  /// Where a volume is missing, a person at a terminal is asked.
  bundle::VolumePlaces places() const;
};

struct VolumeSizeOptions {
  std::string size;
  VolumePlaceOptions places;

  void add_to(CLI::App& verb);
  bundle::VolumeOptions volumes() const;
};

/// `--key` or `--policy` of a verifier, signatures kept beside the bundle, and what else the policy's rules need.
struct TrustOptions {
  std::string key_file;
  std::string policy_file;
  std::vector<std::filesystem::path> signature_files;
  std::string stream;
  std::string state_directory;
  VolumePlaceOptions volumes;

  void add_to(CLI::App& verb);
  trust::Policy policy() const;
  void apply(flow::VerifyRequest& request) const;
};

/// REGISTRY of import and check, and how it is reached.
struct TargetOptions {
  std::string registry;
  LoginOptions login;
  TlsOptions tls;
  PatienceOptions patience;
  bool insecure = false;

  void add_to(CLI::App& verb);
  registry::Location location() const { return registry::Location::parse(registry); }
  /// Reads the password; credentials of the environment otherwise.
  registry::ClientOptions client() const;
};

/// `--jobs` of work that the processors limit.
void add_jobs(CLI::App& verb, unsigned& jobs);
/// `--jobs` of work that registries limit: 0, the default, leaves it to transfer::pace().
void add_request_jobs(CLI::App& verb, unsigned& jobs);
/// How many threads of this machine run at the same time.
unsigned processors();

/// Asks on the terminal without echo; an Error (code `usage`) where there is none.
Secret ask_passphrase(const std::string& prompt);

/// First line of a file or descriptor, without its line end.
Secret read_secret_file(const std::filesystem::path& file);
Secret read_secret_descriptor(int fd);
/// A line from a descriptor, without its line end; what comes before the end counts as one. Nothing at the end. An
/// interruption by the user is an Error at once.
std::optional<Secret> read_line(int fd);

/// Refuses `--emit FILE` before any work where the file could not be written, or holds something that airlock did not
/// write.
void check_emit_target(const std::string& file);

/// How airlock names itself to registries.
std::string user_agent();

/// "KubeOne v1.8.6, Kubernetes v1.28.8, v1.29.4"; many versions as their ends and number.
std::string describe_versions(const std::string& kubeone, const std::vector<std::string>& kubernetes_versions);
/// "612 requests, 3 retries"
std::string describe(const registry::Statistics& statistics);
/// What a bundle was made for, in one line.
std::string describe(const records::Selection& selection);
/// A line on what a delta depends on; empty for a bundle that is complete by itself.
std::string base_text(const bundle::Base& base);
}  // namespace airlock::cli

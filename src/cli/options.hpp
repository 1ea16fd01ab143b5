// SPDX-License-Identifier: Apache-2.0
// Options that several verbs share.
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
#include "airlock/kubeone/helm_release.hpp"
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
  int status = 0;  ///< exit status of a verb that throws no Error

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
  bool take_suspects = false;
  bool in_config_maps = false;
  std::vector<std::string> charts;
  std::string chart_version;
  std::vector<std::filesystem::path> chart_files;
  std::vector<kubeone::HelmRelease> declared_charts;  ///< of a set file
  std::vector<std::filesystem::path> values;
  bool no_charts = false;
  std::vector<std::string> addons;
  std::string cloud_provider;
  std::vector<std::string> exclude;
  std::string catalog_directory;
  bool look_up = false;
  std::string look_up_url;
  std::string ca_file;  ///< for looking up; the verb's --cacert, where it has one

  void add_to(CLI::App& verb);
  /// Whether any of these options was given.
  bool any() const;
  /// Charts that options and files name; `with_clusters`: also those of --cluster.
  std::vector<kubeone::HelmRelease> releases(bool with_clusters) const;
  kubeone::Catalog catalog() const;
  /// May add versions to the catalog (--look-up).
  kubeone::ImageSet select(kubeone::Catalog& catalog, Reporter& reporter,
                           const std::vector<kubeone::ExtraImage>& extras = {}) const;

 private:
  void add_charts(CLI::App& verb, const std::string& group);
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
  /// If a volume is missing, a user at a terminal is prompted.
  bundle::VolumePlaces places() const;
};

/// "  files      …" with each volume's name, size and directory; empty for a bundle in one file.
std::string volumes_text(const std::filesystem::path& bundle, const bundle::VolumePlaces& places);

struct VolumeSizeOptions {
  std::string size;
  VolumePlaceOptions places;

  void add_to(CLI::App& verb);
  bundle::VolumeOptions volumes() const;
};

/// `--key` or `--policy` of a verifier, signatures kept beside the bundle, and other inputs of the policy's rules.
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
  /// As they are typed again, for the next command.
  std::string words() const;
};

/// REGISTRY of import and check, and how to connect to it.
struct TargetOptions {
  std::string registry;
  LoginOptions login;
  TlsOptions tls;
  PatienceOptions patience;
  bool insecure = false;

  void add_to(CLI::App& verb);
  /// Without REGISTRY, for a verb that says otherwise which one.
  void add_connection(CLI::App& verb);
  registry::Location location() const { return registry::Location::parse(registry); }
  /// Reads the password; credentials of the environment otherwise.
  registry::ClientOptions client() const;
  /// As they are typed again, for the next command; a password is asked for.
  std::string words() const;
};

/// `--jobs` of CPU-bound work.
void add_jobs(CLI::App& verb, unsigned& jobs);
/// `--jobs` of registry-bound work: 0, the default, leaves it to transfer::pace().
void add_request_jobs(CLI::App& verb, unsigned& jobs);
/// Number of hardware threads.
unsigned processors();

/// Prompts on the terminal without echo; an Error (code `usage`) if there is none.
Secret ask_passphrase(const std::string& prompt);

/// First line of a file or descriptor, without its line end.
Secret read_secret_file(const std::filesystem::path& file);
Secret read_secret_descriptor(int fd);
/// A line from a descriptor, without its line end; a last line may lack its line end. Nothing at end of file. An
/// interruption by the user is an immediate Error.
std::optional<Secret> read_line(int fd);

/// Refuses `--emit FILE` before any work if the file cannot be written, or was not written by airlock.
void check_emit_target(const std::string& file);

/// The User-Agent header for registries.
std::string user_agent();

/// "KubeOne v1.8.6, Kubernetes v1.28.8, v1.29.4"; many versions as a range with their number.
std::string describe_versions(const std::string& kubeone, const std::vector<std::string>& kubernetes_versions);
/// "612 requests, 3 retries"
std::string describe(const registry::Statistics& statistics);
/// What a bundle was made for, in one line.
std::string describe(const records::Selection& selection);
/// A line on the blobs that a delta depends on; empty for a self-contained bundle.
std::string base_text(const bundle::Base& base);
}  // namespace airlock::cli

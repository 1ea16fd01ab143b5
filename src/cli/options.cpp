// SPDX-License-Identifier: Apache-2.0
#include "cli/options.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "airlock/kubeone/registry_configuration.hpp"
#include "airlock/version.hpp"

namespace airlock::cli {

namespace {

constexpr std::string_view token_scheme = "pkcs11:";
constexpr std::size_t max_images_file = 16U << 20;

/// Turns off a terminal's echo during its lifetime.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd) {
    tcgetattr(fd_, &before_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() { tcsetattr(fd_, TCSAFLUSH, &before_); }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  int fd_;
  termios before_{};
};

}  // namespace

std::optional<Secret> read_line(int fd) {
  Secret line;
  for (bool any = false;; any = true) {
    char c = 0;
    wait_until_readable(fd);
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(ErrorCode::media, "cannot read the input").hint("give it in a file: --passphrase-file FILE");
    if (n == 0 && !any) return std::nullopt;
    if (n == 0 || c == '\n') break;
    line.append({&c, 1});
  }
  if (line.view().ends_with('\r')) line.drop_last();
  return line;
}

void GlobalOptions::add_to(CLI::App& verb) {
  verb.add_option("--output", output, "Form of the result: text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORM");
  verb.add_flag("-q,--quiet", quiet, "No progress and no notes; warnings and errors only");
  verb.add_flag("-v,--verbose", verbose, "More details: hosts, retries");
}

ReporterOptions GlobalOptions::reporter() const {
  return {json() ? ReporterOptions::Form::json : ReporterOptions::Form::automatic, quiet, verbose};
}

std::optional<registry::Credentials> LoginOptions::read() const {
  if (username.empty()) return std::nullopt;
  Secret password = password_stdin ? read_line(STDIN_FILENO).value_or(Secret())
                                   : ask_passphrase(fmt::format("Password of {}: ", username));
  if (password.empty())
    throw Error(ErrorCode::usage, fmt::format("the password for --username {} is empty", username))
        .hint("give the password in the first line of standard input");
  return registry::Credentials{username, std::move(password), {}};
}

void SigningOptions::add_to(CLI::App& verb) {
  const std::string group = "Signing";
  verb.add_option("--key", key, "Private key that signs: a PKCS#8 PEM file or a pkcs11: URI")
      ->type_name("KEY")
      ->group(group);
  auto* file = verb.add_option("--passphrase-file", passphrase_file,
                               "File with the key's passphrase or the token's PIN in its first line (default: ask)")
                   ->type_name("FILE")
                   ->group(group);
  verb.add_option("--passphrase-fd", passphrase_fd, "Read it from this open file descriptor")
      ->check(CLI::Range(0, 1 << 20))
      ->excludes(file)
      ->type_name("N")
      ->group(group);
  verb.add_option("--name", name, "Name of the signature in the bundle (default: from the key)")
      ->type_name("NAME")
      ->group(group);
}

trust::PrivateKey SigningOptions::load() const {
  const bool token = key.starts_with(token_scheme);
  const trust::PassphraseSource secret = [this, token] {
    if (!passphrase_file.empty()) return read_secret_file(passphrase_file);
    if (passphrase_fd >= 0) return read_secret_descriptor(passphrase_fd);
    return ask_passphrase(fmt::format("{}{}: ", token ? "PIN of the token with " : "Passphrase of ", key));
  };
  if (token) return trust::PrivateKey::from_token(key, secret);
  std::string pem = read_file(key, trust::max_key_file);
  const WipedText wiped(pem);
  return trust::PrivateKey::from_pem(pem, key, secret);
}

std::string SigningOptions::signature_name() const {
  if (!name.empty()) return name;
  std::string stem = std::filesystem::path(key).stem().string();
  if (key.starts_with(token_scheme)) {
    const auto object = key.find("object=");
    stem =
        object == std::string::npos ? "token" : key.substr(object + 7, key.find_first_of(";?&", object) - object - 7);
  }
  for (char& c : stem)
    if (!is_plain_name(std::string("a") + c)) c = '-';
  return is_plain_name(stem) ? stem : "signer";
}

void TrustOptions::add_to(CLI::App& verb) {
  const std::string group = "Trust";
  auto* pub = verb.add_option("--key", key_file, "Public key that must have signed the bundle: PEM, minisign, signify")
                  ->type_name("PUB")
                  ->group(group);
  verb.add_option("--policy", policy_file, "Rules for who must have signed and approved, and more (docs/policy.md)")
      ->excludes(pub)
      ->type_name("FILE")
      ->group(group);
  verb.add_option("--signature", signature_files,
                  "A signature or approval kept beside the bundle: .sig, .sigstore.json, .minisig")
      ->allow_extra_args(false)
      ->type_name("FILE")
      ->group(group);
  volumes.add_to(verb);
  verb.add_option("--stream", stream, "Accept a bundle of this stream only")->type_name("NAME")->group(group);
  verb.add_option("--state-dir", state_directory,
                  "Where this machine remembers what it imported (default: ~/.local/state/airlock)")
      ->type_name("DIRECTORY")
      ->group(group);
}

trust::Policy TrustOptions::policy() const {
  if (!policy_file.empty()) return trust::Policy::load(policy_file);
  if (key_file.empty())
    throw Error(ErrorCode::usage, "--key PUB or --policy FILE is missing")
        .hint("a bundle needs a signature by a key that you trust");
  return trust::Policy::single_key(std::filesystem::path(key_file).stem().string(),
                                   trust::PublicKey::from_text(read_file(key_file, trust::max_key_file), key_file));
}

std::string TrustOptions::words() const {
  std::string text = policy_file.empty() ? "--key " + shell_word(key_file) : "--policy " + shell_word(policy_file);
  for (const auto& file : signature_files) text += " --signature " + shell_word(file.string());
  for (const auto& directory : volumes.directories) text += " --volume-dir " + shell_word(directory.string());
  if (!state_directory.empty()) text += " --state-dir " + shell_word(state_directory);
  return text;
}

void TrustOptions::apply(flow::VerifyRequest& request) const {
  request.signature_files = signature_files;
  request.volumes = volumes.places();
  if (!stream.empty()) request.stream = stream;
  request.state_directory = state_directory;
}

unsigned processors() { return std::max(1U, std::thread::hardware_concurrency()); }

void add_jobs(CLI::App& verb, unsigned& jobs) {
  verb.add_option("--jobs", jobs, "Parallel tasks")->check(CLI::Range(1U, 64U))->type_name("N")->capture_default_str();
}

Secret ask_passphrase(const std::string& prompt) {
  const FileDescriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal)
    throw Error(ErrorCode::usage, "no terminal for the prompt: " + prompt)
        .hint("give it with --passphrase-file FILE, or --password-stdin for a registry");
  const SilentTerminal silent(terminal.get());
  const std::string shown = without_controls(prompt, false);
  [[maybe_unused]] auto ignored = ::write(terminal.get(), shown.data(), shown.size());
  Secret line = read_line(terminal.get()).value_or(Secret());
  ignored = ::write(terminal.get(), "\n", 1);
  return line;
}

Secret read_secret_file(const std::filesystem::path& file) {
  std::string text = read_file(file, trust::max_key_file);
  const WipedText wiped(text);
  Secret line(std::string_view(text).substr(0, text.find('\n')));
  if (line.view().ends_with('\r')) line.drop_last();
  if (line.empty())
    throw Error(ErrorCode::usage, file.string() + " has no passphrase in its first line")
        .hint("write the passphrase there, or leave the option out to be asked");
  return line;
}

Secret read_secret_descriptor(int fd) {
  Secret line = read_line(fd).value_or(Secret());
  if (line.empty())
    throw Error(ErrorCode::usage, fmt::format("descriptor {} has no passphrase in its first line", fd))
        .hint("write the passphrase to it before airlock starts, or use --passphrase-file");
  return line;
}

void check_emit_target(const std::string& file) {
  if (file.empty()) return;
  const std::filesystem::path path(file);
  check_replaceable(path);
  if (!std::filesystem::is_regular_file(path)) return;  // new, or a device such as /dev/stdout
  const std::string content = read_file(path, max_images_file);
  if (!content.empty() && !content.starts_with(kubeone::stanza_comment))
    throw Error(ErrorCode::media, file + " was not written by airlock")
        .hint("name a new file for --emit, or omit it and paste the printed stanza into the manifest");
}

std::string user_agent() { return std::string("airlock/") + version; }

std::string describe_versions(const std::string& kubeone, const std::vector<std::string>& versions) {
  const std::string list =
      versions.size() <= 6 ? join(versions, ", ")
                           : fmt::format("{} to {} ({} versions)", versions.front(), versions.back(), versions.size());
  return fmt::format("KubeOne {}, Kubernetes {}", kubeone, list);
}

std::string describe(const registry::Statistics& statistics) {
  return fmt::format("{}, {}", count_of(statistics.requests, "request"),
                     count_of(statistics.retries, "retry", "retries"));
}

std::string describe(const records::Selection& selection) {
  const std::string platforms = join(selection.platforms, ", ");
  if (selection.kubeone.empty()) return printable("own images; " + platforms);
  // With --cluster, manifests chose the images, not groups.
  const std::string groups = selection.filters.empty() ? "by cluster manifest" : join(selection.filters, ", ");
  return printable(fmt::format("{}; {}; {}", describe_versions(selection.kubeone, selection.kubernetes_versions),
                               groups, platforms));
}

std::string base_text(const bundle::Base& base) {
  if (base.blobs.empty()) return {};
  std::uint64_t bytes = 0;
  for (const auto& blob : base.blobs) bytes += blob.size;
  return fmt::format("  delta      depends on {} that the registry must have, {}\n",
                     count_of(base.blobs.size(), "blob"), human_size(bytes));
}

}  // namespace airlock::cli

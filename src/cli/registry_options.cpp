// SPDX-License-Identifier: Apache-2.0
// Options for connecting to registries.
#include "airlock/base/error.hpp"
#include "cli/options.hpp"

namespace airlock::cli {

void LoginOptions::add_to(CLI::App& verb) {
  auto* user =
      verb.add_option("--username", username, "User name for the registry")->type_name("USER")->group("Registry");
  verb.add_flag("--password-stdin", password_stdin, "Read the password from standard input")
      ->needs(user)
      ->group("Registry");
}

void TlsOptions::add_to(CLI::App& verb) {
  const std::string group = "Registry";
  verb.add_option("--cacert", ca_file, "Certificate authorities to trust instead of the system's (PEM)")
      ->check(CLI::ExistingFile)
      ->type_name("FILE")
      ->group(group);
  auto* cert = verb.add_option("--cert", certificate, "Client certificate (PEM)")
                   ->check(CLI::ExistingFile)
                   ->type_name("FILE")
                   ->group(group);
  auto* cert_key = verb.add_option("--cert-key", key, "Key of the client certificate (PEM)")
                       ->check(CLI::ExistingFile)
                       ->type_name("FILE");
  cert_key->group(group)->needs(cert);
}

void TlsOptions::apply(registry::ClientOptions& client) const {
  client.ca_file = ca_file;
  client.client_certificate = certificate;
  client.client_key = key;
}

void PatienceOptions::add_to(CLI::App& verb) {
  verb.add_option("--stall-timeout", stall_timeout_s,
                  "Drop and resume a transfer that is slower than 1 KiB/s for this long")
      ->check(CLI::Range(1U, 3600U))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group("Registry");
}

void PatienceOptions::apply(registry::ClientOptions& client) const {
  client.stall_timeout = std::chrono::seconds(stall_timeout_s);
}

void TargetOptions::add_to(CLI::App& verb) {
  verb.add_option("REGISTRY", registry, "The local registry: HOST[:PORT][/PREFIX]")->required();
  add_connection(verb);
}

void TargetOptions::add_connection(CLI::App& verb) {
  verb.add_flag("--insecure", insecure, "Allow unverified TLS, or plain HTTP if it has no TLS")->group("Registry");
  login.add_to(verb);
  tls.add_to(verb);
  patience.add_to(verb);
}

registry::ClientOptions TargetOptions::client() const {
  const std::string host = location().host;
  registry::ClientOptions client;
  client.side = Side::target;
  client.user_agent = user_agent();
  client.credentials = registry::CredentialStore::from_environment();
  if (insecure) client.insecure_hosts.insert(host);
  tls.apply(client);
  patience.apply(client);
  if (const auto credentials = login.read()) client.credentials.set(host, *credentials);
  return client;
}

std::string TargetOptions::words() const {
  std::string text = shell_word(location().str());
  if (insecure) text += " --insecure";
  if (!tls.ca_file.empty()) text += " --cacert " + shell_word(tls.ca_file);
  if (!tls.certificate.empty()) text += " --cert " + shell_word(tls.certificate);
  if (!tls.key.empty()) text += " --cert-key " + shell_word(tls.key);
  if (!login.username.empty()) text += " --username " + shell_word(login.username);
  return text;
}

void add_request_jobs(CLI::App& verb, unsigned& jobs) {
  verb.add_option("--jobs", jobs, "Parallel requests (default: 8, or 16 for a distant registry)")
      ->check(CLI::Range(1U, 64U))
      ->type_name("N");
}

}  // namespace airlock::cli

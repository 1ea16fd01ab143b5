// SPDX-License-Identifier: Apache-2.0
#include "registry/connect_failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "airlock/base/text.hpp"

namespace airlock::registry {

namespace {

using Failure = HttpAnswer::Failure;

bool says(std::string_view text, std::initializer_list<std::string_view> any) {
  return std::ranges::any_of(any, [&](std::string_view words) { return text.find(words) != std::string_view::npos; });
}

std::string about_time(const char* what) {
  return fmt::format(
      "a certificate in its chain {}, or this machine's clock is wrong (it says {}): set the clock, or have the "
      "certificate renewed",
      what, format_time(clock_time()));
}

std::string about_authority(const TransportOptions& options) {
  if (!options.ca_file.empty())
    return fmt::format("{} does not hold the authority that signed its certificate: give the right one with --cacert",
                       options.ca_file.string());
  const auto& trust = options.environment;
  const std::string named = trust.file.empty() ? trust.directory : trust.file;
  if (!named.empty())
    return fmt::format(
        "{} ({}) does not hold the authority that signed its certificate: correct it, or give the authority with "
        "--cacert FILE",
        trust.file.empty() ? "SSL_CERT_DIR" : "SSL_CERT_FILE", named);
  return "give the authority that signed its certificate with --cacert FILE";
}

std::string about_anchors(const TransportOptions& options) {
  if (!options.ca_file.empty())
    return fmt::format("--cacert {}: the file has to be there, and to hold certificates in PEM form",
                       options.ca_file.string());
  if (!options.environment.file.empty())
    return fmt::format("SSL_CERT_FILE names {}: the file has to be there, and to hold certificates in PEM form",
                       options.environment.file);
  if (!options.environment.directory.empty())
    return fmt::format("SSL_CERT_DIR names {}, where no certificates in PEM form were found",
                       options.environment.directory);
  return "the system has no file of certificate authorities: install ca-certificates, or give one with --cacert FILE";
}

std::string about_client_certificate(const TransportOptions& options) {
  if (options.client_certificate.empty()) return "it wants a client certificate: give it with --cert and --cert-key";
  return fmt::format("it does not take the client certificate {}: check its end date and the authority that signed it",
                     options.client_certificate.string());
}

/// What the other side says of our certificate, or of its absence.
bool is_about_client_certificate(std::string_view text, const TransportOptions& options) {
  if (says(text, {"alert certificate required", "alert bad certificate"})) return true;
  // These are said of a certificate that was shown. Where none was, a server without one to ask for says them of
  // itself.
  return !options.client_certificate.empty() &&
         says(text, {"alert unknown ca", "alert certificate expired", "alert certificate revoked",
                     "alert certificate unknown", "alert unsupported certificate", "alert access denied",
                     "alert handshake failure"});
}

ConnectFailure proxy_failure(std::string_view text) {
  if (says(text, {"407"}))
    return {Failure::permanent,
            "the proxy wants a login: put it into the variable, as in https_proxy=http://USER:PASSWORD@HOST:PORT"};
  if (says(text, {"response 5", "code 5"}))
    return {Failure::none, "the proxy does not reach it: see the proxy's log, or exclude the host with no_proxy"};
  return {Failure::permanent,
          "the proxy does not let it through: have the host allowed there, or excluded with no_proxy"};
}

}  // namespace

ConnectFailure connect_failure(std::string_view text, const TransportOptions& options) {
  if (says(text, {"CONNECT tunnel failed", "from proxy after CONNECT"})) return proxy_failure(text);
  if (says(text, {"resolve proxy"}))
    return {Failure::none, "check the proxy settings: https_proxy, http_proxy, no_proxy"};
  if (says(text, {"wrong version number", "packet length too long", "http request"})) return {Failure::not_tls, ""};
  if (is_about_client_certificate(text, options)) return {Failure::tls, about_client_certificate(options)};
  if (says(text, {"certificate has expired"})) return {Failure::tls, about_time("has expired")};
  if (says(text, {"certificate is not yet valid"})) return {Failure::tls, about_time("is not valid yet")};
  if (says(text, {"certificate revoked"}))
    return {Failure::tls, "its certificate was revoked: the registry's administrator has to renew it"};
  if (says(text, {"subject name", "Hostname mismatch", "IP address mismatch"}))
    return {Failure::tls,
            "its certificate is for other names: use one of those, or have one made for this name (subjectAltName)"};
  if (says(text, {"error setting certificate", "trust anchors", "CAfile", "CApath"}))
    return {Failure::tls, about_anchors(options)};
  if (says(text, {"client certificate", "private key", "PEM file", "certificate file"}))
    return {Failure::tls, "check the files of --cert and --cert-key: PEM, and the key of this certificate"};
  if (says(text, {"alert protocol version", "unsupported protocol", "alert handshake failure", "no protocols available",
                  "no shared cipher", "no cipher match"}))
    return {Failure::tls,
            options.client_certificate.empty()
                ? "it agrees to no version and cipher from TLS 1.2 on, or wants a client certificate (--cert, "
                  "--cert-key)"
                : "it agrees to no version and cipher from TLS 1.2 on"};
  if (says(text, {"key too weak", "key too small", "digest too weak", "digest algorithm too weak", "md too weak"}))
    return {Failure::tls, "its certificate is too weak for this system's rules: have one made with a longer key"};
  if (says(text, {"self-signed certificate", "self signed certificate", "issuer certificate", "verify the first",
                  "invalid CA certificate", "certificate problem", "certificate verify failed"}))
    return {Failure::tls, about_authority(options)};
  return {};
}

}  // namespace airlock::registry

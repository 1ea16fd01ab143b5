// SPDX-License-Identifier: Apache-2.0
// The words of libcurl 7.88 and 8.x with OpenSSL 3, as they were seen, and the advice for each.
#include "registry/connect_failure.hpp"

#include "catch.hpp"

using namespace airlock;
using namespace airlock::registry;
using Failure = HttpAnswer::Failure;

namespace {

TransportOptions with(const char* ca, const char* certificate = "", const char* cert_file = "") {
  TransportOptions options;
  options.ca_file = ca;
  options.client_certificate = certificate;
  options.environment.file = cert_file;
  return options;
}

constexpr const char* unknown_authority = "SSL certificate problem: unable to get local issuer certificate";

}  // namespace

TEST_CASE("the advice about a certificate follows its cause") {
  const struct {
    const char* text;
    const char* advice;
  } cases[] = {
      {"SSL certificate problem: certificate has expired", "clock is wrong"},
      {"SSL certificate problem: certificate is not yet valid", "clock is wrong"},
      {"SSL certificate problem: certificate revoked", "revoked"},
      {"SSL: no alternative certificate subject name matches target host name 'h'", "subjectAltName"},
      {"SSL: certificate subject name 'a' does not match target host name 'h'", "subjectAltName"},
      {"SSL certificate problem: EE certificate key too weak", "too weak"},
      {"error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0", "--cert and --cert-key"},
      {"error:0A000412:SSL routines::sslv3 alert bad certificate", "--cert and --cert-key"},
      {"error:0A000410:SSL routines::sslv3 alert handshake failure", "TLS 1.2"},
      {"error:0A00042E:SSL routines::tlsv1 alert protocol version", "TLS 1.2"},
      {"unable to set private key file: 'k' type PEM", "--cert-key"},
      {"could not load PEM client certificate from c, OpenSSL error, (no key found)", "--cert-key"},
  };
  for (const auto& [text, advice] : cases) {
    CAPTURE(text);
    const auto failure = connect_failure(text, with("/ca.pem"));
    CHECK(failure.kind == Failure::tls);
    CHECK_THAT(failure.advice, ContainsSubstring(advice));
    CHECK(failure.advice.find("--cacert") == std::string::npos);
  }
}

TEST_CASE("an authority that is not trusted is asked for where it was looked for") {
  CHECK(connect_failure(unknown_authority, {}).advice ==
        "give the authority that signed its certificate with --cacert FILE");
  CHECK_THAT(connect_failure(unknown_authority, with("/ca.pem")).advice, ContainsSubstring("/ca.pem does not hold"));
  CHECK_THAT(connect_failure(unknown_authority, with("", "", "/e.pem")).advice,
             ContainsSubstring("SSL_CERT_FILE (/e.pem)"));
  for (const char* text : {"SSL certificate problem: self-signed certificate in certificate chain",
                           "SSL certificate problem: self signed certificate",
                           "SSL certificate problem: unable to verify the first certificate"})
    CHECK_THAT(connect_failure(text, {}).advice, ContainsSubstring("--cacert FILE"));
  for (const char* text : {"error setting certificate file: /e.pem", "error adding trust anchors from file: /e.pem",
                           "error setting certificate verify locations:  CAfile: /e.pem CApath: none"}) {
    CHECK_THAT(connect_failure(text, with("", "", "/e.pem")).advice, ContainsSubstring("SSL_CERT_FILE names /e.pem"));
    CHECK_THAT(connect_failure(text, with("/ca.pem")).advice, ContainsSubstring("--cacert /ca.pem"));
    CHECK_THAT(connect_failure(text, {}).advice, ContainsSubstring("ca-certificates"));
  }
}

TEST_CASE("a client certificate that is not taken is named") {
  for (const char* text : {"error:0A000418:SSL routines::tlsv1 alert unknown ca, errno 0",
                           "error:0A000415:SSL routines::sslv3 alert certificate expired"}) {
    CHECK_THAT(connect_failure(text, with("/ca.pem", "/me.pem")).advice,
               ContainsSubstring("does not take the client certificate /me.pem"));
    CHECK(connect_failure(text, with("/ca.pem")).advice.find("client certificate") == std::string::npos);
  }
}

TEST_CASE("a proxy's refusal is its own, and tried again only where that helps") {
  CHECK_THAT(connect_failure("CONNECT tunnel failed, response 407", {}).advice, ContainsSubstring("USER:PASSWORD"));
  CHECK(connect_failure("CONNECT tunnel failed, response 407", {}).kind == Failure::permanent);
  CHECK_THAT(connect_failure("Received HTTP code 403 from proxy after CONNECT", {}).advice,
             ContainsSubstring("no_proxy"));
  CHECK(connect_failure("CONNECT tunnel failed, response 503", {}).kind == Failure::none);
  CHECK_THAT(connect_failure("Could not resolve proxy: p", {}).advice, ContainsSubstring("https_proxy"));
}

TEST_CASE("of other failures nothing is known") {
  for (const char* text : {"", "Connection timed out after 15001 milliseconds", "Could not resolve host: h",
                           "Empty reply from server", "OpenSSL SSL_connect: Connection reset by peer"}) {
    CHECK(connect_failure(text, {}).kind == Failure::none);
    CHECK(connect_failure(text, {}).advice.empty());
  }
  CHECK(connect_failure("error:0A00010B:SSL routines::wrong version number", {}).kind == Failure::not_tls);
}

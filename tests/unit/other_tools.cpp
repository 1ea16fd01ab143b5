// SPDX-License-Identifier: Apache-2.0
// Keys and signatures that other tools made: taken, or named for what they are. The texts below are what minisign 0.11
// and signify 31 wrote over the four bytes "sums".
#include <functional>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/trust/policy.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::trust;

namespace {

constexpr const char* minisign_pub =
    "untrusted comment: minisign public key 4E61B1C80B057193\n"
    "RWSTcQULyLFhTkJpULuZqPlvcyOr1FNPxXdBZ0nsCeB+bWps74UYe8zO\n";
constexpr const char* minisign_secret =
    "untrusted comment: minisign encrypted secret key\n"
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAk3EFC8ixYU7aPsQSYtIAielWqhET3SFvtWKBkhS2"
    "EbLU3y54tl9AWEJpULuZqPlvcyOr1FNPxXdBZ0nsCeB+bWps74UYe8zOAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
constexpr const char* hashed_minisig =
    "untrusted comment: signature from minisign secret key\n"
    "RUSTcQULyLFhTgShVi1H0QDaPKngat/wpUiUPXJ6ASnshofW9ke+b9T0y1MYFfhfwBGMcDr+PvCpzgZg/EabSaC2KY+vB6EH8Ao=\n"
    "trusted comment: prehashed\n"
    "VDRlBN6VLLuvtYM7xGamzgFrjT0NJ6Aen3vcayT+kJw1xQHYRtXlDcK1xEKSScWGbnJj2aFaJCd3nUfwtmoGCA==\n";
constexpr const char* unhashed_minisig =
    "untrusted comment: signature from minisign secret key\n"
    "RWSTcQULyLFhTmAjjsWByXkn07xigv6VQZVk2OKcV7JE8NKOoKaw8RqqXDsP7ocwK1wTMvIH8Z834AiIOij8wHLVMZTfjXEFhwY=\n"
    "trusted comment: legacy\n"
    "mX2HZZFHEkPiK46CFNSzxOVwAnI+bZak586Y1TtQjSUQeOZD3keryY5VLjGgn2d/IBeejO9synPV4/xsiyBWAg==\n";
constexpr const char* signify_pub =
    "untrusted comment: signify public key\nRWSuuAk1Rz7hT98HG1f3ur8Le1jcXp7FK8UXi/M9WbAq7N7BEPw6twHG\n";
constexpr const char* signify_secret =
    "untrusted comment: signify secret key\n"
    "RWRCSwAAAAA8mOIeF0ngrTIMkqOq+wGLj6XhbFF5i8auuAk1Rz7hT4a3xDTuHQ0SpGMExrKkcSGKMxTsWRw54H1IEfqdBQzj3wcbV/e6vwt7WNxe"
    "nsUrxReL8z1ZsCrs3sEQ/Dq3AcY=\n";
constexpr const char* signify_sig =
    "untrusted comment: verify with s.pub\n"
    "RWSuuAk1Rz7hTxFZI8ZPvFw3BDHH2oEO3A9XWlSKZO1W7RCSdQS1K4ub5Xpc8MR1n9vlKRYQqErpoIDVrNKbhM5SHOiWnk/2WQc=\n";

Policy trusting(const char* key) { return Policy::single_key("erin", PublicKey::from_text(key, "erin.pub")); }

void accept(const char* key, const SignatureFile& file, std::string_view content = "sums") {
  CHECK_NOTHROW(trusting(key).authenticate(content, {file}, {}));
  CHECK(signs(file, PublicKey::from_text(key, "erin.pub"), content));
}

/// `text` with `old` replaced once, which must be there.
std::string with(std::string text, const std::string& old, const std::string& now) {
  const auto at = text.find(old);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), now);
}

std::string windows(const std::string& text) { return join(split(text, '\n'), "\r\n"); }

const PrivateKey& carol() {
  static const PrivateKey key = PrivateKey::generate(Algorithm::ed25519);
  return key;
}

SignatureFile edited(SignatureFile file, const std::function<void(Json&)>& change) {
  Json value = Json::parse(file.bytes);
  change(value);
  file.bytes = value.dump();
  return file;
}

SignatureFile wrapper(const std::function<void(Json&)>& change) {
  return edited(sign(carol(), "carol", "sums").at(1), change);
}

SignatureFile approval(const std::function<void(Json&)>& change) {
  return edited(approve(carol(), "carol", "sums", {"carol", "", {}, true}), change);
}

SignatureFile named(const char* name, const Json& value) { return {name, value.dump()}; }

std::string hint_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.hint();
  }
  FAIL("nothing was refused");
  return {};
}

}  // namespace

TEST_CASE("minisign signs the text's hash, unless told not to") {
  accept(minisign_pub, {"erin.minisig", hashed_minisig});
  accept(minisign_pub, {"erin.minisig", unhashed_minisig});
  accept(minisign_pub, {"erin.minisig", windows(hashed_minisig)});
  const std::string cut(hashed_minisig);
  accept(minisign_pub, {"erin.minisig", cut.substr(0, cut.size() - 1)});
  CHECK_ERROR(trusting(minisign_pub).authenticate("other", {{"erin.minisig", hashed_minisig}}, {}), trust,
              "none of the signatures found is theirs");
  CHECK_ERROR(trusting(signify_pub).authenticate("sums", {{"erin.minisig", hashed_minisig}}, {}), trust,
              "none of the signatures found is theirs");
  CHECK_ERROR(
      trusting(minisign_pub).authenticate("sums", {{"erin.minisig", with(hashed_minisig, ": prehashed", ": x")}}, {}),
      trust, "its trusted comment was changed");
  // The hashed signature under the other algorithm's name, and the other way round.
  CHECK_ERROR(trusting(minisign_pub).authenticate("sums", {{"erin.minisig", with(hashed_minisig, "RUST", "RWST")}}, {}),
              trust, "none of the signatures found is theirs");
  CHECK_ERROR(
      trusting(minisign_pub).authenticate("sums", {{"erin.minisig", with(unhashed_minisig, "RWST", "RUST")}}, {}),
      trust, "none of the signatures found is theirs");
  // Both count, once; neither is a form of the other.
  const std::vector<SignatureFile> both{{"a/erin.minisig", hashed_minisig}, {"b/erin.minisig", unhashed_minisig}};
  CHECK_NOTHROW(trusting(minisign_pub).authenticate("sums", both, {}));
  std::vector<Signature> forms;
  for (const char* text : {hashed_minisig, unhashed_minisig}) forms.push_back(Signature::parse({"erin.minisig", text}));
  CHECK_NOTHROW(check_agreement(forms));
}

TEST_CASE("a prehashed signature is Ed25519's alone") {
  const auto rsa = PrivateKey::generate(Algorithm::rsa_pkcs1_sha256);
  const SignedText text("sums");
  CHECK_FALSE(rsa.public_key().matches_prehashed(text, rsa.sign(text.blake2b())));
  CHECK(carol().public_key().matches_prehashed(text, carol().sign(text.blake2b())));
  CHECK_FALSE(carol().public_key().matches_prehashed(text, carol().sign("sums")));
}

TEST_CASE("signify's keys and signatures") {
  accept(signify_pub, {"erin.sig", signify_sig});
  accept(signify_pub, {"erin.sig", windows(signify_sig)});
  CHECK_ERROR(trusting(signify_pub).authenticate("other", {{"erin.sig", signify_sig}}, {}), trust,
              "none of the signatures found is theirs");
  CHECK_ERROR(Signature::parse({"erin.sig", signify_sig + std::string("sums")}), format, "with the signed text in it");
  CHECK_ERROR(Signature::parse({"erin.sig", with(signify_sig, "RWSu", "RUSu")}), format, "unknown algorithm");
  CHECK_ERROR(Signature::parse({"erin.sig", "untrusted comment: x\n"}), format, "not two lines");
  CHECK_ERROR(Signature::parse({"erin.minisig", signify_sig}), format, "a signature of signify");
  CHECK(hint_of([] { Signature::parse({"erin.minisig", signify_sig}); }) == "name it NAME.sig");
  CHECK_ERROR(Signature::parse({"erin.sig", hashed_minisig}), format, "a signature of minisign");
  CHECK(hint_of([] { Signature::parse({"erin.sig", hashed_minisig}); }) == "name it NAME.minisig");
}

TEST_CASE("sigstore bundles as others write them") {
  const Policy policy = Policy::single_key("carol", carol().public_key());
  const auto take = [&](const SignatureFile& file) { CHECK_NOTHROW(policy.authenticate("sums", {file}, {})); };
  take(wrapper([](Json& v) { v["messageSignature"]["messageDigest"] = Json::object(); }));
  take(wrapper([](Json& v) { v["messageSignature"]["messageDigest"] = nullptr; }));
  take(wrapper([](Json& v) { v["messageSignature"].erase("messageDigest"); }));
  take(wrapper([](Json& v) { v["dsseEnvelope"] = nullptr; }));
  take(wrapper([](Json& v) { v["verificationMaterial"]["publicKey"] = nullptr; }));
  for (const char* version : {"0.1", "0.2", "0.3"})
    take(wrapper(
        [&](Json& v) { v["mediaType"] = std::string("application/vnd.dev.sigstore.bundle+json;version=") + version; }));
  take(wrapper([](Json& v) {  // base64url without padding, which protobuf's JSON and DSSE allow
    std::string text = v["messageSignature"]["signature"];
    while (text.ends_with('=')) text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    v["messageSignature"]["signature"] = text;
  }));
  const auto half = wrapper([](Json& v) { v["messageSignature"]["messageDigest"].erase("digest"); });
  CHECK_ERROR(Signature::parse(half), format, "\"digest\" is missing");
  const auto newer = wrapper([](Json& v) { v["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.9+json"; });
  CHECK_ERROR(Signature::parse(newer), format, "not a sigstore bundle of version 0.3 or older");
}

TEST_CASE("an approval in the statement that cosign attest-blob writes") {
  const Signature ours = Signature::parse(approval([](Json&) {}));
  Json statement = Json::parse(ours.payload);
  statement["_type"] = "https://in-toto.io/Statement/v0.1";
  CHECK(Approval::parse(statement.dump(), "a").approved);
  statement["_type"] = "https://in-toto.io/Statement/v0.2";
  CHECK_ERROR(Approval::parse(statement.dump(), "a"), format, "_type: neither");
}

TEST_CASE("bundles that are something else") {
  const std::string signature = base64_encode(carol().sign("sums"));
  const Json old = {{"base64Signature", signature}, {"cert", ""}};
  CHECK_ERROR(Signature::parse(named("a.sigstore.json", old)), format, "a signature in cosign's older bundle format");
  CHECK_THAT(hint_of([&] { Signature::parse(named("a.sigstore.json", old)); }),
             ContainsSubstring("jq -r .base64Signature"));
  accept(carol().public_key().pem().c_str(), {"a.sig", signature + "\n"});  // what the hint makes
  const Json brace = {{"base64Signature", base64_encode("{" + std::string(63, '\xA5'))}};
  CHECK_ERROR(Signature::parse(named("a.sigstore.json", brace)), format, "a signature in cosign's older bundle format");
  const Json attested = {{"base64Signature", base64_encode(R"({"payloadType":"x"})")}};
  CHECK_ERROR(Signature::parse(named("a.approval.sigstore.json", attested)), format,
              "an attestation in cosign's older bundle format");
  const Json envelope = Json::parse(approval([](Json&) {}).bytes)["dsseEnvelope"];
  CHECK_ERROR(Signature::parse(named("a.approval.sigstore.json", envelope)), format, "a DSSE envelope without");
  const Json statement = Json::parse(Signature::parse(approval([](Json&) {})).payload);
  CHECK_ERROR(Signature::parse(named("a.approval.sigstore.json", statement)), format, "that nobody signed");
  const Json jws = {{"payload", "e30"}, {"protected", "e30"}, {"signature", "AAAA"}};
  CHECK_ERROR(Signature::parse(named("a.sigstore.json", jws)), format, "as notation writes it");
  CHECK_ERROR(Signature::parse({"a.sigstore.json", approval([](Json&) {}).bytes}), format,
              "a bundle with an attestation");
  CHECK_ERROR(Signature::parse({"a.approval.sigstore.json", wrapper([](Json&) {}).bytes}), format, "not an approval");
  CHECK_ERROR(Signature::parse({"a.sig", wrapper([](Json&) {}).bytes}), format, "JSON, not a bare signature");
}

TEST_CASE("a bare signature may begin with any bytes") {
  for (const std::size_t size : {64U, 384U, 512U})
    for (int first = 0; first < 256; ++first)
      for (const char* second : {"\x3e", "{", "Ed", "---", "\x30\x82"}) {
        std::string bytes = static_cast<char>(first) + std::string(second);
        bytes.resize(size, '\xA5');
        INFO(first << ' ' << second);
        CHECK(Signature::parse({"a.sig", bytes}).bytes == bytes);
      }
}

TEST_CASE("base64 in lines") {
  const auto rsa = PrivateKey::generate(Algorithm::rsa_pkcs1_sha256);
  std::string text = base64_encode(rsa.sign("sums"));
  for (std::size_t at = 76; at < text.size(); at += 77) text.insert(at, "\n");
  accept(rsa.public_key().pem().c_str(), {"a.sig", text + "\n"});
  accept(rsa.public_key().pem().c_str(), {"a.sig", windows(text + "\n")});
}

TEST_CASE("signatures of tools that airlock has nothing to do with") {
  CHECK_ERROR(Signature::parse({"a.asc", "-----BEGIN PGP SIGNATURE-----\n\niQ\n"}), format, "OpenPGP");
  CHECK_ERROR(Signature::parse({"a.bundle", "{}"}), format, "JSON, not a bare signature");
  CHECK_ERROR(Signature::parse({"a.sig", "-----BEGIN PGP SIGNATURE-----\n\niQ\n"}), format, "OpenPGP");
  CHECK_ERROR(Signature::parse({"a.sig", "-----BEGIN SSH SIGNATURE-----\nU1NI\n"}), format, "OpenSSH");
  CHECK_ERROR(Signature::parse({"a.sig", "-----BEGIN PKCS7-----\nMII\n"}), format, "CMS");
  std::string packet = "\x88\x75\x04" + std::string(0x74, 'x');
  CHECK_ERROR(Signature::parse({"a.sig", packet}), format, "OpenPGP");
  packet = std::string("\x89\x01\x33\x04", 4) + std::string(0x132, 'x');
  CHECK_ERROR(Signature::parse({"a.sig", packet}), format, "OpenPGP");
  // As long as a signature that is taken: never refused by how it begins.
  packet = "\x88\x3e\x04" + std::string(61, 'x');
  CHECK_NOTHROW(Signature::parse({"a.sig", packet}));
}

TEST_CASE("a signature with a certificate and no lasting key") {
  const auto policy = Policy::single_key("alice", PrivateKey::generate(Algorithm::ed25519).public_key());
  const auto keyless = [](const char* field) {
    return wrapper([&](Json& v) { v["verificationMaterial"] = {{field, {{"rawBytes", "AAAA"}}}}; });
  };
  for (const char* field : {"certificate", "x509CertificateChain"})
    CHECK_ERROR(policy.authenticate("sums", {keyless(field)}, {}), trust, "was made without a lasting key");
  // It does no harm beside one that counts, and with a key that is trusted it is an ordinary signature.
  CHECK_NOTHROW(Policy::single_key("carol", carol().public_key()).authenticate("sums", {keyless("certificate")}, {}));
}

TEST_CASE("keys of other tools are named") {
  const auto never = []() -> Secret { throw Error(ErrorCode::internal, "asked for a passphrase"); };
  const auto pem = [](const std::string& kind) {
    return "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n";
  };
  struct Case {
    std::string text, what, hint;
  };
  for (const Case& one : {Case{pem("ENCRYPTED SIGSTORE PRIVATE KEY"), "cosign's own form", "cosign public-key --key"},
                          Case{pem("ENCRYPTED COSIGN PRIVATE KEY"), "cosign's own form", "cosign public-key --key"},
                          Case{pem("OPENSSH PRIVATE KEY"), "private key of OpenSSH", "airlock keygen"},
                          Case{pem("PGP PRIVATE KEY BLOCK"), "private key of OpenPGP", "airlock keygen"},
                          Case{minisign_secret, "a secret key of minisign", "sign with minisign"},
                          Case{signify_secret, "a secret key of signify", "sign with signify"}}) {
    CAPTURE(one.text);
    CHECK_ERROR(PrivateKey::from_pem(one.text, "k", never), trust, one.what);
    CHECK_THAT(hint_of([&] { PrivateKey::from_pem(one.text, "k", never); }), ContainsSubstring(one.hint));
    CHECK_ERROR(PublicKey::from_text(one.text, "k"), trust, one.what);
  }
  for (const Case& one : {Case{pem("PGP PUBLIC KEY BLOCK"), "public key of OpenPGP", "ask the signer"},
                          Case{pem("CERTIFICATE"), "a certificate", "openssl x509"},
                          Case{pem("RSA PUBLIC KEY"), "PKCS#1", "openssl rsa -RSAPublicKey_in"},
                          Case{"ssh-ed25519 AAAA erin@x\n", "public key of OpenSSH", "ask the signer"},
                          Case{"ecdsa-sha2-nistp256 AAAA erin@x\n", "public key of OpenSSH", "ssh-keygen -e -m PKCS8"},
                          Case{"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", "public key of SSH", "ask the signer"},
                          Case{"\x30\x59" + std::string(89, 'x'), "binary (DER)", "-inform DER"}}) {
    CAPTURE(one.text);
    CHECK_ERROR(PublicKey::from_text(one.text, "k"), trust, one.what);
    CHECK_THAT(hint_of([&] { PublicKey::from_text(one.text, "k"); }), ContainsSubstring(one.hint));
  }
  // What else a file holds is no reason to refuse the key in it.
  const std::string key = carol().public_key().pem();
  CHECK_NOTHROW(PublicKey::from_text(pem("CERTIFICATE") + key, "k"));
  CHECK_NOTHROW(PublicKey::from_text("\xEF\xBB\xBF" + key, "k"));
  CHECK_NOTHROW(PublicKey::from_text("0 is the first\n" + key, "k"));
  CHECK_NOTHROW(PublicKey::from_text(windows(minisign_pub), "k"));
  CHECK_NOTHROW(PrivateKey::from_pem("\xEF\xBB\xBF" + carol().pem(Secret()), "k", never));
}

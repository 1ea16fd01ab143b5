// SPDX-License-Identifier: Apache-2.0
// The forms of a signature, right ones and ones with exactly one defect.
#include <functional>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/trust/signature.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::trust;

namespace {

const PrivateKey& ecdsa() {
  static const PrivateKey key = PrivateKey::generate(Algorithm::ecdsa_p256_sha256);
  return key;
}

const PrivateKey& ed25519() {
  static const PrivateKey key = PrivateKey::generate(Algorithm::ed25519);
  return key;
}

SignatureFile form(const PrivateKey& key, Form wanted, const std::string& content = "sums") {
  for (auto& file : sign(key, "signatures/alice", content))
    if (form_of(file.name) == wanted) return file;
  FAIL("no such form");
  return {};
}

SignatureFile approval(const std::string& content = "sums") {
  return approve(ecdsa(), "signatures/bob", content,
                 {"bob", "looks good", Time(std::chrono::seconds(1'700'000'000)), true});
}

/// The same wrapper with its JSON changed.
SignatureFile edited(SignatureFile file, const std::function<void(Json&)>& change) {
  Json value = Json::parse(file.bytes);
  change(value);
  file.bytes = value.dump();
  return file;
}

std::vector<Signature> parsed(const std::vector<SignatureFile>& files) {
  std::vector<Signature> signatures;
  for (const auto& file : files) signatures.push_back(Signature::parse(file));
  return signatures;
}

}  // namespace

TEST_CASE("all forms of a key hold one signature") {
  for (const auto* key : {&ecdsa(), &ed25519()}) {
    const auto files = sign(*key, "signatures/alice", "sums");
    CHECK(files.size() == (key == &ed25519() ? 3 : 2));
    const auto signatures = parsed(files);
    CHECK_NOTHROW(check_agreement(signatures));
    for (const auto& signature : signatures) {
      CHECK(signature.stem == "signatures/alice");
      CHECK(signature.is_by(key->public_key(), SignedText("sums")));
    }
  }
}

TEST_CASE("an approval is a statement about one content") {
  const Signature signature = Signature::parse(approval());
  CHECK(signature.form == Form::approval);
  CHECK(signature.is_by(ecdsa().public_key(), SignedText("whatever")));
  const Approval statement = Approval::parse(signature.payload, "a");
  CHECK(statement.subject == oci::sha256("sums"));
  CHECK(statement.predicate_type == svr_predicate_type);
  CHECK(statement.reviewer == "bob");
  CHECK(statement.comment == "looks good");
  CHECK(statement.time == "2023-11-14T22:13:20Z");
  const Json json = Json::parse(signature.payload);
  CHECK(json["predicate"]["verifier"]["policies"] == Json::array());
  CHECK(json["predicate"]["verifier"]["id"].get<std::string>().starts_with("ni:///sha-256;"));
  CHECK(json["predicate"]["properties"] == Json::array({"AIRLOCK_REVIEW_APPROVED", "AIRLOCK_CONTENT_VERIFIED"}));
}

TEST_CASE("forms that disagree") {
  auto files = sign(ed25519(), "signatures/alice", "sums");
  SECTION("another signature in the wrapper") {
    files[1] = form(ecdsa(), Form::sigstore);
    CHECK_ERROR(check_agreement(parsed(files)), trust, "contain different signatures");
  }
  SECTION("another signature in the minisign form") {
    files[2] = form(PrivateKey::generate(Algorithm::ed25519), Form::minisign);
    CHECK_ERROR(check_agreement(parsed(files)), trust, "alice.minisig contain different signatures");
  }
  SECTION("a wrapper around another content") {
    files[1] = edited(files[1], [](Json& v) {
      v["messageSignature"]["messageDigest"]["digest"] = base64_encode(oci::sha256("other").bytes());
    });
    CHECK_NOTHROW(check_agreement(parsed(files)));
    CHECK_ERROR(check_wrapped_content(parsed(files), SignedText("sums")), trust, "is for other content");
  }
}

TEST_CASE("wrappers that are not what they claim") {
  const auto wrapper = [](const std::function<void(Json&)>& change) {
    return Signature::parse(edited(form(ecdsa(), Form::sigstore), change));
  };
  const auto envelope = [](const std::function<void(Json&)>& change) {
    return Signature::parse(edited(approval(), change));
  };
  CHECK_ERROR(wrapper([](Json& v) { v["mediaType"] = "application/json"; }), format, "not a sigstore bundle");
  CHECK_ERROR(wrapper([](Json& v) { v.erase("verificationMaterial"); }), format, "\"verificationMaterial\" is missing");
  CHECK_ERROR(wrapper([](Json& v) { v.erase("messageSignature"); }), format, "\"messageSignature\" is missing");
  CHECK_ERROR(wrapper([](Json& v) { v["messageSignature"]["messageDigest"]["algorithm"] = "SHA2_384"; }), format,
              "not SHA2_256");
  CHECK_ERROR(wrapper([](Json& v) { v["messageSignature"]["messageDigest"]["algorithm"] = "SHA2_512"; }), format,
              "a signature over a SHA-512 hash");
  CHECK_ERROR(wrapper([](Json& v) { v["messageSignature"]["messageDigest"]["digest"] = "AAAA"; }), format,
              "not 32 bytes");
  CHECK_ERROR(wrapper([](Json& v) { v["messageSignature"]["signature"] = "not base64!"; }), format, "not base64");
  CHECK_ERROR(envelope([](Json& v) { v["dsseEnvelope"]["payloadType"] = "text/plain"; }), format, "payloadType: not");
  CHECK_ERROR(envelope([](Json& v) { v["dsseEnvelope"]["signatures"] = Json::array(); }), format, "not exactly one");
  CHECK_ERROR(envelope([](Json& v) {
                auto& list = v["dsseEnvelope"]["signatures"];
                list.push_back(list[0]);
              }),
              format, "not exactly one");
  CHECK_ERROR(envelope([](Json& v) { v["messageSignature"] = Json::object(); }), format,
              "both a signature and an envelope");
  SignatureFile twice = form(ecdsa(), Form::sigstore);
  twice.bytes.insert(1, R"("mediaType":"x",)");
  CHECK_ERROR(Signature::parse(twice), format, "appears twice");
  SignatureFile deep{"signatures/a.sigstore.json", std::string(30'000, '[') + std::string(30'000, ']')};
  CHECK_ERROR(Signature::parse(deep), format, "nested deeper than 16");
  SignatureFile large{"signatures/a.sigstore.json", std::string(70'000, ' ')};
  CHECK_ERROR(Signature::parse(large), format, "more than the 65536 allowed");
  CHECK_ERROR(Signature::parse({"signatures/a.pem", "x"}), format, "does not tell its form");
}

TEST_CASE("statements that are not what they claim") {
  const std::string right = Signature::parse(approval()).payload;
  const auto statement = [&](const std::function<void(Json&)>& change) {
    Json value = Json::parse(right);
    change(value);
    return Approval::parse(value.dump(), "statement");
  };
  CHECK_ERROR(statement([](Json& v) { v["_type"] = "https://in-toto.io/Statement/v2"; }), format, "_type: neither");
  CHECK_ERROR(statement([](Json& v) { v["subject"] = Json::array(); }), format, "subject: not exactly one");
  CHECK_ERROR(statement([](Json& v) { v["subject"].push_back(v["subject"][0]); }), format, "subject: not exactly one");
  CHECK_ERROR(statement([](Json& v) { v["subject"][0]["digest"]["sha256"] = "ABC"; }), format, "64 lower-case");
  CHECK_ERROR(statement([](Json& v) { v["subject"][0]["digest"].erase("sha256"); }), format, "\"sha256\" is missing");
  CHECK_ERROR(statement([](Json& v) { v["subject"][0]["name"] = "other.iso"; }), format, "its name is not SHA256SUMS");
  CHECK_FALSE(statement([](Json& v) { v["predicate"]["properties"] = {"AIRLOCK_REVIEW_REJECTED"}; }).approved);
  CHECK(statement([](Json&) {}).approved);
  CHECK_ERROR(statement([](Json& v) { v.erase("predicate"); }), format, "\"predicate\" is missing");
}

TEST_CASE("minisign files that are not what they claim") {
  const SignatureFile right = form(ed25519(), Form::minisign);
  const auto lines = split(right.bytes, '\n');
  const auto with = [&](std::size_t index, const std::string& text) {
    auto changed = lines;
    changed[index] = text;
    return Signature::parse({right.name, join(changed, "\n")});
  };
  CHECK_NOTHROW(with(0, "untrusted comment: anything"));
  CHECK_ERROR(with(0, "comment"), format, "not an untrusted comment");
  CHECK_ERROR(with(1, "AAAA"), format, "line 2 is not a signature");
  CHECK_ERROR(with(1, base64_encode("XX" + std::string(72, 'x'))), format, "unknown algorithm");
  CHECK_ERROR(with(2, "comment"), format, "not a trusted comment");
  CHECK_ERROR(with(3, "AAAA"), format, "line 4 is not a signature");
  CHECK_ERROR(Signature::parse({right.name, right.bytes + "more\n"}), format, "not four lines");
}

TEST_CASE("a statement decides only what it says, in the type that decides") {
  trust::Approval approval{oci::sha256(""), "", "", "", ""};
  CHECK(approval.decision() == "none");
  approval.approved = true;
  CHECK(approval.decision() == "none");  // of another type
  approval.predicate_type = trust::svr_predicate_type;
  CHECK(approval.decision() == "approved");
  approval.rejected = true;
  CHECK(approval.decision() == "rejected");
}

TEST_CASE("answers that approve nothing") {
  for (const char* no : {"no", "No", " NO ", "n", "N", "no.", "No!", "", " ", "\u00A0", "\u200B", "no\u00A0", ".",
                         "no,", "\"no\"", "(NO?)", "nope", "\u00ADno", "\u2064No"})
    CHECK(trust::declines(no));
  for (const char* yes : {"yes", "4711", "none found", "nothing", "no vulnerabilities", "y", "no, none"})
    CHECK_FALSE(trust::declines(yes));
}

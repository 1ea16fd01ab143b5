// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/sign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/flow/verify.hpp"

namespace airlock::flow {

namespace {

using bundle::Head;

bool is_approval(const std::string& file) { return trust::form_of(file) == trust::Form::approval; }

bool rejects(const trust::Signature& statement) {
  return trust::Approval::parse(statement.payload, statement.file).rejected;
}

void refuse_second(const Head& head, const std::vector<trust::SignatureFile>& added, const trust::PublicKey& key) {
  const bool adds_approval = is_approval(added.front().name);
  const std::string stem = trust::Signature::parse(added.front()).stem;
  const trust::SignedText content(head.sums);
  for (const trust::SignatureFile& file : head.signatures) {
    if (is_approval(file.name) != adds_approval) continue;
    const auto signature = trust::Signature::parse(file);
    if (!signature.is_by(key, content)) {
      // Forms of one name must hold one signature, so nothing of another's may stand under it.
      if (signature.stem == stem)
        throw Error(ErrorCode::trust, Side::bundle, fmt::format("it carries {} already", file.name))
            .hint("give this one another name with --name");
      continue;
    }
    if (adds_approval && !trust::approves(signature, head.sums))
      continue;  // put here by somebody: it counts for nothing
    if (adds_approval && rejects(signature) != rejects(trust::Signature::parse(added.front()))) {
      if (!rejects(signature)) continue;  // who has approved may think better of it
      throw Error(ErrorCode::trust, Side::bundle, fmt::format("this key has rejected it, as {}", file.name))
          .hint("a rejection is not taken back: the exporter has to make another bundle");
    }
    throw Error(ErrorCode::trust, Side::bundle,
                fmt::format("this key has {} it already, as {}", adds_approval ? "approved" : "signed", file.name))
        .hint("there is nothing to do; another person signs with his own key");
  }
}

/// Every byte, under the signer's own new signature: what is checked is what will be in the bundle.
void check_content(const SignRequest& request, const std::shared_ptr<const bundle::ReadableMedium>& medium,
                   const std::vector<trust::SignatureFile>& added, const trust::PublicKey& key, Reporter& reporter) {
  const bool approval = is_approval(added.front().name);
  trust::PolicyContent content;
  content.origin = "the new signature";
  content.keys.push_back({request.name, key});
  trust::StreamRules rules;
  rules.rollback = trust::Rollback::allow;
  rules.requirements.push_back(
      {"signer", {request.name}, 1, approval ? std::string(trust::svr_predicate_type) : std::string()});
  content.any_stream = std::move(rules);
  bundle::VerifyOptions options{request.jobs, added, {clock_time(), {}, {}, {}}};
  options.keep_documents = false;
  verify_content(medium, trust::Policy(std::move(content)), options, reporter);
}

void check_digest(const oci::Digest& expected, const Head& head) {
  const oci::Digest actual = oci::sha256(head.sums);
  if (actual != expected)
    throw Error(
        ErrorCode::trust, Side::bundle,
        fmt::format("its SHA256SUMS has the digest {}, not {} as --verified says", actual.str(), expected.str()))
        .hint("this is not the bundle that was verified; verify this one");
}

/// All of them or none.
std::vector<std::string> write_sidecars(const std::filesystem::path& directory,
                                        const std::vector<trust::SignatureFile>& added) {
  std::vector<std::string> files;
  try {
    for (const trust::SignatureFile& file : added) {
      const auto path = directory / std::filesystem::path(file.name).filename();
      write_new_file(path, file.bytes);
      files.push_back(path.string());
    }
  } catch (...) {
    std::error_code ignored;
    for (const std::string& file : files) std::filesystem::remove(file, ignored);
    throw;
  }
  return files;
}

using MakeFiles = std::function<std::vector<trust::SignatureFile>(const Head&, const std::string& stem)>;

SignResult add(const SignRequest& request, const trust::PublicKey& key, Reporter& reporter, const MakeFiles& make) {
  const std::string stem = bundle::signature_stem(request.name);
  const std::shared_ptr<bundle::SignableMedium> medium =
      request.sidecar ? nullptr : bundle::open_signable_medium(request.bundle, request.volumes);
  const std::shared_ptr<const bundle::ReadableMedium> reading =
      medium ? medium
             : std::shared_ptr<const bundle::ReadableMedium>(bundle::open_medium(request.bundle, request.volumes));
  const Head head = bundle::read_head(*reading);
  if (request.verified) check_digest(*request.verified, head);
  const auto added = make(head, stem);
  refuse_second(head, added, key);
  if (medium) bundle::check_room(head, added);  // before all is read
  if (!request.verified && !request.rejects) check_content(request, reading, added, key, reporter);
  SignResult result{oci::sha256(head.sums), {}};
  if (request.sidecar) {
    result.files = write_sidecars(*request.sidecar, added);
    return result;
  }
  bundle::append_signatures(*medium, head, added);
  for (const trust::SignatureFile& file : added) result.files.push_back(file.name);
  return result;
}

}  // namespace

SignResult sign_bundle(const SignRequest& request, const trust::PrivateKey& key, Reporter& reporter) {
  return within([&] { return request.bundle.string(); },
                [&] {
                  return add(request, key.public_key(), reporter, [&](const Head& head, const std::string& stem) {
                    return trust::sign(key, stem, head.sums);
                  });
                });
}

SignResult review_bundle(const SignRequest& request, const trust::PrivateKey& key, const ReviewRequest& asked,
                         Reporter& reporter) {
  SignRequest signing = request;
  signing.rejects = asked.rejects;
  return within([&] { return request.bundle.string(); },
                [&] {
                  return add(signing, key.public_key(), reporter, [&](const Head& head, const std::string& stem) {
                    const trust::Review review{
                        request.name,  asked.comment,   current_time(), !request.verified && !asked.rejects,
                        asked.rejects, asked.documents, asked.checklist};
                    return std::vector{trust::approve(key, stem, head.sums, review)};
                  });
                });
}

KeyFiles new_key_files(const std::string& name) {
  KeyFiles files{name + ".key", name + ".pub", name + ".minisign.pub"};
  for (const auto& file : {files.private_key, files.public_key, files.minisign_key})
    if (std::filesystem::exists(std::filesystem::symlink_status(file)))
      throw Error(ErrorCode::media, file.string() + " exists already")
          .hint("choose another name; airlock never overwrites a key");
  return files;
}

void write_key_files(const KeyFiles& files, const trust::PrivateKey& key, const Secret& passphrase) {
  std::string pem = key.pem(passphrase);
  const WipedText wiped(pem);
  write_new_file(files.private_key, pem, Access::owner);
  write_new_file(files.public_key, key.public_key().pem());
  if (key.public_key().algorithm() == trust::Algorithm::ed25519)
    write_new_file(files.minisign_key, trust::minisign_public_key(key.public_key()));
}

}  // namespace airlock::flow

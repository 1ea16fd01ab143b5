// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/sign.hpp"

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/bundle/signature_region.hpp"

namespace airlock::flow {

void sign_bundle(const std::filesystem::path& path, const trust::PrivateKey& key, const std::string& name,
                 unsigned jobs, Reporter& reporter) {
  const std::string entry = bundle::signature_entry_name(name);
  const std::shared_ptr<bundle::SignableMedium> medium = bundle::open_signable_medium(path);
  const bundle::Archive archive(medium);
  std::vector<trust::SignatureFile> signatures = archive.signatures();
  for (const trust::SignatureFile& file : signatures) {
    if (file.name == entry)
      throw Error(ErrorCode::trust, Side::bundle, "it carries a signature named " + name + " already")
          .hint("give this one another name with --name");
    if (key.public_key().matches(archive.sums(), file.bytes))
      throw Error(ErrorCode::trust, Side::bundle, "this key has signed it already, as " + file.name);
  }
  const trust::SignatureFile added{entry, key.sign(archive.sums())};
  // The new signature is checked like any other one, together with all that it covers, before it becomes part of the
  // bundle.
  bundle::VerifyOptions options{jobs, {added}};
  bundle::verify(medium, trust::Policy::single_key(name, key.public_key()), options, reporter);
  signatures.push_back(added);
  medium->overwrite(archive.region_offset(), bundle::format_region(signatures));
}

KeyFiles new_key_files(const std::string& name) {
  KeyFiles files{name + ".key", name + ".pub"};
  for (const auto& file : {files.private_key, files.public_key})
    if (std::filesystem::exists(std::filesystem::symlink_status(file)))
      throw Error(ErrorCode::media, file.string() + " exists already")
          .hint("choose another name; airlock never overwrites a key");
  return files;
}

void write_key_files(const KeyFiles& files, const trust::PrivateKey& key, const std::string& passphrase) {
  write_new_file(files.private_key, key.pem(passphrase), 0600);
  write_new_file(files.public_key, key.public_key().pem(), 0644);
}

}  // namespace airlock::flow

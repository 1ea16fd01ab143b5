// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/reader.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

void run(const std::string& path, const VolumePlaceOptions& volumes, const GlobalOptions& global) {
  const auto unverified = bundle::read_unverified(bundle::open_medium(path, volumes.places()));
  const bundle::Metadata& metadata = unverified.metadata;
  if (global.json()) {
    print_json({{"bundle", path},
                {"verified", false},
                {"signatures", unverified.signature_names},
                {"sumsDigest", unverified.sums_digest.str()},
                {"metadata", parse_json(metadata.format(), "bundle.json", {64U << 20, 16, 2U << 20})}});
    return;
  }
  std::string text = path + ": NOT VERIFIED, this is only what it says of itself\n";
  text += "  selection  " + describe(metadata.selection) + "\n";
  text += "  made by    " + printable(metadata.selection.tool) + ", " + format_time(metadata.created) + "\n";
  text += "  stream     " + metadata.stream + ", serial " + std::to_string(metadata.serial) + "\n";
  text += "  signatures " +
          (unverified.signature_names.empty() ? std::string("none") : join(unverified.signature_names, ", ")) + "\n";
  if (unverified.leftovers) text += "             and traces of a signing that was interrupted before it took effect\n";
  text += base_text(metadata.base);
  for (const auto& [name, value] : metadata.extensions)
    text += "  extension  " + name + ", which this version of airlock does not know\n";
  text += "  SHA256SUMS " + unverified.sums_digest.str() + "\n";
  text += "  " + count_of(metadata.images.size(), "image") + ", " + count_of(metadata.blobs.size(), "blob") + ":\n";
  for (const auto& image : metadata.images)
    text += "    " + image.source.str() + "  " + image.descriptor.digest.str() + "  (" +
            printable(join(image.components, ", ")) + ")\n";
  print(text);
}

}  // namespace

void add_inspect(CLI::App& verb, GlobalOptions& global) {
  const auto path = std::make_shared<std::string>();
  verb.add_option("BUNDLE", *path, "The bundle")->required();
  const auto volumes = std::make_shared<VolumePlaceOptions>();
  volumes->add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock inspect /media/usb/kubernetes.tar");
  verb.callback([=, &global] { run(*path, *volumes, global); });
}

}  // namespace airlock::cli

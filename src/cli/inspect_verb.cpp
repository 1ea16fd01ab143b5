// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

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
  std::string text = fmt::format(
      "{}: NOT VERIFIED, these are only its claims\n  selection  {}\n  made by    {}, {}\n"
      "  stream     {}, serial {}\n  signatures {}\n",
      path, describe(metadata.selection), printable(metadata.selection.tool), format_time(metadata.created),
      metadata.stream, metadata.serial,
      unverified.signature_names.empty() ? std::string("none") : join(unverified.signature_names, ", "));
  if (unverified.leftovers) text += "             and remains of an interrupted signing that did not take effect\n";
  text += base_text(metadata.base);
  for (const auto& [name, value] : metadata.extensions)
    text += fmt::format("  extension  {}, which this version of airlock does not know\n", name);
  text += fmt::format("  SHA256SUMS {}\n  {}, {}:\n", unverified.sums_digest.str(),
                      count_of(metadata.images.size(), "image"), count_of(metadata.blobs.size(), "blob"));
  for (const auto& image : metadata.images)
    text += fmt::format("    {}  {}  ({})\n", image.source.str(), image.descriptor.digest.str(),
                        printable(join(image.components, ", ")));
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

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/records/own_content.hpp"
#include "cli/evidence.hpp"
#include "cli/image_text.hpp"
#include "cli/review_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct InspectOptions {
  ReviewOptions review;
  ImageChoice choice;
  std::string sort = "name";
  std::string layer;
  bool tree = false;
  std::string cat;
};

/// Who signed it, what it says of itself, what it holds in all.
std::string identity(const std::string& path, const flow::OpenedBundle& bundle) {
  const bundle::Metadata& metadata = bundle.metadata();
  std::string text = bundle.evidence ? fmt::format("{}: verified; blobs are checked as they are read\n{}", path,
                                                   evidence_text(*bundle.evidence))
                                     : fmt::format("{}: NOT VERIFIED, these are only its claims\n", path);
  text += line("selection", describe(metadata.selection));
  text += line("made by", fmt::format("{}, {}", printable(metadata.selection.tool), format_time(metadata.created)));
  text += line("stream", fmt::format("{}, serial {}{}", metadata.stream, metadata.serial,
                                     metadata.expires ? ", expires " + format_time(*metadata.expires) : ""));
  if (metadata.previous) text += line("previous", metadata.previous->str());
  if (!bundle.evidence) text += claims_text(bundle.signatures, bundle.sums_digest);
  if (bundle.leftovers) text += line("", "and remains of an interrupted signing that did not take effect");
  text += base_text(metadata.base);
  if (const auto rules = metadata.mapping_rules(); !rules.empty()) text += line("names", printable(join(rules, ", ")));
  for (const bundle::Missing& one : metadata.missing())
    text += line("missing", fmt::format("{}: {}", one.source.str(), printable(one.reason)));
  for (const auto& [name, value] : metadata.extensions)
    if (name != "missing" && name != "mapping")
      text += line("extension", name + ", which this version of airlock does not know");
  text += line("SHA256SUMS", bundle.sums_digest.str());
  return text;
}

std::string totals(const bundle::Metadata& metadata, const std::vector<review::ImageSummary>& images) {
  std::uint64_t bytes = 0;
  for (const records::Blob& blob : metadata.blobs) bytes += blob.size;
  std::size_t charts = 0;
  std::size_t files = 0;
  for (const review::ImageSummary& image : images) {
    if (records::is_chart(*image.image)) ++charts;
    if (records::is_file(*image.image)) ++files;
  }
  return line("content", fmt::format("{}{}{}, {}, {}", count_of(images.size() - charts - files, "image"),
                                     charts == 0 ? "" : ", " + count_of(charts, "chart"),
                                     files == 0 ? "" : ", " + count_of(files, "file"),
                                     count_of(metadata.blobs.size(), "blob"), human_size(bytes)));
}

void sort_images(std::vector<review::ImageSummary>& images, const std::string& by) {
  const auto key = [&](const review::ImageSummary& image) {
    return by == "size" ? image.bytes : by == "own" ? image.own_bytes : 0;
  };
  std::stable_sort(images.begin(), images.end(), [&](const auto& a, const auto& b) {
    return by == "created" ? a.created > b.created : key(a) > key(b);
  });
}

/// The one image and platform whose files are wanted.
review::PlatformImage one_platform(const InspectOptions& options, const bundle::BundleContent& bundle) {
  const auto images = options.choice.platforms_of(bundle);
  if (images.size() == 1) return images.front();
  std::vector<std::string> names;
  for (const auto& image : images) names.push_back(image.str());
  throw Error(ErrorCode::usage,
              "--tree and --cat are about one image for one platform, and these are chosen: " + join(names, ", "))
      .hint("name one with --image and --platform");
}

review::FileSystem files_of(const InspectOptions& options, const bundle::BundleContent& bundle,
                            const review::PlatformImage& image) {
  const std::size_t count = image.manifest->content->layers.size();
  if (options.layer.empty()) return review::FileSystem::of(bundle, *image.manifest, count);
  const auto number = parse_number(options.layer);
  if (!number || *number == 0 || *number > count)
    throw Error(ErrorCode::usage, fmt::format("--layer {}: the image has layers 1 to {}", options.layer, count))
        .hint("airlock inspect BUNDLE --image REF numbers them");
  return review::FileSystem::of_layer(bundle, *image.manifest, *number - 1);
}

void print_file(const bundle::BundleContent& bundle, const review::PlatformImage& image,
                const review::FileSystem& files, const std::string& path) {
  const auto file = files.find(path);
  if (!file || file->file.kind != bundle::FileKind::file)
    throw Error(ErrorCode::usage, fmt::format("{} has no file {}", image.str(), printable(path)))
        .hint("--tree lists its files");
  review::read_file_of(bundle, *image.manifest, *file, print_content);
}

/// A layer that cannot be read hides nothing of the rest.
std::string risky_files_of(const bundle::BundleContent& bundle, const review::PlatformImage& image) {
  std::string text;
  try {
    text = risky_files_text(review::FileSystem::of(bundle, *image.manifest, image.manifest->content->layers.size()));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    text = line("unread", error.what());
  }
  return text.empty() ? "" : fmt::format("\n  files of {}\n{}", image.str(), text);
}

void print_json_of(const std::string& path, const flow::OpenedBundle& bundle,
                   const std::vector<review::ImageSummary>& images) {
  Json list = Json::array();
  for (const review::ImageSummary& image : images) list.push_back(image_json(image));
  Json json{{"bundle", path},
            {"verified", bundle.evidence.has_value()},
            {"sumsDigest", bundle.sums_digest.str()},
            {"metadata", parse_json(bundle.metadata().format(), "bundle.json", {64U << 20, 16, 2U << 20})},
            {"images", std::move(list)}};
  if (bundle.evidence)
    json["trust"] = evidence_json(*bundle.evidence);
  else
    json["signatures"] = claims_json(bundle.signatures, bundle.sums_digest);
  print_json(json);
}

void run(const InspectOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  if (!options.layer.empty() && !options.tree && options.cat.empty())
    throw Error(ErrorCode::usage, "--layer is for --tree and --cat").hint("give one of them, too");
  const flow::OpenedBundle bundle = options.review.open(reporter);
  if (options.tree || !options.cat.empty()) {
    const auto image = one_platform(options, *bundle.content);
    const auto files = files_of(options, *bundle.content, image);
    if (!options.cat.empty()) return print_file(*bundle.content, image, files, options.cat);
    return print(tree_text(files));
  }
  auto images = review::summarize(*bundle.content);
  const std::size_t all = images.size();
  std::erase_if(images, [&](const review::ImageSummary& image) { return !options.choice.takes(*image.image); });
  if (images.empty()) static_cast<void>(options.choice.platforms_of(*bundle.content));  // says so
  sort_images(images, options.sort);
  if (global.json()) return print_json_of(options.review.bundle, bundle, images);
  if (images.size() == 1 && all > 1 && !options.choice.images.empty()) {
    std::string text = image_depth(*bundle.content, images.front());
    for (const auto& platform : images.front().platforms) text += risky_files_of(*bundle.content, platform.image);
    return print(text);
  }
  print(identity(options.review.bundle, bundle) + totals(bundle.metadata(), images) + image_table(images));
}

}  // namespace

void add_inspect(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<InspectOptions>();
  options->review.add_to(verb);
  options->choice.add_to(verb);
  verb.add_option("--sort", options->sort, "Order of the table")
      ->check(CLI::IsMember({"name", "size", "own", "created"}))
      ->type_name("KEY")
      ->capture_default_str();
  verb.add_flag("--tree", options->tree, "List the files of one image, as a node would see them");
  verb.add_option("--cat", options->cat, "Print a file of one image")->type_name("PATH")->excludes("--tree");
  verb.add_option("--layer", options->layer, "With --tree and --cat: one layer alone, by its number")->type_name("N");
  global.add_to(verb);
  verb.footer(
      "Examples:\n  airlock inspect /media/usb/kubernetes.tar --key alice.pub --sort own\n"
      "  airlock inspect /media/usb/kubernetes.tar --image quay.io/calico/node:v3.27.4\n"
      "  airlock inspect /media/usb/kubernetes.tar --image quay.io/calico/node:v3.27.4 --platform linux/amd64 --tree");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli

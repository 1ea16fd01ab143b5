// SPDX-License-Identifier: Apache-2.0
#include "cli/image_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "airlock/base/text.hpp"
#include "cli/evidence.hpp"

namespace airlock::cli {

namespace {

std::string platforms_text(const review::ImageSummary& image) {
  std::vector<std::string> platforms;
  for (const auto& platform : image.platforms) platforms.push_back(platform.platform_name());
  return platforms.empty() ? image.kind : printable(join(platforms, " "), 120);
}

std::string labels_text(const review::ImageSummary& image) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) parts.push_back(fmt::format("{} {}", name, printable(value, 120)));
  };
  add("source", image.source);
  add("revision", image.revision);
  add("licences", image.licenses);
  if (!image.image->referrers.empty())
    parts.push_back(count_of(image.image->referrers.size(), "signature, attestation or SBOM",
                             "signatures, attestations and SBOMs"));
  return join(parts, "; ");
}

std::string command_text(const std::vector<std::string>& words) {
  std::vector<std::string> shown;
  for (const std::string& word : words)
    shown.push_back(word.find_first_of(" \t\n") == std::string::npos && !word.empty()
                        ? printable(word)
                        : fmt::format("'{}'", printable(word)));
  return join(shown, " ");
}

std::string platform_text(const bundle::BundleContent& bundle, const review::PlatformDetails& platform,
                          const std::map<oci::Digest, std::set<std::string>>& users) {
  const review::ImageDetails& details = platform.details;
  std::string text = fmt::format("\n  {}\n", platform.platform_name());
  text += line("digest", platform.image.manifest->digest.str());
  if (!platform.known) return text + line("config", "not in this delta, but in what it builds on");
  text += line("created", details.created.empty() ? "not said" : printable(details.created, 40));
  text += line("user", details.runs_as_root()
                           ? fmt::format("{} (root)", details.user.empty() ? "not set" : printable(details.user, 80))
                           : printable(details.user, 80));
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += line(name, value);
  };
  add("entrypoint", command_text(details.entrypoint));
  add("command", command_text(details.command));
  add("directory", printable(details.working_directory));
  add("ports", printable(join(details.ports, ", ")));
  add("volumes", printable(join(details.volumes, ", ")));
  for (const review::EnvironmentVariable& variable : details.environment)
    text += line("variable",
                 printable(variable.name, 120) +
                     (variable.secret_like ? "  LOOKS LIKE A SECRET that everybody has who has the image" : ""));
  for (const auto& [name, value] : details.labels)
    text += line("label", fmt::format("{}={}", printable(name, 120), printable(value, 200)));
  std::size_t layer = 0;
  const auto& layers = platform.image.manifest->content->layers;
  const auto layer_text = [&](const std::string& how) {
    const oci::Node& node = *layers[layer].to;
    const std::size_t others = users.at(node.digest).size() - 1;
    text += line(fmt::format("layer {}", layer + 1),
                 fmt::format("{} {}{}{}", node.digest.str(), human_size(node.size),
                             others == 0 ? "" : fmt::format(", in {} too", count_of(others, "other image")),
                             bundle.is_in_base(node.digest) ? ", not in this delta" : ""));
    if (!how.empty()) text += line("", printable(how, 200));
    ++layer;
  };
  for (const review::HistoryEntry& entry : details.history) {
    if (entry.empty_layer)
      text += line("history", printable(entry.created_by, 200));
    else if (layer < layers.size())
      layer_text(entry.created_by);
  }
  while (layer < layers.size()) layer_text("");
  return text;
}

}  // namespace

std::string image_table(const std::vector<review::ImageSummary>& images) {
  std::size_t column = 9;
  std::size_t platforms = 9;
  for (const review::ImageSummary& image : images) {
    column = std::max(column, image.image->source.str().size());
    platforms = std::max(platforms, platforms_text(image).size());
  }
  std::string text = fmt::format("  {:<{}}  {:<12}  {:<{}}  {:>8}  {:>8}  {:>6}  {}\n", "reference", column, "digest",
                                 "platforms", platforms, "size", "own", "layers", "created");
  for (const review::ImageSummary& image : images) {
    text += fmt::format("  {:<{}}  {:<12}  {:<{}}  {:>8}  {:>8}  {:>6}  {}\n", image.image->source.str(), column,
                        image.image->descriptor.digest.short_hex(), platforms_text(image), platforms,
                        human_size(image.bytes), human_size(image.own_bytes), image.layers,
                        printable(image.created.substr(0, 10), 10));
    if (const std::string labels = labels_text(image); !labels.empty()) text += fmt::format("      {}\n", labels);
  }
  return text;
}

Json image_json(const review::ImageSummary& image) {
  Json platforms = Json::array();
  for (const auto& platform : image.platforms) {
    const review::ImageDetails& details = platform.details;
    Json variables = Json::array();
    for (const auto& variable : details.environment)
      variables.push_back({{"name", variable.name}, {"looksSecret", variable.secret_like}});
    Json history = Json::array();
    for (const auto& entry : details.history)
      history.push_back({{"createdBy", entry.created_by}, {"emptyLayer", entry.empty_layer}});
    Json layers = Json::array();
    for (const oci::Edge& layer : platform.image.manifest->content->layers)
      layers.push_back({{"digest", layer.to->digest.str()}, {"size", layer.to->size}});
    platforms.push_back({{"digest", platform.image.manifest->digest.str()},
                         {"os", details.os},
                         {"architecture", details.architecture},
                         {"created", details.created},
                         {"user", details.user},
                         {"root", platform.known && details.runs_as_root()},
                         {"known", platform.known},
                         {"entrypoint", details.entrypoint},
                         {"command", details.command},
                         {"workingDirectory", details.working_directory},
                         {"ports", details.ports},
                         {"volumes", details.volumes},
                         {"environment", std::move(variables)},
                         {"labels", details.labels},
                         {"history", std::move(history)},
                         {"layers", std::move(layers)}});
  }
  Json referrers = Json::array();
  for (const auto& referrer : image.image->referrers)
    referrers.push_back({{"digest", referrer.descriptor.digest.str()}, {"mediaType", referrer.descriptor.media_type}});
  return {{"source", image.image->source.str()},
          {"kind", image.kind},
          {"digest", image.image->descriptor.digest.str()},
          {"bytes", image.bytes},
          {"ownBytes", image.own_bytes},
          {"created", image.created},
          {"sourceLabel", image.source},
          {"revision", image.revision},
          {"licenses", image.licenses},
          {"components", image.image->components},
          {"referrers", std::move(referrers)},
          {"platforms", std::move(platforms)}};
}

std::string image_depth(const bundle::BundleContent& bundle, const review::ImageSummary& image) {
  std::map<oci::Digest, std::set<std::string>> users;
  for (const records::Image& one : bundle.metadata().images)
    for (const oci::Node* node : bundle.closure_of(one)) users[node->digest].insert(one.source.str());
  std::string text = fmt::format("{}\n", image.image->source.str());
  text += line("digest", image.image->descriptor.digest.str());
  text += line("size", fmt::format("{}, {} of them its own", human_size(image.bytes), human_size(image.own_bytes)));
  text += line("why", printable(join(image.image->components, ", ")));
  for (const auto& referrer : image.image->referrers)
    text += line("referrer",
                 fmt::format("{} {}", referrer.descriptor.digest.str(), printable(referrer.descriptor.media_type, 80)));
  for (const auto& platform : image.platforms) text += platform_text(bundle, platform, users);
  return text;
}

std::string risky_files_text(const review::FileSystem& files) {
  std::string text;
  for (const auto& [path, found] : files.files()) {
    const bundle::LayerFile& file = found.file;
    const bool is_file = file.kind == bundle::FileKind::file || file.kind == bundle::FileKind::hardlink;
    const bool runs_as_owner = is_file && (file.mode & 06000U) != 0;
    const bool has_capabilities = is_file && !file.capability.empty();
    // A sticky folder such as /tmp is meant so; a link's own mode counts for nothing.
    const bool open = (file.mode & 02U) != 0 && file.kind != bundle::FileKind::symlink &&
                      !(file.kind == bundle::FileKind::directory && (file.mode & 01000U) != 0);
    if (runs_as_owner || has_capabilities || open)
      text += line(runs_as_owner      ? "setuid"
                   : has_capabilities ? "capability"
                                      : "writable",
                   fmt::format("{} {}:{} /{}", review::mode_text(file), file.uid, file.gid, printable(path)));
  }
  return text;
}

std::string tree_text(const review::FileSystem& files) {
  std::string text;
  for (const auto& [path, found] : files.files()) {
    const bundle::LayerFile& file = found.file;
    const std::string target =
        file.target.empty() ? "" : (file.kind == bundle::FileKind::symlink ? " -> " : " = /") + printable(file.target);
    text += fmt::format("{} {:>6}:{:<6} {:>12} /{}{}\n", review::mode_text(file), file.uid, file.gid, file.size,
                        printable(path, 4096), target);
  }
  return text;
}

Json missing_json(const std::vector<records::Missing>& missing) {
  Json list = Json::array();
  for (const records::Missing& one : missing) list.push_back({{"source", one.source.str()}, {"reason", one.reason}});
  return list;
}

}  // namespace airlock::cli

// SPDX-License-Identifier: Apache-2.0
#include "cli/sbom_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"

namespace airlock::cli {

namespace {

/// What upstream's own lists have to say about it.
std::string comparison_of(const review::InventoriedImage& image) {
  std::string text;
  for (const review::AttachedSbom& sbom : image.attached) {
    if (!sbom.problem.empty()) continue;
    text += fmt::format("  upstream's {} {}: {} of {} found; {} found that it does not name\n", sbom.format,
                        sbom.digest.short_hex(), sbom.both, count_of(sbom.both + sbom.only_there.size(), "package"),
                        sbom.only_here.size());
    for (const review::DeclaredPackage& package : sbom.only_there)
      text += fmt::format("    not found  {}\n", printable(package.text));
    for (const review::Package& package : sbom.unexpected())
      text += fmt::format("    not named  {} {}\n", package.type,
                          printable(fmt::format("{} {}", package.name, package.version)));
  }
  return text;
}

std::string table_of(const review::InventoriedImage& image) {
  const auto& inventory = image.inventory;
  std::string text =
      fmt::format("{}: {}{}\n", image.image.str(), count_of(inventory.packages.size(), "package"),
                  inventory.distribution.name.empty() ? "" : ", " + printable(inventory.distribution.name));
  for (const review::InstalledPackage& installed : inventory.packages) {
    const review::Package& package = installed.package;
    const std::string name = package.ns.empty() ? package.name : package.ns + "/" + package.name;
    text += fmt::format("  {:<8} {:<40} {:<28} {}\n", package.type, printable(name), printable(package.version),
                        printable(installed.paths.front()));
  }
  return text + comparison_of(image);
}

class TableWriter final : public review::SbomWriter {
 public:
  explicit TableWriter(Sink sink) : sink_(std::move(sink)) {}
  void add(const review::InventoriedImage& image) override { sink_(table_of(image)); }
  void finish() override {}

 private:
  Sink sink_;
};

Json package_json(const review::InstalledPackage& installed, const review::Distribution& distribution) {
  const review::Package& package = installed.package;
  Json json{{"type", package.type},
            {"name", package.name},
            {"version", package.version},
            {"purl", review::purl_of(package, distribution)},
            {"paths", installed.paths}};
  if (!package.ns.empty()) json["namespace"] = package.ns;
  if (!package.architecture.empty()) json["architecture"] = package.architecture;
  if (!package.license.empty()) json["licence"] = package.license;
  if (!package.source.empty()) json["source"] = package.source;
  return json;
}

Json attached_json(const review::AttachedSbom& sbom) {
  if (!sbom.problem.empty()) return {{"digest", sbom.digest.str()}, {"problem", sbom.problem}};
  Json not_found = Json::array();
  for (const review::DeclaredPackage& package : sbom.only_there) not_found.push_back(package.text);
  return {{"digest", sbom.digest.str()},
          {"format", sbom.format},
          {"both", sbom.both},
          {"notFound", std::move(not_found)},
          {"notNamed", sbom.only_here.size()}};
}

Json image_of(const review::InventoriedImage& image) {
  const review::ImageInventory& inventory = image.inventory;
  Json packages = Json::array();
  for (const review::InstalledPackage& installed : inventory.packages)
    packages.push_back(package_json(installed, inventory.distribution));
  Json attached = Json::array();
  for (const review::AttachedSbom& sbom : image.attached) attached.push_back(attached_json(sbom));
  Json json{{"reference", image.image.image->source.str()},
            {"digest", image.image.manifest->digest.str()},
            {"distribution", inventory.distribution.name},
            {"packages", std::move(packages)},
            {"attached", std::move(attached)},
            {"notes", inventory.notes}};
  if (image.image.platform) json["platform"] = image.image.platform->str();
  return json;
}

class JsonWriter final : public review::SbomWriter {
 public:
  explicit JsonWriter(Sink sink) : sink_(std::move(sink)) {}
  void add(const review::InventoriedImage& image) override {
    sink_(std::exchange(begun_, true) ? ",\n" : "{\"images\": [\n");
    sink_(json_line(image_of(image)));
  }
  void finish() override { sink_(begun_ ? "\n]}\n" : "{\"images\": []}\n"); }

 private:
  Sink sink_;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<review::SbomWriter> table_writer(review::SbomWriter::Sink sink) {
  return std::make_unique<TableWriter>(std::move(sink));
}

std::unique_ptr<review::SbomWriter> json_writer(review::SbomWriter::Sink sink) {
  return std::make_unique<JsonWriter>(std::move(sink));
}

}  // namespace airlock::cli

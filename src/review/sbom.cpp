// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "airlock/base/text.hpp"
#include "airlock/review/sbom.hpp"

namespace airlock::review {

namespace {

/// Texts of images, as JSON can carry them.
std::string clean(const std::string& text) { return without_controls(text, false); }

std::string full_name(const Package& package) {
  if (package.ns.empty()) return clean(package.name);
  return clean(package.ns) + (package.type == "maven" ? ":" : "/") + clean(package.name);
}

/// An identifier that is the same for the same thing in the same place.
std::string id_of(const std::string& kind, const std::string& text) {
  return fmt::format("{}-{}", kind, oci::sha256(text).short_hex());
}

/// Tells all packages of an image apart, also those that have one package URL.
std::string identity_of(const Package& package) {
  return join({package.type, package.ns, package.name, package.version, package.architecture, package.license,
               package.source, package.checksum},
              std::string(1, '\0'));
}

// --- SPDX

Json spdx_reference(const char* category, const char* type, const std::string& locator) {
  return {{"referenceCategory", category}, {"referenceType", type}, {"referenceLocator", locator}};
}

Json spdx_package(const InstalledPackage& installed, const Distribution& distribution, const std::string& id) {
  const Package& package = installed.package;
  Json json{{"SPDXID", id},
            {"name", full_name(package)},
            {"versionInfo", clean(package.version)},
            {"downloadLocation", "NOASSERTION"},
            {"filesAnalyzed", false},
            {"licenseConcluded", "NOASSERTION"},
            {"licenseDeclared", "NOASSERTION"},
            {"copyrightText", "NOASSERTION"},
            {"sourceInfo", "found in " + clean(join(installed.paths, ", "))},
            {"externalRefs",
             {spdx_reference("SECURITY", "cpe23Type", cpe_of(package)),
              spdx_reference("PACKAGE-MANAGER", "purl", purl_of(package, distribution))}}};
  // Databases name licences freely; only SPDX's own names may stand in licenseDeclared.
  if (!package.license.empty()) json["licenseComments"] = "declared as: " + clean(package.license);
  return json;
}

/// What upstream's list names, and no layer shows: software that left no trace, or a list of something else.
constexpr const char* declared_text = "named by the list of software that upstream attached; not found in the layers";

Json spdx_declared(const DeclaredPackage& package, const std::string& id) {
  return {{"SPDXID", id},
          {"name", clean(package.url.name)},
          {"versionInfo", clean(package.url.version)},
          {"downloadLocation", "NOASSERTION"},
          {"filesAnalyzed", false},
          {"licenseConcluded", "NOASSERTION"},
          {"licenseDeclared", "NOASSERTION"},
          {"copyrightText", "NOASSERTION"},
          {"sourceInfo", declared_text},
          {"externalRefs", {spdx_reference("PACKAGE-MANAGER", "purl", package.text)}}};
}

Json spdx_image(const PlatformImage& image, const std::string& id) {
  return {{"SPDXID", id},
          {"name", image.str()},
          {"versionInfo", image.manifest->digest.str()},
          {"downloadLocation", "NOASSERTION"},
          {"filesAnalyzed", false},
          {"licenseConcluded", "NOASSERTION"},
          {"licenseDeclared", "NOASSERTION"},
          {"copyrightText", "NOASSERTION"},
          {"primaryPackagePurpose", "CONTAINER"},
          {"checksums", {{{"algorithm", "SHA256"}, {"checksumValue", image.manifest->digest.hex()}}}}};
}

Json relation(const std::string& from, const char* type, const std::string& to) {
  return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

// --- CycloneDX

Json property(const std::string& name, const std::string& value) { return {{"name", name}, {"value", value}}; }

Json cyclonedx_component(const InstalledPackage& installed, const Distribution& distribution, const std::string& ref) {
  const Package& package = installed.package;
  Json properties = Json::array();
  for (const std::string& path : installed.paths) properties.push_back(property("airlock:path", clean(path)));
  if (!package.source.empty()) properties.push_back(property("airlock:source", clean(package.source)));
  Json json{{"type", "library"},
            {"bom-ref", ref},
            {"name", clean(package.name)},
            {"version", clean(package.version)},
            {"cpe", cpe_of(package)},
            {"purl", purl_of(package, distribution)},
            {"properties", std::move(properties)}};
  if (!package.ns.empty()) json["group"] = clean(package.ns);
  if (!package.license.empty()) json["licenses"] = {{{"license", {{"name", clean(package.license)}}}}};
  return json;
}

Json cyclonedx_declared(const DeclaredPackage& package, const std::string& ref) {
  return {{"type", "library"},
          {"bom-ref", ref},
          {"name", clean(package.url.name)},
          {"version", clean(package.url.version)},
          {"purl", package.text},
          {"properties", {property("airlock:declared", declared_text)}}};
}

Json operating_system(const Distribution& distribution, const std::string& ref) {
  Json json{{"type", "operating-system"}, {"bom-ref", ref}, {"name", clean(distribution.id)}};
  if (!distribution.version.empty()) json["version"] = clean(distribution.version);
  if (!distribution.name.empty()) json["description"] = clean(distribution.name);
  return json;
}

/// Of a digest, in the form of a UUID of version 8 (RFC 9562): equal bundles have equal serial numbers.
std::string uuid_of(const oci::Digest& digest) {
  const std::string hex = digest.hex();
  return fmt::format("{}-{}-8{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3), hex.substr(17, 3),
                     hex.substr(20, 12));
}

/// A JSON text with one array left open, in the form of pretty_json(): what is before and after its elements.
class OpenDocument {
 public:
  /// `document` has an empty array under `key`.
  OpenDocument(const Json& document, const std::string& key, SbomWriter::Sink sink) : sink_(std::move(sink)) {
    const std::string text = pretty_json(document) + "\n";
    const std::string open = "\n  \"" + key + "\": [";
    const auto at = text.find(open + "]") + open.size();
    rest_ = text.substr(at);
    sink_(text.substr(0, at));
  }

  void add(const Json& element) {
    std::string text = (any_ ? ",\n    " : "\n    ");
    for (const char c : pretty_json(element)) {
      text += c;
      if (c == '\n') text += "    ";
    }
    any_ = true;
    sink_(text);
  }

  /// Ends this array, and opens the empty one under `key` behind it.
  void go_on(const std::string& key) {
    const std::string open = "\n  \"" + key + "\": [";
    const auto at = rest_.find(open + "]") + open.size();
    sink_((any_ ? "\n  " : "") + rest_.substr(0, at));
    rest_ = rest_.substr(at);
    any_ = false;
  }

  void end() { sink_((any_ ? "\n  " : "") + rest_); }

 private:
  SbomWriter::Sink sink_;
  std::string rest_;
  bool any_ = false;
};

class SpdxWriter final : public SbomWriter {
 public:
  SpdxWriter(const SbomSubject& subject, const std::vector<PlatformImage>& images, Sink sink)
      : document_(begin(subject, images), "packages", std::move(sink)) {}

  void add(const InventoriedImage& image) override {
    const std::string image_id = id_of("SPDXRef-Image", image.image.str() + image.image.manifest->digest.str());
    document_.add(spdx_image(image.image, image_id));
    contained_.push_back({image_id, {}});
    for (const InstalledPackage& installed : image.inventory.packages) {
      const std::string id = id_of("SPDXRef-Package", image_id + identity_of(installed.package));
      document_.add(spdx_package(installed, image.inventory.distribution, id));
      contained_.back().second.push_back(id);
    }
    for (const DeclaredPackage& package : image.declared()) {
      const std::string id = id_of("SPDXRef-Declared", image_id + package.text);
      document_.add(spdx_declared(package, id));
      contained_.back().second.push_back(id);
    }
  }

  void finish() override {
    document_.go_on("relationships");
    for (const auto& [image, packages] : contained_) {
      document_.add(relation("SPDXRef-DOCUMENT", "DESCRIBES", image));
      for (const std::string& package : packages) document_.add(relation(image, "CONTAINS", package));
    }
    document_.end();
  }

 private:
  static Json begin(const SbomSubject& subject, const std::vector<PlatformImage>& images) {
    std::string scope;
    for (const PlatformImage& image : images) scope += image.str() + "\n";
    return {{"spdxVersion", "SPDX-2.3"},
            {"dataLicense", "CC0-1.0"},
            {"SPDXID", "SPDXRef-DOCUMENT"},
            {"name", subject.name},
            {"documentNamespace",
             fmt::format("https://airlock.internal/spdx/{}/{}", subject.digest.hex(), oci::sha256(scope).short_hex())},
            {"comment", subject.comment},
            {"creationInfo", {{"created", format_time(subject.created)}, {"creators", {"Tool: " + subject.tool}}}},
            {"packages", Json::array()},
            {"relationships", Json::array()}};
  }

  OpenDocument document_;
  std::vector<std::pair<std::string, std::vector<std::string>>> contained_;  // what each image has, by its id
};

class CycloneDxWriter final : public SbomWriter {
 public:
  CycloneDxWriter(const SbomSubject& subject, Sink sink) : document_(begin(subject), "components", std::move(sink)) {}

  void add(const InventoriedImage& image) override {
    const std::string ref = id_of("image", image.image.str() + image.image.manifest->digest.str());
    const Distribution& distribution = image.inventory.distribution;
    Json inside = Json::array();
    if (!distribution.empty()) inside.push_back(operating_system(distribution, ref + "-os"));
    for (const InstalledPackage& installed : image.inventory.packages)
      inside.push_back(
          cyclonedx_component(installed, distribution, id_of("package", ref + identity_of(installed.package))));
    for (const DeclaredPackage& package : image.declared())
      inside.push_back(cyclonedx_declared(package, id_of("declared", ref + package.text)));
    Json component{{"type", "container"},
                   {"bom-ref", ref},
                   {"name", image.image.image->source.str()},
                   {"version", image.image.manifest->digest.str()},
                   {"hashes", {{{"alg", "SHA-256"}, {"content", image.image.manifest->digest.hex()}}}}};
    if (image.image.platform) component["properties"] = {property("airlock:platform", image.image.platform->str())};
    if (!inside.empty()) component["components"] = std::move(inside);
    document_.add(component);
  }

  void finish() override { document_.end(); }

 private:
  static Json begin(const SbomSubject& subject) {
    const auto space = subject.tool.find(' ');
    const Json tool{{"type", "application"},
                    {"name", subject.tool.substr(0, space)},
                    {"version", space == std::string::npos ? "" : subject.tool.substr(space + 1)}};
    const Json about{{"type", "file"},
                     {"bom-ref", "bundle"},
                     {"name", subject.name},
                     {"description", subject.comment},
                     {"hashes", {{{"alg", "SHA-256"}, {"content", subject.digest.hex()}}}}};
    return {{"bomFormat", "CycloneDX"},
            {"specVersion", "1.6"},
            {"serialNumber", "urn:uuid:" + uuid_of(subject.digest)},
            {"version", 1},
            {"metadata",
             {{"timestamp", format_time(subject.created)},
              {"tools", {{"components", Json::array({tool})}}},
              {"component", about}}},
            {"components", Json::array()}};
  }

  OpenDocument document_;
};

}  // namespace

std::unique_ptr<SbomWriter> spdx_writer(const SbomSubject& subject, const std::vector<PlatformImage>& images,
                                        SbomWriter::Sink sink) {
  return std::make_unique<SpdxWriter>(subject, images, std::move(sink));
}

std::unique_ptr<SbomWriter> cyclonedx_writer(const SbomSubject& subject, SbomWriter::Sink sink) {
  return std::make_unique<CycloneDxWriter>(subject, std::move(sink));
}

}  // namespace airlock::review

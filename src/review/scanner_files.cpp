// SPDX-License-Identifier: Apache-2.0
#include "review/scanner_files.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "review/lenient_json.hpp"

namespace airlock::review {

Severity severity_of(std::string_view word) {
  const std::string lower = to_lower(word);
  if (lower == "critical") return Severity::critical;
  if (lower == "high" || lower == "error") return Severity::high;
  if (lower == "medium" || lower == "moderate" || lower == "warning") return Severity::medium;
  if (lower == "low" || lower == "note") return Severity::low;
  if (lower == "negligible" || lower == "info" || lower == "none") return Severity::negligible;
  return Severity::unknown;
}

void add_digest(std::string value, std::set<std::string>& into) {
  if (value.starts_with("pkg:oci/")) value = value.substr(0, value.find_first_of("?#"));
  for (const std::string_view prefix : {"sha256:", "sha256%3A", "sha256%3a"})
    if (const auto at = value.rfind(prefix); at != std::string::npos && value.size() == at + prefix.size() + 64)
      into.insert("sha256:" + value.substr(at + prefix.size()));
}

void take_purl(const std::string& text, Finding& into) {
  into.purl = PackageUrl::find(text);
  if (into.purl && (into.purl->type == "oci" || into.purl->type == "docker")) into.purl.reset();  // no package
  if (!into.purl) return;
  if (into.package.empty()) into.package = std::string(into.purl->name);
  if (into.version.empty()) into.version = into.purl->version;
}

namespace {

/// The image of a product of VEX: by digest, or by `repository_url` and `tag` (purl-spec, type oci).
void take_image(const std::string& name, Finding& into) {
  add_digest(name, into.digests);
  const auto purl = PackageUrl::find(name);
  // What has a digest that is not understood is about one image, and not about the whole repository.
  if (!into.digests.empty() || !purl || purl->type != "oci" || !purl->version.empty()) return;
  const auto url = purl->qualifiers.find("repository_url");
  if (url == purl->qualifiers.end()) return;
  const std::string last = url->second.substr(url->second.rfind('/') + 1);
  if (url->second.find('/') == std::string::npos || last.find_first_of(":@") != std::string::npos) return;
  const auto tag = purl->qualifiers.find("tag");
  const std::string suffix = tag == purl->qualifiers.end() ? "" : ":" + tag->second;
  // index.docker.io and docker.io are one registry, and single names there are official images.
  if (const auto image = oci::Reference::find(url->second + suffix))
    into.repositories.insert(suffix.empty() ? image->name() : image->name() + suffix);
}

std::string first_text(const Json& list) {
  return !list.empty() && list.front().is_string() ? list.front().get<std::string>() : std::string();
}

std::vector<Finding> read_grype(const Json& root) {
  std::set<std::string> digests;
  const Json& target = member(member(root, "source"), "target");
  for (const char* key : {"manifestDigest", "imageID"}) add_digest(text_of(target, key), digests);
  for (const Json& name : elements(target, "repoDigests"))
    if (name.is_string()) add_digest(name.get<std::string>(), digests);
  std::vector<Finding> findings;
  for (const Json& match : elements(root, "matches")) {
    const Json& vulnerability = member(match, "vulnerability");
    const Json& artifact = member(match, "artifact");
    Finding finding;
    finding.id = text_of(vulnerability, "id");
    finding.severity = severity_of(text_of(vulnerability, "severity"));
    finding.package = text_of(artifact, "name");
    finding.version = text_of(artifact, "version");
    finding.fixed = first_text(elements(member(vulnerability, "fix"), "versions"));
    finding.text = text_of(vulnerability, "description");
    finding.digests = digests;
    take_purl(text_of(artifact, "purl"), finding);
    findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> read_trivy(const Json& root) {
  std::set<std::string> digests;
  add_digest(text_of(member(root, "Metadata"), "ImageID"), digests);
  for (const Json& name : elements(member(root, "Metadata"), "RepoDigests"))
    if (name.is_string()) add_digest(name.get<std::string>(), digests);
  std::vector<Finding> findings;
  for (const Json& result : elements(root, "Results")) {
    const std::string target = text_of(result, "Target");
    for (const char* kind : {"Secrets", "Misconfigurations"})
      for (const Json& one : elements(result, kind)) {
        if (text_of(one, "Status") == "PASS") continue;
        Finding finding;
        finding.id = text_of(one, *kind == 'S' ? "RuleID" : "ID");
        finding.severity = severity_of(text_of(one, "Severity"));
        finding.package = target;
        finding.text = text_of(one, "Title");
        finding.digests = digests;
        findings.push_back(std::move(finding));
      }
    for (const Json& one : elements(result, "Vulnerabilities")) {
      Finding finding;
      finding.id = text_of(one, "VulnerabilityID");
      finding.severity = severity_of(text_of(one, "Severity"));
      finding.package = text_of(one, "PkgName");
      finding.version = text_of(one, "InstalledVersion");
      finding.fixed = text_of(one, "FixedVersion");
      finding.text = text_of(one, "Title");
      finding.digests = digests;
      take_purl(text_of(member(one, "PkgIdentifier"), "PURL"), finding);
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

/// What `affects` refers to: a bom-ref of this document, one of another (a BOM-Link: the part after #), or a package.
Finding affected_by(const std::string& reference, const std::map<std::string, Finding>& components) {
  for (const std::string& name : {reference, reference.substr(reference.find('#') + 1)})
    if (const auto known = components.find(name); !name.empty() && known != components.end()) return known->second;
  Finding finding;
  take_purl(reference.starts_with("urn:cdx:") ? reference.substr(reference.find('#') + 1) : reference, finding);
  return finding;
}

/// CycloneDX's words for what OpenVEX says.
std::string status_of(const std::string& state) {
  if (state == "resolved" || state == "resolved_with_pedigree") return "fixed";
  if (state == "not_affected" || state == "false_positive") return "not_affected";
  if (state == "exploitable") return "affected";
  return state == "in_triage" ? "under_investigation" : "";
}

std::optional<Instant> time_of(const Json& vulnerability, const Json& root) {
  const Json& analysis = member(vulnerability, "analysis");
  for (const std::string& text : {text_of(analysis, "lastUpdated"), text_of(analysis, "firstIssued"),
                                  text_of(vulnerability, "updated"), text_of(member(root, "metadata"), "timestamp")})
    if (const auto time = parse_instant(text)) return time;
  return std::nullopt;
}

std::vector<Finding> read_cyclonedx(const Json& root) {
  std::map<std::string, Finding> components;  // by bom-ref
  const auto note = [&](const auto& self, const Json& component) -> void {
    Finding about;
    about.package = text_of(component, "name");
    about.version = text_of(component, "version");
    take_purl(text_of(component, "purl"), about);
    components.emplace(text_of(component, "bom-ref"), about);
    for (const Json& inner : elements(component, "components")) self(self, inner);
  };
  note(note, member(member(root, "metadata"), "component"));
  for (const Json& component : elements(root, "components")) note(note, component);
  std::vector<Finding> findings;
  for (const Json& one : elements(root, "vulnerabilities")) {
    Severity severity = Severity::unknown;
    for (const Json& rating : elements(one, "ratings"))
      severity = std::min(severity, severity_of(text_of(rating, "severity")));
    std::vector<Finding> about;
    for (const Json& affected : elements(one, "affects"))
      about.push_back(affected_by(text_of(affected, "ref"), components));
    if (about.empty()) about.emplace_back();  // about what, it does not say
    for (Finding& finding : about) {
      finding.id = text_of(one, "id");
      finding.severity = severity;
      finding.text = text_of(one, "description");
      finding.status = status_of(text_of(member(one, "analysis"), "state"));
      finding.time = time_of(one, root);
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

/// What a statement says of one product, and of which of its parts.
void read_product(const Json& product, const Finding& statement, std::vector<Finding>& findings) {
  Finding finding = statement;
  const std::string name = product.is_string() ? product.get<std::string>() : text_of(product, "@id");
  take_image(name, finding);
  if (!finding.names_images()) take_image(text_of(member(product, "identifiers"), "purl"), finding);
  const Json& parts = elements(product, "subcomponents");
  if (parts.empty()) {
    if (!finding.names_images()) take_purl(name, finding);
    // A product that cannot be recognized in a bundle says nothing about its images.
    if (finding.names_images() || finding.purl) findings.push_back(std::move(finding));
    return;
  }
  if (!finding.names_images()) return;
  for (const Json& part : parts) {
    Finding inside = finding;
    take_purl(part.is_string() ? part.get<std::string>() : text_of(part, "@id"), inside);
    if (inside.purl) findings.push_back(std::move(inside));
  }
}

/// The same product, part and weakness.
auto key_of(const Finding& finding) {
  const PackageUrl purl = finding.purl.value_or(PackageUrl());
  return std::tuple(finding.id, finding.digests, finding.repositories, purl.type, purl.distribution, purl.name,
                    purl.version);
}

/// Of several statements about the same, the latest counts (OpenVEX specification, "Updating Statements").
std::vector<Finding> latest(std::vector<Finding> statements) {
  std::stable_sort(statements.begin(), statements.end(),
                   [](const Finding& a, const Finding& b) { return a.time < b.time; });
  std::map<decltype(key_of(Finding())), std::size_t> last;
  for (std::size_t i = 0; i < statements.size(); ++i) last[key_of(statements[i])] = i;
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < statements.size(); ++i)
    if (last[key_of(statements[i])] == i) findings.push_back(std::move(statements[i]));
  return findings;
}

std::vector<Finding> read_openvex(const Json& root) {
  std::vector<Finding> statements;
  for (const Json& statement : elements(root, "statements")) {
    const Json& named = member(statement, "vulnerability");
    Finding finding;
    finding.id = named.is_string() ? named.get<std::string>() : text_of(named, "name");
    if (finding.id.empty()) finding.id = text_of(named, "@id");
    finding.status = text_of(statement, "status");
    finding.text = text_of(statement, "justification");
    std::string time = text_of(statement, "last_updated");
    for (const Json* place : {&statement, &root})
      if (time.empty()) time = text_of(*place, "timestamp");
    finding.time = parse_instant(time);
    for (const Json& product : elements(statement, "products")) read_product(product, finding, statements);
  }
  return latest(std::move(statements));
}

/// Forms that scanners have too, which a person can turn into the one that is read.
void refuse_other_form(std::string_view content, const std::string& where) {
  const auto start = content.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  const std::string_view text = start == std::string_view::npos ? std::string_view() : content.substr(start);
  if (content.starts_with("\x1F\x8B"))
    throw Error(ErrorCode::format, where + ": is compressed by gzip").hint("unpack it first: gunzip");
  if (content.starts_with("\x28\xB5\x2F\xFD"))
    throw Error(ErrorCode::format, where + ": is compressed by zstd").hint("unpack it first: unzstd");
  if (text.starts_with('<'))
    throw Error(ErrorCode::format, where + ": is XML or HTML, not JSON")
        .hint("have the scanner write JSON: grype -o json or cyclonedx-json, trivy --format json or cyclonedx");
}

}  // namespace

std::vector<Finding> read_findings(std::string_view content, const std::string& where) {
  constexpr const char* expected =
      "expected is JSON of Grype or Trivy, SARIF, CycloneDX with vulnerabilities, or OpenVEX";
  refuse_other_form(content, where);
  const Json root = [&] {
    try {
      return parse_json(content, where, {64U << 20, 64, 4U << 20});
    } catch (Error& error) {
      error.hint(expected);
      throw;
    }
  }();
  if (member(root, "matches").is_array()) return read_grype(root);
  if (member(root, "Results").is_array()) return read_trivy(root);
  if (member(root, "runs").is_array()) return read_sarif(root);
  if (text_of(root, "bomFormat") == "CycloneDX" && member(root, "vulnerabilities").is_array())
    return read_cyclonedx(root);
  if (text_of(root, "@context").find("openvex") != std::string::npos) return read_openvex(root);
  throw Error(ErrorCode::format, where + ": these are no findings that airlock reads").hint(expected);
}

}  // namespace airlock::review

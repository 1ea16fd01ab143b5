// SPDX-License-Identifier: Apache-2.0
// Readers of what images, charts and declared sets hold.
#include <array>
#include <nlohmann/json.hpp>

#include "airlock/flow/declared_set.hpp"
#include "airlock/helm/chart.hpp"
#include "airlock/helm/chart_images.hpp"
#include "airlock/helm/repository.hpp"
#include "airlock/kubeone/name_mapping.hpp"
#include "airlock/review/findings.hpp"
#include "airlock/review/image_details.hpp"
#include "airlock/review/package_url.hpp"
#include "review/java_archive.hpp"
#include "review/package_files.hpp"
#include "review/sbom_scan.hpp"
#include "targets.hpp"

namespace airlock::fuzz {

namespace {

void check(const review::Packages& packages) {
  for (const review::Package& package : packages) {
    require(!package.name.empty(), "a package without a name");
    static_cast<void>(review::purl_of(package, {"debian", "12", "Debian"}));
    static_cast<void>(review::cpe_of(package));
  }
}

}  // namespace

void chart(std::string_view input) {
  static_cast<void>(helm::scan_chart(helm::read_chart(input, "chart"), Json::object(), "chart"));
}

void chart_index(std::string_view input) {
  for (const char* version : {"", "1.2.3"})
    static_cast<void>(helm::find_chart(input, "https://charts.example", "web", version));
}

void declared_set(std::string_view input) {
  static_cast<void>(flow::DeclaredSet::parse(input, "/nonexistent/airlock.yaml"));
}

void elf(std::string_view input) { static_cast<void>(review::elf_section(input, ".dep-v0")); }

void findings(std::string_view input) {
  const auto found = review::read_findings(input, "input");
  const auto placed = review::place_findings(found, {}, {});
  require(placed.placed.empty(), "a finding placed in no image");
  require(placed.elsewhere.size() <= found.size(), "more findings than there are");
}

void go_buildinfo(std::string_view input) { check(review::read_go_buildinfo(input)); }

void image_details(std::string_view input) { static_cast<void>(review::ImageDetails::parse(input).label("source")); }

void java_archive(std::string_view input) {
  bool given = false;
  std::vector<std::string> notes;
  check(review::read_java_archive([&] { return given ? std::string_view() : (given = true, input); }, "a.jar", notes));
}

void name_mapping(std::string_view input) {
  const auto mapping = kubeone::NameMapping::parse(kubeone::NameMapping::rules_in(input, "input"));
  require(kubeone::NameMapping::parse(mapping.rules()).rules() == mapping.rules(), "a mapping has two forms");
  static_cast<void>(mapping.map(oci::Registry::parse("quay.io"), oci::Repository::parse("a/b/c")));
}

void package_text(std::string_view input) {
  constexpr std::array readers{review::read_dpkg_status, review::read_apk_installed, review::read_python_metadata,
                               review::read_npm_package, review::read_gemspec,       review::read_pom_properties,
                               review::read_cargo_audit};
  if (input.empty()) return;
  const auto which = static_cast<unsigned char>(input.front()) % (readers.size() + 2);
  if (which < readers.size()) return check(readers[which](input.substr(1)));
  if (which == readers.size()) return check(review::read_jar_manifest(input.substr(1), "name-1.2.jar"));
  static_cast<void>(review::read_os_release(input.substr(1)));
}

void package_url(std::string_view input) {
  const auto url = review::PackageUrl::find(input);
  if (!url) return;
  require(!url->name.empty() && !url->type.empty(), "a package URL without a name or type");
  require(url->covers(*url), "a package URL that is not about itself");
}

void rpm_header(std::string_view input) { check(review::read_rpm_header(input)); }
void rpm_ndb(std::string_view input) { check(review::read_rpm_ndb(input)); }
void rpm_sqlite(std::string_view input) { check(review::read_rpm_sqlite(input)); }

void template_action(std::string_view input) {
  helm::Chart of;
  of.app_version = "1";
  const Json values{{"a", {{"b", "c"}}}, {"n", 1}};
  static_cast<void>(helm::evaluate_action(input, values, of));
}

void sbom_scan(std::string_view input) {
  for (const auto& [text, url] : review::scan_sbom(input, "input").found)
    require(text.starts_with("pkg:") && url.type != "oci", "software that is none");
}

}  // namespace airlock::fuzz

// SPDX-License-Identifier: Apache-2.0
// The page's tables: images, and the software in them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "airlock/base/text.hpp"
#include "review/html.hpp"
#include "review/report_sections.hpp"

namespace airlock::review {

namespace {

constexpr std::size_t max_text_bytes = 300;

std::string code_list(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += fmt::format("<code>{}</code> ", html(word, max_text_bytes));
  return list;
}

std::string variables_of(const ImageDetails& details) {
  std::string list;
  for (const EnvironmentVariable& variable : details.environment)
    list += fmt::format("<code>{}</code>{} ", html(variable.name, 120),
                        variable.secret_like ? R"( <span class="flag">looks like a secret</span>)" : "");
  return list;
}

std::string labels_of(const ImageDetails& details) {
  std::string list;
  for (const auto& [name, value] : details.labels)
    list += fmt::format("<li><code>{}</code> {}</li>", html(name, 120), html(value, max_text_bytes));
  return list.empty() ? "" : "<ul>" + list + "</ul>";
}

/// Layers with what made them; entries of the history without a layer between them.
std::string layers_of(const PlatformDetails& platform) {
  const auto& layers = platform.image.manifest->content->layers;
  std::string list;
  std::size_t next = 0;
  const auto layer = [&](const std::string& how) {
    list += fmt::format("<li>{} <code>{}</code>{}</li>", human_size(layers[next].to->size),
                        layers[next].to->digest.short_hex(),
                        how.empty() ? "" : "<br><span class=\"mono\">" + html(how, max_text_bytes) + "</span>");
    ++next;
  };
  for (const HistoryEntry& entry : platform.details.history) {
    if (entry.empty_layer)
      list +=
          fmt::format(R"(<li class="soft"><span class="mono">{}</span></li>)", html(entry.created_by, max_text_bytes));
    else if (next < layers.size())
      layer(entry.created_by);
  }
  while (next < layers.size()) layer("");
  return "<ol>" + list + "</ol>";
}

/// "SPDX: 140 of 143 packages found; 2 more are there"
std::string lists_of(const InventoriedImage& image) {
  constexpr std::size_t most = 50;
  std::string items;
  for (const AttachedSbom& sbom : image.attached) {
    const std::string name = fmt::format("{} <code>{}</code>", html(sbom.format), sbom.digest.short_hex());
    if (!sbom.problem.empty()) {
      items += fmt::format("<li>{}: {}</li>", name, html(sbom.problem, max_text_bytes));
      continue;
    }
    std::string names;
    for (const DeclaredPackage& package : sbom.only_there)
      if (&package < sbom.only_there.data() + most)
        names += fmt::format("<br><span class=\"mono\">{}</span>", html(package.text, max_text_bytes));
    items += fmt::format("<li>{}: {} of {} found{}{}; {} found that it does not name</li>", name, sbom.both,
                         count_of(sbom.both + sbom.only_there.size(), "package"),
                         names.empty() ? "" : "; not found:", names, sbom.only_here.size());
  }
  return items.empty() ? "" : "<ul>" + items + "</ul>";
}

/// By the manifest of its platform.
using Software = std::map<const oci::Node*, const InventoriedImage*>;

std::string platform_of(const PlatformDetails& platform, const Software& software) {
  const ImageDetails& details = platform.details;
  const auto found = software.find(platform.image.manifest);
  std::string rows = definition("digest", fmt::format("<code>{}</code>", platform.image.manifest->digest.str()));
  if (!platform.known) rows += definition("config", "not in this delta: how it runs is not known");
  rows += definition("created", html(details.created, 40));
  rows += definition("user", platform.known && details.runs_as_root()
                                 ? fmt::format("<span class=\"hint\">{} (root)</span>",
                                               details.user.empty() ? "not set" : html(details.user, 80))
                                 : html(details.user, 80));
  rows += definition("entrypoint", code_list(details.entrypoint));
  rows += definition("command", code_list(details.command));
  rows += definition("directory", html(details.working_directory, max_text_bytes));
  rows += definition("ports", code_list(details.ports));
  rows += definition("volumes", code_list(details.volumes));
  rows += definition("environment", variables_of(details));
  rows += definition("labels", labels_of(details));
  if (found != software.end()) {
    rows += definition("software", count_of(found->second->inventory.packages.size(), "package"));
    rows += definition("upstream's list", lists_of(*found->second));
  }
  rows += definition("layers", layers_of(platform));
  const std::string name = platform.platform_name();
  return fmt::format("<h3>{}</h3><dl>{}</dl>", html(name, 80), rows);
}

std::string flags_of(const std::vector<Hint>& hints, const std::string& image) {
  std::set<std::string> grave;
  std::set<std::string> other;
  for (const Hint& hint : hints)
    if (hint.image == image) (hint.grave ? grave : other).insert(hint.what);
  std::string text;
  for (const std::string& what : grave) text += fmt::format(R"(<span class="flag">{}</span>; )", html(what));
  for (const std::string& what : other) text += html(what) + "; ";
  if (text.ends_with("; ")) text.resize(text.size() - 2);
  return text;
}

bool is_flagged(const std::vector<Hint>& hints, const std::string& image) {
  return std::any_of(hints.begin(), hints.end(), [&](const Hint& hint) { return hint.grave && hint.image == image; });
}

std::string image_row(const ImageSummary& image, const std::vector<Hint>& hints, const Software& software) {
  const std::string name = image.image->source.str();
  std::string depth = fmt::format(
      "<dl>{}{}{}{}{}</dl>", definition("digest", fmt::format("<code>{}</code>", image.image->descriptor.digest.str())),
      definition("source", html(image.source, max_text_bytes)), definition("revision", html(image.revision, 120)),
      definition("licences", html(image.licenses, 200)),
      definition("why", html(join(image.image->components, ", "), max_text_bytes)));
  for (const PlatformDetails& platform : image.platforms) depth += platform_of(platform, software);
  std::set<std::string> platforms;
  for (const PlatformDetails& platform : image.platforms) platforms.insert(platform.platform_name());
  const std::string platform_text =
      platforms.empty() ? std::string(image.kind) : join({platforms.begin(), platforms.end()}, " ");
  return fmt::format(
      R"(<tr data-flagged="{}"><td class="name"><details><summary><code>{}</code></summary>{}</details></td>)"
      R"(<td>{}</td><td class="number" data-value="{}">{}</td><td class="number" data-value="{}">{}</td>)"
      R"(<td class="number" data-value="{}">{}</td><td class="date">{}</td><td class="number" data-value="{}">{}</td>)"
      R"(<td class="hints">{}</td></tr>)",
      is_flagged(hints, name) ? 1 : 0, html(name), depth, html(platform_text, 120), image.bytes,
      human_size(image.bytes), image.own_bytes, human_size(image.own_bytes), image.layers, image.layers,
      html(image.created.substr(0, 10)), image.image->referrers.size(), image.image->referrers.size(),
      flags_of(hints, name));
}

/// One package with all images that have it.
using Holders = std::map<Package, std::set<std::string>>;

std::string software_row(const Package& package, const std::set<std::string>& images) {
  std::string names;
  for (const std::string& image : images) names += (names.empty() ? "" : ", ") + html(image);
  const std::string full = package.ns.empty() ? package.name : package.ns + "/" + package.name;
  return fmt::format(R"(<tr><td class="name">{}</td><td>{}</td><td>{}</td><td>{}</td><td class="name">{}</td></tr>)",
                     html(full, 200), html(package.version, 100), html(package.type), html(package.license, 100),
                     names);
}

constexpr const char* software_head =
    "<thead><tr><th scope=\"col\">name</th><th scope=\"col\">version</th><th scope=\"col\">kind</th>"
    "<th scope=\"col\">licence</th><th scope=\"col\">images</th></tr></thead>";

}  // namespace

std::string images_section(const ReportInput& input, const std::vector<Hint>& hints) {
  Software software;
  for (const InventoriedImage& image : input.software) software[image.image.manifest] = &image;
  std::string rows;
  for (const ImageSummary& image : input.images) rows += image_row(image, hints, software) + "\n";
  return R"(<section id="images" aria-labelledby="images-h"><h2 id="images-h">Images</h2>)"
         R"(<div class="tools js-only"><label>Filter <input type="search" id="images-filter"></label>)"
         R"(<label><input type="checkbox" id="images-flagged"> with grave hints only</label>)"
         R"(<output id="images-count" aria-live="polite"></output></div>)"
         R"(<div class="scroll" tabindex="0" role="region" aria-label="Table of images"><table class="sortable" id="images-table">)"
         R"(<thead><tr><th scope="col">reference</th><th scope="col">platforms</th><th scope="col" class="number">size</th>)"
         R"(<th scope="col" class="number">own</th><th scope="col" class="number">layers</th><th scope="col">created</th>)"
         R"(<th scope="col" class="number">attached</th><th scope="col">hints</th></tr></thead><tbody>)" +
         rows + "</tbody></table></div></section>";
}

/// A scanner may have seen another image than the bundle has: what it says of that one is no comfort.
std::string elsewhere_list(const std::vector<Finding>& findings) {
  constexpr std::size_t most = 200;
  if (findings.empty()) return {};
  std::string items;
  for (std::size_t i = 0; i < std::min(most, findings.size()); ++i) {
    const Finding& finding = findings[i];
    std::vector<std::string> named(finding.digests.begin(), finding.digests.end());
    named.insert(named.end(), finding.repositories.begin(), finding.repositories.end());
    items += fmt::format("<li>{}, {}, {} {}: {}</li>", html(finding.id, 80), to_string(finding.severity),
                         html(finding.package, 120), html(finding.version, 80),
                         named.empty() ? "no image has this package and version"
                                       : "names " + html(join(named, ", "), 500) + ", which is not in this bundle");
  }
  if (findings.size() > most) items += fmt::format("<li>and {} more</li>", findings.size() - most);
  return fmt::format("<details><summary>{} about nothing in this bundle</summary><ul>{}</ul></details>",
                     count_of(findings.size(), "finding"), items);
}

std::string findings_section(const ReportInput& input) {
  if (input.findings_files.empty()) return {};
  std::set<std::string> fresh;
  if (input.since)
    for (const ImageSummary& image : input.images) {
      const auto before = input.since->images.find(image.image->source.str());
      if (before == input.since->images.end() || before->second != image.image->descriptor.digest)
        fresh.insert(image.image->source.str());
    }
  const PlacedFindings findings = place_findings(input.findings, input.software, fresh);
  std::string rows;
  for (const PlacedFinding& placed : findings.placed) {
    const Finding& finding = placed.finding;
    const bool grave = finding.severity <= Severity::high;
    rows += fmt::format(
        R"(<tr><td>{}</td><td>{}</td><td class="{}">{}</td><td>{} {}</td><td>{}</td><td class="name">{}</td><td>{}</td></tr>)",
        placed.is_new ? "new" : "", html(finding.id, 80), grave ? "flag" : "", to_string(finding.severity),
        html(finding.package, 120), html(finding.version, 80), html(finding.fixed, 80),
        html(join(placed.images, ", "), 2000), html(finding.text, 200));
  }
  return fmt::format(
      R"(<section id="findings" aria-labelledby="findings-h"><h2 id="findings-h">Findings of scanners</h2>)"
      R"(<p>{} about images of this bundle, from {}; {} about nothing in it. airlock looks for none itself.</p>)"
      R"(<div class="scroll" tabindex="0" role="region" aria-label="Table of findings"><table class="sortable">)"
      R"(<thead><tr><th scope="col">since</th><th scope="col">id</th><th scope="col">severity</th><th scope="col">package</th>)"
      R"(<th scope="col">fixed in</th><th scope="col">images</th><th scope="col">text</th></tr></thead><tbody>{}</tbody>)"
      "</table></div>{}</section>",
      count_of(findings.placed.size(), "finding"), html(join(input.findings_files, ", ")), findings.elsewhere.size(),
      rows, elsewhere_list(findings.elsewhere));
}

std::string software_section(const ReportInput& input) {
  if (input.software.empty()) return {};
  Holders holders;
  for (const InventoriedImage& image : input.software)
    for (const InstalledPackage& installed : image.inventory.packages) {
      Package package = installed.package;
      package.checksum.clear();
      package.source.clear();
      package.architecture.clear();
      holders[package].insert(image.image.image->source.str());
    }
  for (const InventoriedImage& image : input.software)
    for (const DeclaredPackage& package : image.declared())
      holders[{package.url.type, "", package.url.name, package.url.version, "", "", "", ""}].insert(
          image.image.image->source.str() + " (as upstream says)");
  std::string rows;
  for (const auto& [package, images] : holders) rows += software_row(package, images) + "\n";
  return fmt::format(
      R"(<section id="software" aria-labelledby="software-h"><h2 id="software-h">Software</h2>)"
      R"(<div class="tools js-only"><label>Search in all images <input type="search" id="software-search" )"
      R"(placeholder="openssl 3.0"></label><output id="software-count" aria-live="polite"></output></div>)"
      R"(<div class="scroll" tabindex="0" role="region" aria-label="Software that was found"><table id="software-found" class="js-only" hidden>{}<tbody></tbody></table></div>)"
      R"(<details data-long="1"><summary>All {}</summary><div class="scroll" tabindex="0" role="region" aria-label="All software">)"
      R"(<table id="software-table">{}<tbody>{}</tbody></table></div></details></section>)",
      software_head, count_of(holders.size(), "package"), software_head, rows);
}

}  // namespace airlock::review

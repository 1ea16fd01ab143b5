// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "airlock/base/text.hpp"
#include "airlock/review/report.hpp"
#include "review/embedded.hpp"
#include "review/html.hpp"
#include "review/report_sections.hpp"
#include "review/treemap.hpp"

namespace airlock::review {

namespace {

/// Of a script or style, as a Content-Security-Policy names it (w3.org/TR/CSP3, "Hash usage").
std::string csp_hash(std::string_view text) {
  return fmt::format("'sha256-{}'", base64_encode(oci::sha256(text).bytes()));
}

std::string approval_of(const std::optional<trust::Approval>& approval) {
  if (!approval) return {};
  const std::string decision = approval->decision();
  return fmt::format("; {} {}{}{}", decision == "none" ? "neither approved nor rejected," : decision,
                     html(approval->time, 40), approval->reviewer.empty() ? "" : " as " + html(approval->reviewer, 80),
                     approval->comment.empty() ? "" : ": “" + html(approval->comment, 500) + "”");
}

/// Signatures and statements that nobody checked.
std::string claims_of(const ReportInput& input) {
  if (input.signatures.empty()) return "none";
  std::string items;
  for (const trust::Claim& claim : input.signatures)
    items += fmt::format("<li>{} (not checked){}</li>", html(claim.file),
                         claim.approval && claim.approval->subject != input.sums_digest ? "; about another bundle"
                                                                                        : approval_of(claim.approval));
  return "<ul>" + items + "</ul>";
}

std::string met_rules(const trust::Evidence& evidence) {
  std::string items;
  for (const trust::MetRequirement& requirement : evidence.requirements())
    for (const auto& signer : requirement.signers)
      items += fmt::format("<li><b>{}</b>: {} <code>{}</code> ({}){}</li>", html(requirement.role), html(signer.name),
                           html(signer.fingerprint), html(signer.algorithm), approval_of(signer.approval));
  for (const trust::MetRule& rule : evidence.rules())
    items += fmt::format("<li>{}: {}</li>", html(rule.rule), html(rule.finding));
  for (const std::string& file : evidence.not_counted()) items += fmt::format("<li>ignored: {}</li>", html(file));
  return "<ul>" + items + "</ul>";
}

}  // namespace

std::string verdict_section(const ReportInput& input) {
  if (!input.refusal.empty()) {
    std::string lines;
    for (const std::string& line : split(input.refusal, '\n')) lines += fmt::format("<li>{}</li>", html(line));
    return fmt::format(R"(<div class="verdict bad" role="status"><strong>Refused</strong><ul>{}</ul></div>)", lines);
  }
  if (!input.evidence)
    return R"(<div class="verdict" role="status"><strong>Not verified</strong><p>No key and no policy was given: what )"
           "follows is what the bundle says of itself. Every byte is what its list of digests says.</p></div>";
  std::string policy = "one trusted key";
  if (input.evidence->policy_digest())
    policy = fmt::format("{} <code>{}</code>", html(input.evidence->policy_origin()),
                         input.evidence->policy_digest()->str());
  return fmt::format(
      R"(<div class="verdict good" role="status"><strong>Verified</strong><p>By {}. Every rule that was met:</p>{}</div>)",
      policy, met_rules(*input.evidence));
}

std::string identity_section(const ReportInput& input) {
  const bundle::Metadata& metadata = input.bundle->metadata();
  std::uint64_t bytes = 0;
  for (const records::Blob& blob : metadata.blobs) bytes += blob.size;
  std::string rows = definition("SHA256SUMS", fmt::format("<code>{}</code>", input.sums_digest.str()));
  rows += definition("stream", fmt::format("{}, serial {}", html(metadata.stream), metadata.serial));
  rows += definition("created", format_time(metadata.created));
  if (metadata.expires) rows += definition("expires", format_time(*metadata.expires));
  if (metadata.previous) rows += definition("follows", fmt::format("<code>{}</code>", metadata.previous->str()));
  rows += definition("made by", html(metadata.selection.tool));
  rows += definition(
      "selection",
      html(fmt::format("{}{}{}; {}",
                       metadata.selection.kubeone.empty() ? "own images" : "KubeOne " + metadata.selection.kubeone,
                       metadata.selection.kubernetes_versions.empty() ? "" : ", Kubernetes ",
                       join(metadata.selection.kubernetes_versions, ", "), join(metadata.selection.platforms, ", "))));
  if (const auto rules = metadata.mapping_rules(); !rules.empty())
    rows += definition("names inside", html(join(rules, ", ")));
  rows += definition("content", fmt::format("{}, {}, {}", count_of(metadata.images.size(), "image"),
                                            count_of(metadata.blobs.size(), "blob"), human_size(bytes)));
  if (!metadata.base.blobs.empty())
    rows +=
        definition("delta", fmt::format("{} have to be inside already", count_of(metadata.base.blobs.size(), "blob")));
  if (!input.evidence) rows += definition("signatures", claims_of(input));
  return fmt::format(R"(<section id="identity" aria-labelledby="identity-h"><h2 id="identity-h">This bundle</h2>)"
                     "<dl>{}</dl></section>",
                     rows);
}

/// What changed inside of images, as far as a page of a few megabytes has room for it: settings come first.
class Inside {
 public:
  explicit Inside(const std::vector<ImageDifference>& differences) {
    for (const ImageDifference& difference : differences) by_source_.emplace(difference.source, &difference);
  }

  /// Of the image that has this reference now.
  std::string of(const std::string& source) {
    const auto found = by_source_.find(source);
    if (found == by_source_.end()) return {};
    const ImageDifference& image = *found->second;
    std::string lines;
    std::size_t left_out = 0;
    for (const auto* list : {&image.settings, &image.packages}) {
      const std::size_t room = std::min({list->size(), most_of_image, room_});
      for (std::size_t i = 0; i < room; ++i) lines += fmt::format("<li>{}</li>", html((*list)[i], 400));
      room_ -= room;
      left_out += list->size() - room;
    }
    if (left_out > 0) lines += fmt::format("<li>and {} more (airlock diff --packages)</li>", left_out);
    const std::string place =
        image.before == source ? "" : fmt::format("in the place of <code>{}</code>; ", html(image.before));
    if (lines.empty()) return fmt::format(R"( <span class="soft">{}the same settings and software</span>)", place);
    return fmt::format("<details{}><summary>{}{}, {}</summary><ul>{}</ul></details>",
                       image.settings.empty() ? "" : " open", place, count_of(image.settings.size(), "changed setting"),
                       count_of(image.packages.size(), "changed package"), lines);
  }

 private:
  static constexpr std::size_t most_of_image = 200;

  std::map<std::string, const ImageDifference*> by_source_;
  std::size_t room_ = 8000;  // lines
};

std::string changes_section(const ReportInput& input) {
  if (!input.since) return {};
  records::Inventory now;
  for (const records::Image& image : input.bundle->metadata().images)
    now.images.emplace(image.source.str(), image.descriptor.digest);
  for (const auto* list : {&input.bundle->metadata().blobs, &input.bundle->metadata().base.blobs})
    for (const records::Blob& blob : *list) now.blobs.emplace(blob.digest, blob.size);
  const records::Difference difference = records::compare(*input.since, now);
  Inside inside(input.inside);
  std::string items;
  for (const std::string& source : difference.added)
    items += fmt::format("<li>added: <code>{}</code>{}</li>", html(source), inside.of(source));
  for (const auto& [source, digests] : difference.changed)
    items += fmt::format(
        R"(<li><span class="hint">changed: <code>{}</code> from <code>{}</code> to <code>{}</code></span>{}</li>)",
        html(source), digests.first.str(), digests.second.str(), inside.of(source));
  for (const std::string& source : difference.removed)
    items += fmt::format("<li>gone: <code>{}</code></li>", html(source));
  return fmt::format(R"(<section id="changes" aria-labelledby="changes-h"><h2 id="changes-h">Since {}</h2>)"
                     "<p>{} added, {} changed, {} gone, {} the same; {} new</p>"
                     R"(<p class="soft">What {} claims to hold: its signatures were not checked here.</p>)"
                     "<ul>{}</ul></section>",
                     html(input.since->name), count_of(difference.added.size(), "image"), difference.changed.size(),
                     difference.removed.size(), difference.same, human_size(difference.new_bytes),
                     html(input.since->name), items);
}

std::string hints_section(const std::vector<Hint>& hints) {
  std::string items;
  std::string group;
  for (std::size_t i = 0; i < hints.size();) {
    std::size_t end = i;
    while (end < hints.size() && hints[end].what == hints[i].what && hints[end].grave == hints[i].grave) ++end;
    std::string lines;
    for (std::size_t k = i; k < end; ++k)
      lines += fmt::format("<li><code>{}</code>: {}</li>", html(hints[k].image), html(hints[k].detail, 300));
    items += fmt::format(R"(<details{}><summary><span class="{}">{}</span> ({})</summary><ul>{}</ul></details>)",
                         hints[i].grave ? " open" : "", hints[i].grave ? "flag" : "hint", html(hints[i].what), end - i,
                         lines);
    i = end;
  }
  if (items.empty()) items = "<p>Nothing.</p>";
  return R"(<section id="hints" aria-labelledby="hints-h"><h2 id="hints-h">To look at</h2>)"
         R"(<p class="soft">Hints, not verdicts: what reviewers ask about.</p>)" +
         items + "</section>";
}

std::string bytes_section(const ReportInput& input) {
  std::vector<TreemapItem> items;
  for (const ImageSummary& image : input.images)
    items.push_back({image.image->source.str(), image.own_bytes, image.bytes - image.own_bytes});
  return R"(<section id="bytes" aria-labelledby="bytes-h"><h2 id="bytes-h">Where the bytes are</h2>)"
         R"(<p><span class="key own">its own</span> &#160; <span class="key shared">in other images too</span></p>)" +
         treemap_svg(std::move(items)) + "</section>";
}

std::string commands_section(const ReportInput& input) {
  std::string lines;
  for (const std::string& command : input.commands) lines += html(command) + "\n";
  return R"(<section id="commands" aria-labelledby="commands-h"><h2 id="commands-h">Check it without airlock</h2>)"
         "<p>The public key comes from its owner, never from the medium.</p><pre tabindex=\"0\">" +
         lines + "</pre></section>";
}

std::string report_page(const ReportInput& input) {
  const std::vector<Hint> hints = hints_of(input);
  const std::string style(report_style());
  const std::string script(report_script());
  const std::string policy =
      fmt::format("default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
                  csp_hash(style), csp_hash(script));
  std::string links = R"(<li><a href="#identity">Bundle</a></li>)";
  if (input.since) links += R"(<li><a href="#changes">Changes</a></li>)";
  if (!input.findings_files.empty()) links += R"(<li><a href="#findings">Findings</a></li>)";
  links += R"(<li><a href="#hints">To look at</a></li><li><a href="#bytes">Bytes</a></li>)"
           R"(<li><a href="#images">Images</a></li>)";
  if (!input.software.empty()) links += R"(<li><a href="#software">Software</a></li>)";
  links += R"(<li><a href="#commands">Commands</a></li>)";
  return fmt::format(
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<title>Review of {}</title>\n<style>{}</style></head>\n<body>\n"
             "<header><h1>Review of {}</h1>{}<nav aria-label=\"Sections\"><ul>{}</ul></nav></header>\n<main>\n",
             policy, html(input.name), style, html(input.name), verdict_section(input), links) +
         identity_section(input) + changes_section(input) + hints_section(hints) + findings_section(input) +
         bytes_section(input) + images_section(input, hints) + software_section(input) + commands_section(input) +
         fmt::format(
             "\n</main>\n<footer><p>{}; the page makes no request and needs no other file.</p></footer>\n"
             "<script>{}</script>\n</body></html>\n",
             html(input.tool), script);
}

}  // namespace airlock::review

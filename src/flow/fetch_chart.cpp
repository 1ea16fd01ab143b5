// SPDX-License-Identifier: Apache-2.0
#include "flow/fetch_chart.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/helm/chart_reference.hpp"
#include "airlock/helm/repository.hpp"
#include "airlock/records/own_content.hpp"

namespace airlock::flow {

namespace {

constexpr std::uint64_t max_archive = 64U << 20;

/// A small blob, in memory.
class TextSink final : public oci::BlobSink {
 public:
  void write(std::string_view bytes) override { text += bytes; }
  std::uint64_t received() const override { return text.size(); }
  std::string text;
};

std::string fetch_text(registry::Client& client, const std::string& url, std::size_t limit) {
  auto text = client.fetch_text(url, limit);
  if (text) return std::move(*text);
  throw Error(ErrorCode::registry, Side::source, url + " is not there")
      .hint("check the address of the repository")
      .absent();
}

void check_digest(const std::string& archive, const oci::Digest& wanted, const std::string& where) {
  const oci::Digest actual = oci::sha256(archive);
  if (actual == wanted) return;
  throw Error(ErrorCode::format, Side::source,
              fmt::format("{} has the digest {}, not {}", where, actual.str(), wanted.str()))
      .hint("the repository, or something before it, is broken or lying");
}

std::string index_url(const std::string& repository) {
  const auto query = repository.find('?');
  std::string base = repository.substr(0, query);
  if (!base.ends_with('/')) base += '/';
  return base + "index.yaml" + (query == std::string::npos ? "" : repository.substr(query));
}

/// Servers have a page for what is not there: only what is a provenance file is carried.
std::optional<std::string> fetch_provenance(registry::Client& client, const std::string& url, Reporter& reporter) {
  auto text = client.fetch_text_beside(url);
  if (!text || text->starts_with("-----BEGIN PGP SIGNED MESSAGE-----")) return text;
  reporter.warning(url + " is not carried as the chart's provenance: it is no signed message");
  return std::nullopt;
}

[[noreturn]] void refuse_absent(const std::string& what) {
  throw Error(ErrorCode::registry, Side::source, fmt::format("there is no chart {}", what))
      .hint("check the name and the version")
      .absent();
}

/// The newest that is no pre-release, as Helm chooses.
oci::Tag newest_tag(const std::string& url, registry::Client& client, const std::string& who, Reporter& reporter) {
  const oci::Reference any = helm::oci_chart_reference(url, "0");
  const auto tags = client.tags({any.registry, any.repository});
  if (!tags || tags->empty()) refuse_absent(url);
  const oci::Tag* best = nullptr;
  for (const oci::Tag& tag : *tags)
    if (helm::is_release_version(tag.str()) && (best == nullptr || helm::compare_versions(tag.str(), best->str()) > 0))
      best = &tag;
  if (best == nullptr)
    throw Error(ErrorCode::selection, fmt::format("{} has no version that is no pre-release", url))
        .hint("name one: " + url + ":VERSION");
  reporter.note(fmt::format("{}: no version is named; the newest is {}", who, best->str()));
  return *best;
}

FetchedChart from_registry(const std::string& url, const std::string& version, const std::string& who,
                           registry::Client& client, Reporter& reporter) {
  const bool newest = version.empty() && !helm::names_version(url);
  const oci::Reference reference =
      helm::oci_chart_reference(url, newest ? newest_tag(url, client, who, reporter).str() : version);
  const registry::Repository repository{reference.registry, reference.repository};
  const auto manifest = client.fetch_manifest(repository, reference.id());
  if (!manifest) refuse_absent(reference.str());
  const oci::Document document = oci::parse_document(manifest->bytes, manifest->media_type);
  const oci::Manifest* content = document.manifest();
  for (const oci::Descriptor& layer : content == nullptr ? std::vector<oci::Descriptor>() : content->layers) {
    if (layer.media_type != records::chart_layer_type) continue;
    if (layer.size > max_archive)
      throw Error(ErrorCode::format, Side::source,
                  fmt::format("{}: its archive has {}, more than any chart", reference.str(), human_size(layer.size)))
          .hint("name a chart");
    TextSink sink;
    client.fetch_blob(repository, layer.digest, oci::BlobPart::whole(layer.size), sink);
    check_digest(sink.text, layer.digest, reference.str());
    return {std::move(sink.text), reference, "", std::nullopt};
  }
  throw Error(ErrorCode::format, Side::source, fmt::format("{} is no Helm chart", reference.str()))
      .hint("an image is named with --image");
}

FetchedChart from_repository(const kubeone::HelmRelease& release, registry::Client& client, Reporter& reporter) {
  const std::string index = fetch_text(client, index_url(release.repo_url), helm::max_index);
  const helm::IndexedChart found = helm::find_chart(index, release.repo_url, release.chart, release.version);
  if (release.version.empty())
    reporter.note(fmt::format("{}: no version is named; the newest is {}", release.str(), found.version));
  FetchedChart chart{"", std::nullopt, release.repo_url, std::nullopt, found.version};
  if (found.url.starts_with(helm::oci_scheme)) {  // an index over a registry: the archive is what is known by its name
    chart.archive = from_registry(found.url, found.version, release.str(), client, reporter).archive;
  } else {
    chart.archive = fetch_text(client, found.url, max_archive);
    chart.provenance = fetch_provenance(client, found.url + ".prov", reporter);
  }
  if (found.digest) check_digest(chart.archive, *found.digest, found.url);
  return chart;
}

}  // namespace

FetchedChart fetch_chart(const kubeone::HelmRelease& release, registry::Client& client, Reporter& reporter) {
  if (release.chart_url.starts_with(helm::oci_scheme))
    return from_registry(release.chart_url, release.version, release.str(), client, reporter);
  if (!release.chart_url.empty())
    return {fetch_text(client, release.chart_url, max_archive), std::nullopt, helm::folder_of_url(release.chart_url),
            fetch_provenance(client, release.chart_url + ".prov", reporter)};
  return from_repository(release, client, reporter);
}

}  // namespace airlock::flow

// SPDX-License-Identifier: Apache-2.0
#include "airlock/flow/collect_charts.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "airlock/base/yaml.hpp"
#include "airlock/helm/chart.hpp"
#include "airlock/helm/chart_images.hpp"
#include "airlock/helm/chart_reference.hpp"
#include "airlock/helm/render.hpp"
#include "airlock/records/own_content.hpp"
#include "airlock/registry/client.hpp"
#include "flow/fetch_chart.hpp"
#include "flow/found_images.hpp"

namespace airlock::flow {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_values = 16U << 20;

/// A folder of its own, removed in the end: values may be secrets.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "airlock-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw_errno("cannot make a folder", name);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  fs::path write(const std::string& name, std::string_view content) const {
    write_new_file(path_ / name, content, Access::owner);
    return path_ / name;
  }

 private:
  fs::path path_;
};

std::string text_of_values(const kubeone::HelmValues& values) {
  return values.file.empty() ? values.in_place : read_text(values.file, max_values);
}

Json merged_values(const kubeone::HelmRelease& release) {
  Json merged = Json::object();
  for (const kubeone::HelmValues& values : release.values) {
    YamlOptions options{{max_values, 64, 1U << 20}, YamlAliases::expand, 1};
    const std::string where = values.file.empty() ? release.origin + ": values" : values.file;
    for (YamlDocument& document : parse_yaml_documents(text_of_values(values), where, options)) {
      if (!document.value.is_object())
        throw Error(ErrorCode::selection, where + ": values are a mapping, and this is none")
            .hint("correct them; Helm would refuse them, too");
      merged = helm::merge_values(std::move(merged), document.value, helm::Nulls::stay);
    }
  }
  return merged;
}

/// For each Kubernetes version that is named: charts choose images by it. Nothing where there is no helm. An Error
/// where it renders for none of them.
std::optional<kubeone::FoundImages> rendered_images(helm::RenderRequest render, const std::set<std::string>& versions,
                                                    const std::string& where, Reporter& reporter) {
  kubeone::FoundImages found;
  std::optional<Error> failure;
  std::size_t failures = 0;
  for (const std::string& version : versions) {
    render.kubernetes_version = version;
    try {
      const auto text = helm::render(render);
      if (!text) return std::nullopt;
      found.add(kubeone::find_images(*text, where + ": helm template"));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      ++failures;
      failure = error;
      if (versions.size() > 1)
        reporter.warning(fmt::format("{}: not for Kubernetes {}: {}", where, version, error.what()));
    }
  }
  if (failures == versions.size()) throw Error(*failure);
  return found;
}

std::set<std::string> versions_for(const kubeone::HelmRelease& release, const ChartsRequest& request) {
  if (!release.kubernetes_version.empty()) return {release.kubernetes_version};
  return request.kubernetes_versions.empty() ? std::set<std::string>{""} : request.kubernetes_versions;
}

/// By helm where it is there; else from values and templates. `chart_path`: of a local chart.
kubeone::FoundImages images_of(const kubeone::HelmRelease& release, const helm::Chart& chart,
                               const std::string& archive, const fs::path& chart_path, const ChartsRequest& request,
                               Reporter& reporter) {
  const std::string where = fmt::format("chart {} {}", chart.name, chart.version);
  const ScratchFolder scratch;
  helm::RenderRequest render{chart_path, release.name.empty() ? chart.name : release.name, release.ns, {}, ""};
  if (render.chart.empty()) render.chart = scratch.write("chart.tgz", archive);
  for (const kubeone::HelmValues& values : release.values)
    render.values.push_back(values.file.empty()
                                ? scratch.write(fmt::format("values-{}.json", render.values.size()), values.in_place)
                                : fs::path(values.file));
  try {
    if (auto found = rendered_images(render, versions_for(release, request), where, reporter)) {
      found->add(helm::annotated_images(chart, where));
      found->settle();
      return std::move(*found);
    }
    reporter.note(where + ": there is no helm here to render it; its values and templates are searched for images");
  } catch (const Error& error) {
    reporter.warning(fmt::format("{}: {}; its values and templates are searched instead", where, error.what()));
  }
  return helm::scan_chart(chart, merged_values(release), where);
}

/// Inside, a chart is asked for by the name and version that it has itself.
void check_identity(const kubeone::HelmRelease& release, const FetchedChart& fetched, const helm::Chart& chart) {
  if (!fetched.reference && !fetched.version.empty() && release.chart != chart.name)
    throw Error(ErrorCode::format, Side::source,
                fmt::format("{}: the repository calls it {}, the archive says {}", release.str(),
                            printable(release.chart, 80), chart.name))
        .hint("tell whoever keeps the repository");
  if (fetched.reference || fetched.version.empty() || helm::same_version(fetched.version, chart.version)) return;
  throw Error(ErrorCode::format, Side::source,
              fmt::format("{}: the repository calls it version {}, the archive says {}", release.str(),
                          printable(fetched.version, 80), printable(chart.version, 80)))
      .hint("tell whoever keeps the repository; or name the archive's address (--chart https://…/NAME-VERSION.tgz)");
}

/// The artifact that `helm push` would make.
oci::Reference make_artifact(const FetchedChart& fetched, const helm::Chart& chart, transfer::MadeContent& made) {
  const oci::Reference reference = helm::http_chart_reference(fetched.repository, chart.name, chart.version);
  std::map<std::string, std::string> annotations{{records::title_annotation, chart.name},
                                                 {"org.opencontainers.image.version", chart.version}};
  if (const auto text = chart.metadata.find("description"); text != chart.metadata.end() && text->is_string())
    annotations["org.opencontainers.image.description"] = text->get<std::string>();
  transfer::MadeArtifact artifact{"",
                                  transfer::MadeBlob::of(records::chart_config_type, chart.metadata.dump()),
                                  {transfer::MadeBlob::of(records::chart_layer_type, fetched.archive)},
                                  std::move(annotations)};
  if (fetched.provenance)
    artifact.layers.push_back(transfer::MadeBlob::of(records::chart_provenance_type, *fetched.provenance));
  made.add(reference, artifact);
  return reference;
}

class Collector {
 public:
  Collector(const ChartsRequest& request, transfer::MadeContent& made, Reporter& reporter)
      : request_(request), made_(made), reporter_(reporter) {}

  void collect(const kubeone::HelmRelease& release) {
    if (release.chart_url.empty() && release.repo_url.empty()) return collect_local(release);
    registry::ClientOptions options = request_.client;
    if (!release.password.empty()) options.credentials.set(host_of(release), credentials_of(release));
    registry::Client client(options, reporter_);
    const FetchedChart fetched = fetch_chart(release, client, reporter_);
    const helm::Chart chart = helm::read_chart(fetched.archive, release.str());
    check_identity(release, fetched, chart);
    const oci::Reference reference = fetched.reference ? *fetched.reference : make_artifact(fetched, chart, made_);
    extras_.push_back({reference, fetched.reference ? registry_chart_component : archive_chart_component,
                       records::charts_group, release.str()});
    add_images(release, chart, fetched.archive, {});
  }

  std::vector<kubeone::ExtraImage> take() { return std::move(extras_); }

 private:
  /// KubeOne reads it from where it runs.
  void collect_local(const kubeone::HelmRelease& release) {
    const fs::path path = release.chart;
    if (!fs::exists(path))
      throw Error(ErrorCode::selection, path.string() + " is not here, and no repository is named")
          .hint("name the chart's repoURL or chartURL; a local chart is looked for from the current directory");
    reporter_.note(
        fmt::format("{}: a local chart: it travels with the manifest, and its images with the bundle", release.str()));
    const bool folder = fs::is_directory(path);
    const std::string archive = folder ? "" : read_file(path, 64U << 20);
    add_images(release, folder ? helm::read_chart_folder(path) : helm::read_chart(archive, path.string()), archive,
               path);
  }

  void add_images(const kubeone::HelmRelease& release, const helm::Chart& chart, const std::string& archive,
                  const fs::path& path) {
    const auto found = images_of(release, chart, archive, path, request_, reporter_);
    tell_found(found, request_.suspects, reporter_);
    const auto taken = taken_images(found, request_.suspects);
    for (const auto& one : taken)
      extras_.push_back({within([&] { return one.second; }, [&] { return oci::Reference::parse(one.first); }), "image",
                         "extra", one.second});
    if (taken.empty())
      reporter_.warning(fmt::format("chart {} {}: no image was found in it", chart.name, chart.version));
  }

  static std::string host_of(const kubeone::HelmRelease& release) {
    const std::string& url = release.chart_url.empty() ? release.repo_url : release.chart_url;
    const std::string rest = url.substr(url.find("://") + 3);
    return rest.substr(0, rest.find('/'));
  }

  static registry::Credentials credentials_of(const kubeone::HelmRelease& release) {
    registry::Credentials credentials;
    credentials.username = release.username;
    credentials.password.append(release.password);
    credentials.source = release.origin;
    return credentials;
  }

  const ChartsRequest& request_;
  transfer::MadeContent& made_;
  Reporter& reporter_;
  std::vector<kubeone::ExtraImage> extras_;
};

}  // namespace

std::vector<kubeone::ExtraImage> collect_charts(const ChartsRequest& request, transfer::MadeContent& made,
                                                Reporter& reporter) {
  Collector collector(request, made, reporter);
  for (const kubeone::HelmRelease& release : request.releases)
    within([&] { return release.str(); }, [&] { collector.collect(release); });
  return collector.take();
}

}  // namespace airlock::flow

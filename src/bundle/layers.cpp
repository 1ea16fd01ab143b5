// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/layer_stream.hpp"
#include "bundle/refuse_layer.hpp"

namespace airlock::bundle {

namespace {

struct LayerTask {
  std::string image;
  oci::Digest layer;
  std::string media_type;
  oci::Digest expected;
};

/// What has to be unpacked, each layer once, and what not.
struct Plan {
  std::map<std::string, LayerTask> tasks;
  std::set<oci::Digest> artifacts;  // manifests of signatures, attestations, charts
  std::set<oci::Digest> elsewhere;  // layers that a delta's base has, or whose config it has
};

/// A node takes a manifest for an image by what its layers are: signatures and charts may have an image's config.
bool is_image(const oci::Content& manifest) {
  const auto unpacks = [](const oci::Edge& layer) { return oci::media_type::is_layer(layer.media_type); };
  return oci::media_type::is_image_config(manifest.config->media_type) &&
         (manifest.layers.empty() || std::any_of(manifest.layers.begin(), manifest.layers.end(), unpacks));
}

void check_platform(const oci::ImageConfig& config, const oci::Platform& stated) {
  if (config.platform && config.platform->os() == stated.os() &&
      config.platform->architecture() == stated.architecture())
    return;
  refuse_layer(fmt::format("its index says that it is for {}, its config {}", stated.str(),
                           config.platform ? "for " + config.platform->str() : "does not say for what"));
}

/// What indexes say of each manifest.
using StatedPlatforms = std::map<const oci::Node*, std::set<oci::Platform>>;

void add_image(const VerifiedBundle& bundle, const std::string& image, const oci::Content& manifest,
               const std::set<oci::Platform>& stated, Plan& plan) {
  if (bundle.is_in_base(manifest.config->to->digest)) {
    for (const auto& layer : manifest.layers) plan.elsewhere.insert(layer.to->digest);
    return;
  }
  const auto config = bundle.config(manifest.config->to->digest);
  for (const oci::Platform& platform : stated) check_platform(config, platform);
  if (config.diff_ids.size() != manifest.layers.size())
    refuse_layer(fmt::format("it has {}, its config {}: they cannot be compared, and containerd refuses it",
                             count_of(manifest.layers.size(), "layer"), count_of(config.diff_ids.size(), "diff ID")));
  for (std::size_t i = 0; i < config.diff_ids.size(); ++i) {
    const oci::Digest& layer = manifest.layers[i].to->digest;
    if (bundle.is_in_base(layer)) {
      plan.elsewhere.insert(layer);
      continue;
    }
    const std::string type(manifest.layers[i].media_type);
    plan.tasks.try_emplace(layer.str() + type + config.diff_ids[i],
                           LayerTask{image, layer, type, oci::Digest::parse(config.diff_ids[i])});
  }
}

void add_tasks(const VerifiedBundle& bundle, const records::Image& image, Plan& plan) {
  const oci::Nodes closure = bundle.closure_of(image);
  StatedPlatforms stated;
  for (const oci::Node* node : closure)
    if (node->content)
      for (const oci::MemberEdge& member : node->content->members)
        if (member.platform) stated[member.to].insert(*member.platform);
  for (const oci::Node* node : closure) {
    if (!node->is_document() || node->content->index) continue;
    if (node->artifact || !is_image(*node->content)) {
      plan.artifacts.insert(node->digest);
      continue;
    }
    within([&] { return "manifest " + node->digest.str(); },
           [&] { add_image(bundle, image.source.str(), *node->content, stated[node], plan); });
  }
}

}  // namespace

oci::Digest diff_id(BlobReader layer, std::string_view media_type) {
  const auto stream = open_layer(std::move(layer), media_type);
  oci::Sha256 hash;
  for (auto piece = stream->next(); !piece.empty(); piece = stream->next()) hash.update(piece);
  return hash.finish();
}

LayerCheck check_layers(const VerifiedBundle& bundle, unsigned jobs, Reporter& reporter) {
  Plan plan;
  for (const records::Image& image : bundle.metadata().images)
    within([&] { return "image " + image.source.str(); }, [&] { add_tasks(bundle, image, plan); });
  std::vector<LayerTask> tasks;
  for (auto& [key, task] : plan.tasks) tasks.push_back(std::move(task));
  reporter.begin("unpacking", 0, tasks.size());
  run_parallel(tasks.size(), jobs, [&](std::size_t i) {
    const LayerTask& task = tasks[i];
    within([&] { return fmt::format("image {}: layer {}", task.image, task.layer.str()); },
           [&] {
             const auto actual = diff_id(bundle.open_blob(task.layer), task.media_type);
             if (actual != task.expected)
               refuse_layer(
                   fmt::format("it unpacks to {}, but the image's config says {}", actual.str(), task.expected.str()));
           });
    reporter.item_done();
  });
  reporter.end();
  return {tasks.size(), plan.artifacts.size(), plan.elsewhere.size()};
}

}  // namespace airlock::bundle

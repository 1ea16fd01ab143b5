// SPDX-License-Identifier: Apache-2.0
// A part of a bundle's images, so that several machines import one bundle into one registry without a coordinator: each
// computes the same deal.
#pragma once

#include <string_view>
#include <vector>

#include "airlock/kubeone/name_mapping.hpp"
#include "airlock/oci/graph.hpp"
#include "airlock/records/image.hpp"
#include "airlock/transfer/copy.hpp"

namespace airlock::flow {

struct Shard {
  unsigned number = 1;  ///< from 1
  unsigned count = 1;

  bool is_whole() const { return count == 1; }
  /// "2/4"; an Error (code `usage`) for anything else.
  static Shard parse(std::string_view text);
  /// Of a Kubernetes Indexed Job, whose pods count from 0 in JOB_COMPLETION_INDEX. An Error (code `usage`).
  static Shard of_job(unsigned count, const char* completion_index);
};

/// Which shard gets which image, by the images' order: the same for the same bundle and count. Images that go into one
/// repository stay together, because lists of referrers are kept there. Shards share as few bytes as possible, as long
/// as none has much more to send than the others.
std::vector<unsigned> deal_images(const std::vector<records::Image>& images, const oci::Graph& graph, unsigned count,
                                  const kubeone::NameMapping& mapping);

/// What is to be done by one shard.
struct ShardWork {
  std::vector<transfer::Destination> destinations;
  transfer::SharedBlobs shared;  ///< that other shards need too
};

/// The part of `destinations`, which are all names of all `images`. Of what several shards need, each computes which of
/// them sends it: it crosses the wire once if they run at the same time, or one after another.
ShardWork work_of(const Shard& shard, std::vector<transfer::Destination> destinations,
                  const std::vector<records::Image>& images, const oci::Graph& graph,
                  const kubeone::NameMapping& mapping);

}  // namespace airlock::flow

// SPDX-License-Identifier: Apache-2.0
// What a copy has to put where, in which order: views of the graph.
#pragma once

#include <vector>

#include "airlock/transfer/target.hpp"

namespace airlock::transfer {

/// Every config and layer that the destinations need, each once. The largest come first: the last thing running should
/// be a short one. `configs_first`: before all layers.
std::vector<BlobTask> plan_blobs(const oci::Graph& graph, const std::vector<const Destination*>& destinations,
                                 bool configs_first);

/// A document, and a destination whose repository needs it.
struct DocumentTask {
  const Destination* destination;
  const oci::Node* document;
};

/// Every document that has to be there under its digest, once for each repository, in rounds: what a document names is
/// in an earlier round than itself.
std::vector<std::vector<DocumentTask>> plan_documents(const oci::Graph& graph,
                                                      const std::vector<const Destination*>& destinations);

}  // namespace airlock::transfer

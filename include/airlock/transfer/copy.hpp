// SPDX-License-Identifier: Apache-2.0
// From a source to a target: blobs, then documents, then referrers and names, then a look at what is really there.
// Export, import, merge and check are this with other ports.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/transfer/target.hpp"

namespace airlock::transfer {

/// What becomes of names that stand for something else.
enum class Existing {
  move,  ///< they are moved
  keep   ///< nothing is sent: an Error (code `registry`) names all of them
};

/// A config or layer that other processes put into the same target at about the same time.
struct SharedWork {
  /// This process is the one that sends it, before all that nobody else needs. Where it is not, the blob comes last: by
  /// then it may be there. What is not there is sent nevertheless, so nobody depends on another.
  bool sends = false;
  std::vector<registry::Repository> elsewhere;  ///< where others put it, the most likely first
};
using SharedBlobs = std::unordered_map<const oci::Node*, SharedWork>;

struct CopyOptions {
  unsigned jobs = 8;
  Existing existing = Existing::move;
  /// Called once, before the first byte is sent; not where all is there already. An Error ends the copy.
  std::function<void()> before_blobs = {};
  /// Called once, after all blobs and documents are stored and before the first name is written. An Error ends the copy
  /// with every name as it was.
  std::function<void()> before_names;
  /// Of blobs that the source lacks and the target should have: where to get them (base_advice()).
  std::string base_advice;
  /// What this process has in common with others.
  SharedBlobs shared = {};
};

struct CopySummary {
  std::vector<Published> published;  ///< in the order of the destinations
  std::vector<Move> moves;           ///< by name
  std::uint64_t blobs_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t blobs_mounted = 0;
  std::uint64_t blobs_present = 0;  ///< found in their repository; blobs of images that were there whole do not count
  std::uint64_t manifests_sent = 0;
};

/// Puts every destination's image into the target, with its referrers. What is there already is not sent again. No name
/// is written before all blobs and documents of all destinations are stored. Names that move are told to the reporter
/// before anything is sent. Stops at the first failure; an Error names the destination. REQUIRES: `graph` holds the
/// images, whole.
CopySummary copy(const oci::Graph& graph, const std::vector<Destination>& destinations, Source& source, Target& target,
                 const CopyOptions& options, Reporter& reporter);

/// Which names copy() would move, referrers' tags included: asks, and writes nothing.
std::vector<Move> find_moves(const std::vector<Destination>& destinations, Target& target, unsigned jobs,
                             Reporter& reporter);

/// An Error (code `registry`) that names all of them.
[[noreturn]] void refuse_moves(const std::vector<Move>& moves);

}  // namespace airlock::transfer

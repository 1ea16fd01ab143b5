// SPDX-License-Identifier: Apache-2.0
// Bundle to registry: blobs, then manifests, then tags, then a look at what is really there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/reporter.hpp"
#include "airlock/bundle/reader.hpp"
#include "airlock/registry/client.hpp"

namespace airlock::transfer {

/// An image of the bundle and one name that it gets. Several destinations may have the same image.
struct Destination {
  const bundle::Image* image;
  registry::Repository repository;
  oci::Tag tag;
  std::string str() const { return repository.str() + ":" + tag.str(); }
};

/// A name that stands for another manifest in the registry than it will after the import.
struct Move {
  std::string name;  ///< with the registry's host
  oci::Digest from;
  oci::Digest to;  ///< upstream's; where the registry refuses a sparse index, a derived one is stored instead
};

/// An Error (code `registry`) that names all of them.
[[noreturn]] void refuse_moves(const std::vector<Move>& moves);

/// What becomes of names that stand for something else.
enum class Existing {
  move,  ///< they are moved
  keep   ///< nothing is sent: an Error (code `registry`) names all of them
};

struct PushOptions {
  unsigned jobs = 8;
  Existing existing = Existing::move;
  /// Called once, after all blobs and manifests are stored and before the first name is written. An Error ends the push
  /// with every name as it was.
  std::function<void()> before_names;
};

/// What a name stands for in the registry now, read back and hashed.
struct Published {
  Destination destination;
  oci::Digest digest;
  bool derived =
      false;  ///< an index with only the bundle's platforms, because the registry refused the sparse original
  bool present_before = false;
};

struct PushSummary {
  std::vector<Published> published;  ///< in the order of the destinations
  std::vector<Move> moves;           ///< by name
  std::uint64_t blobs_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t blobs_mounted = 0;
  std::uint64_t blobs_present = 0;  ///< found in their repository; blobs of images that were there whole do not count
  std::uint64_t manifests_sent = 0;
};

/// Makes every destination stand for its image. What is there already is not sent again. No tag is written before all
/// blobs and manifests of all destinations are stored. Names that move are told to the reporter before anything is
/// sent. An Error names the destination.
PushSummary push(registry::Client& client, const bundle::VerifiedBundle& bundle,
                 const std::vector<Destination>& destinations, const PushOptions& options, Reporter& reporter);

/// Which names push() would move, referrers' tags included: asks, and writes nothing.
std::vector<Move> find_moves(registry::Client& client, const bundle::VerifiedBundle& bundle,
                             const std::vector<Destination>& destinations, unsigned jobs, Reporter& reporter);

/// What a registry has under a destination's names.
struct LookUp {
  std::optional<Published> published;  ///< nothing where any of it is missing or different
  std::vector<Move> moves;             ///< names of it that stand for something else
};
/// Asks for a destination as a cluster would and hashes what comes: the top manifest by tag, the members of an index by
/// digest, referrers by their tags.
LookUp look_up(registry::Client& client, const bundle::VerifiedBundle& bundle, const Destination& destination);

/// The image's index without the members that the bundle leaves out, for registries that refuse the original; nothing
/// when it leaves none out, or the image is no index.
std::optional<std::string> derived_index(const bundle::VerifiedBundle& bundle, const bundle::Image& image);

}  // namespace airlock::transfer

// SPDX-License-Identifier: Apache-2.0
// The lock file: what a selection was resolved to, as YAML that a person can review, change control can keep, and
// `export --lock` takes exactly. Equal resolutions give equal text.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/kubeone/selection.hpp"
#include "airlock/oci/graph.hpp"
#include "airlock/records/image.hpp"

namespace airlock::records {

/// The required digest and referrers of each image.
using Pins = std::map<oci::Reference, Image>;

struct LockedImage {
  Image image;
  std::map<std::string, std::uint64_t> platform_bytes;  ///< config and layers of each platform, as transferred
  std::uint64_t bytes = 0;  ///< of all platforms, what they share once; not in the file, and so 0 where one was read
};

struct Lock {
  Selection selection;
  std::vector<LockedImage> images;             ///< ordered by source reference
  std::map<oci::Digest, std::uint64_t> blobs;  ///< bytes of all blobs, manifests included
  std::vector<Missing> missing = {};           ///< of the selection, left out with permission; by source reference

  /// REQUIRES: the images are in the graph, whole.
  static Lock of(const std::vector<Image>& images, std::vector<Missing> missing, const oci::Graph& graph,
                 const Selection& selection);
  /// An Error (code `format`) for anything but the form that format() gives, comments and layout aside.
  static Lock parse(std::string_view text, const std::string& where);
  std::string format() const;

  /// The set of images, as from a selection.
  kubeone::ImageSet image_set() const;
  /// The digests that resolve() must use.
  Pins pins() const;
};

/// Whether a file's text is a lock file: for verbs that take several kinds of files.
bool looks_like_lock(std::string_view text);

}  // namespace airlock::records

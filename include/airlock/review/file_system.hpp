// SPDX-License-Identifier: Apache-2.0
// The files of an image as a node would see them: its layers one over the other, without unpacking any.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "airlock/bundle/layer_files.hpp"
#include "airlock/bundle/reader.hpp"

namespace airlock::review {

/// A hard link has its target's mode, owner, size and content, and lives on where that is deleted or replaced.
struct ImageFile {
  bundle::LayerFile file;
  std::size_t layer = 0;               ///< that holds its content, in the manifest's order
  std::optional<oci::Digest> content;  ///< of a file, with Contents::hash
  std::string stored_at;               ///< the path of its content in that layer
};

/// Whether the content of files is looked at.
enum class Contents { pass, hash };

class FileSystem {
 public:
  /// Of layers [0, count) of an image's manifest, whiteouts obeyed (OCI image-spec v1.1, layer.md). An Error (code
  /// `format`) for a layer that is not in this bundle, or cannot be read.
  static FileSystem of(const bundle::BundleContent& bundle, const oci::Node& manifest, std::size_t count,
                       Contents contents = Contents::pass);
  /// Of one layer alone, its whiteouts among the files.
  static FileSystem of_layer(const bundle::BundleContent& bundle, const oci::Node& manifest, std::size_t layer);

  const std::map<std::string, ImageFile>& files() const { return files_; }

  /// The file that a path leads to, through symbolic links; nothing where there is none.
  std::optional<ImageFile> find(const std::string& path) const;

 private:
  void add_layer(const bundle::BundleContent& bundle, const oci::Edge& layer, std::size_t number, Contents contents);
  void remove_below(const std::string& folder);
  ImageFile linked(const bundle::LayerFile& link, std::size_t layer) const;
  std::map<std::string, ImageFile> files_;
};

/// The content of a file, whatever its size: `take` gets it in pieces.
void read_file_of(const bundle::BundleContent& bundle, const oci::Node& manifest, const ImageFile& file,
                  const std::function<void(std::string_view)>& take);

/// "-rwsr-xr-x", as ls(1) shows it.
std::string mode_text(const bundle::LayerFile& file);

}  // namespace airlock::review

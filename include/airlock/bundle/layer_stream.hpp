// SPDX-License-Identifier: Apache-2.0
// The tar inside a layer, unpacked as it is read, in bounded memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "airlock/bundle/reader.hpp"

namespace airlock::bundle {

class LayerStream {
 public:
  LayerStream() = default;
  virtual ~LayerStream() = default;
  LayerStream(const LayerStream&) = delete;
  LayerStream& operator=(const LayerStream&) = delete;

  /// The next piece of the tar, empty after the last; valid until the next call. An Error (code `format`) for data that
  /// does not unpack, for bytes behind its end, and for more than any layer unpacks to.
  virtual std::string_view next() = 0;
};

/// Takes gzip (RFC 1952), zstd (RFC 8878, skippable frames too) and no compression, by the media type; an Error (code
/// `format`) for others.
std::unique_ptr<LayerStream> open_layer(BlobReader layer, std::string_view media_type);

}  // namespace airlock::bundle

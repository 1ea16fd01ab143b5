// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>

#include "airlock/base/file.hpp"
#include "airlock/oci/blob.hpp"

namespace airlock::transfer {

/// Source::send() for a blob that is a file.
inline void send_file(const std::filesystem::path& path, oci::BlobPart part, oci::BlobSink& sink) {
  constexpr std::uint64_t piece_size = 256U << 10;
  const FileDescriptor file = open_file(path, O_RDONLY);
  std::string buffer(std::min(piece_size, part.size), '\0');
  while (sink.received() < part.size) {
    const std::span<char> piece(buffer.data(), std::min<std::uint64_t>(buffer.size(), part.size - sink.received()));
    read_exactly(file, part.offset + sink.received(), piece, path);
    sink.write({piece.data(), piece.size()});
  }
}

}  // namespace airlock::transfer

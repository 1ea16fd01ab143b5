// SPDX-License-Identifier: Apache-2.0
// A blob that several upload at the same time, read and hashed once for all of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "airlock/base/event.hpp"
#include "airlock/oci/blob.hpp"

namespace airlock::transfer {

/// Thread-safe. Memory: `window_bytes` and one piece. Whoever is first reads on for all, as far as the window goes
/// beyond the slowest. One that holds the others up for `patience`, because its registry answers late or it may not
/// send yet, is left behind, and then reads on its own: nobody waits for somebody who waits for them.
class SharedBlob {
 public:
  using Open = std::function<std::unique_ptr<oci::BlobSource>()>;
  static constexpr std::uint64_t window_bytes = 2U << 20;
  static constexpr std::chrono::milliseconds default_patience{500};

  /// For `readers` readers, which all take part from the first byte on until they leave.
  SharedBlob(Open open, std::size_t readers, std::chrono::milliseconds patience = default_patience);

  /// The blob for one of the readers, from its first byte on. The first time it is what all share; asked for again,
  /// after a break, the reader leaves them and reads on its own. REQUIRES: this outlives what is returned.
  std::unique_ptr<oci::BlobSource> open(std::size_t reader);

  /// The reader needs no more bytes. Destroying what open() returned does the same.
  void leave(std::size_t reader);

  /// How often the source was opened.
  unsigned readings() const;

 private:
  class Tap;
  using Piece = std::shared_ptr<const std::string>;
  struct Reader {
    std::uint64_t next = 0;  // number of the piece that it takes next
    bool takes_part = true;
    bool opened = false;
  };

  /// The reader's next piece, empty at the end; nothing for one that was left behind.
  std::optional<Piece> take(std::size_t reader);
  void read_on(std::unique_lock<std::mutex>& lock);
  void wait_for_slowest(std::unique_lock<std::mutex>& lock);
  void forget_taken();
  std::unique_ptr<oci::BlobSource> open_own();

  const Open open_;
  const std::chrono::milliseconds patience_;
  mutable std::mutex mutex_;  // guards what follows
  Condition changed_;
  std::vector<Reader> readers_;
  std::deque<Piece> window_;
  std::uint64_t first_ = 0;  // number of the window's first piece
  std::uint64_t held_ = 0;   // bytes in the window
  unsigned readings_ = 0;
  bool reading_ = false;  // somebody reads the next piece; the source is theirs
  bool ended_ = false;
  std::function<void()> fail_;  // throws the source's failure; each reader its own, as it gains context
  std::unique_ptr<oci::BlobSource> source_;
};

}  // namespace airlock::transfer

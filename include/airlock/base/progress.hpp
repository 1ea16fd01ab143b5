// SPDX-License-Identifier: Apache-2.0
// Progress of a phase of long work, and its text. The Reporter guards it and shows it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace airlock {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// `bytes` 0: counted in items only.
  void begin(std::string_view phase, std::uint64_t bytes, std::uint64_t items, Clock::time_point now);
  void advance(std::uint64_t bytes) { bytes_done_ += bytes; }
  void retreat(std::uint64_t bytes) { bytes_done_ -= std::min(bytes, bytes_done_); }
  void item_done() { ++items_done_; }

  /// Things under way at this moment, by a number that start_moving() gives.
  std::uint64_t start_moving(std::string name, std::uint64_t bytes);
  void move(std::uint64_t thing, std::uint64_t bytes);
  void stop_moving(std::uint64_t thing);

  /// Records the current state, for the rate of the last seconds. Call it before each display.
  void sample(Clock::time_point now);

  /// "pulling: 12 of 90, 120 MiB of 1.2 GiB, 80 MiB/s, 12 s left"
  std::string running_text() const;
  /// The same with the totals: average rate and duration.
  std::string final_text(Clock::time_point now) const;
  /// "  calico/cni 1a2b3c4d5e6f  34 MiB of 80 MiB", for at most `most` of the things under way, the oldest first.
  std::vector<std::string> moving_lines(std::size_t most) const;
  /// All of it as JSON.
  nlohmann::json to_json() const;

 private:
  struct Thing {
    std::string name;
    std::uint64_t done = 0;
    std::uint64_t total = 0;
  };
  struct Sample {
    Clock::time_point time;
    std::uint64_t bytes;
  };
  std::string counts() const;
  std::uint64_t recent_rate() const;  // bytes per second

  std::string phase_;
  std::uint64_t bytes_done_ = 0;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t items_done_ = 0;
  std::uint64_t items_total_ = 0;
  Clock::time_point started_;
  std::deque<Sample> samples_;
  std::map<std::uint64_t, Thing> moving_;
  std::uint64_t next_thing_ = 1;
};

}  // namespace airlock

// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/text.hpp"

namespace airlock {

namespace {

constexpr std::chrono::seconds rate_window{10};

std::uint64_t per_second(std::uint64_t bytes, Progress::Clock::duration time) {
  const double seconds = std::max(0.001, std::chrono::duration<double>(time).count());
  return static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds);
}

/// No decimals: it is not known that well.
std::string estimate(std::uint64_t seconds) {
  return seconds < 60 ? fmt::format("{} s", std::max<std::uint64_t>(seconds, 1))
                      : human_duration(std::chrono::seconds(seconds));
}

}  // namespace

void Progress::begin(std::string_view phase, std::uint64_t bytes, std::uint64_t items, Clock::time_point now) {
  phase_ = phase;
  bytes_total_ = bytes;
  items_total_ = items;
  bytes_done_ = items_done_ = 0;
  started_ = now;
  samples_.assign(1, {now, 0});
}

std::uint64_t Progress::start_moving(std::string name, std::uint64_t bytes) {
  moving_.emplace(next_thing_, Thing{std::move(name), 0, bytes});
  return next_thing_++;
}

void Progress::move(std::uint64_t thing, std::uint64_t bytes) {
  if (const auto found = moving_.find(thing); found != moving_.end()) found->second.done += bytes;
}

void Progress::stop_moving(std::uint64_t thing) { moving_.erase(thing); }

void Progress::sample(Clock::time_point now) {
  samples_.push_back({now, bytes_done_});
  // Keep one sample from before the window: it marks the start of the window.
  while (samples_.size() > 2 && now - samples_[1].time > rate_window) samples_.pop_front();
}

std::uint64_t Progress::recent_rate() const {
  const Sample& first = samples_.front();
  const Sample& last = samples_.back();
  return last.bytes <= first.bytes ? 0 : per_second(last.bytes - first.bytes, last.time - first.time);
}

std::string Progress::counts() const {
  std::string text = fmt::format("{}: {} of {}", phase_, items_done_, items_total_);
  if (bytes_total_ > 0) text += fmt::format(", {} of {}", human_size(bytes_done_), human_size(bytes_total_));
  return text;
}

std::string Progress::running_text() const {
  std::string text = counts();
  if (bytes_total_ == 0) return text;
  const std::uint64_t rate = recent_rate();
  text += fmt::format(", {}/s", human_size(rate));
  if (rate > 0 && bytes_done_ < bytes_total_)
    text += fmt::format(", {} left", estimate((bytes_total_ - bytes_done_) / rate));
  return text;
}

std::string Progress::final_text(Clock::time_point now) const {
  std::string text = counts();
  if (bytes_total_ > 0) text += fmt::format(", {}/s", human_size(per_second(bytes_done_, now - started_)));
  return fmt::format("{}, {}", text,
                     human_duration(std::chrono::duration_cast<std::chrono::milliseconds>(now - started_)));
}

std::vector<std::string> Progress::moving_lines(std::size_t most) const {
  std::vector<std::string> lines;
  for (const auto& [number, thing] : moving_) {
    if (lines.size() == most) break;
    std::string line = "  " + thing.name;
    if (thing.total > 0) line += fmt::format("  {} of {}", human_size(thing.done), human_size(thing.total));
    lines.push_back(std::move(line));
  }
  return lines;
}

nlohmann::json Progress::to_json() const {
  nlohmann::json moving = nlohmann::json::array();
  for (const auto& [number, thing] : moving_)
    moving.push_back({{"name", thing.name}, {"bytesDone", thing.done}, {"bytesTotal", thing.total}});
  return {{"event", "progress"},
          {"phase", phase_},
          {"itemsDone", items_done_},
          {"itemsTotal", items_total_},
          {"bytesDone", bytes_done_},
          {"bytesTotal", bytes_total_},
          {"bytesPerSecond", recent_rate()},
          {"moving", std::move(moving)}};
}

}  // namespace airlock

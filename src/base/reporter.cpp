// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/reporter.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"

namespace airlock {

namespace {

constexpr auto terminal_interval = std::chrono::milliseconds(150);
constexpr auto plain_interval = std::chrono::seconds(5);

void to_stderr(const std::string& text) {
  // One write per message: lines of several processes do not mix. A closed stderr is nobody's loss.
  [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

Reporter::Reporter(ReporterOptions options) : options_(options) {
  terminal_ = options.form == ReporterOptions::Form::automatic && ::isatty(STDERR_FILENO) == 1;
}

Reporter::~Reporter() {
  ticker_ = {};  // else it could draw once more
  const std::lock_guard lock(mutex_);
  erase_progress();
}

void Reporter::write_line(std::string_view kind, std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (options_.form == ReporterOptions::Form::json) {
    Json line{{"event", kind}, {"text", text}};
    to_stderr(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    return;
  }
  erase_progress();
  to_stderr((kind == "warning" ? "warning: " : "") + std::string(text) + "\n");
  if (active_ && terminal_) show_progress();
}

void Reporter::note(std::string_view text) {
  if (!options_.quiet) write_line("note", text);
}

void Reporter::warning(std::string_view text) { write_line("warning", text); }

void Reporter::detail(std::string_view text) {
  if (options_.verbose && !options_.quiet) write_line("detail", text);
}

void Reporter::begin(std::string_view phase, std::uint64_t bytes, std::uint64_t items) {
  {
    const std::lock_guard lock(mutex_);
    phase_ = phase;
    bytes_total_ = bytes;
    items_total_ = items;
    bytes_done_ = items_done_ = 0;
    last_item_.clear();
    started_ = Clock::now();
    active_ = true;
  }
  if (!options_.quiet) ticker_ = std::jthread([this](const std::stop_token& stop) { tick(stop); });
}

void Reporter::advance(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  bytes_done_ += bytes;
}

void Reporter::retreat(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  bytes_done_ -= std::min(bytes, bytes_done_);
}

void Reporter::item_done(std::string_view name) {
  const std::lock_guard lock(mutex_);
  ++items_done_;
  last_item_ = name;
}

void Reporter::end() {
  ticker_ = {};
  std::string summary;
  {
    const std::lock_guard lock(mutex_);
    if (!active_) return;
    erase_progress();
    active_ = false;
    summary = progress_text();
  }
  if (!options_.quiet) write_line("progress", summary);
}

void Reporter::tick(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto interval = terminal_ ? std::chrono::milliseconds(terminal_interval) : plain_interval;
  for (;;) {
    wake_.wait_for(lock, stop, interval, [] { return false; });
    if (stop.stop_requested()) return;
    show_progress();
  }
}

std::string Reporter::progress_text() const {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_);
  std::string text = phase_ + ": " + std::to_string(items_done_) + " of " + std::to_string(items_total_);
  if (bytes_total_ > 0) {
    const double seconds = std::max(0.001, static_cast<double>(elapsed.count()) / 1000);
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_done_) / seconds);
    text += ", " + human_size(bytes_done_) + " of " + human_size(bytes_total_) + ", " + human_size(rate) + "/s";
    if (active_ && rate > 0 && bytes_done_ < bytes_total_)
      text += ", " + human_duration(std::chrono::seconds((bytes_total_ - bytes_done_) / rate)) + " left";
  }
  if (!active_) text += ", " + human_duration(elapsed);
  return text;
}

void Reporter::show_progress() {
  std::string text = progress_text();
  if (options_.form == ReporterOptions::Form::json) {
    const Json line{{"event", "progress"},        {"phase", phase_},          {"itemsDone", items_done_},
                    {"itemsTotal", items_total_}, {"bytesDone", bytes_done_}, {"bytesTotal", bytes_total_}};
    to_stderr(line.dump() + "\n");
  } else if (terminal_) {
    if (!last_item_.empty()) text += "  " + last_item_;
    text.resize(std::min(text.size(), terminal_width() - 1));
    to_stderr("\r" + text + "\033[K");
    drawn_ = true;
  } else {
    to_stderr(text + "\n");
  }
}

void Reporter::erase_progress() {
  if (drawn_) to_stderr("\r\033[K");
  drawn_ = false;
}

}  // namespace airlock

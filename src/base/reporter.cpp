// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/reporter.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "airlock/base/json.hpp"
#include "airlock/base/output.hpp"
#include "airlock/base/text.hpp"

namespace airlock {

namespace {

constexpr auto terminal_interval = std::chrono::milliseconds(150);
constexpr auto plain_interval = std::chrono::seconds(5);

struct Screen {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

Screen screen() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

}  // namespace

Reporter::Reporter(ReporterOptions options) : options_(options) {
  // "dumb": a terminal without cursor movements (terminfo).
  const char* kind = std::getenv("TERM");
  const bool moves = kind == nullptr || std::string_view(kind) != "dumb";
  terminal_ = options.form == ReporterOptions::Form::automatic && moves && ::isatty(STDERR_FILENO) == 1;
}

Reporter::~Reporter() {
  ticker_ = {};  // it could draw again otherwise
  const std::lock_guard lock(mutex_);
  show_at(erasure(), {});
}

void Reporter::write_line(std::string_view kind, std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (options_.form == ReporterOptions::Form::json) return show_json({{"event", kind}, {"text", text}});
  show_at(erasure(), fmt::format("{}{}\n", kind == "warning" ? "warning: " : "", text));
  if (active_ && terminal_) draw_area();
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
    progress_.begin(phase, bytes, items, Progress::Clock::now());
    active_ = true;
  }
  if (options_.quiet) return;
  try {
    ticker_ = std::jthread([this](const std::stop_token& stop) { tick(stop); });
  } catch (const std::system_error&) {
    // No thread available: the work continues, and only its end is shown.
  }
}

void Reporter::advance(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  progress_.advance(bytes);
}

void Reporter::retreat(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  progress_.retreat(bytes);
}

void Reporter::item_done() {
  const std::lock_guard lock(mutex_);
  progress_.item_done();
}

Reporter::Moving Reporter::start_moving(std::string name, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  return {*this, progress_.start_moving(std::move(name), bytes)};
}

Reporter::Moving::~Moving() {
  const std::lock_guard lock(reporter_.mutex_);
  reporter_.progress_.stop_moving(number_);
}

void Reporter::Moving::advance(std::uint64_t bytes) {
  const std::lock_guard lock(reporter_.mutex_);
  reporter_.progress_.move(number_, bytes);
  reporter_.progress_.advance(bytes);
}

void Reporter::end() {
  ticker_ = {};
  const std::lock_guard lock(mutex_);
  if (!active_) return;
  active_ = false;
  const auto now = Progress::Clock::now();
  progress_.sample(now);
  if (options_.quiet) return;
  if (options_.form == ReporterOptions::Form::json) {
    Json line = progress_.to_json();
    line["text"] = progress_.final_text(now);
    show_json(line);
  } else {
    show_at(erasure(), progress_.final_text(now) + "\n");
  }
}

void Reporter::tick(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto interval = terminal_ ? std::chrono::milliseconds(terminal_interval) : plain_interval;
  for (;;) {
    wake_.wait_for(lock, stop, interval, [] { return false; });
    if (stop.stop_requested()) return;
    progress_.sample(Progress::Clock::now());
    show_progress();
  }
}

void Reporter::show_progress() {
  if (options_.form == ReporterOptions::Form::json)
    show_json(progress_.to_json());
  else if (terminal_)
    draw_area();
  else
    airlock::show(progress_.running_text() + "\n");
}

/// Draws totals and transfers over the previous area, in one write to avoid flicker.
void Reporter::draw_area() {
  const Screen now = screen();
  std::vector<std::string> lines{progress_.running_text()};
  // At most half the screen: earlier messages stay visible.
  const std::size_t room = std::min<std::size_t>(8, now.rows / 2);
  for (std::string& line : progress_.moving_lines(room)) lines.push_back(std::move(line));
  const std::string movements = erasure();
  std::string text;
  for (const std::string& whole : lines) {
    const auto line = clipped(whole, now.columns - 1);  // a line that wraps could not be erased
    text += (drawn_.empty() ? "" : "\n") + without_controls(line, false);
    drawn_.push_back(line.size());
  }
  show_at(movements, text);
}

/// The sequence that erases the area. A terminal that became narrower has wrapped the lines.
std::string Reporter::erasure() {
  if (drawn_.empty()) return {};
  const std::size_t columns = screen().columns;
  std::size_t rows = 0;
  for (const std::size_t length : drawn_) rows += 1 + (length == 0 ? 0 : (length - 1) / columns);
  drawn_.clear();
  return fmt::format("\r{}\033[J", rows > 1 ? fmt::format("\033[{}A", rows - 1) : "");
}

}  // namespace airlock

// SPDX-License-Identifier: Apache-2.0
// What a person watches while airlock works. Everything here goes to standard error; results go to standard output.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace airlock {

/// How a Reporter speaks.
struct ReporterOptions {
  enum class Form {
    automatic,  ///< a moving line on a terminal, plain lines elsewhere
    plain,
    json  ///< one JSON object per line
  };
  Form form = Form::automatic;
  bool quiet = false;    ///< warnings only
  bool verbose = false;  ///< details too
};

/// Notes, warnings and progress. Thread-safe. One phase of long work is shown at a time.
class Reporter {
 public:
  explicit Reporter(ReporterOptions options);
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  /// Something a person wants to know; silent with --quiet.
  void note(std::string_view text);
  /// Something a person must know; never silent.
  void warning(std::string_view text);
  /// Something for a person who looks for a cause; shown with -v only. Never pass credentials.
  void detail(std::string_view text);

  /// Starts a phase of `bytes` bytes (0: counted in items only) and `items` items, e.g. "pulling".
  void begin(std::string_view phase, std::uint64_t bytes, std::uint64_t items);
  void advance(std::uint64_t bytes);
  /// Takes back bytes that have to be moved again.
  void retreat(std::uint64_t bytes);
  void item_done(std::string_view name);
  /// Ends the phase and leaves a line with its totals.
  void end();

  bool quiet() const { return options_.quiet; }

 private:
  using Clock = std::chrono::steady_clock;

  void write_line(std::string_view kind, std::string_view text);
  void erase_progress();
  void show_progress();
  std::string progress_text() const;
  void tick(const std::stop_token& stop);

  ReporterOptions options_;
  bool terminal_ = false;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool active_ = false;
  bool drawn_ = false;
  std::string phase_;
  std::string last_item_;
  std::uint64_t bytes_done_ = 0;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t items_done_ = 0;
  std::uint64_t items_total_ = 0;
  Clock::time_point started_;
  std::jthread ticker_;  // last member: it uses all others
};

}  // namespace airlock

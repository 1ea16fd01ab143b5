// SPDX-License-Identifier: Apache-2.0
// Messages and progress while airlock works, on standard error; results go to standard output.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "airlock/base/progress.hpp"

namespace airlock {

/// How a Reporter speaks.
struct ReporterOptions {
  enum class Form {
    automatic,  ///< an area at the bottom of a terminal, plain lines each few seconds elsewhere
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

  /// Information; silent with --quiet.
  void note(std::string_view text);
  /// A warning; also shown with --quiet.
  void warning(std::string_view text);
  /// Details for troubleshooting; shown with -v only. Do not pass credentials.
  void detail(std::string_view text);

  /// Starts a phase of `bytes` bytes (0: counted in items only) and `items` items, e.g. "pulling".
  void begin(std::string_view phase, std::uint64_t bytes, std::uint64_t items);
  void advance(std::uint64_t bytes);
  /// Subtracts bytes that must be transferred again.
  void retreat(std::uint64_t bytes);
  void item_done();
  /// Ends the phase and leaves a line with its totals.
  void end();

  /// Something under way, shown for as long as it lives.
  class Moving {
   public:
    ~Moving();
    Moving(const Moving&) = delete;
    Moving& operator=(const Moving&) = delete;
    /// Counts for this thing and for the phase.
    void advance(std::uint64_t bytes);

   private:
    friend class Reporter;
    Moving(Reporter& reporter, std::uint64_t number) : reporter_(reporter), number_(number) {}
    Reporter& reporter_;
    std::uint64_t number_;
  };
  /// `bytes` 0: without sizes.
  Moving start_moving(std::string name, std::uint64_t bytes = 0);

  bool quiet() const { return options_.quiet; }

 private:
  void write_line(std::string_view kind, std::string_view text);
  std::string erasure();
  void show_progress();
  void draw_area();
  void tick(const std::stop_token& stop);

  ReporterOptions options_;
  bool terminal_ = false;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool active_ = false;
  Progress progress_;
  std::vector<std::size_t> drawn_;  // lengths of the lines on the screen
  std::jthread ticker_;             // last member: it uses all others
};

}  // namespace airlock

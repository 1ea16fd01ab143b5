// SPDX-License-Identifier: Apache-2.0
// What a phase of long work says of itself.
#include "airlock/base/progress.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace airlock;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mib = 1U << 20;
const Progress::Clock::time_point start{1h};

Progress begun(std::uint64_t bytes, std::uint64_t items) {
  Progress progress;
  progress.begin("pulling", bytes, items, start);
  return progress;
}

}  // namespace

TEST_CASE("progress says how much is done, how fast, and how long it will take") {
  Progress progress = begun(100 * mib, 4);
  CHECK(progress.running_text() == "pulling: 0 of 4, 0 B of 100 MiB, 0 B/s");
  progress.advance(20 * mib);
  progress.item_done();
  progress.sample(start + 2s);
  CHECK(progress.running_text() == "pulling: 1 of 4, 20 MiB of 100 MiB, 10 MiB/s, 8 s left");
  progress.advance(80 * mib);
  progress.sample(start + 4s);
  CHECK(progress.running_text() == "pulling: 1 of 4, 100 MiB of 100 MiB, 25 MiB/s");
  CHECK(progress.final_text(start + 5s) == "pulling: 1 of 4, 100 MiB of 100 MiB, 20 MiB/s, 5.0 s");
}

TEST_CASE("the rate is that of the last seconds, the total's that of all of them") {
  Progress progress = begun(1000 * mib, 1);
  for (int second = 1; second <= 30; ++second) {
    progress.advance(second <= 15 ? 20 * mib : 2 * mib);
    progress.sample(start + std::chrono::seconds(second));
  }
  CHECK(progress.to_json()["bytesPerSecond"] == 2 * mib);
  CHECK(progress.final_text(start + 30s) == "pulling: 0 of 1, 330 MiB of 1000 MiB, 11 MiB/s, 30.0 s");
  for (int second = 31; second <= 45; ++second) progress.sample(start + std::chrono::seconds(second));
  CHECK(progress.running_text() == "pulling: 0 of 1, 330 MiB of 1000 MiB, 0 B/s");  // stands still: no end in sight
}

TEST_CASE("what has to be moved again is taken back, never below nothing") {
  Progress progress = begun(10 * mib, 1);
  progress.advance(6 * mib);
  progress.sample(start + 1s);
  progress.retreat(4 * mib);
  CHECK(progress.running_text() == "pulling: 0 of 1, 2.0 MiB of 10 MiB, 6.0 MiB/s, 1 s left");
  progress.retreat(4 * mib);
  progress.sample(start + 2s);
  CHECK(progress.running_text() == "pulling: 0 of 1, 0 B of 10 MiB, 0 B/s");
  CHECK(progress.to_json()["bytesDone"] == 0);
}

TEST_CASE("work that is counted in items only has no sizes and no rates") {
  Progress progress = begun(0, 3);
  progress.item_done();
  progress.sample(start + 1s);
  CHECK(progress.running_text() == "pulling: 1 of 3");
  CHECK(progress.final_text(start + 1500ms) == "pulling: 1 of 3, 1.5 s");
}

TEST_CASE("a phase begins anew, whatever the one before it was") {
  Progress progress = begun(10 * mib, 2);
  progress.sample(start + 1s);
  progress.advance(10 * mib);
  progress.item_done();
  progress.sample(start + 2s);
  progress.begin("pushing", 4 * mib, 1, start + 10s);
  CHECK(progress.running_text() == "pushing: 0 of 1, 0 B of 4.0 MiB, 0 B/s");
  CHECK(progress.final_text(start + 10s) == "pushing: 0 of 1, 0 B of 4.0 MiB, 0 B/s, 0.0 s");  // nor divides by nothing
}

TEST_CASE("what is under way is listed, the oldest first") {
  Progress progress = begun(10 * mib, 3);
  const auto a = progress.start_moving("a", 2 * mib);
  const auto b = progress.start_moving("b", 4 * mib);
  progress.start_moving("c", 0);
  progress.move(b, mib);
  CHECK(progress.moving_lines(8) == std::vector<std::string>{"  a  0 B of 2.0 MiB", "  b  1.0 MiB of 4.0 MiB", "  c"});
  CHECK(progress.moving_lines(1) == std::vector<std::string>{"  a  0 B of 2.0 MiB"});
  progress.stop_moving(a);
  progress.move(a, mib);  // a late word of something that has ended
  const auto json = progress.to_json();
  CHECK(json["moving"].size() == 2);
  CHECK(json["moving"][0]["name"] == "b");
  CHECK(json["moving"][0]["bytesDone"] == mib);
  CHECK(json["phase"] == "pulling");
}

// SPDX-License-Identifier: Apache-2.0
// How many requests at a time, and when again.
#include "registry/throttle.hpp"

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "alone.hpp"
#include "catch.hpp"
#include "fake_clock.hpp"

using namespace airlock;
using namespace airlock::registry;
using namespace std::chrono_literals;
using test::FakeClock;

namespace {

using Places = std::vector<std::unique_ptr<Throttle::Place>>;

Places take(Throttle& throttle, unsigned count) {
  Places places;
  while (places.size() < count) places.push_back(std::make_unique<Throttle::Place>(throttle));
  return places;
}

}  // namespace

TEST_CASE("an overload halves the requests under way, once for each burst") {
  FakeClock clock;
  Throttle throttle(clock);
  CHECK(throttle.limit() == 64);
  Places places = take(throttle, 8);
  CHECK(throttle.overloaded(0ms) == 4U);
  clock.pass(499ms);
  CHECK_FALSE(throttle.overloaded(0ms));  // of the same burst
  CHECK(throttle.limit() == 4);
  clock.pass(1ms);
  places.resize(4);
  CHECK(throttle.overloaded(0ms) == 2U);
  clock.pass(1s);
  places.resize(1);
  CHECK(throttle.overloaded(0ms) == 1U);
  clock.pass(1s);
  CHECK(throttle.overloaded(0ms) == 1U);  // and not fewer
}

TEST_CASE("who finds no place waits for one, in the order of coming") {
  FakeClock clock;
  Throttle throttle(clock);
  Places places = take(throttle, 4);
  throttle.overloaded(0ms);  // 2 from now on
  std::vector<int> entered;  // guarded by the single place that becomes free
  std::vector<std::jthread> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back([&, i] {
      const Throttle::Place place(throttle);
      entered.push_back(i);
    });
    until([&] { return throttle.waiting() == static_cast<std::size_t>(i) + 1; });
  }
  places.pop_back();
  until([&] { return throttle.waiting() == 3; });  // whoever was woken waits on: 3 are under way, 2 may be
  CHECK(entered.empty());
  places.pop_back();
  until([&] { return throttle.waiting() == 3; });
  CHECK(entered.empty());
  places.pop_back();
  others.clear();
  CHECK(entered.size() == 3);
  CHECK(throttle.waiting() == 0);
  CHECK(clock.slept().empty());
}

TEST_CASE("each round of successes allows one more at a time") {
  FakeClock clock;
  Throttle throttle(clock);
  {
    const Places places = take(throttle, 8);
    throttle.overloaded(0ms);
  }
  for (unsigned round = 1; round <= 10; ++round) {
    const unsigned before = throttle.limit();
    for (unsigned i = 0; i < before; ++i) throttle.succeeded();
    CHECK(throttle.limit() >= 4 + round - 1);  // less than a whole one each: the round grows while it runs
    CHECK(throttle.limit() <= 4 + round);
  }
  for (unsigned i = 0; i < 10'000; ++i) throttle.succeeded();
  CHECK(throttle.limit() == 64);
}

TEST_CASE("a success lets in one of those who wait") {
  FakeClock clock;
  Throttle throttle(clock);
  const Places places = take(throttle, 2);
  throttle.overloaded(0ms);  // 1 from now on, and 2 are under way
  std::jthread other([&] { const Throttle::Place place(throttle); });
  until([&] { return throttle.waiting() == 1; });
  throttle.succeeded();  // 2 may be, and 2 are: still none is free
  while (throttle.limit() < 3) throttle.succeeded();
  other.join();
}

TEST_CASE("Retry-After holds back everyone, also those who wait already, and the longest one counts") {
  FakeClock clock;
  Throttle throttle(clock);
  const auto start = clock.now();
  {
    const Throttle::Place place(throttle);
    CHECK(throttle.overloaded(30s));
    CHECK_FALSE(throttle.overloaded(10s));
  }
  { const Throttle::Place place(throttle); }
  CHECK(clock.now() == start + 30s);
  {
    const Throttle::Place place(throttle);
    throttle.overloaded(30s);
  }
  std::once_flag said;  // and the time does not pass for the others before it is said
  clock.while_asleep = [&] { std::call_once(said, [&] { throttle.overloaded(90s); }); };
  {
    std::vector<std::jthread> others;
    for (int i = 0; i < 4; ++i)
      others.emplace_back([&] {
        const Throttle::Place place(throttle);
        if (clock.now() < start + 120s) throttle.overloaded(1000s);  // Catch's macros are for one thread
      });
  }
  CHECK(clock.now() == start + 120s);
  CHECK_FALSE(clock.slept().empty());
}

ALONE_TEST_CASE("an interruption ends the wait for a place") {
  catch_interrupts();
  FakeClock clock;
  Throttle throttle(clock);
  const Throttle::Place place(throttle);
  throttle.overloaded(0ms);
  std::atomic<int> interruptions{0};
  {
    std::vector<std::jthread> others;
    for (int i = 0; i < 3; ++i)
      others.emplace_back([&] {
        try {
          const Throttle::Place another(throttle);
        } catch (const Error& error) {
          if (error.code() == ErrorCode::interrupted) ++interruptions;
        }
      });
    until([&] { return throttle.waiting() == 3; });
    std::raise(SIGINT);
  }
  CHECK(interruptions == 3);
  CHECK(throttle.waiting() == 0);
}

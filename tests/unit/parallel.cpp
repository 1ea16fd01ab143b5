// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/parallel.hpp"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "alone.hpp"
#include "catch.hpp"

using namespace airlock;

namespace {

Error down(std::size_t item) { return Error(ErrorCode::registry, "down " + std::to_string(item)); }

}  // namespace

TEST_CASE("items are started in order, and as many at a time as there are jobs") {
  constexpr unsigned jobs = 4;
  std::mutex mutex;
  std::vector<std::size_t> started;
  std::atomic<unsigned> running{0};
  std::atomic<unsigned> met{0};
  std::atomic<bool> too_many{false};
  run_parallel(100, jobs, [&](std::size_t item) {
    if (++running > jobs) too_many = true;
    {
      const std::lock_guard lock(mutex);
      started.push_back(item);
    }
    if (item < jobs) {  // the first ones meet: there really are so many
      ++met;
      until([&] { return met == jobs; });
    }
    --running;
  });
  CHECK_FALSE(too_many);
  CHECK(std::set(started.begin(), started.end()).size() == 100);
  // A thread may be overtaken between taking an item and saying so, by no more than the others have in hand.
  for (std::size_t i = 0; i < started.size(); ++i) CHECK(started[i] < i + jobs);
  std::vector<std::size_t> alone;
  run_parallel(10, 1, [&](std::size_t item) { alone.push_back(item); });
  CHECK(alone == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  run_parallel(3, 0, [&](std::size_t item) { alone.push_back(item); });  // no jobs are one
  CHECK(alone.size() == 13);
}

TEST_CASE("the first failure is thrown when all that was running has ended, and nothing is begun after it") {
  std::atomic<unsigned> begun{0};
  std::atomic<bool> ended{false};
  CHECK_ERROR(run_parallel(1000, 2,
                           [&](std::size_t item) {
                             ++begun;
                             if (item == 0) {
                               until([&] { return begun == 2; });
                               throw down(0);
                             }
                             until([&] { return begun == 2; });
                             ended = true;
                             throw down(item);
                           }),
              registry, "down ");
  CHECK(begun <= 3);  // the other thread may have gone on before the failure was noted
  CHECK(ended);
}

TEST_CASE("where failures are collected, every item runs and has its own") {
  std::atomic<unsigned> begun{0};
  const auto failures = run_parallel(
      20, 4,
      [&](std::size_t item) {
        ++begun;
        if (item % 3 == 0) throw down(item);
      },
      OnFailure::continue_);
  CHECK(begun == 20);
  REQUIRE(failures.size() == 20);
  for (std::size_t item = 0; item < 20; ++item) {
    REQUIRE((failures[item] != nullptr) == (item % 3 == 0));
    if (failures[item]) CHECK_ERROR(std::rethrow_exception(failures[item]), registry, "down " + std::to_string(item));
  }
}

TEST_CASE("a machine that gives no more threads gets all done with those that it gave") {
  pthread_attr_t before;
  pthread_attr_t vast;
  REQUIRE(::pthread_getattr_default_np(&before) == 0);
  REQUIRE(::pthread_getattr_default_np(&vast) == 0);
  REQUIRE(::pthread_attr_setstacksize(&vast, std::size_t{1} << 50) == 0);  // no machine has that much
  REQUIRE(::pthread_setattr_default_np(&vast) == 0);
  std::set<std::thread::id> threads;
  std::vector<std::size_t> done;
  run_parallel(20, 8, [&](std::size_t item) {
    threads.insert(std::this_thread::get_id());
    done.push_back(item);
  });
  ::pthread_setattr_default_np(&before);
  CHECK(done.size() == 20);
  CHECK(threads == std::set{std::this_thread::get_id()});
}

ALONE_TEST_CASE("an interruption ends parallel work, also where failures are collected") {
  catch_interrupts();
  std::atomic<unsigned> begun{0};
  const auto work = [&](std::size_t item) {
    ++begun;
    if (item == 3) std::raise(SIGINT);
    until([&] { return interrupted(); });
  };
  CHECK_ERROR(run_parallel(1000, 8, work, OnFailure::continue_), interrupted, "stopped on request");
  CHECK(begun <= 8);
  begun = 0;
  CHECK_ERROR(run_parallel(1000, 8, work, OnFailure::stop), interrupted, "stopped on request");
  CHECK(begun == 0);
}

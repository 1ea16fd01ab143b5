// SPDX-License-Identifier: Apache-2.0
// Other programs: what they get, what they say, and how they end.
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include "airlock/base/file.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/process.hpp"
#include "airlock/base/text.hpp"
#include "alone.hpp"
#include "catch.hpp"
#include "temporary.hpp"

using namespace airlock;

namespace {

ProcessResult run(const std::string& script, std::string_view input = "", std::size_t limit = 1U << 20) {
  return run_process({"sh", "-c", script}, input, limit).value();
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

}  // namespace

TEST_CASE("a program's exit status and the signal that ended it are told apart") {
  CHECK(run("exit 0").status == 0);
  CHECK(run("exit 255").status == 255);
  CHECK(run("kill -TERM $$").status == 128 + SIGTERM);
  CHECK(run("echo last words; exit 3").output == "last words\n");
  CHECK_FALSE(has_children());
}

TEST_CASE("a program that is missing is nothing, one that cannot be run an Error") {
  const TemporaryDirectory directory;
  CHECK_FALSE(run_process({(directory.path() / "none").string()}, "", 10));
  CHECK_FALSE(run_process({"airlock-no-such-program"}, "", 10));
  write_new_file(directory.path() / "text", "no program");
  CHECK_ERROR(run_process({(directory.path() / "text").string()}, "", 10), usage, "cannot be run");
  CHECK_ERROR(run_process({directory.path().string()}, "", 10), usage, "cannot be run");
}

TEST_CASE("output ends a program where there is more of it than wanted, and not before") {
  CHECK(run("printf 0123456789", "", 10).output == "0123456789");
  CHECK_ERROR(run("printf 0123456789x", "", 10), usage, "printed too much");
  CHECK_ERROR(run("yes", "", 1U << 20), usage, "printed too much");
  CHECK_ERROR(run("trap '' TERM; yes", "", 100), usage, "printed too much");  // and does not hear the request
  CHECK_FALSE(has_children());
}

TEST_CASE("much of both ways at once does not get stuck") {
  catch_interrupts();  // SIGPIPE is ignored, as in the program
  const std::string much(4U << 20, 'x');
  CHECK(run("cat", much, 8U << 20).output == much);
  CHECK(run("head -c 4194304 /dev/zero; cat >/dev/null", much, 8U << 20).output.size() == 4U << 20);
}

TEST_CASE("a program need not read its input, nor keep it open") {
  catch_interrupts();
  const std::string much(1U << 20, 'x');
  CHECK(run("exec 0<&-; echo answer", much).output == "answer\n");
  CHECK(run("echo answer", much).output == "answer\n");
  CHECK(run("exec 1>&-; cat >/dev/null; exit 4").status == 4);  // closed its output long before its end
}

TEST_CASE("what a program left behind is not waited for, and all that it said before its end is taken") {
  // The first line is the number of what was left behind, so that the test leaves nothing.
  for (const char* script :
       {"sleep 1000 >&1 2>/dev/null & echo $!; echo done", "(exec sleep 1000) & echo $!; echo done"})
    for (int i = 0; i < 5; ++i) {
      const std::string output = run(script).output;
      CHECK_THAT(output, ContainsSubstring("\ndone\n"));
      ::kill(static_cast<pid_t>(std::stol(output)), SIGKILL);
    }
}

TEST_CASE("a program begins with the signals of a shell, in a parent that blocks and ignores some") {
  catch_interrupts();
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
  // Not through sh: dash takes all signals out of the mask by itself.
  const auto status = run_process({"cat", "/proc/self/status"}, "", 1U << 20)->output;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const auto mask = [&](const std::string& name) {
    const auto at = status.find(name + ":\t");
    return std::stoull(status.substr(at + name.size() + 2, 16), nullptr, 16);
  };
  CHECK(mask("SigBlk") == 0);
  CHECK((mask("SigIgn") & (1ULL << (SIGPIPE - 1))) == 0);
  CHECK((mask("SigIgn") & (1ULL << (SIGXFSZ - 1))) == 0);
  CHECK((mask("SigCgt") & (1ULL << (SIGINT - 1))) == 0);
}

TEST_CASE("several programs at once get each its own end") {
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&, i] {
        for (int round = 0; round < 5; ++round)
          if (run("exit " + std::to_string(i * 10 + round)).status != i * 10 + round) ++wrong;
      });
  }
  CHECK(wrong == 0);
  CHECK_FALSE(has_children());
}

ALONE_TEST_CASE("an interruption ends a program, and whoever waits for it") {
  catch_interrupts();
  const TemporaryDirectory directory;
  const auto running = directory.path() / "running";
  const auto asked = directory.path() / "asked";
  const std::string script =
      "trap 'echo > " + asked.string() + "; exit' TERM; echo > " + running.string() + "; while :; do sleep 0.01; done";
  const auto stop = [&] {
    until([&] { return std::filesystem::exists(running); });
    std::raise(SIGINT);
  };
  const std::jthread user(stop);
  CHECK_ERROR(run(script), interrupted, "stopped on request");
  CHECK(std::filesystem::exists(asked));  // it was asked before it would have been made to
  CHECK_FALSE(has_children());
}

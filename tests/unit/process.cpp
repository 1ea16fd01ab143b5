// SPDX-License-Identifier: Apache-2.0
// Other programs, files in the company of others, and the machine's limits.
#include "airlock/base/process.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "airlock/base/file.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/bundle/medium.hpp"
#include "airlock/records/journal.hpp"
#include "catch.hpp"
#include "temporary.hpp"

using namespace airlock;

namespace {

std::string run(const std::string& script, const std::string& input = "") {
  return run_process({"sh", "-c", script}, input, 1U << 20)->output;
}

std::uint64_t seconds_of(const std::function<void()>& work) {
  const auto started = std::chrono::steady_clock::now();
  work();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started).count());
}

}  // namespace

TEST_CASE("another program gets its input and says its output and status") {
  CHECK(run("cat; echo more", "text\n") == "text\nmore\n");
  CHECK(run_process({"sh", "-c", "exit 7"}, "", 10)->status == 7);
  CHECK(run_process({"sh", "-c", "kill -9 $$"}, "", 10)->status == 128 + 9);
  CHECK_FALSE(run_process({"airlock-no-such-program"}, "", 10));
  CHECK_ERROR(run_process({"sh", "-c", "yes"}, "", 10'000), usage, "printed too much");
}

TEST_CASE("another program begins with the signals that a shell would give it") {
  catch_interrupts();  // SIGPIPE is ignored from here on
  const std::string line = run("grep SigIgn /proc/self/status");
  const auto ignored = std::stoull(line.substr(line.find(':') + 1), nullptr, 16);
  for (const int number : {SIGPIPE, SIGXFSZ}) CHECK((ignored >> (number - 1) & 1U) == 0);
  CHECK(run("grep SigBlk /proc/self/status").find("SigBlk:\t0000000000000000") != std::string::npos);
}

TEST_CASE("a program that will not end is ended, and what it left behind is not waited for") {
  // It prints too much, is asked to end, and does not hear it.
  CHECK(seconds_of([] {
          CHECK_ERROR(run_process({"sh", "-c", "trap '' TERM; yes"}, "", 10'000), usage, "printed too much");
        }) < 60);
  CHECK(seconds_of([] { CHECK(run("echo done; sleep 100 >&1 2>&1 &") == "done\n"); }) < 60);
}

TEST_CASE("a file is replaced beside everything that lies there") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "file";
  const auto precious = directory.path() / "precious";
  write_new_file(precious, "precious");
  write_new_file(file, "one");
  REQUIRE(::chmod(file.c_str(), 0664) == 0);
  write_new_file(directory.path() / "file.new", "somebody's");
  replace_file(file, "two");
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0664U);
  CHECK(read_file(directory.path() / "file.new", 100) == "somebody's");

  const auto link = directory.path() / "link";
  std::filesystem::create_symlink(precious, link);
  CHECK_ERROR(replace_file(link, "x"), media, "is a symbolic link");
  std::filesystem::create_symlink(directory.path() / "nothing", directory.path() / "dangling");
  CHECK_ERROR(replace_file(directory.path() / "dangling", "x"), media, "is a symbolic link");
  CHECK(read_file(precious, 100) == "precious");
  const std::filesystem::directory_iterator entries(directory.path());
  CHECK(std::distance(begin(entries), end(entries)) == 5);  // no temporary file stays
}

TEST_CASE("private files are private whatever the umask") {
  const TemporaryDirectory directory;
  struct stat status {};
  for (const mode_t mask : {mode_t{0}, mode_t{0777}}) {
    const auto before = ::umask(mask);
    const auto place = directory.path() / ("state" + std::to_string(mask)) / "deep";
    create_private_directories(place);
    replace_file(place / "file", "x", Access::owner);
    ::umask(before);
    REQUIRE(::stat((place / "file").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
    REQUIRE(::stat(place.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0700U);
  }
  CHECK_ERROR(create_private_directories(directory.path() / "state0/deep/file/x"), media, "is not a directory");
}

TEST_CASE("what lies beside a bundle is taken up only if an earlier run of this user left it") {
  const TemporaryDirectory directory;
  const auto bundle = directory.path() / "b.tar";
  const auto precious = directory.path() / "precious";
  const std::string content = "precious\n";
  write_new_file(precious, content);
  const auto partial = bundle::partial_path(bundle);
  const auto journal = records::journal_path(bundle);
  const auto make = [&] { bundle::create_medium(bundle, 4096)->discard(); };
  const records::JournalPlan plan{oci::sha256("plan"), 0};
  SECTION("symbolic links") {
    std::filesystem::create_symlink(precious, partial);
    std::filesystem::create_symlink(precious, journal);
    CHECK_ERROR(make(), media, "is a symbolic link");
    CHECK_ERROR(records::read_journal(bundle), media, "is a symbolic link");
    CHECK_ERROR(records::Journal(bundle, plan, nullptr), media, "is a symbolic link");
  }
  SECTION("hard links") {
    std::filesystem::create_hard_link(precious, partial);
    std::filesystem::create_hard_link(precious, journal);
    CHECK_ERROR(make(), media, "has another name (a hard link)");
    CHECK_ERROR(records::read_journal(bundle), media, "has another name (a hard link)");
  }
  SECTION("other files") {
    REQUIRE(::mkfifo(partial.c_str(), 0600) == 0);
    CHECK_ERROR(make(), media, "is not a regular file");
    write_new_file(journal, "my diary\n");
    CHECK_ERROR(records::read_journal(bundle), media, "is not a journal of airlock");
    CHECK(read_file(journal, 100) == "my diary\n");
  }
  if (::geteuid() == 0) {
    SECTION("files of others") {
      write_new_file(partial, "theirs");
      REQUIRE(::chown(partial.c_str(), 54321, 54321) == 0);
      CHECK_ERROR(make(), media, "belongs to another user");
      CHECK(read_file(partial, 100) == "theirs");
    }
  }
  CHECK(read_file(precious, 100) == content);
  CHECK_FALSE(std::filesystem::exists(bundle));
}

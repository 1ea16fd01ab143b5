// SPDX-License-Identifier: Apache-2.0
#include "registry/upload_ledger.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"
#include "catch.hpp"
#include "temporary.hpp"

using namespace airlock;
using namespace airlock::registry;

namespace {
const std::string key = "https://r.local|a/b|sha256:1";
const std::string other = "https://r.local|a/b|sha256:2";
}  // namespace

TEST_CASE("a later run finds the uploads that were kept, and not those that ended") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "state" / "uploads";
  {
    UploadLedger ledger(file);
    CHECK_FALSE(ledger.find(key));
    ledger.keep(key, "https://r.local/v2/a/b/blobs/uploads/1?_state=x");
    ledger.keep(key, "https://r.local/v2/a/b/blobs/uploads/1?_state=y");  // each answer names a new place
    ledger.keep(other, "https://r.local/v2/a/b/blobs/uploads/2");
  }
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  {
    UploadLedger ledger(file);
    CHECK(ledger.find(key) == "https://r.local/v2/a/b/blobs/uploads/1?_state=y");
    ledger.forget(key);
    CHECK_FALSE(ledger.find(key));
  }
  UploadLedger ledger(file);
  CHECK_FALSE(ledger.find(key));
  CHECK(ledger.find(other) == "https://r.local/v2/a/b/blobs/uploads/2");
}

TEST_CASE("an address that would break the ledger's lines is not kept, nor the one that it replaces") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "uploads";
  UploadLedger ledger(file);
  for (const char* broken : {"https://r.local/a b", "https://r.local/a\nb", "https://r.local/a\rb"}) {
    ledger.keep(key, "https://r.local/right");
    ledger.keep(key, broken);
    CHECK_FALSE(ledger.find(key));
    CHECK_FALSE(UploadLedger(file).find(key));
  }
}

TEST_CASE("a ledger that cannot be read is an empty one, and is written anew") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "uploads";
  for (const std::string& text :
       {std::string(5U << 20, 'x'), std::string("\n\n\nno-space\n\0\xff\n", 16), std::string()}) {
    replace_file(file, text);
    UploadLedger ledger(file);
    CHECK_FALSE(ledger.find(key));
    ledger.keep(key, "https://r.local/1");
    CHECK(UploadLedger(file).find(key) == "https://r.local/1");
  }
  replace_file(file, "nonsense\n" + key + " https://r.local/2\n" + other);  // cut short
  UploadLedger ledger(file);
  CHECK(ledger.find(key) == "https://r.local/2");
  CHECK_FALSE(ledger.find(other));
}

TEST_CASE("where the ledger cannot be written, uploads are remembered for this run only") {
  const TemporaryDirectory directory;
  write_new_file(directory.path() / "file", "precious");
  auto file = directory.path() / "file" / "uploads";  // below a file: root may write to read-only directories
  if (::geteuid() != 0) {
    std::filesystem::create_directory(directory.path() / "read-only");
    std::filesystem::permissions(directory.path() / "read-only", std::filesystem::perms(0555));
    file = directory.path() / "read-only" / "uploads";
  }
  UploadLedger ledger(file);
  CHECK_NOTHROW(ledger.keep(key, "https://r.local/1"));
  CHECK(ledger.find(key) == "https://r.local/1");
  CHECK_NOTHROW(ledger.forget(key));
  CHECK_FALSE(ledger.find(key));
  CHECK_FALSE(UploadLedger(file).find(key));
  CHECK(read_file(directory.path() / "file", 100) == "precious");
  UploadLedger nowhere("");
  nowhere.keep(key, "https://r.local/1");
  CHECK(nowhere.find(key) == "https://r.local/1");
}

TEST_CASE("several uploads at a time keep their places in one ledger") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "uploads";
  UploadLedger ledger(file);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 2; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) {
          const std::string mine = std::to_string(thread) + "|" + std::to_string(i);
          ledger.keep(mine, "https://r.local/" + mine);
          if (i % 2 == 0) ledger.forget(mine);
        }
      });
  }
  UploadLedger later(file);
  for (const char* thread : {"0|", "1|"})
    for (int i = 0; i < 50; ++i) {
      const std::string mine = thread + std::to_string(i);
      CHECK(later.find(mine).has_value() == (i % 2 == 1));
    }
}

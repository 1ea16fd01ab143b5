// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/import_state.hpp"

#include <sys/stat.h>

#include "airlock/base/file.hpp"
#include "catch.hpp"
#include "temporary.hpp"

using namespace airlock;
using records::ImportState;

TEST_CASE("the record of imports never goes back, and what cannot be read is no absence") {
  const TemporaryDirectory directory;
  const auto here = oci::Location::parse("Registry.local:5000/kube");
  {
    auto state = ImportState::open_to_record(directory.path());
    state.begin("production", here, {9, oci::sha256("nine")});
    state.begin("production", here, {5, oci::sha256("five")});
    state.begin("production", oci::Location::parse("other.local:5000"), {4, oci::sha256("four")});
    CHECK(state.last_imports().at("production").at(here.key()).serial == 9);
  }
  const auto read = ImportState::open_to_read(directory.path()).last_imports();
  CHECK(read.at("production").at(here.key()).serial == 9);
  CHECK(read.at("production").at("other.local:5000").serial == 4);
  std::filesystem::create_directory_symlink("/nonexistent/x", directory.path() / "dangling");
  CHECK_ERROR(ImportState::open_to_read(directory.path() / "dangling"), policy, "cannot be read");
  write_new_file(directory.path() / "file", "");
  CHECK_ERROR(ImportState::open_to_read(directory.path() / "file"), policy, "cannot be read");
  CHECK_ERROR(ImportState::open_to_read(directory.path() / std::string(300, 'x')), policy, "cannot be read");
}

TEST_CASE("the machine remembers what it imported") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "state";
  CHECK(ImportState::open_to_read(path).last_imports().empty());
  CHECK_FALSE(std::filesystem::exists(path));
  {
    auto state = ImportState::open_to_record(path);
    state.begin("production", oci::Location::parse("registry.local"), {7, oci::sha256("sums")});
    CHECK_ERROR(ImportState::open_to_record(path), media, "another airlock import is running");
  }
  const auto state = ImportState::open_to_record(path);
  const auto& last = state.last_imports().at("production").at("registry.local");
  CHECK(last.serial == 7);
  CHECK(last.content == oci::sha256("sums"));
  struct stat status {};
  REQUIRE(::stat((path / "production.imports.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0700U);
  replace_file(path / "production.imports.json", "{}");
  CHECK_ERROR(ImportState::open_to_read(path), policy, "the record of earlier imports cannot be read");
}

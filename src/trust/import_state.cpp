// SPDX-License-Identifier: Apache-2.0
#include "airlock/trust/import_state.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"

namespace airlock::trust {

namespace {

constexpr std::string_view media_type = "application/vnd.airlock.import-state.v1+json";
constexpr std::string_view suffix = ".last-import.json";
constexpr std::size_t max_state_file = 4096;

LastImport read_state(const std::filesystem::path& file, const std::string& stream) {
  try {
    const Json value = parse_json(read_file(file, max_state_file), file.string());
    const JsonObject state(value, file.string());
    state.only({"mediaType", "stream", "serial", "sumsDigest", "imported"});
    if (state.string("mediaType") != media_type || state.string("stream") != stream)
      throw Error(ErrorCode::format, file.string() + ": not the state of stream " + stream);
    return {state.integer("serial"), oci::Digest::parse(state.string("sumsDigest"))};
  } catch (const Error& error) {
    throw Error(ErrorCode::policy, "the record of earlier imports cannot be read: " + std::string(error.what()))
        .hint(
            "without it an old bundle could pass for a new one; restore the file, or remove it if you know which "
            "bundle was imported last");
  }
}

}  // namespace

std::filesystem::path ImportState::default_directory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::filesystem::path(state) / "airlock";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::filesystem::path(home) / ".local/state/airlock";
  throw Error(ErrorCode::usage, "neither XDG_STATE_HOME nor HOME says where to remember imports")
      .hint("name a directory with --state-dir");
}

ImportState::ImportState(std::filesystem::path directory) : directory_(std::move(directory)) {
  // Only what is not there at all remembers nothing; a link that leads nowhere may be a disk that is not mounted.
  std::error_code failure;
  const auto type = std::filesystem::symlink_status(directory_, failure).type();
  if (type == std::filesystem::file_type::not_found) return;
  if (!failure) {
    std::filesystem::directory_iterator entries(directory_, failure);
    for (; !failure && entries != std::filesystem::directory_iterator(); entries.increment(failure)) {
      const std::string name = entries->path().filename().string();
      if (!name.ends_with(suffix)) continue;
      const std::string stream = name.substr(0, name.size() - suffix.size());
      last_imports_.emplace(stream, read_state(entries->path(), stream));
    }
  }
  if (failure)
    throw Error(ErrorCode::policy,
                "the record of earlier imports in " + directory_.string() + " cannot be read: " + failure.message())
        .hint(
            "without it an old bundle could pass for a new one; mount it, or name the right directory with "
            "--state-dir");
}

ImportState ImportState::open_to_read(const std::filesystem::path& directory) { return ImportState(directory); }

ImportState ImportState::open_to_record(const std::filesystem::path& directory) {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) {
    errno = failure.value();
    throw_errno("create", directory);
  }
  FileDescriptor lock = open_file(directory / "lock", O_RDWR | O_CREAT, 0600);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      throw Error(ErrorCode::media, "another airlock import is running with the record in " + directory.string())
          .hint("wait for it to end, and run this one again");
    throw_errno("lock", directory / "lock");
  }
  ImportState state(directory);
  state.lock_ = std::move(lock);
  return state;
}

void ImportState::record(const std::string& stream, const LastImport& import) {
  const auto last = last_imports_.find(stream);
  if (last != last_imports_.end() && last->second.serial > import.serial) return;
  const Json state{{"mediaType", media_type},
                   {"stream", stream},
                   {"serial", import.serial},
                   {"sumsDigest", import.content.str()},
                   {"imported", format_time(clock_time())}};
  replace_file(directory_ / (stream + std::string(suffix)), canonical_json(state) + "\n");
  last_imports_.insert_or_assign(stream, import);
}

}  // namespace airlock::trust

// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/import_state.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"

namespace airlock::records {

namespace {

constexpr std::string_view media_type = "application/vnd.airlock.import-state.v2+json";
constexpr std::string_view suffix = ".imports.json";
// Version 1 had no registries: its records hold for all of them.
constexpr std::string_view old_media_type = "application/vnd.airlock.import-state.v1+json";
constexpr std::string_view old_suffix = ".last-import.json";
constexpr std::size_t max_state_file = 1U << 20;

using ByRegistry = std::map<std::string, trust::LastImport>;

void check_kind(const JsonObject& state, std::string_view type, const std::string& stream) {
  if (state.string("mediaType") != type || state.string("stream") != stream)
    throw Error(ErrorCode::format, fmt::format("{}: not the state of stream {}", state.where(), stream));
}

trust::LastImport import_of(const JsonObject& entry) {
  return {entry.integer("serial"), oci::Digest::parse(entry.string("sumsDigest"))};
}

ByRegistry parse_state(const JsonObject& state, const std::string& stream) {
  state.only({"mediaType", "stream", "imports"});
  check_kind(state, media_type, stream);
  ByRegistry imports;
  for (const JsonObject& entry : state.objects("imports")) {
    entry.only({"registry", "serial", "sumsDigest"});
    const auto registry = oci::Location::parse(entry.string("registry"));
    if (!imports.emplace(registry.key(), import_of(entry)).second)
      throw Error(ErrorCode::format, fmt::format("{}: {} appears twice", entry.where(), registry.str()));
  }
  return imports;
}

ByRegistry parse_old_state(const JsonObject& state, const std::string& stream) {
  state.only({"mediaType", "stream", "serial", "sumsDigest", "imported"});
  check_kind(state, old_media_type, stream);
  return {{trust::any_registry, import_of(state)}};
}

ByRegistry read_state(const std::filesystem::path& file, const std::string& stream, bool old) {
  try {
    const Json value = parse_json(read_file(file, max_state_file), file.string());
    const JsonObject state(value, file.string());
    return old ? parse_old_state(state, stream) : parse_state(state, stream);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    throw Error(ErrorCode::policy, "the record of earlier imports cannot be read: " + std::string(error.what()))
        .hint(
            "without it an old bundle could pass for a new one; restore the file, or remove it if you know which "
            "bundle was imported last");
  }
}

/// An exclusive lock on a separate file; does not follow a link there.
FileDescriptor lock(const std::filesystem::path& directory) {
  const auto path = directory / "lock";
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw_errno("open", path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) throw_errno("lock", path);
  throw Error(ErrorCode::media, "another airlock import is running with the record in " + directory.string())
      .hint("wait for it to finish, then run this one again");
}

}  // namespace

std::optional<std::filesystem::path> ImportState::default_directory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::filesystem::path(state) / "airlock";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::filesystem::path(home) / ".local/state/airlock";
  return std::nullopt;
}

ImportState::ImportState(std::filesystem::path directory) : directory_(std::move(directory)) {
  // Only a missing directory means an empty record; a dangling link may be a disk that is not mounted.
  std::error_code failure;
  const auto type = std::filesystem::symlink_status(directory_, failure).type();
  if (type == std::filesystem::file_type::not_found) return;
  if (!failure) {
    std::filesystem::directory_iterator entries(directory_, failure);
    for (; !failure && entries != std::filesystem::directory_iterator(); entries.increment(failure)) {
      const std::string name = entries->path().filename().string();
      for (const auto& [ending, old] : {std::pair(suffix, false), std::pair(old_suffix, true)})
        if (name.ends_with(ending)) {
          const std::string stream = name.substr(0, name.size() - ending.size());
          last_imports_[stream].merge(read_state(entries->path(), stream, old));
        }
    }
  }
  if (failure)
    throw Error(ErrorCode::policy, fmt::format("the record of earlier imports in {} cannot be read: {}",
                                               directory_.string(), failure.message()))
        .hint(
            "without it an old bundle could pass for a new one; mount it, or name the right directory with "
            "--state-dir");
}

ImportState ImportState::open_to_read(const std::filesystem::path& directory) { return ImportState(directory); }

ImportState ImportState::open_to_record(const std::filesystem::path& directory) {
  create_private_directories(directory);
  FileDescriptor held = lock(directory);
  ImportState state(directory);
  state.lock_ = std::move(held);
  return state;
}

void ImportState::begin(const std::string& stream, const oci::Location& registry, const trust::LastImport& import) {
  ByRegistry& imports = last_imports_[stream];
  const auto [last, is_new] = imports.try_emplace(registry.key(), import);
  if (!is_new && last->second.serial > import.serial) return;
  last->second = import;
  Json list = Json::array();
  for (const auto& [name, known] : imports)
    if (name != trust::any_registry)
      list.push_back({{"registry", name}, {"serial", known.serial}, {"sumsDigest", known.content.str()}});
  const Json state{{"mediaType", media_type}, {"stream", stream}, {"imports", std::move(list)}};
  replace_file(directory_ / (stream + std::string(suffix)), canonical_json(state) + "\n", Access::owner);
}

}  // namespace airlock::records

// SPDX-License-Identifier: Apache-2.0
#include "registry/upload_ledger.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/text.hpp"

namespace airlock::registry {

namespace {
constexpr std::size_t max_file = 4U << 20;
}

UploadLedger::UploadLedger(std::filesystem::path file) : file_(std::move(file)) {
  std::error_code ignored;
  if (file_.empty() || !std::filesystem::is_regular_file(file_, ignored)) return;
  try {
    for (const std::string& line : split(read_file(file_, max_file), '\n'))
      if (const auto space = line.find(' '); space != std::string::npos)
        locations_.insert_or_assign(line.substr(0, space), line.substr(space + 1));
  } catch (const Error&) {
    locations_.clear();  // uploads then begin anew
  }
}

std::optional<std::string> UploadLedger::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = locations_.find(key);
  if (found == locations_.end()) return std::nullopt;
  return found->second;
}

void UploadLedger::keep(const std::string& key, const std::string& location) {
  if (location.find_first_of(" \r\n") != std::string::npos) return forget(key);  // the earlier address is of no use now
  const std::lock_guard lock(mutex_);
  locations_.insert_or_assign(key, location);
  save();
}

void UploadLedger::forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (locations_.erase(key) > 0) save();
}

void UploadLedger::save() {
  if (file_.empty()) return;
  std::string text;
  for (const auto& [key, location] : locations_) text += fmt::format("{} {}\n", key, location);
  try {
    create_private_directories(file_.parent_path());
    // Whoever knows an upload's address can write into it.
    replace_file(file_, text, Access::owner);
  } catch (const Error&) {
    file_.clear();  // a machine without a place for it
  }
}

}  // namespace airlock::registry

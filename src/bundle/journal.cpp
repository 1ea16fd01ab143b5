// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "airlock/base/error.hpp"

namespace airlock::bundle {

namespace {

constexpr std::string_view first_line = "airlock export journal 1";
constexpr std::size_t max_journal = 64U << 20;

std::string plan_line(const JournalPlan& plan) {
  return "plan " + plan.sums.str() + " serial " + std::to_string(plan.serial) + " created " +
         format_time(plan.created) + " volumes " + std::to_string(plan.volume_size);
}

std::optional<JournalPlan> parse_plan(const std::string& line) {
  const auto words = split(line, ' ');
  if (words.size() != 8 || words[0] != "plan" || words[2] != "serial" || words[4] != "created" || words[6] != "volumes")
    return std::nullopt;
  const auto serial = parse_number(words[3]);
  const auto created = parse_time(words[5]);
  const auto volume_size = parse_number(words[7]);
  if (!serial || !created || !volume_size) return std::nullopt;
  return JournalPlan{oci::Digest::parse(words[1]), *serial, *created, *volume_size};
}

/// False for a line that is not one of a journal.
bool take_line(JournalRecord& record, const std::string& line) {
  const auto words = split(line, ' ');
  if (words.size() < 2) return false;
  const oci::Digest digest = oci::Digest::from_hex(words[0]);
  if (words.size() == 2 && words[1] == "forget") {
    record.written.erase(digest);
    return true;
  }
  const auto offset = parse_number(words[1]);
  const auto size = words.size() == 3 ? parse_number(words[2]) : std::nullopt;
  if (!offset || !size) return false;
  record.written[digest].push_back({*offset, *size});
  return true;
}

}  // namespace

std::uint64_t JournalRecord::covered(const oci::Digest& digest, std::uint64_t from, std::uint64_t to) const {
  const auto found = written.find(digest);
  if (found == written.end()) return 0;
  auto ranges = found->second;
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::uint64_t reached = from;
  for (const JournalRange& range : ranges)
    if (range.offset <= reached) reached = std::max(reached, range.offset + range.size);
  return std::min(reached, to) - from;
}

std::filesystem::path journal_path(const std::filesystem::path& bundle) { return bundle.string() + ".journal"; }

std::optional<JournalRecord> parse_journal(std::string_view text) {
  auto lines = split(text, '\n');
  lines.pop_back();  // what follows the last line feed: nothing, or a line that is not whole
  if (lines.size() < 2 || lines[0] != first_line) return std::nullopt;
  try {
    const auto plan = parse_plan(lines[1]);
    if (!plan) return std::nullopt;
    JournalRecord record{*plan, {}};
    for (std::size_t i = 2; i < lines.size(); ++i)
      if (!take_line(record, lines[i])) return std::nullopt;
    return record;
  } catch (const Error&) {
    return std::nullopt;  // a malformed digest: whatever it is, it is no help
  }
}

std::optional<JournalRecord> read_journal(const std::filesystem::path& bundle) {
  const auto path = journal_path(bundle);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  return parse_journal(read_file(path, max_journal));
}

Journal::Journal(const std::filesystem::path& bundle, const JournalPlan& plan, const JournalRecord* left)
    : path_(journal_path(bundle)), fd_(open_file(path_, O_WRONLY | O_CREAT | (left != nullptr ? 0 : O_TRUNC))) {
  if (left == nullptr) {
    append(std::string(first_line) + "\n" + plan_line(plan) + "\n");
    return;
  }
  for (const auto& [digest, ranges] : left->written) begun_.insert(digest);
  // A line that is not whole must not become the beginning of the next one.
  const std::string text = read_file(path_, max_journal);
  end_ = text.rfind('\n') + 1;
  if (::ftruncate(fd_.get(), static_cast<off_t>(end_)) != 0) throw_errno("write", path_);
}

void Journal::append(const std::string& line) {
  write_exactly(fd_, end_, line, path_);
  end_ += line.size();
}

void Journal::written(const oci::Digest& digest, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  const std::lock_guard lock(mutex_);
  append(digest.hex() + " " + std::to_string(offset) + " " + std::to_string(size) + "\n");
  begun_.insert(digest);
}

void Journal::forget(const oci::Digest& digest) {
  const std::lock_guard lock(mutex_);
  if (begun_.erase(digest) > 0) append(digest.hex() + " forget\n");
}

bool Journal::empty() const {
  const std::lock_guard lock(mutex_);
  return begun_.empty();
}

void Journal::remove() noexcept { ::unlink(path_.c_str()); }

}  // namespace airlock::bundle

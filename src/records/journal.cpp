// SPDX-License-Identifier: Apache-2.0
#include "airlock/records/journal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/own_file.hpp"
#include "airlock/base/text.hpp"

namespace airlock::records {

namespace {

constexpr std::string_view first_line = "airlock export journal 2";
constexpr std::size_t max_journal = 64U << 20;
constexpr std::uint64_t max_offset = std::uint64_t{1} << 62;  // as tar headers have it; sums do not overflow

constexpr std::string_view any_version = "airlock export journal ";

std::string plan_line(const JournalPlan& plan) {
  return fmt::format("plan {} volumes {}", plan.layout.str(), plan.volume_size);
}

std::optional<JournalPlan> parse_plan(const std::string& line) {
  const auto words = split(line, ' ');
  if (words.size() != 4 || words[0] != "plan" || words[2] != "volumes") return std::nullopt;
  const auto volume_size = parse_number(words[3]);
  if (!volume_size) return std::nullopt;
  return JournalPlan{oci::Digest::parse(words[1]), *volume_size};
}

/// Sorted and merged: ranges do not overlap or touch.
void unite(std::vector<JournalRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::vector<JournalRange> united;
  for (const JournalRange& range : ranges) {
    if (united.empty() || united.back().offset + united.back().size < range.offset)
      united.push_back(range);
    else
      united.back().size =
          std::max(united.back().offset + united.back().size, range.offset + range.size) - united.back().offset;
  }
  ranges = std::move(united);
}

/// False for a line that is not valid in a journal.
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
  if (!offset || !size || *offset > max_offset || *size > max_offset) return false;
  record.written[digest].push_back({*offset, *size});
  return true;
}

/// Whether it is a journal of any version, perhaps truncated or zeroed by a power loss, and not another file of this
/// name.
bool looks_ours(std::string_view text) {
  return text.starts_with(any_version) || any_version.starts_with(text) ||
         text.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

std::uint64_t JournalRecord::covered(const oci::Digest& digest, std::uint64_t from, std::uint64_t to) const {
  const auto found = written.find(digest);
  if (found == written.end()) return 0;
  // The range that begins last before `from`: they are in order and do not touch each other.
  auto next = std::upper_bound(found->second.begin(), found->second.end(), from,
                               [](std::uint64_t at, const JournalRange& range) { return at < range.offset; });
  if (next == found->second.begin()) return 0;
  const JournalRange& range = *std::prev(next);
  const std::uint64_t end = range.offset + range.size;
  return end <= from ? 0 : std::min(end, to) - from;
}

std::filesystem::path journal_path(const std::filesystem::path& bundle) { return bundle.string() + ".journal"; }

std::optional<JournalRecord> parse_journal(std::string_view text) {
  auto lines = split(text, '\n');
  lines.pop_back();  // after the last line feed: nothing, or an incomplete line
  if (lines.size() < 2 || lines[0] != first_line) return std::nullopt;
  try {
    const auto plan = parse_plan(lines[1]);
    if (!plan) return std::nullopt;
    JournalRecord record{*plan, {}};
    for (std::size_t i = 2; i < lines.size(); ++i)
      if (!take_line(record, lines[i])) return std::nullopt;
    for (auto& [digest, ranges] : record.written) unite(ranges);
    return record;
  } catch (const Error&) {
    return std::nullopt;  // a malformed digest: the journal is unusable
  }
}

std::optional<JournalRecord> read_journal(const std::filesystem::path& bundle) {
  const auto path = journal_path(bundle);
  const auto fd = open_own_file(path);
  if (!fd) return std::nullopt;
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) throw_errno("look at", path);
  if (static_cast<std::uint64_t>(status.st_size) > max_journal) return std::nullopt;
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  read_exactly(*fd, 0, text, path);
  if (!looks_ours(text))
    throw Error(ErrorCode::media, path.string() + " exists, and is not a journal of airlock")
        .hint("move it away, or choose another name for the bundle");
  return parse_journal(text);
}

namespace {

/// The journal of the earlier run, or a new one that replaces it.
FileDescriptor open_journal(const std::filesystem::path& path, bool resume) {
  auto left = open_own_file(path);
  if (left && resume) return std::move(*left);
  if (left && ::unlink(path.c_str()) != 0) throw_errno("replace", path);
  return create_own_file(path);
}

}  // namespace

Journal::Journal(const std::filesystem::path& bundle, const JournalPlan& plan, const JournalRecord* left)
    : path_(journal_path(bundle)), fd_(open_journal(path_, left != nullptr)) {
  if (left == nullptr) {
    append(fmt::format("{}\n{}\n", first_line, plan_line(plan)));
    return;
  }
  for (const auto& [digest, ranges] : left->written) begun_.insert(digest);
  // Drop an incomplete last line, so that the next one does not continue it.
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
  append(fmt::format("{} {} {}\n", digest.hex(), offset, size));
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

}  // namespace airlock::records

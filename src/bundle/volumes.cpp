// SPDX-License-Identifier: Apache-2.0
#include "airlock/bundle/volumes.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <map>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::bundle {

namespace {

constexpr std::uint64_t sector = 512;
constexpr std::uint64_t min_volume = 64U << 10;

std::string number_suffix(unsigned number) { return fmt::format(".{:03}", number); }

std::filesystem::path directory_of(const std::filesystem::path& name) {
  return name.has_parent_path() ? name.parent_path() : std::filesystem::path(".");
}

/// Each directory once, however often it was named: what lies in it is counted, or removed, once.
std::vector<std::filesystem::path> directories(const std::filesystem::path& name, const VolumePlaces& places) {
  std::vector<std::filesystem::path> all{directory_of(name)};
  std::error_code ignored;
  for (const auto& more : places.directories)
    if (std::none_of(all.begin(), all.end(),
                     [&](const auto& known) { return std::filesystem::equivalent(known, more, ignored); }))
      all.push_back(more);
  return all;
}

/// Looks for one volume in all directories.
std::optional<std::filesystem::path> find_one(const std::filesystem::path& name, unsigned number,
                                              const std::vector<std::filesystem::path>& where) {
  const auto file = volume_path(name.filename(), number);
  std::error_code ignored;
  for (const auto& directory : where)
    if (std::filesystem::exists(directory / file, ignored)) return directory / file;
  return std::nullopt;
}

/// 7 for `NAME.007`; nothing for a file that is no volume of this name.
std::optional<unsigned> volume_number(const std::filesystem::path& file, const std::filesystem::path& name) {
  const std::string text = file.filename().string();
  const std::size_t prefix = name.filename().string().size() + 1;
  const auto number = text.size() == prefix + 3 ? parse_number(std::string_view(text).substr(prefix)) : std::nullopt;
  if (!number || *number == 0 || volume_path(name.filename(), static_cast<unsigned>(*number)) != text)
    return std::nullopt;
  return static_cast<unsigned>(*number);
}

/// The files of a directory. To ask for 999 names one by one takes seconds where the directory is on a network.
std::vector<std::filesystem::path> list(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed))
    files.push_back(at->path());
  std::sort(files.begin(), files.end());
  return files;
}

bool later_one_exists(const std::filesystem::path& name, unsigned number,
                      const std::vector<std::filesystem::path>& where) {
  for (const auto& directory : where)
    for (const auto& file : list(directory))
      if (volume_number(file, name).value_or(0) > number) return true;
  return false;
}

/// All volumes but the last have one size, so a shorter one is the last: what lies there behind it is left over from an
/// older set of the same name. Whether the bundle is whole with it, the archive's end shows.
void drop_left_over(std::vector<std::filesystem::path>& volumes) {
  const std::uint64_t full = std::filesystem::file_size(volumes.front());
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    const std::uint64_t size = std::filesystem::file_size(volumes[i]);
    if (size == full) continue;
    if (size > 0 && size < full) {
      volumes.resize(i + 1);
      return;
    }
    throw Error(ErrorCode::format, Side::bundle,
                fmt::format("volume {} has {} bytes, the first one has {}", volumes[i].string(), size, full))
        .hint(size > full ? "it belongs to another set of volumes, or those before it did not arrive whole; copy them "
                            "again"
                          : "it did not arrive at all; copy it again");
  }
}

/// Free bytes by file system, as this run has planned for them so far.
class Room {
 public:
  /// `freed` more bytes will be free in this directory.
  void add(const std::filesystem::path& directory, std::uint64_t freed) {
    struct statvfs space {};
    const auto device = device_of(directory);
    if (!device || ::statvfs(directory.c_str(), &space) != 0) return;
    left_.try_emplace(*device, static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize).first->second += freed;
  }

  bool take(const std::filesystem::path& directory, std::uint64_t bytes) {
    const auto device = device_of(directory);
    const auto left = device ? left_.find(*device) : left_.end();
    if (left == left_.end() || left->second < bytes) return false;
    left->second -= bytes;
    return true;
  }

 private:
  static std::optional<dev_t> device_of(const std::filesystem::path& directory) {
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0) return std::nullopt;
    return status.st_dev;
  }

  std::map<dev_t, std::uint64_t> left_;
};

/// What partial files of this name occupy in a directory.
std::uint64_t stale_bytes(const std::filesystem::path& directory, const std::filesystem::path& name) {
  std::uint64_t bytes = 0;
  for (const auto& file : find_partials(directory / name.filename(), {})) {
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0) bytes += static_cast<std::uint64_t>(status.st_blocks) * sector;
  }
  return bytes;
}

/// Where an earlier run left a volume of this size, under its partial or already its final name.
std::optional<std::filesystem::path> find_left(const std::vector<std::filesystem::path>& where,
                                               const std::filesystem::path& file, std::uint64_t size) {
  std::error_code failed;
  for (const auto& directory : where)
    for (const auto& left : {partial_path(directory / file), directory / file})
      if (std::filesystem::file_size(left, failed) == size && !failed) return directory / file;
  return std::nullopt;
}

}  // namespace

std::uint64_t parse_volume_size(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::usage, fmt::format("--volume-size {} {}", text, why))
        .hint("write for example 4GiB, 650MB, or fat32");
  };
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string unit = to_lower(text.substr(digits));
  static const std::map<std::string, std::uint64_t> units{{"", 1},
                                                          {"b", 1},
                                                          {"k", 1U << 10},
                                                          {"kib", 1U << 10},
                                                          {"kb", 1000},
                                                          {"m", 1U << 20},
                                                          {"mib", 1U << 20},
                                                          {"mb", 1000 * 1000},
                                                          {"g", 1U << 30},
                                                          {"gib", 1U << 30},
                                                          {"gb", 1000 * 1000 * 1000},
                                                          {"t", std::uint64_t{1} << 40},
                                                          {"tib", std::uint64_t{1} << 40},
                                                          {"tb", std::uint64_t{1000} * 1000 * 1000 * 1000}};
  std::uint64_t size = (std::uint64_t{4} << 30) - 1;
  if (text != "fat32") {
    const auto number = parse_number(text.substr(0, digits));
    const auto known = units.find(unit);
    if (!number || known == units.end() || *number > (std::uint64_t{1} << 50) / known->second) refuse("is not a size");
    size = *number * known->second;
  }
  if (size < min_volume) refuse("is less than 64 KiB");
  return size / sector * sector;
}

std::filesystem::path volume_path(const std::filesystem::path& name, unsigned number) {
  return name.string() + number_suffix(number);
}

std::vector<std::filesystem::path> find_volumes(const std::filesystem::path& given, const VolumePlaces& places) {
  const bool is_first = given.extension() == ".001";
  const std::filesystem::path name = is_first ? std::filesystem::path(given).replace_extension() : given;
  auto where = directories(name, places);
  std::vector<std::filesystem::path> volumes;
  for (unsigned number = 1; number <= max_volumes;) {
    if (auto found = find_one(name, number, where)) {
      volumes.push_back(std::move(*found));
      ++number;
      continue;
    }
    if (!later_one_exists(name, number, where)) break;
    const std::string missing = volume_path(name.filename(), number).string();
    const auto more = places.ask ? places.ask("the volume " + missing) : std::nullopt;
    if (!more)
      throw Error(ErrorCode::media, fmt::format("volume {} is missing", missing))
          .hint("put it beside the others, or name its directory with --volume-dir");
    where.push_back(*more);
  }
  if (!volumes.empty()) drop_left_over(volumes);
  return volumes;
}

std::filesystem::path partial_path(const std::filesystem::path& file) { return file.string() + ".partial"; }

std::vector<std::filesystem::path> find_partials(const std::filesystem::path& name, const VolumePlaces& places) {
  std::vector<std::filesystem::path> found;
  std::error_code ignored;
  const auto add = [&](const std::filesystem::path& partial) {
    if (std::filesystem::symlink_status(partial, ignored).type() == std::filesystem::file_type::regular)
      found.push_back(partial);
  };
  add(partial_path(name));
  for (const auto& directory : directories(name, places))
    for (const auto& file : list(directory))
      if (partial_path(file.stem()) == file.filename() && volume_number(file.stem(), name)) add(file);
  return found;
}

namespace {

std::uint64_t count_volumes(std::uint64_t total, std::uint64_t size) {
  const std::uint64_t count = (total + size - 1) / size;
  if (count > max_volumes)
    throw Error(ErrorCode::usage, fmt::format("{} volumes would be needed, {} is the most", count, max_volumes))
        .hint("choose a larger --volume-size: the bundle has " + human_size(total));
  return count;
}

}  // namespace

std::vector<std::filesystem::path> place_volumes(const std::filesystem::path& name, std::uint64_t total,
                                                 const VolumeOptions& options, Leftovers leftovers) {
  if (options.size == 0) return {name};
  const std::uint64_t count = count_volumes(total, options.size);
  std::vector<std::filesystem::path> where;
  Room room;
  const auto add = [&](const std::filesystem::path& directory) {
    room.add(directory, leftovers == Leftovers::discard ? stale_bytes(directory, name) : 0);
    where.push_back(directory);
  };
  for (const auto& directory : directories(name, options.places)) add(directory);
  std::vector<std::filesystem::path> paths;
  std::size_t at = 0;
  for (unsigned number = 1; number <= count;) {
    const auto file = volume_path(name.filename(), number);
    const std::uint64_t size = std::min(options.size, total - (number - 1) * options.size);
    if (leftovers == Leftovers::use) {
      if (auto left = find_left(where, file, size)) {
        paths.push_back(std::move(*left));
        ++number;
        continue;
      }
    }
    if (room.take(where[at], size)) {
      paths.push_back(where[at] / file);
      ++number;
      continue;
    }
    if (at + 1 < where.size()) {
      ++at;
      continue;
    }
    const std::string what = fmt::format("{} of {} volumes ({})", file.string(), count, human_size(size));
    const auto more = options.places.ask ? options.places.ask("room for " + what) : std::nullopt;
    if (!more)
      throw Error(ErrorCode::media, fmt::format("no room for {}, for {} in all", what, human_size(total)))
          .hint("name the directories of further media with --volume-dir");
    add(*more);
    at = where.size() - 1;
  }
  return paths;
}

}  // namespace airlock::bundle

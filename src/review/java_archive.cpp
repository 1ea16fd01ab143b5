// SPDX-License-Identifier: Apache-2.0
#include "review/java_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "airlock/base/handle.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/text.hpp"
#include "review/package_files.hpp"

namespace airlock::review {

namespace {

constexpr unsigned max_depth = 4;
constexpr std::size_t max_nested = 32U << 20;
constexpr std::size_t max_entry_text = 1U << 20;

/// What an archive and all that is in it may cost: a few kilobytes can hold the same archive a million times.
class Budget {
 public:
  /// False where nothing more is to be read.
  bool take_entry() { return take(entries_, 1); }
  bool take_bytes(std::size_t count) { return take(bytes_, count); }
  bool take_package() { return take(packages_, 1); }
  bool is_used_up() const { return used_up_; }

 private:
  bool take(std::size_t& left, std::size_t count) {
    if (left < count) used_up_ = true;
    left -= std::min(left, count);
    return !used_up_;
  }

  std::size_t bytes_ = std::size_t{1} << 30;
  std::size_t entries_ = 400'000;
  std::size_t packages_ = 20'000;
  bool used_up_ = false;
};

std::vector<Package> read_nested(const NextBytes& next, const std::string& path, unsigned depth, Budget& budget,
                                 std::vector<std::string>& notes);

std::string file_name(std::string_view path) {
  const auto before = path.find_last_of("/!");
  return std::string(path.substr(before == std::string_view::npos ? 0 : before + 1));
}

struct Feed {
  const NextBytes* next = nullptr;
  std::exception_ptr thrown;
};

la_ssize_t read_feed(struct archive* archive, void* context, const void** buffer) {
  auto& feed = *static_cast<Feed*>(context);
  try {
    const std::string_view piece = (*feed.next)();
    *buffer = piece.data();
    return static_cast<la_ssize_t>(piece.size());
  } catch (...) {
    feed.thrown = std::current_exception();
    archive_set_error(archive, -1, "reading failed");
    return -1;
  }
}

/// Zip, as it comes: a damaged one ends where it is damaged.
class ZipReader {
 public:
  ZipReader(const NextBytes& next, std::string path, unsigned depth, Budget& budget, std::vector<std::string>& notes)
      : path_(std::move(path)), depth_(depth), budget_(budget), notes_(notes), reader_(archive_read_new()) {
    feed_.next = &next;
    archive_read_support_format_zip_streamable(reader_.get());
  }

  std::vector<Package> read() {
    if (archive_read_open(reader_.get(), &feed_, nullptr, read_feed, nullptr) != ARCHIVE_OK) return take();
    struct archive_entry* entry = nullptr;
    while (!budget_.is_used_up() && archive_read_next_header(reader_.get(), &entry) >= ARCHIVE_WARN) {
      throw_if_interrupted();
      if (!budget_.take_entry()) break;
      const bool size_is_known = archive_entry_size_is_set(entry) != 0;  // else passing it is unpacking it
      const char* name = archive_entry_pathname(entry);
      if ((name == nullptr || !visit(name)) && !size_is_known) content(0);
    }
    return take();
  }

 private:
  /// False for what is not read.
  bool visit(const std::string& name) {
    if (name.starts_with("META-INF/maven/") && name.ends_with("/pom.properties"))
      for (Package& package : read_pom_properties(content(max_entry_text))) {
        own_.push_back(package);
        keep(std::move(package));
      }
    else if (name == "META-INF/MANIFEST.MF")
      manifest_ = content(max_entry_text);
    else if (is_java_archive(name))
      nested(name);
    else
      return false;
    return true;
  }

  void nested(const std::string& name) {
    const std::string inside = path_ + "!" + name;
    if (depth_ == max_depth) {
      notes_.push_back(printable(inside) + ": nested deeper than four levels: not read");
      return;
    }
    const std::string archive = content(max_nested + 1);
    if (archive.size() > max_nested) {
      notes_.push_back(printable(inside) + ": larger than 32 MiB: not read");
      return;
    }
    bool given = false;
    const NextBytes next = [&] { return given ? std::string_view() : (given = true, std::string_view(archive)); };
    for (Package& package : read_nested(next, inside, depth_ + 1, budget_, notes_))
      packages_.push_back(std::move(package));  // counted already
  }

  /// Up to the limit; with 0 all of it is passed by.
  std::string content(std::size_t limit) {
    std::string text;
    std::string buffer(64U << 10, '\0');
    while (limit == 0 || text.size() < limit) {
      const la_ssize_t size = archive_read_data(reader_.get(), buffer.data(), buffer.size());
      if (size <= 0 || !budget_.take_bytes(static_cast<std::size_t>(size))) break;
      if (limit > 0)
        text.append(buffer.data(), std::min<std::size_t>(static_cast<std::size_t>(size), limit - text.size()));
    }
    return text;
  }

  void keep(Package package) {
    if (budget_.take_package()) packages_.push_back(std::move(package));
  }

  /// The archive itself has the name that its own pom gives it; where all poms are of what was put into it, that of its
  /// file.
  std::vector<Package> take() {
    if (feed_.thrown) std::rethrow_exception(feed_.thrown);
    if (manifest_.empty()) return std::move(packages_);
    for (Package& itself : read_jar_manifest(manifest_, file_name(path_)))
      if (!is_named_by_pom(itself)) keep(std::move(itself));
    return std::move(packages_);
  }

  bool is_named_by_pom(const Package& itself) const {
    const std::string file = file_name(path_);
    const auto is_it = [&](const Package& package) {
      return package.name == itself.name || file.starts_with(fmt::format("{}-{}.", package.name, package.version));
    };
    if (std::any_of(own_.begin(), own_.end(), is_it)) return true;
    // A file that was renamed: its only pom, of the same version, is its own.
    return own_.size() == 1 && (itself.version.empty() || itself.version == own_.front().version);
  }

  std::string path_;
  unsigned depth_;
  Budget& budget_;
  std::vector<std::string>& notes_;
  Feed feed_;
  std::unique_ptr<struct archive, Releaser<archive_read_free>> reader_;
  std::string manifest_;
  std::vector<Package> packages_;
  std::vector<Package> own_;  // of the poms of this archive, not of those in it
};

/// Spring Boot's executable archives begin with a script, self-extracting ones with a program: the archive is what
/// follows.
class AfterScript {
 public:
  explicit AfterScript(const NextBytes& next) : next_(next) {}

  std::string_view operator()() {
    if (std::exchange(begun_, true)) return next_();
    constexpr std::string_view start = "PK\x03\x04";
    constexpr std::size_t max_script = 1U << 20;
    std::string_view piece = next_();
    if (!piece.starts_with("#!") && !piece.starts_with("MZ")) return piece;
    while (!piece.empty() && head_.size() < max_script) {
      head_ += piece;
      if (const auto at = head_.find(start); at != std::string::npos) return std::string_view(head_).substr(at);
      piece = next_();
    }
    return {};
  }

 private:
  const NextBytes& next_;
  bool begun_ = false;
  std::string head_;
};

std::vector<Package> read_nested(const NextBytes& next, const std::string& path, unsigned depth, Budget& budget,
                                 std::vector<std::string>& notes) {
  AfterScript after(next);
  const NextBytes archive = [&] { return after(); };
  return ZipReader(archive, path, depth, budget, notes).read();
}

}  // namespace

bool is_java_archive(std::string_view path) {
  constexpr std::array<std::string_view, 6> endings{".jar", ".war", ".ear", ".jpi", ".hpi", ".nar"};
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return path.ends_with(end); });
}

std::vector<Package> read_java_archive(const NextBytes& next, const std::string& path,
                                       std::vector<std::string>& notes) {
  Budget budget;
  std::vector<Package> packages = read_nested(next, path, 0, budget, notes);
  if (budget.is_used_up())
    notes.push_back(printable(path) +
                    ": more than 1 GiB, 400,000 entries or 20,000 packages in it and in archives "
                    "in it: not read further");
  std::sort(packages.begin(), packages.end());
  packages.erase(std::unique(packages.begin(), packages.end()), packages.end());
  return packages;
}

}  // namespace airlock::review

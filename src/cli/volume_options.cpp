// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include "airlock/base/text.hpp"
#include "cli/options.hpp"

namespace airlock::cli {

void VolumePlaceOptions::add_to(CLI::App& verb) {
  verb.add_option("--volume-dir", directories, "Directory with further volumes of the bundle")
      ->allow_extra_args(false)
      ->check(CLI::ExistingDirectory)
      ->type_name("DIRECTORY");
}

bundle::VolumePlaces VolumePlaceOptions::places() const {
  bundle::VolumePlaces places{directories, nullptr};
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return places;
  places.ask = [](const std::string& what) -> std::optional<std::filesystem::path> {
    show(fmt::format("airlock needs {}. Insert its medium and name its directory, or press Enter to give up: ", what));
    const auto line = read_line(STDIN_FILENO);
    if (!line || line->empty()) return std::nullopt;
    return std::filesystem::path(std::string(line->view()));
  };
  return places;
}

std::string volumes_text(const std::filesystem::path& bundle, const bundle::VolumePlaces& places) {
  std::string text;
  for (const auto& volume : bundle::find_volumes(bundle, {places.directories, nullptr}))
    text += fmt::format("  {:<10} {}, {}\n", text.empty() ? "files" : "", volume.string(),
                        human_size(std::filesystem::file_size(volume)));
  return text;
}

void VolumeSizeOptions::add_to(CLI::App& verb) {
  verb.add_option("--volume-size", size, "Cut the bundle into files of at most this size: 4GiB, 650MB, fat32")
      ->type_name("SIZE");
  places.add_to(verb);
}

bundle::VolumeOptions VolumeSizeOptions::volumes() const {
  return {size.empty() ? 0 : bundle::parse_volume_size(size), places.places()};
}

}  // namespace airlock::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/review/package.hpp"

namespace airlock::review {

/// Whether a file's name is that of an archive of Java: .jar, .war, .ear, .jpi, .hpi, .nar.
bool is_java_archive(std::string_view path);

/// Gives the next bytes of an archive; empty at its end.
using NextBytes = std::function<std::string_view()>;

/// What an archive of Java and those in it say of themselves; `notes` gains what was too large or too deep. All of them
/// together are read up to 1 GiB unpacked, 400,000 entries and 20,000 packages.
std::vector<Package> read_java_archive(const NextBytes& next, const std::string& path, std::vector<std::string>& notes);

}  // namespace airlock::review

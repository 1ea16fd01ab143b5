// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace airlock::helm {

/// The files of a chart's archive that are wanted, below its one folder, whatever that is named. `left`: bytes that it
/// may unpack to, wanted or not; lowered by what it does. Errors as read_chart().
std::map<std::string, std::string> read_archive(std::string_view archive, const std::string& where,
                                                const std::function<bool(std::string_view)>& wanted, std::size_t& left);

}  // namespace airlock::helm

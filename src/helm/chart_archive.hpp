// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace airlock::helm {

/// The files of a chart's archive, below its one folder, whatever that is named. Errors as read_chart().
std::map<std::string, std::string> read_archive(std::string_view archive, const std::string& where);

}  // namespace airlock::helm

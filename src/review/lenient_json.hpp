// SPDX-License-Identifier: Apache-2.0
// Members of JSON that other tools wrote and that is only shown: what is absent or of another type reads as empty.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "airlock/base/json.hpp"

namespace airlock::review {

/// The texts that an object has under its own keys, as JavaScript reads them: the last of equal keys counts, and bytes
/// that are no UTF-8 are question marks. Whatever is nested is passed over, however deep. Nothing for what is no object
/// up to its end.
std::optional<std::map<std::string, std::string>> top_texts(std::string_view text);

/// null when `object` is none or has no such member. Lives as long as `object`, or as the program.
const Json& member(const Json& object, const char* key);
/// An array: empty when the member is none.
const Json& elements(const Json& object, const char* key);
/// Empty when the member is no string.
std::string text_of(const Json& object, const char* key);

}  // namespace airlock::review

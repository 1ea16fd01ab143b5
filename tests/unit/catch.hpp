// SPDX-License-Identifier: Apache-2.0
// Catch2 version 2 (Debian 12) and version 3 (the wrap) alike.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& text) { return Catch::Contains(text); }
#endif

#include <cstdlib>
#include <fstream>

#include "airlock/base/error.hpp"

/// With AIRLOCK_REFUSALS=FILE, every refusal that the tests provoke is listed there: `code TAB message`.
inline void list_refusal(const airlock::Error& error) {
  const char* file = std::getenv("AIRLOCK_REFUSALS");
  if (file != nullptr) std::ofstream(file, std::ios::app) << to_string(error.code()) << '\t' << error.what() << '\n';
}

/// Checks that `expression` throws an airlock::Error with this code whose text contains `words`.
#define CHECK_ERROR(expression, expected_code, words)                  \
  do {                                                                 \
    try {                                                              \
      static_cast<void>(expression);                                   \
      FAIL_CHECK("no Error: " #expression);                            \
    } catch (const airlock::Error& error) {                            \
      list_refusal(error);                                             \
      CHECK(error.code() == airlock::ErrorCode::expected_code);        \
      CHECK_THAT(std::string(error.what()), ContainsSubstring(words)); \
    }                                                                  \
  } while (false)

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

#include "airlock/base/error.hpp"

/// Checks that `expression` throws an airlock::Error with this code whose text contains `words`.
#define CHECK_ERROR(expression, expected_code, words)                  \
  do {                                                                 \
    try {                                                              \
      static_cast<void>(expression);                                   \
      FAIL_CHECK("no Error: " #expression);                            \
    } catch (const airlock::Error& error) {                            \
      CHECK(error.code() == airlock::ErrorCode::expected_code);        \
      CHECK_THAT(std::string(error.what()), ContainsSubstring(words)); \
    }                                                                  \
  } while (false)

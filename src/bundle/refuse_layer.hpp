// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "airlock/base/error.hpp"

namespace airlock::bundle {

[[noreturn]] inline void refuse_layer(const std::string& why) {
  throw Error(ErrorCode::format, Side::bundle, why)
      .hint("the image was published so: tell its publisher, or leave it out with --exclude at export");
}

}  // namespace airlock::bundle

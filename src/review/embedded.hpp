// SPDX-License-Identifier: Apache-2.0
// What the build compiled in: the static parts of the review page (data/report, tools/embed_text.py).
#pragma once

#include <string_view>

namespace airlock::review {

std::string_view report_style();
std::string_view report_script();

/// Of the sources that read layers (tools/source_revision.py): 16 hexadecimal digits.
std::string_view inventory_revision();

}  // namespace airlock::review

// SPDX-License-Identifier: Apache-2.0
// Lists of images as people make them: one reference per line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace airlock::kubeone {

struct ImageList {
  std::vector<std::string> images;
  std::vector<std::string> notes;  ///< "FILE:LINE: what was taken otherwise than it is written"
  std::vector<std::string> bad;    ///< "FILE:LINE: why it is no reference", all of them
};

/// `#` starts a comment, empty lines count for nothing, `docker://` is left off. `where` names the file.
ImageList read_image_list(const std::string& content, const std::string& where);

/// A reference without `docker://`.
std::string_view without_transport(std::string_view reference);

}  // namespace airlock::kubeone

// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/image_list.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/reference.hpp"
#include "kubeone/image_text.hpp"

namespace airlock::kubeone {

std::string_view without_transport(std::string_view reference) {
  return reference.starts_with(transport) ? reference.substr(transport.size()) : reference;
}

ImageList read_image_list(const std::string& content, const std::string& where) {
  ImageList list;
  std::size_t number = 0;
  for (const std::string& line : split(content, '\n')) {
    ++number;
    std::string_view text = trim(std::string_view(line).substr(0, line.find('#')));
    if (text.empty()) continue;
    if (text.starts_with(transport)) {
      text = without_transport(text);
      list.notes.push_back(fmt::format("{}:{}: {} is left off", where, number, transport));
    }
    try {
      list.images.push_back(oci::Reference::parse(text).str());
    } catch (const Error& error) {
      list.bad.push_back(fmt::format("{}:{}: {}", where, number, error.what()));
    }
  }
  return list;
}

}  // namespace airlock::kubeone

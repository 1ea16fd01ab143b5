// SPDX-License-Identifier: Apache-2.0
// One document, searched for images.
#pragma once

#include "airlock/base/yaml.hpp"
#include "airlock/kubeone/image_references.hpp"
#include "kubeone/template_text.hpp"

namespace airlock::kubeone {

/// Adds what the document names. `where`: its file. `masked`: the text that the document was parsed from, which begins
/// with the line `first_line`.
void walk_manifest(const YamlNode& document, const std::string& where, std::size_t first_line,
                   const TemplateText& masked, const ReferenceOptions& options, FoundImages& into);

/// For a text that is no YAML: values of keys `image` on a line of their own, and full references.
void scan_lines(std::string_view text, const std::string& where, std::size_t first_line, const TemplateText& masked,
                FoundImages& into);

}  // namespace airlock::kubeone

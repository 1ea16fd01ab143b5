// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/image_references.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <thread>

#include "airlock/base/encoding.hpp"
#include "airlock/base/error.hpp"
#include "airlock/base/parallel.hpp"
#include "airlock/base/text.hpp"
#include "airlock/oci/reference.hpp"
#include "kubeone/image_text.hpp"
#include "kubeone/manifest_walk.hpp"
#include "kubeone/template_text.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::size_t max_text = 64U << 20;

/// A document of a text, still unread.
struct Chunk {
  std::string_view text;
  std::size_t line = 1;  // of its first line
};

/// A line that begins with `---` ends a document, wherever it stands (YAML 1.2.2, 9.1.2, c-forbidden).
bool is_separator(std::string_view line) {
  return line.starts_with("---") &&
         (line.size() == 3 || std::string_view(" \t\r\n").find(line[3]) != std::string_view::npos);
}

std::vector<Chunk> chunks_of(std::string_view text) {
  std::vector<Chunk> chunks{{text.substr(0, 0), 1}};
  std::size_t begin = 0;
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size(); ++number) {
    const auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (at > begin && is_separator(text.substr(at, std::min<std::size_t>(4, end - at)))) {
      chunks.back().text = text.substr(begin, at - begin);
      begin = at;
      chunks.push_back({{}, number});
    }
    at = end;
  }
  chunks.back().text = text.substr(begin);
  return chunks;
}

/// Most documents of a large set name no image (schemas, roles): only what may is parsed.
bool may_name_images(std::string_view text) {
  for (const std::string_view word : {"mage", "MAGE", "img", "IMG", "epository", "repo:", "repo\"", "registry",
                                      "hub:", "hub\"", "docker://", "newName", "pkg.crossplane.io"})
    if (text.find(word) != std::string_view::npos) return true;
  return !full_references_in(text).empty();
}

/// JSON may be indented with tabs, which YAML does not allow; in its strings they cannot be (RFC 8259, section 7).
std::string without_tabs(std::string_view text) {
  std::string result(text);
  const auto first = result.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && (result[first] == '{' || result[first] == '['))
    std::replace(result.begin(), result.end(), '\t', ' ');
  return result;
}

FoundImages find_in_chunk(const Chunk& chunk, const std::string& where, const ReferenceOptions& options) {
  FoundImages found;
  const bool encoded = options.embedded && chunk.text.find("Secret") != std::string_view::npos;
  if (!encoded && !may_name_images(chunk.text)) return found;
  const ActionValue action = options.action ? options.action : ActionValue(kubeone_action);
  const TemplateText masked(without_tabs(chunk.text), action);
  const std::string& text = masked.text();
  const YamlOptions yaml{
      {text.size() + (4U << 20), 200, 8U << 20}, YamlAliases::expand, 1000, YamlOddities::pass, chunk.line};
  try {
    for (const YamlNode& document : parse_yaml_nodes(text, where, yaml))
      walk_manifest(document, where, chunk.line, masked, options, found);
  } catch (const Error& error) {
    found = {};
    found.unreadable.emplace_back(error.what());
    scan_lines(text, where, chunk.line, masked, found);
  }
  return found;
}

unsigned all_processors() { return std::max(1U, std::thread::hardware_concurrency()); }

FoundImages find_in_text(std::string_view text, const std::string& where, const ReferenceOptions& options,
                         unsigned jobs) {
  const auto chunks = chunks_of(text);
  std::vector<FoundImages> parts(chunks.size());
  run_parallel(chunks.size(), jobs, [&](std::size_t i) { parts[i] = find_in_chunk(chunks[i], where, options); });
  FoundImages found;
  for (FoundImages& part : parts) found.add(std::move(part));
  return found;
}

template <typename T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void FoundImages::add(FoundImages other) {
  images.merge(other.images);
  append(suspects, other.suspects);
  append(unresolved, other.unresolved);
  append(unreadable, other.unreadable);
}

void FoundImages::settle() {
  std::set<oci::Reference> known;
  for (const auto& [image, where] : images)
    if (const auto reference = oci::Reference::find(image)) known.insert(*reference);
  std::set<std::string> seen;
  std::erase_if(suspects, [&](const Suspect& suspect) {
    const auto reference = suspect.is_reference ? oci::Reference::find(suspect.text) : std::nullopt;
    return (reference && known.contains(*reference)) || !seen.insert(suspect.text).second;
  });
  std::set<std::string> listed;
  std::erase_if(unresolved, [&](const std::string& text) { return !listed.insert(text).second; });
}

FoundImages find_images(std::string_view text, const std::string& where, const ReferenceOptions& options) {
  FoundImages found = find_in_text(text, where, options, all_processors());
  found.settle();
  return found;
}

FoundImages find_images_in(const std::filesystem::path& path, const ReferenceOptions& options) {
  if (path == "-" || !std::filesystem::is_directory(path))
    return find_images(read_text(path, max_text), text_name(path), options);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    const std::string extension = to_lower(entry.path().extension().string());
    if (entry.is_regular_file() && (extension == ".yaml" || extension == ".yml" || extension == ".json"))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<FoundImages> parts(files.size());
  const unsigned jobs = files.size() > 1 ? 1 : all_processors();  // of a file; many files go side by side
  run_parallel(files.size(), all_processors(), [&](std::size_t i) {
    parts[i] = find_in_text(read_text(files[i], max_text), files[i].string(), options, jobs);
  });
  FoundImages found;
  for (FoundImages& part : parts) found.add(std::move(part));
  found.settle();
  return found;
}

}  // namespace airlock::kubeone

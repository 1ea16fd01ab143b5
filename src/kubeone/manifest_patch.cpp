// SPDX-License-Identifier: Apache-2.0
#include "airlock/kubeone/manifest_patch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "kubeone/chart_patch.hpp"
#include "kubeone/manifest_document.hpp"

namespace airlock::kubeone {

namespace {

constexpr std::string_view stanza = "registryConfiguration";

[[noreturn]] void refuse_patch(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::selection, fmt::format("{}: {}", file, why))
      .hint("add the registryConfiguration that airlock prints to the manifest by hand");
}

/// Lines with their line ends, so that joining them restores the text.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

std::string_view body(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::size_t indent(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }
bool is_blank(std::string_view line) { return trim(body(line)).empty(); }
bool is_comment(std::string_view line) { return trim(line).starts_with('#'); }

/// What follows `KEY:` on its line; nothing when the line has another key.
std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
  std::string_view text = body(line);
  text.remove_prefix(indent(text));
  for (const std::string& form : {std::string(key), fmt::format("\"{}\"", key), fmt::format("'{}'", key)}) {
    if (!text.starts_with(form + ":")) continue;
    const std::string_view rest = text.substr(form.size() + 1);
    if (rest.empty() || rest.front() == ' ' || rest.front() == '\t') return rest;
  }
  return std::nullopt;
}

/// Where a trailing comment begins, with the white space before it; the size where there is none.
std::size_t comment_start(std::string_view text) {
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != '\0') {
      if (text[i] == quote) quote = '\0';
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t')) {
      while (i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\t')) --i;
      return i;
    }
  }
  return text.size();
}

class Patcher {
 public:
  Patcher(std::string_view text, PatchValues values, std::string file)
      : lines_(lines_of(text)), values_(std::move(values)), file_(std::move(file)) {
    if (!lines_.empty() && lines_.front().ends_with("\r\n")) line_end_ = "\r\n";
  }

  std::string run() {
    find_document();
    const auto at = find_stanza();
    if (at)
      change(*at);
    else
      insert(new_place());
    std::string text;
    for (const std::string& line : lines_) text += line;
    return text;
  }

 private:
  /// The lines of the cluster's document; the file may have other documents.
  void find_document() {
    std::size_t start = 0;
    for (std::size_t i = 0; i <= lines_.size(); ++i) {
      const bool separator =
          i < lines_.size() && (body(lines_[i]) == "---" || lines_[i].starts_with("--- ") || body(lines_[i]) == "...");
      if (i < lines_.size() && !separator) continue;
      std::string document;
      for (std::size_t k = start; k < i; ++k) document += lines_[k];
      const auto parsed = manifest_documents(document, file_);
      if (std::any_of(parsed.begin(), parsed.end(), [](const auto& one) { return is_cluster(one.value); })) {
        begin_ = start;
        end_ = i;
        return;
      }
      start = i + 1;
    }
    refuse_patch(file_, "no KubeOneCluster manifest");
  }

  std::optional<std::size_t> find_stanza() const {
    bool block = false;
    for (std::size_t i = begin_; i < end_; ++i) {
      if (indent(lines_[i]) == 0 && value_of(lines_[i], "kind")) block = true;
      if (indent(lines_[i]) == 0 && value_of(lines_[i], stanza)) return i;
    }
    if (!block) refuse_patch(file_, "the manifest is not written with one key per line");
    return std::nullopt;
  }

  /// The line after the block of the key at `at`, without the blank lines and comments before the next key.
  std::size_t block_end(std::size_t at) const {
    std::size_t end = at + 1;
    for (std::size_t i = at + 1; i < end_; ++i) {
      if (is_blank(lines_[i])) continue;
      if (indent(lines_[i]) == 0) break;
      if (!is_comment(lines_[i])) end = i + 1;
    }
    return end;
  }

  void change(std::size_t at) {
    const std::string_view line = body(lines_[at]);
    const std::string_view rest = *value_of(line, stanza);
    const std::size_t key_size = line.size() - rest.size();
    const std::string comment(rest.substr(comment_start(rest)));
    const std::string value(trim(rest.substr(0, comment_start(rest))));
    const std::size_t end = block_end(at);
    if (!value.empty() && value != "~" && value != "null" && !value.starts_with('{'))
      refuse_patch(file_, "registryConfiguration is not a mapping");
    if (value.starts_with('{') && (!value.ends_with('}') || end != at + 1))
      refuse_patch(file_, "registryConfiguration spans several lines in braces");
    lines_[at] = std::string(line.substr(0, key_size)) + comment + line_end_;
    change_children(at, end);
  }

  void change_children(std::size_t at, std::size_t end) {
    std::size_t depth = 2;
    bool has_registry = false;
    bool has_insecure = false;
    for (std::size_t i = at + 1; i < end; ++i) {
      if (is_blank(lines_[i]) || is_comment(lines_[i])) continue;
      depth = indent(lines_[i]);
      has_registry = set(i, "overwriteRegistry", fmt::format("\"{}\"", values_.overwrite_registry)) || has_registry;
      has_insecure = set(i, "insecureRegistry", insecure()) || has_insecure;
    }
    std::vector<std::string> missing;
    const std::string margin(depth, ' ');
    if (!has_registry)
      missing.push_back(fmt::format("{}overwriteRegistry: \"{}\"", margin, values_.overwrite_registry));
    if (!has_insecure) missing.push_back(fmt::format("{}insecureRegistry: {}", margin, insecure()));
    if (lines_[end - 1].find('\n') == std::string::npos) lines_[end - 1] += line_end_;
    for (std::size_t i = 0; i < missing.size(); ++i)
      lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(end + i), missing[i] + line_end_);
  }

  /// Replaces the value of this key in a line, and nothing else; keeps the quoting where possible.
  bool set(std::size_t i, std::string_view key, std::string value) {
    const std::string line = lines_[i];
    const std::string_view text = body(line);
    const auto rest = value_of(text, key);
    if (!rest) return false;
    const std::string_view old = trim(rest->substr(0, comment_start(*rest)));
    if (old.starts_with('\'') && value.starts_with('"')) value = fmt::format("'{}'", value.substr(1, value.size() - 2));
    if (!old.empty() && !old.starts_with('\'') && !old.starts_with('"') && value.starts_with('"'))
      value = value.substr(1, value.size() - 2);
    const std::string comment(rest->substr(comment_start(*rest)));
    lines_[i] =
        fmt::format("{} {}{}{}", text.substr(0, text.size() - rest->size()), value, comment, line.substr(text.size()));
    return true;
  }

  /// After a commented-out stanza, else after the last line of the document that is not blank.
  std::size_t new_place() const {
    for (std::size_t i = begin_; i < end_; ++i) {
      const std::string_view line = body(lines_[i]);
      if (!line.starts_with('#') || !trim(line.substr(1)).starts_with(std::string(stanza) + ":")) continue;
      const std::size_t depth = line.find_first_not_of("# ");
      std::size_t end = i + 1;
      while (end < end_ && lines_[end].starts_with('#') &&
             body(lines_[end]).find_first_not_of("# ") != std::string_view::npos &&
             body(lines_[end]).find_first_not_of("# ") > depth)
        ++end;
      return end;
    }
    std::size_t last = end_;
    while (last > begin_ && is_blank(lines_[last - 1])) --last;
    return last;
  }

  void insert(std::size_t place) {
    std::vector<std::string> text{std::string(stanza) + ":"};
    text.push_back(fmt::format("  overwriteRegistry: \"{}\"", values_.overwrite_registry));
    text.push_back("  insecureRegistry: " + insecure());
    if (place > 0 && lines_[place - 1].find('\n') == std::string::npos) lines_[place - 1] += line_end_;
    for (std::size_t i = 0; i < text.size(); ++i)
      lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(place + i), text[i] + line_end_);
  }

  std::string insecure() const { return values_.insecure_registry ? "true" : "false"; }

  std::vector<std::string> lines_;
  PatchValues values_;
  std::string file_;
  std::string line_end_ = "\n";
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// Checks that only the stanza differs, and that it has the requested values.
void check_result(const std::string& before, const std::string& after, const PatchValues& values,
                  const std::string& file) {
  auto old_documents = manifest_documents(before, file);
  auto new_documents = manifest_documents(after, file);
  bool right = old_documents.size() == new_documents.size();
  for (std::size_t i = 0; right && i < old_documents.size(); ++i) {
    Json& document = new_documents[i].value;
    if (is_cluster(document)) apply_charts(old_documents[i].value, values.charts);
    if (is_cluster(document) && !values.overwrite_registry.empty()) {
      const Json& written = child(document, stanza);
      right = child(written, "overwriteRegistry") == values.overwrite_registry &&
              child(written, "insecureRegistry") == values.insecure_registry;
      document.erase(std::string(stanza));
      old_documents[i].value.erase(std::string(stanza));
    }
    right = right && old_documents[i].value == document;
  }
  if (!right) refuse_patch(file, "the manifest is written in a way that airlock cannot patch without changing more");
}

}  // namespace

std::string patch_manifest(std::string_view text, const PatchValues& values, const std::string& file) {
  const std::string before(text);
  std::string after = patch_charts(text, values.charts, file);
  if (!values.overwrite_registry.empty()) after = Patcher(after, values, file).run();
  check_result(before, after, values, file);
  return after;
}

std::string containerd_registries(std::string_view text, const std::string& file) {
  for (const YamlDocument& document : manifest_documents(text, file))
    if (is_cluster(document.value) &&
        !child(child(child(document.value, "containerRuntime"), "containerd"), "registries").is_null())
      return place(file, document, "/containerRuntime/containerd/registries");
  return {};
}

}  // namespace airlock::kubeone

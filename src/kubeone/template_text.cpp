// SPDX-License-Identifier: Apache-2.0
#include "kubeone/template_text.hpp"

#include <algorithm>

#include "airlock/base/text.hpp"

namespace airlock::kubeone {

namespace {

// U+E000 and U+E001, of a private use area: YAML takes them in any scalar.
constexpr std::string_view mark_begin = "\xEE\x80\x80";
constexpr std::string_view mark_end = "\xEE\x80\x81";

/// `{{- x -}}` without the braces and dashes.
std::string_view inside(std::string_view action) {
  action.remove_prefix(2);
  action.remove_suffix(2);
  if (action.starts_with("- ") || action.starts_with("-\n")) action.remove_prefix(1);
  if (action.ends_with(" -") || action.ends_with("\n-")) action.remove_suffix(1);
  return trim(action);
}

/// The actions of a text and what is between them, cut at line ends outside of actions.
std::vector<TemplateText::Piece> pieces_of(std::string_view text) {
  std::vector<TemplateText::Piece> pieces;
  while (!text.empty()) {
    const auto open = text.find("{{");
    const auto close = open == std::string_view::npos ? open : text.find("}}", open + 2);
    std::string_view plain = close == std::string_view::npos ? text : text.substr(0, open);
    text.remove_prefix(plain.size());
    while (!plain.empty()) {
      const auto end = std::min(plain.find('\n'), plain.size() - 1) + 1;
      pieces.push_back({plain.substr(0, end)});
      plain.remove_prefix(end);
    }
    if (close == std::string_view::npos) break;
    pieces.push_back({text.substr(0, close + 2 - open), true});
    text.remove_prefix(close + 2 - open);
  }
  return pieces;
}

std::size_t lines_in(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

std::optional<std::string> kubeone_action(std::string_view action) {
  std::string words(action);
  std::replace(words.begin(), words.end(), '|', ' ');
  const auto from = words.find('"');
  const auto to = words.rfind('"');
  if (from == to) return std::nullopt;
  if (trim(words.substr(0, from) + words.substr(to + 1)) != "Registry") return std::nullopt;
  return words.substr(from + 1, to - from - 1);
}

TemplateText::TemplateText(std::string_view text, const ActionValue& value) {
  text_.reserve(text.size());
  std::vector<Piece> line;
  const auto end_line = [&] {
    const bool alone =
        std::all_of(line.begin(), line.end(), [](const Piece& one) { return one.action || trim(one.text).empty(); });
    for (const Piece& piece : line) add(piece, alone, value);
    line.clear();
  };
  for (const Piece& piece : pieces_of(text)) {
    line.push_back(piece);
    if (!piece.action && piece.text.ends_with('\n')) end_line();
  }
  end_line();
}

void TemplateText::add(Piece piece, bool alone, const ActionValue& value) {
  if (!piece.action) {
    text_ += piece.text;
    return;
  }
  const auto known = piece.text.size() < 4 ? std::nullopt : value(inside(piece.text));
  if (known) {
    text_ += *known;
  } else if (!alone) {
    text_ += std::string(mark_begin) + std::to_string(actions_.size()) + std::string(mark_end);
    actions_.emplace_back(piece.text);
  }
  text_.append(lines_in(piece.text), '\n');
}

bool TemplateText::is_marked(std::string_view part) { return part.find(mark_begin) != std::string_view::npos; }

std::string TemplateText::original(std::string_view part) const {
  std::string text;
  for (;;) {
    const auto begin = part.find(mark_begin);
    text += part.substr(0, begin);
    if (begin == std::string_view::npos) return text;
    part.remove_prefix(begin + mark_begin.size());
    const auto end = std::min(part.find(mark_end), part.size());
    const auto number = parse_number(part.substr(0, end));
    if (number && *number < actions_.size()) text += actions_[*number];
    part.remove_prefix(std::min(end + mark_end.size(), part.size()));
  }
}

}  // namespace airlock::kubeone

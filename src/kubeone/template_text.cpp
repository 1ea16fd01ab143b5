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

/// Finds actions as Go's lexer does (text/template/parse/lex.go, lexInsideAction), so that braces in two strings of a
/// manifest do not swallow what is between them. Brackets and operators are Jinja's. A slash or a colon stands in no
/// action outside of its strings: no image reference does. Linear, whatever the text.
class ActionFinder {
 public:
  explicit ActionFinder(std::string_view text) : text_(text) {}

  /// Where the action ends that begins at `open`; npos where none does.
  std::size_t end_of(std::size_t open) {
    std::size_t at = open + 2;
    if (text_.substr(at, 2) == "- " || text_.substr(at, 2) == "-\n") at += 2;
    if (text_.substr(at, 2) == "/*") return end_of_comment(at);
    if (text_.substr(at, 1) == "'") return std::string_view::npos;
    while (at < text_.size()) {
      if (text_.substr(at, 2) == "}}") return at + 2;
      at = after(at);
      if (at == std::string_view::npos) break;
    }
    return std::string_view::npos;
  }

 private:
  std::size_t end_of_comment(std::size_t at) {
    if (comment_end_ < at + 2) comment_end_ = text_.find("*/", at + 2);
    if (comment_end_ == std::string_view::npos) return comment_end_;
    std::size_t end = comment_end_ + 2;
    if (text_.substr(end, 2) == " -" || text_.substr(end, 2) == "\n-") end += 2;
    return text_.substr(end, 2) == "}}" ? end + 2 : std::string_view::npos;
  }

  /// After the string or character at `at`; npos where it may not stand in an action.
  std::size_t after(std::size_t at) const {
    const char c = text_[at];
    if (c == '`') {
      const auto end = text_.find('`', at + 1);
      return end == std::string_view::npos ? end : end + 1;
    }
    if (c == '"' || c == '\'') return after_string(at);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool other = static_cast<unsigned char>(c) >= 0x80 ||
                       std::string_view(" \t\r\n._$|(),=+-[]*%~<>!").find(c) != std::string_view::npos;
    return letter || other ? at + 1 : text_.substr(at, 2) == ":=" ? at + 2 : std::string_view::npos;
  }

  /// It ends in its line.
  std::size_t after_string(std::size_t at) const {
    for (std::size_t end = at + 1; end < text_.size() && text_[end] != '\n'; ++end) {
      if (text_[end] == text_[at]) return end + 1;
      if (text_[end] == '\\') ++end;
    }
    return std::string_view::npos;
  }

  std::string_view text_;
  std::size_t comment_end_ = 0;  // the first `*/` after the last comment's beginning
};

void add_plain(std::string_view plain, std::vector<TemplateText::Piece>& pieces) {
  while (!plain.empty()) {
    const auto end = std::min(plain.find('\n'), plain.size() - 1) + 1;
    pieces.push_back({plain.substr(0, end)});
    plain.remove_prefix(end);
  }
}

/// The actions of a text and what is between them, cut at line ends outside of actions.
std::vector<TemplateText::Piece> pieces_of(std::string_view text) {
  std::vector<TemplateText::Piece> pieces;
  ActionFinder finder(text);
  std::size_t done = 0;
  for (auto open = text.find("{{"); open != std::string_view::npos;) {
    const auto end = finder.end_of(open);
    if (end != std::string_view::npos) {
      add_plain(text.substr(done, open - done), pieces);
      pieces.push_back({text.substr(open, end - open), true});
      done = end;
    }
    open = text.find("{{", end == std::string_view::npos ? open + 1 : end);
  }
  add_plain(text.substr(done), pieces);
  return pieces;
}

std::optional<std::string> value_of(const TemplateText::Piece& action, const ActionValue& value) {
  return action.text.size() < 4 ? std::nullopt : value(inside(action.text));
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
    const bool leaves_nothing = alone && std::none_of(line.begin(), line.end(), [&](const Piece& one) {
                                  return one.action && value_of(one, value).has_value();
                                });
    // Without its spaces, too: deeper ones before the first line of a block scalar are no YAML.
    if (leaves_nothing)
      for (const Piece& piece : line) text_.append(lines_in(piece.text), '\n');
    else
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
  const auto known = value_of(piece, value);
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

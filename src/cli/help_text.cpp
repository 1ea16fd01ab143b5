// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>

#include "airlock/base/text.hpp"
#include "cli/command_line.hpp"

namespace airlock::cli {

namespace {

constexpr std::size_t text_column = 30;
constexpr std::size_t width = 100;

std::string row(const std::string& left, const std::string& text) {
  const std::string line = "  " + left;
  const std::string gap = line.size() + 2 > text_column ? "\n" + std::string(text_column, ' ')
                                                        : std::string(text_column - line.size(), ' ');
  return line + gap + wrapped(text, text_column, width) + "\n";
}

std::string option_row(const OptionDescription& option) {
  std::string left = join(option.spellings, ", ");
  if (left.starts_with("--")) left.insert(0, "    ");  // below those that have a letter
  if (!option.value.empty()) left += " " + option.value;
  std::string text = option.text;
  if (option.repeatable && !option.is_list) text += " (repeatable)";
  if (!option.choices.empty() && !option.is_list) text += fmt::format(" [{}]", join(option.choices, ", "));
  return row(left, text);
}

/// As a shell takes it on several lines.
std::string example_rows(const std::string& example) {
  std::string rows = "  ";
  for (const char c : wrapped(example, 6, width - 2)) rows += c == '\n' ? " \\\n" : std::string(1, c);
  return rows + "\n";
}

std::string verbs_text(const CommandDescription& command) {
  std::vector<std::string> headings;
  std::map<std::string, std::string> rows;
  for (const CommandDescription& verb : command.commands) {
    if (rows[verb.heading].empty()) headings.push_back(verb.heading);
    rows[verb.heading] += row(verb.word(), verb.summary);
  }
  std::string text;
  for (const std::string& heading : headings) text += fmt::format("\n{}:\n{}", heading, rows[heading]);
  return text;
}

}  // namespace

std::string help_text(const CommandDescription& command) {
  std::string text = wrapped(command.summary, 0, width) + "\n\nUsage: " + command.usage() + "\n";
  if (!command.arguments.empty()) text += "\nArguments:\n";
  for (const OptionDescription& argument : command.arguments) text += row(argument.spellings.front(), argument.text);
  text += verbs_text(command);
  for (const OptionGroup& group : command.groups) {
    text += fmt::format("\n{}:\n", group.heading);
    for (const OptionDescription& option : group.options) text += option_row(option);
  }
  if (!command.examples.empty()) text += "\nExample:\n";
  for (const std::string& example : command.examples) text += example_rows(example);
  if (!command.note.empty()) text += "\n" + wrapped(command.note, 0, width) + "\n";
  if (command.commands.empty()) return text;
  text += fmt::format("\nMore: {} help VERB, man {}-VERB.\n", command.name, command.word());
  if (command.name.find(' ') != std::string::npos) return text;
  text += "\nExit status:\n";
  for (const auto& [status, meaning] : exit_statuses())
    text += fmt::format("  {:<5}{}\n", status, wrapped(meaning, 7, width));
  return text;
}

}  // namespace airlock::cli

// SPDX-License-Identifier: Apache-2.0
// man(7): https://man7.org/linux/man-pages/man7/man.7.html, and groff_char(7) for what has to be escaped.
#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/text.hpp"
#include "airlock/version.hpp"
#include "cli/command_line.hpp"

namespace airlock::cli {

namespace {

/// A minus sign that is typed is \-; a line that begins with a dot or an apostrophe would be a request.
std::string roff(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else
      escaped += c;
  }
  return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

std::string page_name(const std::string& command) {
  std::string name = command;
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string option_text(const OptionDescription& option) {
  std::vector<std::string> spellings;
  for (const std::string& spelling : option.spellings) spellings.push_back(fmt::format("\\fB{}\\fR", roff(spelling)));
  std::string text = ".TP\n" + join(spellings, ", ");
  if (!option.value.empty()) text += fmt::format(" \\fI{}\\fR", roff(option.value));
  text += "\n" + roff(option.text) + ".\n";
  if (!option.choices.empty()) text += "One of: " + roff(join(option.choices, ", ")) + ".\n";
  if (option.repeatable && !option.is_list) text += "May be repeated.\n";
  return text;
}

std::string synopsis(const CommandDescription& command) {
  std::string text;
  for (const std::string& word : split(command.usage().substr(command.name.size()), ' '))
    if (!word.empty()) text += fmt::format(" {}", word.starts_with("-") ? "\\fB" + roff(word) + "\\fR" : roff(word));
  return fmt::format(".SH SYNOPSIS\n\\fB{}\\fR{}\n", roff(command.name), text);
}

std::string verbs_section(const CommandDescription& command) {
  if (command.commands.empty()) return {};
  std::string text = ".SH VERBS\n";
  for (const CommandDescription& verb : command.commands)
    text += fmt::format(".TP\n\\fB{}\\fR(1)\n{}\n", roff(page_name(verb.name)), roff(verb.summary));
  return text;
}

std::string options_text(const CommandDescription& command) {
  std::string text;
  if (!command.arguments.empty()) text += ".SH ARGUMENTS\n";
  for (const OptionDescription& argument : command.arguments)
    text += fmt::format(".TP\n\\fI{}\\fR\n{}\n", roff(argument.spellings.front()), roff(argument.text));
  if (!command.groups.empty()) text += ".SH OPTIONS\n";
  for (const OptionGroup& group : command.groups) {
    if (group.heading != "Options") text += fmt::format(".SS {}\n", roff(group.heading));
    if (group.heading == "Options" && command.groups.size() > 1) text += ".SS General\n";
    for (const OptionDescription& option : group.options) text += option_text(option);
  }
  return text;
}

std::string see_also(const CommandDescription& command) {
  std::vector<std::string> pages;
  if (command.name.find(' ') != std::string::npos) pages.emplace_back("\\fBairlock\\fR(1)");
  if (const auto above = command.name.rfind(' '); above != command.name.find(' '))
    pages.push_back(fmt::format("\\fB{}\\fR(1)", roff(page_name(command.name.substr(0, above)))));
  for (const CommandDescription& verb : command.commands)
    pages.push_back(fmt::format("\\fB{}\\fR(1)", roff(page_name(verb.name))));
  return fmt::format(".SH SEE ALSO\n{}\n", join(pages, ",\n"));
}

}  // namespace

std::string man_page(const CommandDescription& command) {
  const std::string name = page_name(command.name);
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
  std::string text = fmt::format(".TH {} 1 \"\" \"airlock {}\" \"airlock\"\n", roff(title), version);
  text += fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(command.summary));
  text += synopsis(command) + verbs_section(command) + options_text(command);
  if (!command.examples.empty()) text += ".SH EXAMPLE\n";
  for (const std::string& example : command.examples) text += fmt::format(".nf\n.RS 4\n{}\n.RE\n.fi\n", roff(example));
  if (!command.note.empty()) text += ".SH NOTES\n" + roff(command.note) + "\n";
  text += ".SH EXIT STATUS\n";
  for (const auto& [status, meaning] : exit_statuses()) text += fmt::format(".TP\n{}\n{}\n", status, roff(meaning));
  return text + see_also(command);
}

}  // namespace airlock::cli

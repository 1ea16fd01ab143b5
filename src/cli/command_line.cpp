// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::cli {

namespace {

constexpr std::array<std::pair<int, const char*>, 12> statuses{{
    {0, "done"},
    {1, "a defect of airlock, or the machine ran out of memory"},
    {2, "the command line, a configuration file or a passphrase source"},
    {3, "selection: unknown filter, version or release, a malformed reference, images that cannot be combined"},
    {4, "registry: unreachable, refused, missing image, wrong credentials"},
    {5, "media: a file cannot be read or written"},
    {6, "format: bytes are not what they claim to be"},
    {7, "trust: signatures, keys, roles, thresholds, approvals"},
    {8, "policy: stream, sources, age, expiry, or a serial that goes back"},
    {9, "incomplete: done, but without images that --allow-missing allowed to be missing"},
    {10, "different: diff --exit-code found differences"},
    {130, "stopped by SIGINT, SIGTERM or SIGHUP"},
}};

// Lists, whose items are checked with messages of their own.
constexpr std::array<std::pair<std::string_view, std::string_view>, 1> list_choices{
    {{"GROUP,...", "base,optional,control-plane"}}};

/// CLI11 appends what its checks are called: "FORM:{text,json}", "N:UINT in [1 - 64]".
void read_type(const CLI::Option& option, OptionDescription& description) {
  const std::string type = option.get_type_name();
  const std::size_t colon = type.find(':');
  description.value = option.get_positional() || option.get_items_expected_max() == 0 ? "" : type.substr(0, colon);
  description.is_list = description.value.ends_with(",...");
  if (colon != std::string::npos && type[colon + 1] == '{' && type.back() == '}')
    description.choices = split(std::string_view(type).substr(colon + 2, type.size() - colon - 3), ',');
  if (description.value.find('|') != std::string::npos) {
    description.choices = split(description.value, '|');
    description.value = "WORD";
  }
  for (const auto& [value, choices] : list_choices)
    if (description.value == value) description.choices = split(choices, ',');
}

std::string full_text(const CLI::Option& option) {
  std::string text = option.get_description();
  std::string value = option.get_default_str();
  if (value.starts_with('[') && value.ends_with(']')) value = value.substr(1, value.size() - 2);  // of a list
  if (!value.empty()) text += fmt::format(" (default: {})", value);
  std::vector<std::string> excluded;
  for (const CLI::Option* other : option.get_excludes()) excluded.push_back(other->get_name());
  std::sort(excluded.begin(), excluded.end());
  if (!excluded.empty()) text += fmt::format(" (not with {})", join(excluded, ", "));
  return text;
}

OptionDescription describe_option(const CLI::Option& option) {
  OptionDescription description;
  for (const std::string& name : option.get_snames()) description.spellings.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) description.spellings.push_back("--" + name);
  if (option.get_positional()) description.spellings = {option.get_name(true)};
  read_type(option, description);
  description.text = full_text(option);
  description.required = option.get_required();
  description.repeatable = option.get_items_expected_max() > 1;
  return description;
}

void add_option(CommandDescription& command, const CLI::Option& option) {
  if (option.get_positional()) {
    command.arguments.push_back(describe_option(option));
    return;
  }
  const std::string& heading = option.get_group();
  if (heading.empty()) return;  // hidden
  auto group = std::find_if(command.groups.begin(), command.groups.end(),
                            [&](const OptionGroup& known) { return known.heading == heading; });
  if (group == command.groups.end()) group = command.groups.insert(group, {heading, {}});
  group->options.push_back(describe_option(option));
}

/// A footer has "Example:", indented command lines, and perhaps a note.
void read_footer(const CLI::App& app, CommandDescription& command) {
  for (const std::string& line : split(app.get_footer(), '\n'))
    if (line.starts_with("  "))
      command.examples.emplace_back(trim(line));
    else if (!line.starts_with("Example"))
      command.note = line;
}

CommandDescription describe_below(const CLI::App& app, const std::string& before) {
  CommandDescription command;
  command.name = before + app.get_name();
  command.summary = app.get_description();
  command.heading = app.get_group();
  for (const CLI::Option* option : app.get_options()) add_option(command, *option);
  // What each verb has comes last: what makes it different is what people look for.
  std::stable_partition(command.groups.begin(), command.groups.end(),
                        [](const OptionGroup& group) { return group.heading != "Options"; });
  read_footer(app, command);
  if (app.get_name() == "help" && app.get_parent() != nullptr)
    for (const CLI::App* verb : app.get_parent()->get_subcommands([](const CLI::App*) { return true; }))
      command.arguments.front().choices.push_back(verb->get_name());
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!verb->get_group().empty()) command.commands.push_back(describe_below(*verb, command.name + " "));
  return command;
}

}  // namespace

bool OptionDescription::takes_file() const {
  constexpr std::array<std::string_view, 8> kinds{"FILE", "BUNDLE", "KEY", "PUB", "PATH", "RECEIPT", "OLD", "NEW"};
  return std::find(kinds.begin(), kinds.end(), value.empty() ? spellings.front() : value) != kinds.end();
}

std::vector<std::string> CommandDescription::verbs() const {
  std::vector<std::string> words;
  for (const CommandDescription& verb : commands) words.push_back(verb.word());
  return words;
}

std::string CommandDescription::usage() const {
  std::string text = name;
  if (!groups.empty()) text += " [OPTIONS]";
  if (!commands.empty()) text += " VERB";
  for (const OptionGroup& group : groups)
    for (const OptionDescription& option : group.options)
      if (option.required) text += fmt::format(" {} {}", option.spellings.back(), option.value);
  for (const OptionDescription& argument : arguments) {
    const std::string shown = argument.spellings.front() + (argument.repeatable ? "..." : "");
    text += argument.required ? " " + shown : fmt::format(" [{}]", shown);
  }
  return text;
}

CommandDescription describe(const CLI::App& app) {
  std::string before;
  for (const CLI::App* above = app.get_parent(); above != nullptr; above = above->get_parent())
    before = above->get_name() + " " + before;
  return describe_below(app, before);
}

const CLI::App& program_of(const CLI::App& verb) {
  const CLI::App* app = &verb;
  while (app->get_parent() != nullptr) app = app->get_parent();
  return *app;
}

std::span<const std::pair<int, const char*>> exit_statuses() { return statuses; }

std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::string lines;
  std::size_t column = indent;
  for (const std::string& word : split(text, ' ')) {
    if (column > indent && column + 1 + word.size() > width) {
      lines += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      lines += ' ';
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines;
}

}  // namespace airlock::cli

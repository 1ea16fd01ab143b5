// SPDX-License-Identifier: Apache-2.0
// What the command line consists of, as --help, the manual pages and shell completions show it: read from CLI11's
// objects, so that there is one text of each option.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace airlock::cli {

struct OptionDescription {
  std::vector<std::string> spellings;  ///< "-q", "--quiet"; of an argument its name
  std::string value;                   ///< "FILE"; empty for a flag
  std::string text;                    ///< with its default, and what it excludes
  std::vector<std::string> choices;    ///< of its value, where there are few
  bool required = false;
  bool repeatable = false;
  bool is_list = false;  ///< values are separated by commas

  bool takes_directory() const { return value == "DIRECTORY"; }
  bool takes_file() const;
};

struct OptionGroup {
  std::string heading;
  std::vector<OptionDescription> options;
};

struct CommandDescription {
  std::string name;     ///< with what is before it: "airlock policy check"
  std::string summary;  ///< one line
  std::string heading;  ///< under which the command is listed
  std::vector<OptionDescription> arguments;
  std::vector<OptionGroup> groups;
  std::vector<std::string> examples;  ///< command lines
  std::string note;                   ///< what else there is to know
  std::vector<CommandDescription> commands;

  /// "airlock import [OPTIONS] BUNDLE REGISTRY"
  std::string usage() const;
  /// The last word of its name.
  std::string word() const { return name.substr(name.rfind(' ') + 1); }
  /// word() of each of `commands`.
  std::vector<std::string> verbs() const;
};

/// Of the program, or of a verb: its name has what is before it.
CommandDescription describe(const CLI::App& app);

/// What a verb is part of.
const CLI::App& program_of(const CLI::App& verb);

/// docs/exit-status.md: each status, and what it means.
std::span<const std::pair<int, const char*>> exit_statuses();

/// Lines of at most `width` columns; the first begins at column `indent` and is not indented.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t width);

/// For --help.
std::string help_text(const CommandDescription& command);

/// A page for man(1), in man(7) macros.
std::string man_page(const CommandDescription& command);

/// A script for `bash`, `zsh` or `fish`. REQUIRES: one of them; the command is the whole program.
std::string completion_script(const CommandDescription& program, const std::string& shell);

/// Where a word stands in the place of a verb and is none, with a hint at the one that was probably meant.
void refuse_unknown_verb(const CLI::App& app, const std::vector<std::string>& arguments);

/// Where CLI11 reports what it did not expect: the option or verb that was probably meant, with a hint.
[[noreturn]] void refuse_command_line(const CLI::App& app, const CLI::ParseError& error,
                                      const std::vector<std::string>& arguments);

}  // namespace airlock::cli

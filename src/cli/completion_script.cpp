// SPDX-License-Identifier: Apache-2.0
// What each shell wants is in its own manual: bash(1) "Programmable Completion", zshcompsys(1), fish "complete".
#include <fmt/format.h>

#include "airlock/base/text.hpp"
#include "cli/command_line.hpp"

namespace airlock::cli {

namespace {

/// Calls `visit(command, path)` for the program and all below it; the path is empty for the program, else "policy
/// check".
template <typename Visit>
void for_each_command(const CommandDescription& command, const std::string& path, Visit&& visit) {
  visit(command, path);
  for (const CommandDescription& verb : command.commands)
    for_each_command(verb, path.empty() ? verb.word() : path + " " + verb.word(), visit);
}

template <typename Visit>
void for_each_option(const CommandDescription& command, Visit&& visit) {
  for (const OptionGroup& group : command.groups)
    for (const OptionDescription& option : group.options) visit(option);
}

std::vector<std::string> words_of(const CommandDescription& command) {
  std::vector<std::string> words;
  for (const CommandDescription& verb : command.commands) words.push_back(verb.word());
  return words;
}

// --- bash

/// The arm of `case $verb` for one command: sets options, and for the option before the word what its value may be.
std::string bash_arm(const CommandDescription& command, const std::string& path) {
  std::vector<std::string> spellings;
  std::string values;
  for_each_option(command, [&](const OptionDescription& option) {
    spellings.insert(spellings.end(), option.spellings.begin(), option.spellings.end());
    if (option.value.empty()) return;
    const std::string what = !option.choices.empty()    ? fmt::format("words='{}'", join(option.choices, " "))
                             : option.takes_directory() ? std::string("kind=directory")
                                                        : std::string("kind=file");
    values += fmt::format("        {}) {} ;;\n", join(option.spellings, "|"), what);
  });
  std::string text = fmt::format("    '{}')\n      options='{}' verbs='{}'\n", path, join(spellings, " "),
                                 join(words_of(command), " "));
  if (!values.empty()) text += "      case $previous in\n" + values + "      esac\n";
  return text + "      ;;\n";
}

std::string bash_script(const CommandDescription& program) {
  std::string arms;
  std::vector<std::string> nested;
  for_each_command(program, "", [&](const CommandDescription& command, const std::string& path) {
    arms += bash_arm(command, path);
    if (!command.commands.empty() && !path.empty()) nested.push_back(path);
  });
  return fmt::format(R"(# bash completion for airlock; made by: airlock completion bash
_airlock() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local verb='' options='' verbs='' words='' kind='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case $verb:${{COMP_WORDS[i]}} in
      *:-*) ;;
      :*) verb=${{COMP_WORDS[i]}} ;;
      {}:*) verb="$verb ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case $verb in
{}  esac
  COMPREPLY=()
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{word##*,}}")
    [[ $word == *,* ]] && COMPREPLY=("${{COMPREPLY[@]/#/${{word%,*}},}}")
  elif [[ -n $kind ]]; then
    compopt -o filenames 2>/dev/null
    if [[ $kind == directory ]]; then
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
    else
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  elif [[ -n $verbs ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
  else
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}}
complete -F _airlock airlock
)",
                     nested.empty() ? "-" : join(nested, "|"), arms);
}

// --- zsh

std::string in_quotes(const std::string& text) {
  std::string quoted;
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + quoted + "'";
}

/// Brackets and colons end a part of a specification of _arguments.
std::string zsh_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string zsh_values(const OptionDescription& option) {
  if (!option.choices.empty() && option.is_list) return fmt::format("_values -s , value {}", join(option.choices, " "));
  if (!option.choices.empty()) return fmt::format("({})", join(option.choices, " "));
  if (option.takes_directory()) return "_files -/";
  return option.takes_file() ? "_files" : "";
}

std::string zsh_function(const CommandDescription& command, const std::string& path) {
  std::string name = "_airlock" + (path.empty() ? "" : "_" + path);
  for (char& c : name)
    if (c == ' ' || c == '-') c = '_';
  std::string text = name + "() {\n  _arguments -C \\\n";
  for_each_option(command, [&](const OptionDescription& option) {
    for (const std::string& spelling : option.spellings) {
      std::string spec = (option.repeatable ? "*" : "") + spelling + "[" + zsh_text(option.text) + "]";
      if (!option.value.empty()) spec += fmt::format(":{}:{}", zsh_text(option.value), zsh_values(option));
      text += fmt::format("    {} \\\n", in_quotes(spec));
    }
  });
  if (command.commands.empty()) return text + "    '*:file:_files'\n}\n";
  text += "    '1: :->verb' '*:: :->rest'\n  case $state in\n    verb)\n      local -a verbs=(\n";
  for (const CommandDescription& verb : command.commands)
    text += fmt::format("        {}\n", in_quotes(verb.word() + ":" + zsh_text(verb.summary)));
  text += "      )\n      _describe verb verbs ;;\n    rest)\n      case $words[1] in\n";
  for (const CommandDescription& verb : command.commands) {
    std::string called = name + "_" + verb.word();
    for (char& c : called)
      if (c == '-') c = '_';
    text += fmt::format("        {}) {} ;;\n", verb.word(), called);
  }
  return text + "      esac ;;\n  esac\n}\n";
}

std::string zsh_script(const CommandDescription& program) {
  std::string text = "#compdef airlock\n# zsh completion for airlock; made by: airlock completion zsh\n";
  for_each_command(program, "", [&](const CommandDescription& command, const std::string& path) {
    text += zsh_function(command, path);
  });
  // Read by the completion system's autoloading, or by `source <(airlock completion zsh)`.
  return text + "if [ \"$funcstack[1]\" = _airlock ]; then _airlock \"$@\"; else compdef _airlock airlock; fi\n";
}

// --- fish

std::string fish_quoted(const std::string& text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return "'" + quoted + "'";
}

std::string fish_condition(const CommandDescription& command, const std::string& path) {
  std::string condition;
  for (const std::string& word : split(path, ' '))
    if (!word.empty()) condition += (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
  if (path.empty()) return "__fish_use_subcommand";
  if (command.commands.empty()) return condition;
  return fmt::format("{}; and not __fish_seen_subcommand_from {}", condition, join(words_of(command), " "));
}

std::string fish_script(const CommandDescription& program) {
  std::string text = "# fish completion for airlock; made by: airlock completion fish\n";
  for_each_command(program, "", [&](const CommandDescription& command, const std::string& path) {
    const std::string line = fmt::format("complete -c airlock -n {}", fish_quoted(fish_condition(command, path)));
    for (const CommandDescription& verb : command.commands)
      text += fmt::format("{} -f -a {} -d {}\n", line, verb.word(), fish_quoted(verb.summary));
    for_each_option(command, [&](const OptionDescription& option) {
      text += line;
      for (const std::string& spelling : option.spellings)
        text += spelling.starts_with("--") ? " -l " + spelling.substr(2) : " -s " + spelling.substr(1);
      if (!option.value.empty()) text += " -r";
      if (!option.choices.empty())
        text += " -f -a " + fish_quoted(join(option.choices, " "));
      else if (option.takes_directory())
        text += " -f -a '(__fish_complete_directories)'";
      text += fmt::format(" -d {}\n", fish_quoted(option.text));
    });
  });
  return text;
}

}  // namespace

std::string completion_script(const CommandDescription& program, const std::string& shell) {
  if (shell == "zsh") return zsh_script(program);
  return shell == "fish" ? fish_script(program) : bash_script(program);
}

}  // namespace airlock::cli

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

/// The values of a command's first argument, where there are few: verbs of help, shells of completion.
std::string argument_words(const CommandDescription& command) {
  return command.arguments.empty() ? "" : join(command.arguments.front().choices, " ");
}

/// Spellings of options that take a value, for what has to skip it.
std::vector<std::string> valued_spellings(const CommandDescription& command) {
  std::vector<std::string> spellings;
  for_each_option(command, [&](const OptionDescription& option) {
    if (!option.value.empty()) spellings.insert(spellings.end(), option.spellings.begin(), option.spellings.end());
  });
  return spellings;
}

/// Verbs that have verbs themselves.
std::vector<std::string> verbs_with_verbs(const CommandDescription& program) {
  std::vector<std::string> nested;
  for (const CommandDescription& verb : program.commands)
    if (!verb.commands.empty()) nested.push_back(verb.word());
  return nested;
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
  const std::string verbs = join(command.verbs(), " ") + argument_words(command);
  std::string text = fmt::format("    '{}')\n      options='{}' verbs='{}'\n", path, join(spellings, " "), verbs);
  if (!values.empty()) text += "      case $previous in\n" + values + "      esac\n";
  return text + "      ;;\n";
}

constexpr const char* bash_frame = R"(# bash completion for airlock; made by: airlock completion bash
_airlock() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local verb='' options='' verbs='' words='' kind='' skip='' i
  # --option=value comes as three words.
  if [[ $word == '=' ]]; then
    word=''
  elif [[ $previous == '=' ]]; then
    previous=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ -n $skip ]]; then
      skip=''
      continue
    fi
    case $verb:${{COMP_WORDS[i]}} in
      {}) skip=1 ;;
      *:-*|*:=) ;;
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
)";

std::string bash_script(const CommandDescription& program) {
  std::string arms;
  for_each_command(program, "", [&](const CommandDescription& command, const std::string& path) {
    arms += bash_arm(command, path);
  });
  std::vector<std::string> skipped;
  for (const std::string& spelling : valued_spellings(program)) skipped.push_back(":" + spelling);
  return fmt::format(bash_frame, join(skipped, "|"), join(verbs_with_verbs(program), "|"), arms);
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

/// '*--image=[An additional image]:REF:': repeatable, with its value in the same word or the next.
std::string zsh_option(const OptionDescription& option, const std::string& spelling) {
  std::string spec = (option.repeatable ? "*" : "") + spelling;
  if (!option.value.empty() && spelling.starts_with("--")) spec += "=";
  spec += "[" + zsh_text(option.text) + "]";
  if (!option.value.empty()) spec += fmt::format(":{}:{}", zsh_text(option.value), zsh_values(option));
  return in_quotes(spec);
}

std::string zsh_name(const std::string& path) {
  std::string name = "_airlock" + (path.empty() ? "" : "_" + path);
  for (char& c : name)
    if (c == ' ' || c == '-') c = '_';
  return name;
}

/// The verbs of a command, and where each goes on.
std::string zsh_verbs(const CommandDescription& command, const std::string& path) {
  std::string text = "    '1: :->verb' '*:: :->rest'\n  case $state in\n    verb)\n      local -a verbs=(\n";
  for (const CommandDescription& verb : command.commands)
    text += fmt::format("        {}\n", in_quotes(verb.word() + ":" + zsh_text(verb.summary)));
  text += "      )\n      _describe verb verbs ;;\n    rest)\n      case $words[1] in\n";
  for (const CommandDescription& verb : command.commands)
    text += fmt::format("        {}) {} ;;\n", verb.word(),
                        zsh_name(path.empty() ? verb.word() : path + " " + verb.word()));
  return text + "      esac ;;\n  esac\n";
}

std::string zsh_function(const CommandDescription& command, const std::string& path) {
  std::string text = zsh_name(path) + "() {\n  _arguments -C \\\n";
  for_each_option(command, [&](const OptionDescription& option) {
    for (const std::string& spelling : option.spellings)
      text += fmt::format("    {} \\\n", zsh_option(option, spelling));
  });
  const std::string words = argument_words(command);
  if (!command.commands.empty())
    text += zsh_verbs(command, path);
  else
    text += words.empty() ? "    '*:file:_files'\n" : fmt::format("    '*:word:({})'\n", words);
  return text + "}\n";
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

constexpr const char* fish_frame = R"(# fish completion for airlock; made by: airlock completion fish
function __airlock_at
    set -l verb ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        if contains -- "$verb:$word" {}
            set skip 1
        else if string match -q -- '-*' $word
            continue
        else if test -z "$verb"
            set verb $word
        else if contains -- $verb {}
            set verb "$verb $word"
        end
    end
    test "$verb" = "$argv[1]"
end
)";

std::string fish_value(const OptionDescription& option) {
  if (option.choices.empty()) return option.takes_directory() ? " -r -f -a '(__fish_complete_directories)'" : " -r -F";
  const std::string choices = join(option.choices, " ");
  return " -r -f -a " + fish_quoted(option.is_list ? fmt::format("(__fish_append , {})", choices) : choices);
}

std::string fish_lines(const CommandDescription& command, const std::string& path) {
  const std::string line = fmt::format("complete -c airlock -n {}", fish_quoted("__airlock_at " + fish_quoted(path)));
  std::string text;
  for (const CommandDescription& verb : command.commands)
    text += fmt::format("{} -f -a {} -d {}\n", line, verb.word(), fish_quoted(verb.summary));
  if (const std::string words = argument_words(command); !words.empty())
    text += fmt::format("{} -f -a {}\n", line, fish_quoted(words));
  for_each_option(command, [&](const OptionDescription& option) {
    text += line;
    for (const std::string& spelling : option.spellings)
      text += spelling.starts_with("--") ? " -l " + spelling.substr(2) : " -s " + spelling.substr(1);
    if (!option.value.empty()) text += fish_value(option);
    text += fmt::format(" -d {}\n", fish_quoted(option.text));
  });
  return text;
}

std::string fish_script(const CommandDescription& program) {
  std::vector<std::string> skipped;
  for (const std::string& spelling : valued_spellings(program)) skipped.push_back(":" + spelling);
  std::string text = fmt::format(fish_frame, join(skipped, " "), join(verbs_with_verbs(program), " "));
  for_each_command(program, "", [&](const CommandDescription& command, const std::string& path) {
    text += fish_lines(command, path);
  });
  return text;
}

}  // namespace

std::string completion_script(const CommandDescription& program, const std::string& shell) {
  if (shell == "zsh") return zsh_script(program);
  return shell == "fish" ? fish_script(program) : bash_script(program);
}

}  // namespace airlock::cli

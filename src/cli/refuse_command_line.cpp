// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"
#include "cli/command_line.hpp"

namespace airlock::cli {

namespace {

/// Edits that turn one word into the other (Levenshtein).
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t k = 1; k <= b.size(); ++k) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[k - 1] ? 0 : 1);
      diagonal = row[k];
      row[k] = std::min({replaced, row[k] + 1, row[k - 1] + 1});
    }
  }
  return row[b.size()];
}

/// One that begins with the word, or differs from it by few letters.
std::optional<std::string> closest(const std::string& word, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t least = 1 + word.size() / 6;
  for (const std::string& candidate : known) {
    const std::size_t edits =
        candidate.starts_with(word) && word.size() > 2 ? 1 : distance(to_lower(word), to_lower(candidate));
    if (edits > least || (edits == least && best != nullptr)) continue;
    least = edits;
    best = &candidate;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

std::vector<std::string> spellings_of(const CommandDescription& command) {
  std::vector<std::string> all;
  for (const OptionGroup& group : command.groups)
    for (const OptionDescription& option : group.options)
      all.insert(all.end(), option.spellings.begin(), option.spellings.end());
  return all;
}

/// Where the reading stood: the innermost verb that was named, and the first word after it.
struct Position {
  CommandDescription command;
  std::optional<std::string> word;
};

/// Whether the word after this one is its value: "--output json list".
bool takes_next_word(const CommandDescription& command, const std::string& argument) {
  for (const OptionGroup& group : command.groups)
    for (const OptionDescription& option : group.options)
      if (std::ranges::find(option.spellings, argument) != option.spellings.end()) return !option.value.empty();
  return false;
}

Position find_position(const CLI::App& app, const std::vector<std::string>& arguments) {
  Position position{describe(app), std::nullopt};
  bool is_value = false;
  for (const std::string& argument : arguments) {
    if (position.command.commands.empty()) break;
    if (std::exchange(is_value, takes_next_word(position.command, argument)) || argument.starts_with('-')) continue;
    const auto verb = std::ranges::find_if(position.command.commands,
                                           [&](const CommandDescription& known) { return known.word() == argument; });
    if (verb == position.command.commands.end()) {
      position.word = argument;
      break;
    }
    CommandDescription inner = *verb;
    position.command = std::move(inner);
  }
  return position;
}

std::string see(const CommandDescription& command) { return fmt::format("see {} --help", command.name); }

void refuse_option(const CommandDescription& command, std::span<const std::string> arguments);

[[noreturn]] void refuse_verb(const Position& position) {
  const CommandDescription& command = position.command;
  if (!position.word)
    throw Error(ErrorCode::usage, fmt::format("{} needs a verb: {}", command.name, join(command.verbs(), ", ")))
        .hint(see(command));
  Error error(ErrorCode::usage, fmt::format("{} has no verb \"{}\"", command.name, *position.word));
  if (const auto meant = closest(*position.word, command.verbs()))
    error.hint(fmt::format("did you mean {} {}?", command.name, *meant));
  throw error.hint(fmt::format("its verbs are {}; {}", join(command.verbs(), ", "), see(command)));
}

/// An option that the verb does not have. CLI11 lists what it did not take in no order.
void refuse_option(const CommandDescription& command, std::span<const std::string> arguments) {
  const auto known = spellings_of(command);
  for (const std::string& argument : arguments) {
    if (argument == "--") return;
    const std::string name = argument.substr(0, argument.find('='));
    if (!name.starts_with('-') || name == "-" || parse_number(name.substr(1))) continue;
    if (std::ranges::find(known, name) != known.end()) continue;
    if (!name.starts_with("--") && std::ranges::find(known, name.substr(0, 2)) != known.end()) continue;  // -ofile
    Error error(ErrorCode::usage, fmt::format("{} has no option {}", command.name, name));
    if (const auto meant = name.starts_with("--") ? closest(name, known) : std::nullopt)
      error.hint(fmt::format("did you mean {}?", *meant));
    throw error.hint(see(command));
  }
}

}  // namespace

void refuse_unknown_verb(const CLI::App& app, const std::vector<std::string>& arguments) {
  const Position position = find_position(app, arguments);
  if (!position.word) return;
  // "--outptu json list": the option is what is wrong.
  refuse_option(position.command, {arguments.begin(), std::ranges::find(arguments, *position.word)});
  refuse_verb(position);
}

void refuse_command_line(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments) {
  const Position position = find_position(app, arguments);
  const CommandDescription& command = position.command;
  if (!command.commands.empty()) refuse_verb(position);
  refuse_option(command, arguments);
  throw Error(ErrorCode::usage, error.what()).hint(fmt::format("usage: {}; {}", command.usage(), see(command)));
}

}  // namespace airlock::cli

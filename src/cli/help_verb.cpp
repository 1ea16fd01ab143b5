// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/output.hpp"
#include "cli/command_line.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct HelpOptions {
  std::vector<std::string> verbs;
  std::string man_pages;
};

void write_pages(const CommandDescription& command, const std::filesystem::path& directory) {
  std::string name = command.name;
  for (char& c : name)
    if (c == ' ') c = '-';
  replace_file(directory / (name + ".1"), man_page(command));
  for (const CommandDescription& verb : command.commands) write_pages(verb, directory);
}

void run(const CLI::App& program, const HelpOptions& options) {
  if (!options.man_pages.empty()) {
    std::filesystem::create_directories(options.man_pages);
    return write_pages(describe(program), options.man_pages);
  }
  const CLI::App* app = &program;
  for (const std::string& word : options.verbs) {
    const auto verbs = app->get_subcommands([&](const CLI::App* verb) { return verb->get_name() == word; });
    if (verbs.empty()) refuse_command_line(program, CLI::ExtrasError({word}), options.verbs);
    app = verbs.front();
  }
  print(help_text(describe(*app)));
}

}  // namespace

void add_help(CLI::App& verb, GlobalOptions& /*global*/) {
  const auto options = std::make_shared<HelpOptions>();
  verb.add_option("VERB", options->verbs, "The verb to explain; without one, an overview");
  verb.add_option("--man-pages", options->man_pages, "Write the manual pages of all verbs into this directory")
      ->type_name("DIRECTORY");
  verb.footer("Example:\n  airlock help import");
  verb.callback([=, &verb] { run(program_of(verb), *options); });
}

}  // namespace airlock::cli

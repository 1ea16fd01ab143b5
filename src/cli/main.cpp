// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/output.hpp"
#include "airlock/version.hpp"
#include "cli/command_line.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {
namespace {

int report(const Error& error, bool json) {
  const int status = static_cast<int>(error.code());
  if (!json) {
    show(fmt::format("airlock: error: {}\n{}", error.what(),
                     error.hint().empty() ? "" : fmt::format("  next: {}\n", error.hint())));
    return status;
  }
  const Json text{
      {"code", to_string(error.code())}, {"exitStatus", status}, {"message", error.what()}, {"hint", error.hint()}};
  Json event = text;
  event["event"] = "error";
  show_json(event);
  try {
    print_json({{"error", text}});
  } catch (const Error&) {
    // Standard output may be what failed; the error is on standard error already.
  }
  return status;
}

/// Prints CLI11's text for --help or --version.
int help_or_version(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream text;
  app.exit(error, text, text);
  print(text.str());
  return 0;
}

/// As far as it can be known before the options are read.
bool wants_json(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i] == "--output=json" ||
        (arguments[i] == "--output" && i + 1 < arguments.size() && arguments[i + 1] == "json"))
      return true;
  return false;
}

/// Runs the verb, or prints what asks for help or the version; gives the exit status.
int parse(CLI::App& app, GlobalOptions& global, int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + std::max(argc, 1));
  if (wants_json(arguments)) global.output = "json";
  refuse_unknown_verb(app, arguments);  // CLI11 would print the program's help for "exprot --help"
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return help_or_version(app, error);
    refuse_command_line(app, error, arguments);
  }
  return global.status;
}

/// Passphrases and tokens must not end up in a core dump.
void forbid_core_dumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

/// Threads that mostly wait for registries need no heap each: glibc gives one to every thread, and what they leave
/// free adds up.
void share_heaps() {
#ifdef __GLIBC__
  ::mallopt(M_ARENA_MAX, 2);
#endif
}

int run(int argc, char** argv) {
  CLI::App app("airlock carries Kubernetes images across an air gap", "airlock");
  app.set_version_flag("-V,--version", std::string("airlock ") + version);
  app.require_subcommand(1);
  app.formatter_fn(
      [](const CLI::App* shown, const std::string&, CLI::AppFormatMode) { return help_text(describe(*shown)); });
  GlobalOptions global;
  global.add_to(app);
  for (const Verb& row : verbs()) {
    CLI::App* verb = app.add_subcommand(row.name, row.help);
    verb->group(row.group);
    row.add(*verb, global);
  }
  try {
    return parse(app, global, argc, argv);
  } catch (const Error& error) {
    return report(error, global.json());
  } catch (const std::filesystem::filesystem_error& error) {
    return report(Error(ErrorCode::media, error.what()).hint("check the path and its permissions"), global.json());
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorCode::internal, "out of memory"), global.json());
  } catch (const std::exception& error) {
    return report(Error(ErrorCode::internal, error.what())
                      .hint("this is a bug in airlock; please report it with the command that you ran"),
                  global.json());
  }
}

}  // namespace
}  // namespace airlock::cli

// Only running out of memory while a failure is reported could throw here.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  airlock::open_standard_descriptors();
  airlock::cli::forbid_core_dumps();
  airlock::cli::share_heaps();
  airlock::catch_interrupts();
  return airlock::cli::run(argc, argv);
}

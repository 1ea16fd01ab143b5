// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/output.hpp"
#include "airlock/version.hpp"
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

/// CLI11 only reports a missing verb, even if one was mistyped.
void refuse_unknown_verb(const CLI::App& app, const std::string& word) {
  const auto verbs = app.get_subcommands([](const CLI::App*) { return true; });
  const CLI::App* closest = nullptr;
  for (const CLI::App* verb : verbs) {
    if (verb->get_name() == word) return;
    if (closest == nullptr || distance(word, verb->get_name()) < distance(word, closest->get_name())) closest = verb;
  }
  Error error(ErrorCode::usage, fmt::format("there is no verb \"{}\"", word));
  if (distance(word, closest->get_name()) <= 2)
    error.hint(fmt::format("did you mean airlock {}?", closest->get_name()));
  throw error.hint("see airlock --help");
}

/// Prints CLI11's text for --help or --version.
int help_or_version(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream text;
  app.exit(error, text, text);
  print(text.str());
  return 0;
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
  app.set_version_flag("--version", std::string("airlock ") + version);
  app.require_subcommand(1);
  app.footer("Each verb has an example: airlock export --help\nExit status: docs/exit-status.md");
  GlobalOptions global;
  for (const Verb& row : verbs()) {
    CLI::App* verb = app.add_subcommand(row.name, row.help);
    verb->group(row.group);
    row.add(*verb, global);
  }
  try {
    if (argc > 1 && argv[1][0] != '-') refuse_unknown_verb(app, argv[1]);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return help_or_version(app, error);
    return report(Error(ErrorCode::usage, error.what()).hint("see airlock --help, or airlock VERB --help"),
                  global.json());
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

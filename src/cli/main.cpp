// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "airlock/base/error.hpp"
#include "airlock/base/interrupt.hpp"
#include "airlock/base/json.hpp"
#include "airlock/version.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {
namespace {

int report(const Error& error, bool json) {
  if (json) {
    const Json text{{"error",
                     {{"code", to_string(error.code())},
                      {"exitStatus", static_cast<int>(error.code())},
                      {"message", error.what()},
                      {"hint", error.hint()}}}};
    std::printf("%s\n", text.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  }
  std::fprintf(stderr, "airlock: error: %s\n", error.what());
  if (!error.hint().empty()) std::fprintf(stderr, "  next: %s\n", error.hint().c_str());
  return static_cast<int>(error.code());
}

int run(int argc, char** argv) {
  CLI::App app("airlock carries Kubernetes images across an air gap", "airlock");
  app.set_version_flag("--version", std::string("airlock ") + version);
  app.require_subcommand(1);
  app.footer("Each verb has an example: airlock export --help\nExit status: docs/exit-status.md");
  Conduct conduct;
  add_list(app, conduct);
  add_export(app, conduct);
  add_sign(app, conduct);
  add_verify(app, conduct);
  add_inspect(app, conduct);
  add_import(app, conduct);
  add_config(app, conduct);
  add_keygen(app, conduct);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return report(Error(ErrorCode::usage, error.what()).hint("see airlock --help, or airlock VERB --help"),
                  conduct.json());
  } catch (const Error& error) {
    return report(error, conduct.json());
  } catch (const std::bad_alloc&) {
    return report(Error(ErrorCode::internal, "out of memory"), conduct.json());
  } catch (const std::exception& error) {
    return report(Error(ErrorCode::internal, error.what())
                      .hint("this is a defect of airlock; please report it with the command that you ran"),
                  conduct.json());
  }
}

}  // namespace
}  // namespace airlock::cli

// Only running out of memory while a failure is reported could throw here.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  airlock::catch_interrupts();
  return airlock::cli::run(argc, argv);
}

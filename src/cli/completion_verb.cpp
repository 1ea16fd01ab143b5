// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "airlock/base/output.hpp"
#include "cli/command_line.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

void add_completion(CLI::App& verb, GlobalOptions& /*global*/) {
  const auto shell = std::make_shared<std::string>();
  verb.add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb.footer("Example:\n  source <(airlock completion bash)");
  verb.callback([=, &verb] { print(completion_script(describe(program_of(verb)), *shell)); });
}

}  // namespace airlock::cli

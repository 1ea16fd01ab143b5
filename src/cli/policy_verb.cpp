// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

void check_policy(const std::string& file, const GlobalOptions& global) {
  const auto policy = trust::Policy::load(file);
  const auto& content = policy.content();
  const auto warnings = policy.warnings();
  if (global.json()) {
    Json keys = Json::array();
    for (const auto& trusted : content.keys)
      keys.push_back({{"name", trusted.name},
                      {"fingerprint", trusted.key.fingerprint()},
                      {"algorithm", trust::to_string(trusted.key.algorithm())},
                      {"revoked", content.revoked.contains(trusted.key.spki())}});
    print_json({{"policy", file},
                {"digest", content.digest->str()},
                {"keys", std::move(keys)},
                {"explanation", policy.explain()},
                {"warnings", warnings}});
    return;
  }
  std::string text = fmt::format("{}: valid, {}\n", file, content.digest->str());
  for (const auto& trusted : content.keys)
    text += fmt::format("  key {}: {} ({}, {}){}\n", trusted.name, trusted.key.fingerprint(),
                        trust::to_string(trusted.key.algorithm()), content.files.at(trusted.name).string(),
                        content.revoked.contains(trusted.key.spki()) ? " REVOKED" : "");
  for (const std::string& line : policy.explain()) text += line + "\n";
  for (const std::string& odd : warnings) text += fmt::format("note: {}\n", odd);
  print(text);
}

}  // namespace

void add_policy(CLI::App& verb, GlobalOptions& global) {
  verb.require_subcommand(1);
  auto* check = verb.add_subcommand("check", "Explain a policy in words, and find mistakes in it");
  const auto file = std::make_shared<std::string>();
  check->add_option("FILE", *file, "The policy (docs/policy.md)")->required();
  global.add_to(*check);
  check->footer("Example:\n  airlock policy check policy.yaml");
  check->callback([=, &global] { check_policy(*file, global); });
}

}  // namespace airlock::cli

// SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include "airlock/base/text.hpp"

namespace test_registry {

void Rules::replace(const Json& rules) {
  const std::lock_guard lock(mutex_);
  rules_.clear();
  for (const Json& rule : rules) rules_.push_back({rule, 0});
}

Json Rules::take(const std::string& method, const std::string& path) {
  const std::lock_guard lock(mutex_);
  for (Rule& rule : rules_) {
    if (!airlock::glob_match(rule.content.at("match").get<std::string>(), method + " " + path)) continue;
    const int percent = rule.content.value("percent", 100);
    if (std::uniform_int_distribution<int>(1, 100)(random_) > percent) continue;
    const unsigned number = rule.seen++;
    const unsigned skip = rule.content.value("skip", 0U);
    const unsigned times = rule.content.value("times", 1U);
    if (number % rule.content.value("every", 1U) != 0) continue;
    if (number >= skip && (times == 0 || number < skip + times)) return rule.content;
  }
  return Json::object();
}

}  // namespace test_registry

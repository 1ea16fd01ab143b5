// SPDX-License-Identifier: Apache-2.0
// What is fuzzed: every reader of bytes that somebody else may have written. A target may throw airlock::Error and
// nothing else; where there is a writer, what was read is written and must be the same.
#pragma once

#include <span>
#include <string_view>

namespace airlock::fuzz {

void archive(std::string_view raw);
void challenge(std::string_view input);
void chart(std::string_view input);
void chart_index(std::string_view input);
void cluster(std::string_view input);
void credentials(std::string_view input);
void declared_set(std::string_view input);
void elf(std::string_view input);
void error_body(std::string_view input);
void findings(std::string_view input);
void package_url(std::string_view input);
void sbom_scan(std::string_view input);
void go_buildinfo(std::string_view input);
void image_config(std::string_view input);
void image_details(std::string_view input);
void image_list(std::string_view input);
void java_archive(std::string_view input);
void journal(std::string_view input);
void json(std::string_view input);
void link_header(std::string_view input);
void lock(std::string_view input);
void manifest(std::string_view input);
void metadata(std::string_view input);
void name_mapping(std::string_view input);
void package_text(std::string_view input);
void patch(std::string_view input);
void policy(std::string_view input);
void public_key(std::string_view input);
void receipt(std::string_view input);
void reference(std::string_view input);
void rpm_header(std::string_view input);
void rpm_ndb(std::string_view input);
void rpm_sqlite(std::string_view input);
void signature(std::string_view input);
void sums(std::string_view input);
void template_action(std::string_view input);
void text(std::string_view input);
void url(std::string_view input);
void yaml(std::string_view input);

struct Target {
  std::string_view name;  ///< and of the folder with its corpus
  void (*run)(std::string_view input);
};

std::span<const Target> targets();

/// Runs one input. An airlock::Error is what bad input is for; anything else leaves.
void run(const Target& target, std::string_view input);

/// Ends the program, so that a fuzzer keeps the input.
void require(bool condition, const char* what);

}  // namespace airlock::fuzz

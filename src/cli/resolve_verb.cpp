// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "cli/image_text.hpp"
#include "cli/source_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ResolveVerbOptions {
  SourceOptions source;
  std::string output;
};

void run(const ResolveVerbOptions& options, GlobalOptions& global) {
  Reporter reporter(global.reporter());
  check_new(options.output);
  const auto request = options.source.request(reporter);
  const auto lock = flow::resolve_lock(request, reporter);
  write_new_file(options.output, lock.format());
  std::uint64_t bytes = 0;
  for (const auto& [digest, size] : lock.blobs) bytes += size;
  if (global.json())
    print_json({{"lock", options.output},
                {"images", lock.images.size()},
                {"missing", missing_json(lock.missing)},
                {"blobs", lock.blobs.size()},
                {"blobBytes", bytes}});
  else
    print(fmt::format("{}: {}, {}, {}\n", options.output, count_of(lock.images.size(), "image"),
                      count_of(lock.blobs.size(), "blob"), human_size(bytes)));
  reporter.note(
      fmt::format("Next: review it, then\n  airlock export --lock {} --key KEY -o BUNDLE", shell_word(options.output)));
  if (!lock.missing.empty()) global.status = static_cast<int>(ErrorCode::incomplete);
}

}  // namespace

void add_resolve(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ResolveVerbOptions>();
  options->source.add_to(verb);
  verb.add_option("-o", options->output, "The lock file to write; must not exist")->required()->type_name("FILE");
  global.add_to(verb);
  verb.footer("Example:\n  airlock resolve --filter base --kubernetes-versions v1.29.4 -o kubernetes.lock");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/extract.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct ExtractOptions {
  std::string bundle;
  std::vector<std::string> names;
  bool all = false;
  std::string directory;
  TrustOptions trust;
};

void run(const ExtractOptions& options, const GlobalOptions& global) {
  if (options.names.empty() != options.all)
    throw Error(ErrorCode::usage, options.all ? "--all and names contradict each other" : "no file is named")
        .hint("name files as airlock inspect lists them, or --all");
  Reporter reporter(global.reporter());
  flow::ExtractRequest request;
  request.verify.bundle = options.bundle;
  options.trust.apply(request.verify);
  request.verify.jobs = processors();
  request.names = options.names;
  request.directory = options.directory;
  const auto files = flow::extract(request, options.trust.policy(), reporter);
  Json json = Json::array();
  std::string text;
  for (const auto& [path, digest, size] : files) {
    json.push_back({{"path", path.string()}, {"digest", digest.str()}, {"size", size}});
    text += fmt::format("{}  {}\n", digest.hex(), path.string());
  }
  if (global.json()) return print_json({{"files", std::move(json)}});
  print(text);
  reporter.note(fmt::format("{} written, as signed; the lines are those of sha256sum", count_of(files.size(), "file")));
}

}  // namespace

void add_extract(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ExtractOptions>();
  verb.add_option("BUNDLE", options->bundle, "The bundle")->required();
  verb.add_option(
      "NAME", options->names,
      "Files, as they were packed; charts as NAME-VERSION.tgz; NAME@sha256:DIGEST where several have one name");
  verb.add_flag("--all", options->all, "All files and charts");
  verb.add_option("-o", options->directory, "Directory to write to; made if it is not there")
      ->required()
      ->type_name("DIRECTORY");
  options->trust.add_to(verb);
  global.add_to(verb);
  verb.footer("Example:\n  airlock extract /media/usb/kubernetes.tar kubectl --key alice.pub -o /usr/local/bin");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli

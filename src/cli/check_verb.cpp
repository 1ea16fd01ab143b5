// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/check.hpp"
#include "cli/image_text.hpp"
#include "cli/naming_options.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct CheckOptions {
  TargetOptions target;
  std::string bundle;
  TrustOptions trust;
  NamingOptions naming;
  bool files = false;
  unsigned jobs = 0;
  bool convert_docker_types = false;
};

void run(const CheckOptions& options, const GlobalOptions& global) {
  Reporter reporter(global.reporter());
  flow::CheckRequest request{.verify = {}, .target = options.target.location(), .client = options.target.client()};
  request.verify.bundle = options.bundle;
  options.trust.apply(request.verify);
  request.verify.jobs = processors();
  request.jobs = options.jobs;
  request.naming = {options.naming.mapping(), options.files};
  request.types = options.convert_docker_types ? flow::DockerTypes::convert : flow::DockerTypes::keep;
  const auto summary = flow::check_registry(request, options.trust.policy(), reporter);
  if (global.json())
    print_json({{"registry", request.target.str()},
                {"names", summary.names},
                {"manifests", summary.manifests},
                {"blobs", summary.blobs},
                {"missing", missing_json(summary.missing)},
                {"problems", summary.problems}});
  if (!summary.problems.empty()) {
    if (!global.json()) print(join(summary.problems, "\n") + "\n");
    throw Error(ErrorCode::registry, Side::target,
                fmt::format("{} is incomplete: {}", request.target.str(), count_of(summary.problems.size(), "problem")))
        .hint(summary.lost_parts
                  ? "the registry serves names whose parts it lost, which an import would believe: delete these names "
                    "there, and run airlock import again"
                  : "run airlock import again; it sends what is missing");
  }
  if (!global.json())
    print(fmt::format("{}: complete: {}, {}, {}{}\n", request.target.str(), count_of(summary.names, "name"),
                      count_of(summary.manifests, "platform manifest"), count_of(summary.blobs, "blob"),
                      summary.missing.empty() ? ""
                                              : fmt::format("; the bundle lacks {} of its selection",
                                                            count_of(summary.missing.size(), "image"))));
}

}  // namespace

void add_check(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<CheckOptions>();
  options->target.add_to(verb);
  verb.add_option("--bundle", options->bundle, "The bundle that was imported")->required()->type_name("BUNDLE");
  options->trust.add_to(verb);
  options->naming.add_to(verb, "The rules that it was imported with (default: as the bundle was made for)");
  verb.add_flag("--files", options->files, "Its files were pushed too")->group("Names inside");
  add_request_jobs(verb, options->jobs);
  verb.add_flag("--convert-docker-types", options->convert_docker_types, "It was imported with this option");
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock check registry.local:5000/kubernetes --bundle /media/usb/kubernetes.tar --key alice.pub "
      "--cacert "
      "ca.pem");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli

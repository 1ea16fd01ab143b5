// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <nlohmann/json.hpp>

#include "airlock/base/error.hpp"
#include "airlock/base/json.hpp"
#include "airlock/base/text.hpp"
#include "airlock/flow/check.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

struct CheckOptions {
  std::string target;
  std::string bundle;
  TrustOptions trust;
  LoginOptions login;
  TlsOptions tls;
  bool insecure = false;
  unsigned jobs = 8;
};

void run(const CheckOptions& options, const Conduct& conduct) {
  Reporter reporter(conduct.reporter());
  flow::CheckRequest request;
  request.verify.bundle = options.bundle;
  options.trust.apply(request.verify);
  request.verify.jobs = options.jobs;
  request.target = registry::Location::parse(options.target);
  request.jobs = options.jobs;
  request.client = target_client(request.target, options.insecure, options.tls, options.login);
  const auto summary = flow::check_registry(request, options.trust.policy(), reporter);
  if (conduct.json())
    print(pretty_json({{"registry", request.target.str()},
                       {"names", summary.names},
                       {"manifests", summary.manifests},
                       {"blobs", summary.blobs},
                       {"problems", summary.problems}}) +
          "\n");
  if (!summary.problems.empty()) {
    if (!conduct.json()) print(join(summary.problems, "\n") + "\n");
    throw Error(ErrorCode::registry, Side::target,
                request.target.str() + " lacks something: " + count_of(summary.problems.size(), "problem"))
        .hint("run airlock import again; it sends what is missing");
  }
  if (!conduct.json())
    print(request.target.str() + ": all that clusters will ask for is there: " + count_of(summary.names, "name") +
          ", " + count_of(summary.manifests, "manifest") + " of platforms, " + count_of(summary.blobs, "blob") + "\n");
}

}  // namespace

void add_check(CLI::App& app, Conduct& conduct) {
  auto* verb = app.add_subcommand("check", "Ask a registry for all that the clusters of a bundle will ask for");
  const auto options = std::make_shared<CheckOptions>();
  verb->add_option("REGISTRY", options->target, "The local registry: HOST[:PORT][/PREFIX]")->required();
  verb->add_option("--bundle", options->bundle, "The bundle that was imported")->required()->type_name("BUNDLE");
  options->trust.add_to(*verb);
  verb->add_flag("--insecure", options->insecure, "Allow unverified TLS or, where it speaks no TLS, plain HTTP")
      ->group("Registry");
  options->login.add_to(*verb);
  options->tls.add_to(*verb);
  add_jobs(*verb, options->jobs);
  conduct.add_to(*verb);
  verb->footer(
      "Example:\n  airlock check registry.local:5000/kubernetes --bundle /media/usb/kubernetes.tar --key alice.pub "
      "--cacert "
      "ca.pem");
  verb->callback([=, &conduct] { run(*options, conduct); });
}

}  // namespace airlock::cli

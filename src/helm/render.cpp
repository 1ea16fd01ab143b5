// SPDX-License-Identifier: Apache-2.0
#include "airlock/helm/render.hpp"

#include <fmt/format.h>

#include "airlock/base/error.hpp"
#include "airlock/base/process.hpp"

namespace airlock::helm {

std::optional<std::string> render(const RenderRequest& request) {
  constexpr std::size_t max_output = 64U << 20;
  std::vector<std::string> command{"helm", "template", "--include-crds", "--skip-tests"};
  if (!request.ns.empty()) command.insert(command.end(), {"--namespace", request.ns});
  for (const auto& file : request.values) command.insert(command.end(), {"--values", file.string()});
  if (!request.kubernetes_version.empty())
    command.insert(command.end(), {"--kube-version", request.kubernetes_version});
  // A release has the name that a chart gives itself, and helm has options that run programs.
  command.insert(command.end(), {"--", request.release, request.chart.string()});
  const auto result = run_process(command, "", max_output);
  if (!result) return std::nullopt;
  if (result->status != 0)
    throw Error(ErrorCode::selection, fmt::format("helm template failed with status {}", result->status))
        .hint("its message is above; values that the chart needs are given with --values, or in the manifest");
  return result->output;
}

}  // namespace airlock::helm

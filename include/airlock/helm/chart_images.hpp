// SPDX-License-Identifier: Apache-2.0
// The images of a chart, where Helm is not there to render it.
#pragma once

#include <string>

#include "airlock/helm/chart.hpp"
#include "airlock/kubeone/image_references.hpp"

namespace airlock::helm {

/// What null does when values are merged.
enum class Nulls {
  remove,  ///< of a chart's own values
  stay     ///< among the user's, which come over the chart's later
};

/// Values over others, as Helm merges them: mappings by key, all else replaced (helm.sh/docs, "Values Files").
Json merge_values(Json base, const Json& over, Nulls nulls = Nulls::remove);

/// What the publisher lists in `artifacthub.io/images` (artifacthub.io/docs/topics/annotations/helm).
kubeone::FoundImages annotated_images(const Chart& chart, const std::string& where);

/// Images in the chart's values, with those of the user over them, and in its templates, as far as values alone tell
/// them; the same of dependencies that are not switched off. More than an installation uses, and what only rendering
/// tells is unresolved. `where` names the chart.
kubeone::FoundImages scan_chart(const Chart& chart, const Json& values, const std::string& where);

/// What an action of a template stands for, as far as it takes values and the chart's own data through functions such
/// as default, quote and printf; nothing for others.
std::optional<std::string> evaluate_action(std::string_view action, const Json& values, const Chart& chart);

}  // namespace airlock::helm

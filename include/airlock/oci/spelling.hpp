// SPDX-License-Identifier: Apache-2.0
// One reading for all programs. Go's encoding/json, and so containerd, docker-registry, skopeo and KubeOne, matches
// keys without regard to case, folds U+017F to s and U+212A to k, and takes the last of two: `"Layers"` behind
// `"layers"` is another image to them. A document whose keys could be read in two ways is therefore refused.
#pragma once

#include "airlock/base/json.hpp"

namespace airlock::oci {

/// For manifests and indexes: in each object that the specification gives fields to (descriptors, platforms), keys are
/// ASCII, no two are the same without regard to case, and a known key is spelled as the specification spells it.
/// Annotations are maps, whose keys are their users'. An Error (code `format`) names the key.
void check_document_spelling(const JsonObject& document);

/// The same for an image's config (image-spec v1.1, config.md, and Docker's image specification); labels, volumes and
/// ports are maps.
void check_config_spelling(const JsonObject& config);

}  // namespace airlock::oci

// SPDX-License-Identifier: Apache-2.0
// What an image's config says of how it runs and where it comes from (OCI image-spec v1.1, config.md). All of it is
// written by who made the image.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/oci/digest.hpp"

namespace airlock::review {

struct EnvironmentVariable {
  std::string name;
  bool has_value = false;
  /// Its name or value looks like a secret: a password, token or key that everybody who has the image has.
  bool secret_like = false;
  /// By which two are compared. The value itself is shown nowhere.
  oci::Digest value_digest = oci::sha256("");
};

struct HistoryEntry {
  std::string created_by;  ///< values of variables and of build arguments left out: they may be secrets
  bool empty_layer = false;
};

struct ImageDetails {
  std::string created;  ///< as written, RFC 3339; empty where it is not said
  std::string architecture;
  std::string os;
  std::string user;  ///< empty, 0 in any form and root run as root
  std::string working_directory;
  std::string stop_signal;
  std::string health_check;  ///< as JSON; empty where there is none
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> ports;
  std::vector<std::string> volumes;
  std::vector<EnvironmentVariable> environment;
  std::map<std::string, std::string> labels;
  std::vector<HistoryEntry> history;

  bool runs_as_root() const;
  /// A label or, where the config has none, nothing: org.opencontainers.image.NAME, then label-schema's.
  std::string label(const std::string& name) const;

  /// Reads what is there; other forms than the specification's count as absent. An Error (code `format`) for what is no
  /// JSON.
  static ImageDetails parse(std::string_view config);
};

}  // namespace airlock::review

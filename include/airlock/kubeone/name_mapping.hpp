// SPDX-License-Identifier: Apache-2.0
// Rules for names inside, where the usual ones do not fit a registry: `--map`.
//
//   keep-host         the source's host becomes the first part: docker.io/library/nginx
//   flatten:N         at most N parts below the registry and its prefix, the others joined with dashes
//   FROM=TO           what begins with FROM, a host and maybe a path, gets TO instead; the longest FROM counts;
//                     an empty TO leaves it off
//
// In a file (`--map-file`) they stand on a line each; # starts a comment.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "airlock/oci/reference.hpp"

namespace airlock::kubeone {

class NameMapping {
 public:
  NameMapping() = default;
  struct Rule {
    std::string text;
    std::string where;  ///< "--map", "FILE:LINE"
  };
  /// An Error (code `usage`) names all that are no rules, and those that contradict others.
  static NameMapping parse(const std::vector<Rule>& rules);
  static NameMapping parse(const std::vector<std::string>& rules, const std::string& where = "--map");
  /// The rules of a file's text.
  static std::vector<Rule> rules_in(std::string_view text, const std::string& file);

  /// Whether names are the usual ones: the host is left off, and nothing else changes.
  bool is_usual() const { return !keep_host_ && levels_ == 0 && renamed_.empty(); }
  /// The repository of `registry/repository`, below the local registry and its prefix. An Error (code `selection`)
  /// where the rules leave none.
  oci::Repository map(const oci::Registry& registry, const oci::Repository& repository) const;
  /// What all names of a source have before their own path, as a mirror of it needs: empty for nothing. Nothing where
  /// its names follow no such rule.
  std::optional<std::string> prefix_of(const oci::Registry& source) const;
  /// Where names of a source and of its repositories begin, as CRI-O and Podman can be told for each: by what they
  /// begin with upstream ("quay.io", "quay.io/cilium"). Nothing where they follow no such rule.
  std::optional<std::map<std::string, std::string>> prefixes_of(const oci::Registry& source) const;
  /// The rules, in one order: equal mappings have equal rules.
  std::vector<std::string> rules() const;

 private:
  void add(const Rule& rule);

  bool keep_host_ = false;
  std::size_t levels_ = 0;  // 0: as many as there are
  std::map<std::string, std::string> renamed_;
};

}  // namespace airlock::kubeone

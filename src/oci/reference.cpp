// SPDX-License-Identifier: Apache-2.0
#include "airlock/oci/reference.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock::oci {

namespace {

/// A reference, or why a text is none.
struct Reading {
  std::optional<Reference> reference;
  std::string why = {};
};

Reading refuse(std::string why) { return {std::nullopt, std::move(why)}; }

Reading read(std::string_view text) {
  std::string_view rest = text;
  std::optional<Digest> digest;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    try {
      digest = Digest::parse(rest.substr(at + 1));
    } catch (const Error& error) {
      return refuse(error.what());
    }
    rest = rest.substr(0, at);
  }
  std::string_view host = "docker.io";
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos && names_registry(rest.substr(0, slash))) {
    host = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
  }
  if (host == "index.docker.io") host = "docker.io";
  std::optional<Tag> tag;
  if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
    tag = Tag::find(rest.substr(colon + 1));
    if (!tag) return refuse(fmt::format("\"{}\" is not a tag", printable(rest.substr(colon + 1))));
    rest = rest.substr(0, colon);
  }
  if (!tag && !digest) tag = Tag::parse("latest");
  const auto registry = Registry::find(host);
  if (!registry) return refuse(fmt::format("\"{}\" is not a registry host", printable(host)));
  const bool official = host == "docker.io" && rest.find('/') == std::string_view::npos;
  const auto repository = Repository::find((official ? "library/" : "") + std::string(rest));
  if (!repository)
    return refuse(fmt::format("\"{}\" is not a repository (lower-case letters, digits, . _ - and /)", printable(rest)));
  return {Reference{*registry, *repository, tag, digest}};
}

}  // namespace

bool names_registry(std::string_view first) {
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost" || to_lower(first) != first;
}

Reference Reference::parse(std::string_view text) {
  Reading reading = read(text);
  if (reading.reference) return std::move(*reading.reference);
  throw Error(ErrorCode::selection, fmt::format("\"{}\" is not an image reference: {}", printable(text), reading.why))
      .hint("write it as registry/repository:tag, for example registry.k8s.io/pause:3.9");
}

std::optional<Reference> Reference::find(std::string_view text) { return read(text).reference; }

std::string Reference::name() const { return fmt::format("{}/{}", registry.str(), repository.str()); }

std::string Reference::str() const {
  return name() + (tag ? ":" + tag->str() : "") + (digest ? "@" + digest->str() : "");
}

}  // namespace airlock::oci

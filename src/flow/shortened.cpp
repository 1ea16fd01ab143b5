// SPDX-License-Identifier: Apache-2.0
#include "flow/shortened.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "airlock/base/text.hpp"

namespace airlock::flow {

namespace {

/// What a referrer is, as far as its tag or type tells.
const char* kind_of(const records::Referrer& referrer, const oci::Content& content) {
  const std::string tag = referrer.tag ? referrer.tag->str() : "";
  const std::string type = to_lower(content.listing.artifact_type);
  const auto says = [&](std::string_view word) { return type.find(word) != std::string::npos; };
  if (tag.ends_with(".att") || says("in-toto") || says("attestation")) return "attestation";
  if (tag.ends_with(".sbom") || says("spdx") || says("cyclonedx") || says("sbom")) return "SBOM";
  if (tag.ends_with(".sig") || says("signature") || says("sigstore")) return "signature";
  return "referrer";
}

}  // namespace

std::vector<const records::Image*> incomplete_images(const std::vector<records::Image>& images,
                                                     const oci::Graph& graph) {
  std::vector<const records::Image*> incomplete;
  for (const records::Image& image : images)
    if (graph.at(image.descriptor.digest).content->sparse) incomplete.push_back(&image);
  return incomplete;
}

std::vector<std::string> what_is_lost(const std::vector<const records::Image*>& shortened, const oci::Graph& graph) {
  std::set<std::string> lines;  // an image may have several names
  for (const records::Image* image : shortened) {
    const oci::Digest& original = image->descriptor.digest;
    std::map<std::string, std::size_t> lost;
    for (const records::Referrer& referrer : image->referrers) {
      const oci::Content& content = *graph.at(referrer.descriptor.digest).content;
      const auto subject = referrer.tag ? oci::cosign_subject(*referrer.tag) : content.subject;
      if (subject == original) ++lost[kind_of(referrer, content)];
    }
    std::vector<std::string> parts;
    if (image->source.digest) parts.emplace_back("its digest, by which it is asked for");
    for (const auto& [kind, count] : lost) parts.push_back(count_of(count, kind));
    if (!parts.empty()) lines.insert(fmt::format("{}: {}", image->source.str(), join(parts, ", ")));
  }
  return {lines.begin(), lines.end()};
}

}  // namespace airlock::flow

// SPDX-License-Identifier: Apache-2.0
// Where registries differ from the specification or from each other, each with the registry it is known of and where
// that was reported. Whoever meets another one adds it here, with its report; whoever finds that one is gone, removes
// it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "airlock/registry/client.hpp"
#include "registry/http.hpp"

namespace airlock::registry::quirks {

/// docker.io: the API does not live under the name that images carry, but at registry-1.docker.io (moby's
/// registry/config.go, as github.com/Deepomatic/dmake/pull/327 quotes it; github.com/siderolabs/talos/pull/10627).
std::string api_host(const std::string& registry);

/// docker.io: `docker login` keeps its password under https://index.docker.io/v1/, and some tools under the API's host
/// (github.com/containerd/nerdctl/pull/1270, github.com/docker/docker-py/pull/874). The registry that a host in a
/// credential file means; others mean themselves.
std::string registry_of_credentials(const std::string& host);

/// The same the other way round: what a credential helper is asked for.
std::string helper_key(const std::string& registry);

/// Credential helpers say "credentials not found in native keychain" on standard output and fail: they have no exit
/// status of their own for it (github.com/OctopusDeploy/Calamari/pull/2059,
/// github.com/spotify/docker-client/pull/1036).
bool helper_has_nothing(std::string_view output);

/// The answer to GET /v2/ that shows a registry. Artifactory refuses there with 403 what it takes elsewhere
/// (github.com/heroku/docker-registry-client/issues/42).
bool is_registry(const HttpAnswer& ping);

/// Whether an answer asks for credentials. Some say so with 403 to who has sent none (RFC 9110, section 11.6.1, lets
/// any answer carry a challenge).
bool is_challenge(const HttpAnswer& answer, bool had_credentials);

/// nginx answers so where it wants a client certificate and gets none, or none that it takes
/// (nginx.org/en/docs/http/ngx_http_ssl_module.html, "Error Processing").
bool wants_client_certificate(const HttpAnswer& answer);

/// zot with client certificates only: 401, and no challenge that a password answers
/// (zotregistry.dev, "User Authentication and Authorization", mutual TLS).
bool may_want_client_certificate(const HttpAnswer& answer);

/// Quay: who may pull only is told 401 or 403 of a repository that a first push would make
/// (github.com/helm/helm/pull/32156, github.com/ambient-code/platform/issues/669). So a target is asked with the access
/// that pushing needs.
bool wants_push_access_to_look(Side side);

/// Whether a status says that the same request may succeed later: 408, 425 and 429, and the server's own failures
/// (RFC 9110, section 15.6; RFC 8470, section 5.2), among them those that CDNs made up: 520 to 530
/// (github.com/google/go-containerregistry/pull/1707, github.com/docker-archive/docker-registry/issues/349). Not those
/// that say that it never will: 501, 505, 507, 508, 510, 511.
bool may_pass(long status);

/// Whether the same manifest is worth putting again: distribution writes the same link for two clients at once and
/// tells one of them DIGEST_INVALID (github.com/docker/for-linux/issues/727,
/// github.com/GoogleContainerTools/jib/issues/3994); registries with several replicas do not know at once what was just
/// stored (MANIFEST_BLOB_UNKNOWN, github.com/quay/quay/pull/7033). airlock knows that digest and members are right.
bool may_be_put_again(const HttpAnswer& answer);

/// Whether a manifest is not there. Artifactory denies with 403 that it lacks a tag
/// (github.com/google/go-containerregistry/pull/1691, github.com/sigstore/cosign/issues/2973): on the target's side
/// that is taken for absence, as the upload that follows tells when access is what lacks.
bool lacks_manifest(const HttpAnswer& answer, Side side);

/// Whether an index was refused for members that the registry does not have. The specification leaves open how
/// (github.com/opencontainers/distribution-spec/pull/310): distribution and Quay answer 400 MANIFEST_BLOB_UNKNOWN
/// (github.com/quay/quay/pull/7033), others 404 or 422 with another of the codes for things that are unknown.
bool lacks_members(const HttpAnswer& answer, const std::string& media_type);

/// Whether a registry has no list of referrers to give. distribution answers 404, as the specification wants it
/// (github.com/oras-project/rust-oci-client/pull/259), others any refusal: 400
/// (github.com/google/go-containerregistry/pull/1543), 401 and 403 (github.com/goharbor/harbor/issues/18305), 406 as
/// Artifactory does (github.com/google/go-containerregistry/pull/2026), 501; or a page of HTML
/// (github.com/sigstore/sigstore-js/pull/1187), or a list that is null (github.com/oras-project/oras-dotnet/pull/398).
bool lacks_referrers_api(const HttpAnswer& answer);

/// Whether such an answer is a refusal, which may hide a list: not the absence that the specification knows.
bool hides_referrers(const HttpAnswer& answer);

/// Whether a registry does not take manifests of a media type: zot answers 415 to Docker's, before it reads them,
/// unless its configuration has `"compat": ["docker2s2"]` (zot 2.1, seen).
bool refuses_type(const HttpAnswer& answer);

/// Whether a server does not answer HEAD: 405 and 501 are HTTP's for it, 400 and 406 what others say; no report.
bool refuses_head(const HttpAnswer& answer);

/// Whether a part of a blob was refused and the whole may not be: 416 and others for a Range
/// (github.com/kubernetes/registry.k8s.io/issues/333, github.com/anchore/stereoscope/pull/695).
bool refuses_range(const HttpAnswer& answer);

/// How many bytes the `Range: 0-N` of an upload's status acknowledges. distribution answers `0-0` to an upload that has
/// none, which ought to mean one byte (github.com/distribution/distribution/issues/2363,
/// github.com/opencontainers/distribution-spec/issues/577); with the unit `bytes=`, as the API was proposed first
/// (github.com/moby/moby/issues/9015), it means the same.
std::uint64_t acknowledged(std::string_view range);

/// Whether a blob is not taken in one piece, but may be in chunks: Pulp, at the time, and Artifactory
/// (github.com/pulp/pulp_container/issues/1219, github.com/containerd/containerd/issues/3533). The reports do not say
/// with which status: 405 and 501 are HTTP's for it.
bool refuses_whole_uploads(const HttpAnswer& answer);

/// Proxies before registries that limit the size of a request: nginx (github.com/goharbor/harbor/issues/3270),
/// Cloudflare with 100 MB (github.com/podman-container-tools/podman/issues/24919).
bool refuses_size(const HttpAnswer& answer);

/// Whether what a registry kept of an upload is gone, or not where it was thought to end (416: distribution-spec,
/// "Pushing a blob in chunks").
bool lost_upload(const HttpAnswer& answer);

/// Whether a server may say so of what is not there: S3 without the right to list answers 403 (Amazon S3 API,
/// GetObject).
bool may_hide_absence(const HttpAnswer& answer);

/// Whether a chunk does not begin where the registry stands, which its status tells (416: distribution-spec, "Pushing a
/// blob in chunks").
bool is_elsewhere(const HttpAnswer& answer);

/// Whether a token server refused an identity token. OAuth2 has 400 for that (RFC 6749, section 5.2), where passwords
/// get 401.
bool refuses_identity_token(const HttpAnswer& answer);

/// Whether a registry does not take a repository's name: Harbor wants its first part, a project, to be made before
/// (github.com/goharbor/harbor/issues/20544), ECR the whole repository (github.com/plexsystems/sinker/issues/55), Quay
/// and others limit the depth (github.com/plexsystems/sinker/pull/34).
bool refuses_name(const HttpAnswer& answer);

/// Whether a quota is used up. Harbor says so with DENIED and 403, or 400 (github.com/goharbor/harbor/issues/8802,
/// github.com/goharbor/harbor/issues/17390, github.com/goharbor/harbor-cli/issues/96): not a matter of credentials.
bool is_over_quota(const HttpAnswer& answer);

/// Whether a tag may not be replaced: Harbor's rules (412: github.com/goharbor/harbor/pull/9427), ECR's repositories
/// (400 TAG_INVALID: github.com/moby/buildkit/issues/3776).
bool is_immutable(const HttpAnswer& answer);

/// Whether a token is refused for its time: the clocks of who gave it and who takes it differ
/// (github.com/goharbor/harbor/issues/15911, github.com/moby/moby/issues/22158).
bool clocks_differ(const HttpAnswer& answer);

/// distribution in maintenance mode answers 405 to writes (docs of distribution, "maintenance", readonly).
bool is_read_only(const HttpAnswer& answer);

/// Whether a registry does not delete, by tag or at all: 405 UNSUPPORTED (distribution without storage.delete; a tag:
/// distribution 2.x), 400 for a tag where only digests are known (distribution-spec v1.1, "Deleting tags").
bool deletes_not(const HttpAnswer& answer, bool by_tag);

/// Docker Hub: how many pulls are left, in headers as `ratelimit-remaining: 100;w=21600` (docs.docker.com, "Docker Hub
/// usage and limits"). Nothing where a registry does not say.
std::optional<RateLimit> rate_limit(const HttpAnswer& answer);

}  // namespace airlock::registry::quirks

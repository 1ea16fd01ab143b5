// SPDX-License-Identifier: Apache-2.0
// Findings as Grype and Trivy write them, and package URLs as they are met.
#include "airlock/review/findings.hpp"

#include "airlock/review/package_url.hpp"
#include "catch.hpp"

using namespace airlock;
using namespace airlock::review;

namespace {

std::string parts(std::string_view text) {
  const auto url = PackageUrl::find(text);
  return url ? url->type + " " + url->name + " " + url->version : "none";
}

}  // namespace

TEST_CASE("package URLs are read as tools write them") {
  CHECK(parts("pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12") == "deb libc6 2.36-9+deb12u10");
  CHECK(parts("pkg:deb/libc6@1") == parts("pkg:deb/ubuntu/libc6@1"));
  CHECK(parts("pkg:golang/github.com/open-policy-agent/opa@v0.35.0") ==
        "golang github.com/open-policy-agent/opa 0.35.0");
  CHECK(parts("pkg:golang/stdlib@go1.22.1") == parts("pkg:golang/stdlib@v1.22.1"));
  CHECK(parts("pkg:golang/helm.sh/helm@v3.1.0#v3") == "golang helm.sh/helm/v3 3.1.0");
  CHECK(parts("pkg:golang/helm.sh/helm@v3.1.0#cmd/helm") == "golang helm.sh/helm 3.1.0");
  CHECK(parts("pkg:npm/%40types/node@20.1.0") == "npm @types/node 20.1.0");
  CHECK(parts("pkg:npm/@types/node") == "npm @types/node ");
  CHECK(parts("pkg:maven/org.apache/log4j@2.0?type=jar") == "maven org.apache/log4j 2.0");
  CHECK(parts("pkg:PyPI/Foo_Bar@1.0") == "pypi foo-bar 1.0");
  CHECK(parts("pkg://apk/alpine/busybox") == "apk busybox ");
  CHECK(parts("pkg:deb/a@1%2") == "deb a 1%2");
  for (const char* none : {"", "pkg:", "pkg:deb", "pkg:/x", "pkg:deb/", "cpe:2.3:a:x", "sha256:00"})
    CHECK(parts(none) == "none");
  CHECK(PackageUrl::find("pkg:oci/a?Repository_URL=ghcr.io%2Fa%2Fb&tag=1&x")->qualifiers ==
        std::map<std::string, std::string>{{"repository_url", "ghcr.io/a/b"}, {"tag", "1"}});
  CHECK(PackageUrl::find("pkg:apk/alpine/busybox")->covers(*PackageUrl::find("pkg:apk/busybox@1.36.1-r0")));
  CHECK_FALSE(PackageUrl::find("pkg:apk/busybox@1")->covers(*PackageUrl::find("pkg:apk/busybox@2")));
  CHECK_FALSE(PackageUrl::find("pkg:apk/a")->covers(*PackageUrl::find("pkg:deb/a@1")));
  CHECK_FALSE(PackageUrl::find("pkg:deb/debian/a")->covers(*PackageUrl::find("pkg:deb/ubuntu/a@1")));
  CHECK_FALSE(PackageUrl::find("pkg:deb/a@1?arch=s390x")->covers(*PackageUrl::find("pkg:deb/a@1?arch=amd64")));
  CHECK(PackageUrl::find("pkg:deb/a@1?arch=amd64")->covers(*PackageUrl::find("pkg:deb/debian/a@1?distro=debian-12")));
  CHECK(parts("pkg:rpm/redhat/a@1-1?epoch=2") == parts("pkg:rpm/redhat/a@2%3A1-1"));
}

TEST_CASE("what an image holds has the package URL that scanners give it") {
  CHECK(parts(purl_of({"deb", "debian", "g++", "1:2+b", "amd64", {}, {}, {}}, {"debian", "12", ""})) ==
        "deb g++ 1:2+b");
  CHECK(PackageUrl::of({"golang", "", "golang.org/x/net", "v0.1.0", {}, {}, {}, {}})->version == "0.1.0");
}

// Both tools have no field of SARIF for a package: it stands in texts.
TEST_CASE("SARIF as Trivy writes it") {
  const auto findings = read_findings(R"json({"version":"2.1.0","runs":[{
    "tool":{"driver":{"name":"Trivy","rules":[{"id":"CVE-2000-1","shortDescription":{"text":"title"},
      "help":{"text":"Vulnerability CVE-2000-1\nSeverity: MEDIUM\nPackage: liba\nFixed Version: 2"},
      "properties":{"security-severity":"5.3"}}]}},
    "results":[{"ruleId":"CVE-2000-1","ruleIndex":0,"level":"warning","message":{"text":
      "Package: libb\nInstalled Version: 1-r0\nVulnerability CVE-2000-1\nSeverity: HIGH\nFixed Version: 3\nLink: [x](y)"},
      "locations":[{"physicalLocation":{"artifactLocation":{"uri":"library/a","uriBaseId":"ROOTPATH"}}}]
}],
    "properties":{
  "imageName" : "a",
                "imageID" : "sha256:00000000000000000000000000000000000000000000000000000000000000aa",
                            "repoDigests"
      : ["x/a@sha256:00000000000000000000000000000000000000000000000000000000000000bb"]
}
}]
})json",
                                      "t.sarif");
  REQUIRE(findings.size() == 1);
  const Finding& one = findings.front();
  CHECK(one.id == "CVE-2000-1");
  CHECK(one.package == "libb");
  CHECK(one.version == "1-r0");
  CHECK(one.fixed == "3");
  CHECK(one.severity == Severity::high);
  CHECK(one.text == "title");
  CHECK(one.digests.size() == 2);
}

TEST_CASE("SARIF as Grype writes it") {
  const auto findings = read_findings(R"json({"version":"2.1.0","runs":[{
    "tool":{"driver":{"name":"grype","rules":[{"id":"CVE-2000-2-liba","shortDescription":{"text":"title"},
      "help":{"text":"Vulnerability CVE-2000-2\nSeverity: critical\nPackage: liba\nVersion: 2.2\nFix Version: \nType: deb"},
      "properties":{"purls":["pkg:deb/debian/liba@2.2"],"security-severity":"3.0"}},
      {"id":"scored","properties":{"security-severity":"9.8"}}]}},
    "results":[{"ruleId":"CVE-2000-2-liba","level":"note","message":{"text":
      "A critical vulnerability in deb package: liba, version 2.2 was found in image x at: y"},
      "locations":[{"physicalLocation":{"artifactLocation":{"uri":"x/y"}}}]},
      {"ruleIndex":1,"level":"note"},{"ruleId":"levelled","level":"error"},{"ruleId":"silent","kind":"pass"},{"ruleId":"none","kind":"notApplicable"}]}]})json",
                                      "g.sarif");
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].id == "CVE-2000-2");
  CHECK(findings[0].package == "liba");
  CHECK(findings[0].version == "2.2");
  CHECK(findings[0].fixed.empty());
  CHECK(findings[0].severity == Severity::critical);
  REQUIRE(findings[0].purl);
  CHECK(findings[0].purl->name == "liba");
  CHECK(findings[1].id == "scored");
  CHECK(findings[1].severity == Severity::critical);
  CHECK(findings[2].severity == Severity::high);
}

TEST_CASE("OpenVEX names images by repository, too") {
  const auto findings = read_findings(R"json({"@context":"https://openvex.dev/ns/v0.2.0","statements":[{
    "vulnerability":{"@id":"CVE-1"},"status":"not_affected","products":[
      {"@id":"pkg:oci/t?repository_url=index.docker.io%2Faqua%2Ft","subcomponents":[{"@id":"pkg:apk/alpine/busybox"}]},
      {"@id":"x","identifiers":{"purl":"pkg:oci/t?repository_url=ghcr.io/aqua/t&tag=1"}},
      {"@id":"pkg:oci/t?tag=1"},{"@id":"pkg:oci/t@sha512%3A00?repository_url=ghcr.io/aqua/t"},
      {"@id":"pkg:oci/t?repository_url=ghcr.io/aqua/t:7"},{"@id":"pkg:docker/library/nginx"},{"@id":"https://example.com/t"},
      {"@id":"pkg:golang/a.b/c","subcomponents":[{"@id":"pkg:golang/d.e/f@v1"}]}]}]})json",
                                      "v.json");
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].id == "CVE-1");
  CHECK(findings[0].repositories == std::set<std::string>{"docker.io/aqua/t"});
  CHECK(findings[0].purl->name == "busybox");
  CHECK(findings[1].repositories == std::set<std::string>{"ghcr.io/aqua/t:1"});
}

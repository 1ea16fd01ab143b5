# SPDX-License-Identifier: Apache-2.0
"""What scanners write, joined to the images of a bundle."""

import json

import pytest
from lab import images
from review_images import Gallery, layer


@pytest.fixture(scope="module")
def world(airlock, keys, tmp_path_factory):
    """Two images with openssl 3.0.9; one of them is new since old.tar. Their manifests' digests."""
    from conftest import TEST_REGISTRY
    from lab import fake

    folder = tmp_path_factory.mktemp("findings")
    status = "Package: openssl\nStatus: install ok installed\nVersion: 3.0.9\n"
    made = Gallery().add("quay.io/lab/a:1", layer(("var/lib/dpkg/status", status)))
    made.add("quay.io/lab/b:1", layer(("var/lib/dpkg/status", status), ("x", "y")))
    with fake.FakeRegistry(TEST_REGISTRY) as server:
        images.fill(server, made.store, made.made)
        common = ["--mirror", f"quay.io=http://{server.host}", "--key", keys / "alice.key"]
        airlock(0, "export", "--image", "quay.io/lab/a:1", *common, "-o", folder / "old.tar")
        both = ["--image", "quay.io/lab/a:1", "--image", "quay.io/lab/b:1"]
        airlock(0, "export", *both, *common, "-o", folder / "new.tar")
    return folder, {name: described["digest"] for name, described in made.made.items()}


@pytest.fixture
def report(airlock, keys, world, tmp_path):
    """report(finding files): the rows of the page's table, without markup."""
    folder, _ = world

    def run(*documents, status=0):
        import re

        files = []
        for number, document in enumerate(documents):
            files += ["--findings", tmp_path / f"f{number}.json"]
            files[-1].write_text(document if isinstance(document, str) else json.dumps(document))
        page = tmp_path / f"r{len(list(tmp_path.iterdir()))}.html"
        command = ["report", folder / "new.tar", "--key", keys / "alice.pub", "--since", folder / "old.tar"]
        run.said = airlock(status, *command, *files, "-o", page).err
        if status:
            return None
        text = page.read_text()
        section = text[text.index('<section id="findings"') :].split("</section>")[0]
        run.elsewhere = [re.sub("<[^>]*>", "", item) for item in re.findall("<li>(.*?)</li>", section)]
        run.summary = re.sub("<[^>]*>", "", re.search("<p>(.*?)</p>", section)[1])
        return [[re.sub("<[^>]*>", "", cell) for cell in row.split("</td>")[:-1]] for row in section.split("<tr>")[2:]]

    return run


def grype(*matches, target=None):
    return {
        "matches": [
            {
                "vulnerability": {"id": i, "severity": s, "fix": {"versions": ["9"]}},
                "artifact": {"name": n, "version": v},
            }
            for i, s, n, v in matches
        ],
        "source": {"target": target or {}},
    }


def test_grype_by_package(report):
    rows = report(grype(("CVE-1", "Low", "openssl", "3.0.9"), ("CVE-2", "Critical", "openssl", "3.0.9")))
    assert [row[1:4] for row in rows] == [["CVE-2", "critical", "openssl 3.0.9"], ["CVE-1", "low", "openssl 3.0.9"]]
    assert rows[0][0] == "new" and rows[0][4] == "9" and rows[0][5] == "quay.io/lab/a:1, quay.io/lab/b:1"
    assert report(grype(("CVE-1", "High", "openssl", "3.0.10"))) == [] and "1 about nothing in it" in report.summary
    assert report.elsewhere == ["CVE-1, high, openssl 3.0.10: no image has this package and version"]
    other = "sha256:" + "0" * 64
    assert report(grype(("CVE-1", "High", "openssl", "3.0.9"), target={"manifestDigest": other})) == []
    assert report.elsewhere == [f"CVE-1, high, openssl 3.0.9: names {other}, which is not in this bundle"]


@pytest.mark.parametrize(
    "content, said",
    [
        (b"\x1f\x8b\x08rest", "compressed by gzip"),
        (b"\x28\xb5\x2f\xfdrest", "compressed by zstd"),
        (b'\xef\xbb\xbf <?xml version="1.0"?><bom/>', "XML or HTML, not JSON"),
    ],
)
def test_forms_that_can_be_turned_into_one_that_is_read(airlock, keys, world, tmp_path, content, said):
    file = tmp_path / "findings"
    file.write_bytes(content)
    command = ["report", world[0] / "new.tar", "--key", keys / "alice.pub", "-o", tmp_path / "r.html"]
    err = airlock(6, *command, "--findings", file).err
    assert said in err and "next: " in err


def test_by_digest_and_new_ones_first(report, world):
    digests = world[1]
    of = lambda name, i: grype((i, "High", "x", "1"), target={"manifestDigest": digests[name]})
    rows = report(of("quay.io/lab/a:1", "CVE-1"), of("quay.io/lab/b:1", "CVE-9"))
    assert [(row[0], row[1], row[5]) for row in rows] == [
        ("new", "CVE-9", "quay.io/lab/b:1"),
        ("", "CVE-1", "quay.io/lab/a:1"),
    ]


def test_trivy(report, world):
    found = {"VulnerabilityID": "CVE-3", "PkgName": "openssl", "InstalledVersion": "3.0.9", "Severity": "HIGH"}
    name = f"quay.io/lab/b@{world[1]['quay.io/lab/b:1']}"
    rows = report({"Metadata": {"RepoDigests": [name]}, "Results": [{"Vulnerabilities": [found]}, {"Target": "none"}]})
    assert [row[1:3] + row[5:6] for row in rows] == [["CVE-3", "high", "quay.io/lab/b:1"]]


def test_sarif_and_cyclonedx(report):
    result = {"ruleId": "CVE-4", "level": "error", "message": {"text": "m"}}
    result["properties"] = {"purl": "pkg:deb/debian/openssl@3.0.9?arch=amd64"}
    component = {"bom-ref": "r", "name": "openssl", "version": "3.0.9"}
    vulnerability = {
        "id": "CVE-5",
        "ratings": [{"severity": "low"}, {"severity": "critical"}],
        "affects": [{"ref": "r"}],
    }
    cyclonedx = {"bomFormat": "CycloneDX", "components": [component], "vulnerabilities": [vulnerability]}
    rows = report({"runs": [{"results": [result, {"ruleId": "x", "kind": "pass"}]}]}, cyclonedx)
    assert [row[1:3] for row in rows] == [["CVE-5", "critical"], ["CVE-4", "high"]]


@pytest.mark.parametrize("status, left", [("not_affected", 0), ("fixed", 0), ("under_investigation", 1)])
def test_openvex_closes_findings(report, status, left):
    statement = {
        "vulnerability": {"name": "CVE-1"},
        "status": status,
        "products": [{"@id": "pkg:deb/debian/openssl@3.0.9"}],
    }
    vex = {"@context": "https://openvex.dev/ns/v0.2.0", "statements": [statement]}
    rows = report(grype(("CVE-1", "High", "openssl", "3.0.9")), vex)
    assert len([row for row in rows if row[2] == "high"]) == left
    other = {**vex, "statements": [{**statement, "products": [{"@id": "pkg:deb/debian/zlib@1"}]}]}
    assert len(report(grype(("CVE-1", "High", "openssl", "3.0.9")), other)) >= 1


def test_openvex_of_one_image_leaves_the_other(report, world):
    a, b = (world[1][f"quay.io/lab/{name}:1"].replace(":", "%3A") for name in "ab")
    found = grype(("CVE-1", "High", "openssl", "3.0.9"))
    inside = [{"@id": "pkg:deb/debian/zlib@1"}, {"@id": "pkg:deb/debian/openssl@3.0.9?arch=amd64"}]

    def images_left(*products):
        statement = {"vulnerability": {"name": "CVE-1"}, "status": "not_affected", "products": list(products)}
        vex = {"@context": "https://openvex.dev/ns/v0.2.0", "statements": [statement]}
        return [row[5] for row in report(found, vex)]

    both = ["quay.io/lab/a:1, quay.io/lab/b:1"]
    assert images_left({"@id": f"pkg:oci/a@{a}?repository_url=quay.io/lab"}) == ["quay.io/lab/b:1"]
    assert images_left({"@id": f"pkg:oci/a@{a}", "subcomponents": inside}) == ["quay.io/lab/b:1"]
    assert images_left({"@id": f"pkg:oci/a@{a}", "subcomponents": inside[:1]}) == both
    assert images_left({"@id": f"pkg:oci/a@{a}"}, {"@id": f"pkg:oci/b@{b}"}) == []
    # A product that names no image of a bundle says nothing about one.
    assert images_left({"@id": "https://example.com/product"}) == both
    assert images_left({"@id": "pkg:oci/a?tag=1", "subcomponents": inside}) == both


def openvex(*statements):
    named = [{"vulnerability": {"name": "CVE-1"}, "status": "not_affected", **one} for one in statements]
    return {"@context": "https://openvex.dev/ns/v0.2.0", "statements": named}


def cyclonedx_vex(reference, **more):
    one = {"id": "CVE-1", "analysis": {"state": "not_affected"}, "affects": [{"ref": reference}]}
    return {"bomFormat": "CycloneDX", "vulnerabilities": [one], **more}


ZLIB = {"bom-ref": "z", "name": "zlib", "version": "1"}
OPENSSL = {"bom-ref": "x", "name": "openssl", "version": "3.0.9"}
DEBIAN = {"products": ["pkg:deb/debian/openssl"]}
OLD, NEW = {"timestamp": "2024-01-01T00:00:00Z"}, {"timestamp": "2025-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "vex, closes",
    [
        # What says nothing of this package closes nothing.
        (cyclonedx_vex("urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#zlib"), False),
        (cyclonedx_vex(""), False),
        (cyclonedx_vex("x", metadata={"component": {**ZLIB, "bom-ref": "x"}}), False),
        (cyclonedx_vex("x", components=[{"bom-ref": "x", "name": "openssl"}]), False),
        (cyclonedx_vex("urn:cdx:3e67/1#x", components=[{**ZLIB, "bom-ref": "x"}]), False),
        (openvex({"products": [{"@id": "pkg:golang/example.com/openssl"}]}), False),
        (openvex({"products": [{"@id": "pkg:npm/openssl@3.0.9"}]}), False),
        (openvex({"products": [{"@id": "pkg:docker/library/openssl"}]}), False),
        (openvex({"products": [{"@id": "pkg:oci/a@sha512%3A00?repository_url=quay.io/lab/a"}]}), False),
        # The latest statement counts, wherever it stands.
        (openvex({**DEBIAN, **OLD}, {**DEBIAN, **NEW, "status": "affected"}), False),
        (openvex({**DEBIAN, **NEW}, {**DEBIAN, **OLD, "status": "affected"}), True),
        (cyclonedx_vex("urn:cdx:3e67/1#x", components=[OPENSSL]), True),
        (cyclonedx_vex("urn:cdx:3e67/1#pkg:deb/debian/openssl@3.0.9"), True),
        (openvex({"products": ["pkg:deb/debian/openssl@3.0.9"]}), True),
    ],
)
def test_what_vex_closes(report, vex, closes):
    rows = report(grype(("CVE-1", "High", "openssl", "3.0.9")), vex)
    assert (not [row for row in rows if row[2] == "high"]) is closes


BLANKET = {"products": ["pkg:deb/debian/openssl"]}
EXACT = {"products": ["pkg:deb/debian/openssl@3.0.9"]}


@pytest.mark.parametrize(
    "files",
    [
        # As instants, not as text.
        [
            openvex(
                {**BLANKET, "timestamp": "2025-05-01T01:00:00+02:00"},
                {**BLANKET, "timestamp": "2025-05-01T00:00:00Z", "status": "affected"},
            )
        ],
        [
            openvex(
                {**BLANKET, "timestamp": "2025-05-01T00:00:00Z"},
                {**BLANKET, "timestamp": "2025-05-01T00:00:00.5Z", "status": "affected"},
            )
        ],
        # Of all files, and of wider and narrower statements.
        [openvex({**BLANKET, **OLD}), openvex({**BLANKET, **NEW, "status": "affected"})],
        [openvex({**BLANKET, **OLD}, {**EXACT, **NEW, "status": "under_investigation"})],
        [openvex({**BLANKET}), openvex({**EXACT, "status": "affected"})],
        # A component without a kind is of none that a finding names.
        [cyclonedx_vex("x", components=[OPENSSL])],
    ],
)
def test_a_later_statement_opens_what_an_earlier_closed(report, files):
    found = grype(("CVE-1", "High", "openssl", "3.0.9"))
    found["matches"][0]["artifact"]["purl"] = "pkg:deb/debian/openssl@3.0.9?arch=amd64&distro=debian-12"
    assert [row for row in report(found, *files) if row[2] == "high"]


def test_what_scanners_find_besides(report, world):
    _, digests = world
    secrets = {
        "Results": [
            {
                "Target": "app/.env",
                "Secrets": [{"RuleID": "aws-key", "Severity": "CRITICAL", "Title": "AWS key"}],
                "Misconfigurations": [{"ID": "DS002", "Severity": "HIGH", "Title": "root", "Status": "FAIL"}],
            }
        ],
        "Metadata": {"RepoDigests": [f"quay.io/lab/a@{digests['quay.io/lab/a:1']}"]},
    }
    rows = report(secrets)
    assert [row[1] for row in rows] == ["aws-key", "DS002"] and all(row[4] or "quay.io/lab/a:1" in row for row in rows)
    report({"bomFormat": "CycloneDX", "vulnerabilities": [{"id": "CVE-9"}]})
    assert "CVE-9" in report.elsewhere[0]
    report({"bomFormat": "CycloneDX", "components": []}, status=6)


def test_vex_of_another_distribution_closes_nothing(report):
    found = grype(("CVE-1", "High", "openssl", "3.0.9"))
    found["matches"][0]["artifact"]["purl"] = "pkg:deb/ubuntu/openssl@3.0.9?arch=amd64&distro=ubuntu-22.04"
    assert len(report(found, openvex({"products": ["pkg:deb/debian/openssl"]}))) == 1
    assert len(report(found, openvex({"products": ["pkg:deb/ubuntu/openssl?arch=s390x"]}))) == 1
    assert report(found, openvex({"products": ["pkg:deb/ubuntu/openssl"]})) == []


def test_other_files_and_hostile_texts(report):
    report("{}", status=6)
    assert "these are no findings" in report.said
    report("no json", status=6)
    evil = "<script>window.hit=1</script>"
    rows = report(grype((evil, "High", "openssl", "3.0.9")))
    assert "&lt;script&gt;" in rows[0][1]

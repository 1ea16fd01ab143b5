# SPDX-License-Identifier: Apache-2.0
"""Lists of software that upstream attached, in every way that is in use, beside what the layers hold."""

import base64
import json
import re

import pytest
from lab import images
from review_images import Gallery, layer

EMPTY = "application/vnd.oci.empty.v1+json"
STATUS = "".join(
    f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n"
    for name, version in (("bash", "5.2.15-2+b2"), ("hidden", "6"))
)
PURLS = ["pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64", "pkg:generic/openssl@3.0.9"]


def spdx(*purls):
    """As syft and BuildKit write it."""
    packages = [
        {
            "SPDXID": f"SPDXRef-{number}",
            "name": "n",
            "externalRefs": [
                {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:x:x:1"},
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl},
            ],
        }
        for number, purl in enumerate(["pkg:oci/one@sha256%3A00?tag=1", *purls])
    ]
    return {"spdxVersion": "SPDX-2.3", "files": [{"fileName": "pkg:deb/no@1"}], "packages": packages}


def spdx3(*purls):
    graph = [{"type": "software_Package", "software_packageUrl": purl} for purl in purls]
    return {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph}


def cyclonedx(*purls):
    first, *others = [{"type": "library", "name": "n", "purl": purl} for purl in purls]
    first["pedigree"] = {"ancestors": [{"purl": "pkg:deb/ancestor@1"}]}
    body = {"bomFormat": "CycloneDX", "metadata": {"component": {"purl": "pkg:deb/this@1"}}}
    return {**body, "components": [{**first, "components": others}]}


def statement(predicate, kind="https://spdx.dev/Document", digest="0" * 64):
    subject = [{"name": "pkg:docker/one@1", "digest": {"sha256": digest}}]
    return {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": kind, "subject": subject,
            "predicate": predicate}  # fmt: skip


def envelope(inside):
    payload = base64.b64encode(json.dumps(inside).encode()).decode()
    return {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}


class Upstream:
    """One image of one platform, and what is attached to it."""

    def __init__(self):
        self.gallery = Gallery().add("quay.io/lab/one:1", layer(("var/lib/dpkg/status", STATUS)))
        self.top = self.gallery.made["quay.io/lab/one:1"]
        self.referrers = []

    def artifact(self, kind, content, **more):
        store = self.gallery.store
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": store.add(EMPTY, b"{}")}
        return store.add_json(images.OCI["manifest"], {**body, "layers": [store.add(kind, text)], **more})

    def refer(self, kind, content):
        subject = {key: self.top[key] for key in ("mediaType", "digest", "size")}
        self.referrers.append(self.artifact(kind, content, artifactType=kind, subject=subject))

    def tag(self, suffix, kind, content):
        name = f"quay.io/lab/one:{self.top['digest'].replace(':', '-')}.{suffix}"
        self.gallery.made[name] = self.artifact(kind, content)

    def attest(self, content):
        """As BuildKit does: an index whose second member attests the first."""
        made = self.artifact("application/vnd.in-toto+json", content)
        platform = {"os": "linux", "architecture": "amd64"}
        note = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": self.top["digest"]}
        unknown = {"os": "unknown", "architecture": "unknown"}
        members = [{**self.top, "platform": platform}, {**made, "platform": unknown, "annotations": note}]
        index = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": members}
        self.gallery.made["quay.io/lab/one:1"] = self.gallery.store.add_json(images.OCI["index"], index)

    @property
    def digest(self):
        return self.top["digest"].split(":")[1]


@pytest.fixture
def bundled(airlock, keys, fake_registry, tmp_path):
    def bundle(upstream):
        server = fake_registry("--referrers")
        images.fill(server, upstream.gallery.store, upstream.gallery.made)
        pusher = images.Pusher(server, upstream.gallery.store)
        for top in upstream.referrers:
            pusher.push("lab/one", top["digest"], top)
        common = ["--mirror", f"quay.io=http://{server.host}", "--key", keys / "alice.key"]
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.tar"
        airlock(0, "export", "--image", "quay.io/lab/one:1", *common, "-o", target)
        return target

    return bundle


WAYS = {
    "referrer, SPDX": lambda up: up.refer("application/spdx+json", spdx(*PURLS)),
    "referrer, SPDX 3": lambda up: up.refer("application/spdx+json", spdx3(*PURLS)),
    "referrer, CycloneDX": lambda up: up.refer("application/vnd.cyclonedx+json", cyclonedx(*PURLS)),
    "sigstore's bundle": lambda up: up.refer(
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        {"dsseEnvelope": envelope(statement(cyclonedx(*PURLS), "https://cyclonedx.org/bom", up.digest))},
    ),
    "cosign's .sbom": lambda up: up.tag("sbom", "spdx+json", spdx(*PURLS)),
    "cosign's .att": lambda up: up.tag(
        "att", "application/vnd.dsse.envelope.v1+json", envelope(statement(spdx(*PURLS), digest=up.digest))
    ),
    "BuildKit": lambda up: up.attest(statement(spdx(*PURLS), digest=up.digest)),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_attached_list_is_read_and_compared(airlock, keys, bundled, tmp_path, way):
    upstream = Upstream()
    WAYS[way](upstream)
    upstream.tag("sig", "application/vnd.dev.cosign.simplesigning.v1+json", {"critical": {}})
    bundle = bundled(upstream)
    said = airlock(0, "sbom", bundle, "--key", keys / "alice.pub")
    assert "1 of 2 packages found; 1 found that it does not name" in said.out
    assert "not found  pkg:generic/openssl@3.0.9\n" in said.out and "not named  deb hidden 6\n" in said.out
    assert "was not compared" not in said.err
    # What only upstream names is in the documents, marked as such.
    for form in ("spdx", "cyclonedx"):
        text = airlock(0, "sbom", bundle, "--key", keys / "alice.pub", "--format", form).out
        assert '"pkg:generic/openssl@3.0.9"' in text and "not found in the layers" in text
        assert "ancestor" not in text and "pkg:deb/no" not in text and "pkg:deb/this" not in text


def test_the_page_shows_what_upstream_does_not_name(airlock, keys, bundled, tmp_path):
    upstream = Upstream()
    upstream.refer("application/spdx+json", spdx(*PURLS, "pkg:deb/x@1?a=<script>", "pkg:deb/<script>@1"))
    found = {"matches": [{"vulnerability": {"id": "CVE-7", "severity": "High"},
                          "artifact": {"name": "openssl", "version": "3.0.9"}}]}  # fmt: skip
    (tmp_path / "f.json").write_text(json.dumps(found))
    page = tmp_path / "r.html"
    command = ["report", bundled(upstream), "--key", keys / "alice.pub", "--findings", tmp_path / "f.json"]
    airlock(0, *command, "-o", page)
    text = page.read_text()
    hints = re.sub("<[^>]*>", "", text[text.index('id="hints"') :].split("</section>")[0])
    assert "not in upstream's list of software" in hints.replace("&#39;", "'") and "hidden 6 (deb)" in hints
    assert "bash" not in hints and "<script>@1" not in text
    assert "quay.io/lab/one:1 (as upstream says)" in text
    # A weakness in what only upstream names is about the image.
    findings = text[text.index('id="findings"') :].split("</section>")[0]
    assert "CVE-7" in findings and "1 finding about images" in findings


def test_lists_of_other_images_are_not_compared(airlock, keys, bundled):
    other = "1" * 64
    upstream = Upstream()
    upstream.tag("att", "application/vnd.dsse.envelope.v1+json", envelope(statement(spdx(*PURLS), digest=other)))
    upstream.attest(statement(spdx(*PURLS), digest=other))  # as of another platform
    said = airlock(0, "sbom", bundled(upstream), "--key", keys / "alice.pub")
    assert said.err.count("was not compared") == 1 and "its statement is about other images" in said.err
    assert "openssl" not in said.out


@pytest.mark.parametrize(
    "kind, content, words",
    [
        ("text/spdx", b"SPDXVersion: SPDX-2.3\n", "not valid JSON at byte"),
        ("application/spdx+json", spdx(), "names no package"),
        ("application/spdx+json", b'{"spdxVersion":"SPDX-2.3","x":' + b"[" * 200 + b"]" * 200 + b"}", "too deep"),
    ],
)
def test_lists_that_cannot_be_compared_are_named(airlock, keys, bundled, kind, content, words):
    upstream = Upstream()
    upstream.refer(kind, content)
    said = airlock(0, "sbom", bundled(upstream), "--key", keys / "alice.pub")
    assert "was not compared" in said.err and words in said.err


def test_lists_without_end(airlock, keys, bundled):
    """However many lists somebody attaches, and however long the keys in them are, they take little time."""
    upstream = Upstream()
    for number in range(20):
        upstream.refer("application/spdx+json", spdx(*PURLS, f"pkg:deb/n{number}@1"))
    said = airlock(0, "sbom", bundled(upstream), "--key", keys / "alice.pub")
    assert said.err.count("was not compared") == 1 and "more than 8, or too large ones, are attached" in said.err
    upstream = Upstream()
    upstream.refer("application/spdx+json", {"spdxVersion": "SPDX-2.3", "k" * (1 << 20): ["pkg:deb/x@1"] * 500_000})
    said = airlock(0, "sbom", bundled(upstream), "--key", keys / "alice.pub")
    assert "names no package" in said.err
    upstream = Upstream()
    upstream.refer("application/spdx+json", spdx(*[f"pkg:deb/n{number}@1" for number in range(20_001)]))
    assert "more than 20000 packages" in airlock(0, "sbom", bundled(upstream), "--key", keys / "alice.pub").err


def test_what_is_no_list_is_not_spoken_of(airlock, keys, bundled):
    upstream = Upstream()
    upstream.refer("application/vnd.lab.note", b"a note")
    upstream.refer("application/vnd.in-toto+json", statement({"buildType": "x"}, "https://slsa.dev/provenance/v1"))
    said = airlock(0, "sbom", bundled(upstream), "--key", keys / "alice.pub")
    assert "upstream" not in said.err + said.out


def test_an_attestation_that_cannot_be_read_is_named(airlock, keys, bundled):
    """Its type promises no list, but may hold one: a damaged medium is no absence."""
    upstream = Upstream()
    content = json.dumps(statement(spdx(*PURLS), digest=upstream.digest)).encode()
    upstream.attest(content)
    bundle = bundled(upstream)
    damaged = bytearray(bundle.read_bytes())
    damaged[damaged.find(content) + 10] ^= 1
    bundle.write_bytes(damaged)
    said = airlock(0, "sbom", bundle, "--key", keys / "alice.pub")
    assert "was not compared" in said.err and "found" not in said.out


def test_a_blob_that_is_named_many_times_is_read_once(airlock, keys, bundled):
    upstream = Upstream()
    upstream.refer("application/spdx+json", spdx(*PURLS))
    store = upstream.gallery.store
    body = json.loads(store.blobs[upstream.referrers[0]["digest"]])
    body["layers"] *= 500
    upstream.referrers = [store.add_json(images.OCI["manifest"], body)]
    said = airlock(0, "sbom", bundled(upstream), "--key", keys / "alice.pub")
    assert said.out.count("upstream's SPDX") == 1


def test_a_statement_without_its_type_is_one(airlock, keys, bundled):
    other = statement(spdx(*PURLS), digest="1" * 64)
    del other["predicateType"]
    upstream = Upstream()
    upstream.refer("application/vnd.in-toto+json", other)
    assert "about other images" in airlock(0, "sbom", bundled(upstream), "--key", keys / "alice.pub").err

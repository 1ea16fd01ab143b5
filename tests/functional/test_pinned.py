# SPDX-License-Identifier: Apache-2.0
"""What is asked for by digest is served by it; and what a shortened index costs is said, on both sides."""

import json

import pytest
from conftest import files_in
from lab import images

ARCHITECTURES = ["amd64", "arm64", "s390x"]


@pytest.fixture
def three(fake_registry):
    """A registry with quay.io/lab/app:1, an index for three platforms with a cosign signature, and its descriptor."""
    factory = images.Factory(packages=None)
    top = factory.index(ARCHITECTURES, [((), "gzip", (("etc/app", b"app " * 40000),))], images.OCI)
    stem = top["digest"].replace(":", "-")
    signature = factory.manifest("amd64", [((), "gzip", (("sig", b"signature"),))], images.OCI)
    server = fake_registry()
    images.fill(server, factory.store, {"quay.io/lab/app:1": top, f"quay.io/lab/app:{stem}.sig": signature})
    return server, factory, top


@pytest.fixture
def export(airlock, keys, three, tmp_path):
    def run(status, reference, *more):
        server = three[0]
        mirror = f"quay.io=http://{server.host}"
        command = ["export", "--image", reference, "--key", keys / "alice.key", "-o", tmp_path / "b.tar"]
        return airlock(status, *command, "--mirror", mirror, *more)

    return run


@pytest.fixture
def load(airlock, keys, plain, tmp_path):
    def run(status, verb="import", *more):
        place = [tmp_path / "b.tar", plain.host] if verb == "import" else [plain.host, "--bundle", tmp_path / "b.tar"]
        return airlock(status, verb, *place, "--insecure", "--key", keys / "alice.pub", *more)

    return run


def served(registry, name):
    connection = registry.connect()
    connection.request("GET", f"/v2/lab/app/manifests/{name}", headers={"Accept": images.OCI["index"]})
    answer = connection.getresponse()
    body = answer.read()
    return images.digest(body) if answer.status == 200 else None


@pytest.mark.parametrize("form", ["{}@{}", "{}:1@{}"])
def test_a_pinned_index_travels_whole(export, load, plain, three, form):
    _server, _factory, top = three
    made = export(0, form.format("quay.io/lab/app", top["digest"]))
    assert "asked for by digest, so all of its platforms travel, " in made.err and "KiB more" in made.err
    load(0, "import", "--receipt", plain.directory / "receipt.json")
    assert served(plain, top["digest"]) == top["digest"]
    assert "complete" in load(0, "check").out
    assert load(0, "import", "--output", "json").json["manifestsSent"] == 0


def test_a_pinned_index_that_is_filtered_is_not_imported_where_it_would_get_another_digest(export, load, three, plain):
    _server, _factory, top = three
    reference = f"quay.io/lab/app:1@{top['digest']}"
    made = export(0, reference, "--pinned", "filter", "--platform", "linux/amd64")
    assert f"{reference}: its digest, by which it is asked for, 1 signature" in made.err
    assert "needs a registry that takes incomplete indexes" in load(0, "import", "--dry-run").err
    refused = load(4)
    assert "of which the bundle has not all platforms" in refused.err and "--pinned whole" in refused.err
    assert served(plain, "1") is None  # no name was written
    problem = load(4, "check").out
    assert "what its digest stands for" in problem and "export it with --pinned whole" in problem


def test_a_pinned_index_may_be_refused(export, three, tmp_path):
    _server, _factory, top = three
    refused = export(3, f"quay.io/lab/app@{top['digest']}", "--pinned", "refuse")
    assert "--pinned refuse does not allow" in refused.err and files_in(tmp_path) == []
    export(0, f"quay.io/lab/app@{top['digest']}", "--pinned", "refuse", "--platform", "all")


def test_a_registry_that_takes_incomplete_indexes_needs_no_more(airlock, keys, export, three, fake_registry, tmp_path):
    _server, _factory, top = three
    made = export(0, f"quay.io/lab/app@{top['digest']}", "--for-registry", "sparse", "--platform", "linux/amd64")
    assert "warning" not in made.err and "all of its platforms" not in made.err
    target = fake_registry()
    airlock(0, "import", tmp_path / "b.tar", target.host, "--insecure", "--key", keys / "alice.pub")
    assert served(target, top["digest"]) == top["digest"]


def test_what_does_not_apply_to_a_shortened_index_is_said(export, load):
    made = export(0, "quay.io/lab/app:1")
    assert "quay.io/lab/app:1: 1 signature" in made.err and "--platform all" in made.err
    assert "to which this does not apply:\n  quay.io/lab/app:1: 1 signature" in load(0).err
    assert "quay.io/lab/app:1: 1 signature" in load(0, "check").err
    warnings = load(0, "import", "--output", "json").json["warnings"]
    assert any("quay.io/lab/app:1: 1 signature" in warning for warning in warnings)


def test_nothing_is_said_where_nothing_is_lost(export, load):
    assert "warning" not in export(0, "quay.io/lab/app:1", "--platform", "all").err
    assert "does not apply" not in load(0).err


def test_a_lock_file_keeps_what_is_whole(airlock, export, three, tmp_path):
    server, _factory, top = three
    lock = tmp_path / "images.lock"
    mirror = ["--mirror", f"quay.io=http://{server.host}"]
    airlock(0, "resolve", "--image", f"quay.io/lab/app@{top['digest']}", *mirror, "-o", lock)
    assert "    whole: true\n" in lock.read_text()
    lock.write_text(lock.read_text().replace("whole: true", "whole: false"))
    command = ["export", "--lock", lock, "--dry-run", *mirror]
    assert '"whole" is not true' in airlock(6, *command).err
    lock.write_text(
        lock.read_text().replace("    whole: false\n", "").replace("  - source", "  - whole: true\n    source")
    )
    airlock(0, *command)
    assert "--pinned" in airlock(2, *command, "--pinned", "filter").err


def test_signatures_of_single_platforms_and_of_referrers_travel(airlock, keys, export, three, tmp_path, fake_registry):
    """`cosign sign --recursive`; `oras attach` to what was attached."""
    server, factory, top = three
    store = factory.store
    member = json.loads(store.blobs[top["digest"]])["manifests"][0]

    def attached(kind, subject):
        body = {
            "schemaVersion": 2,
            "mediaType": images.OCI["manifest"],
            "artifactType": kind,
            "config": store.add("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [store.add(kind, kind.encode())],
            "subject": {key: subject[key] for key in ("mediaType", "digest", "size")},
        }
        return store.add_json(images.OCI["manifest"], body)

    of_platform = factory.manifest("amd64", [((), "gzip", (("sig", b"of the platform"),))], images.OCI)
    sbom = attached("application/spdx+json", member)
    signature = attached("application/vnd.lab.signature", sbom)
    pusher = images.Pusher(server, store)
    pusher.push("lab/app", member["digest"].replace(":", "-") + ".sig", of_platform)
    for listed, about in ((sbom, member), (signature, sbom)):
        pusher.push("lab/app", listed["digest"], listed)
        entry = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": [listed]}
        pusher.push("lab/app", about["digest"].replace(":", "-"), store.add_json(images.OCI["index"], entry))
    assert export(0, "quay.io/lab/app:1", "--output", "json").json["referrers"] == 4
    target = fake_registry()
    airlock(0, "import", tmp_path / "b.tar", target.host, "--insecure", "--key", keys / "alice.pub")
    stem = member["digest"].replace(":", "-")
    assert served(target, f"{stem}.sig") == of_platform["digest"]
    for name in (sbom["digest"], signature["digest"]):
        connection = target.connect()
        connection.request("GET", f"/v2/lab/app/manifests/{name}", headers={"Accept": images.OCI["manifest"]})
        assert connection.getresponse().status == 200
    assert served(target, stem) and served(target, sbom["digest"].replace(":", "-"))

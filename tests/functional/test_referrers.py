# SPDX-License-Identifier: Apache-2.0
"""Signatures, attestations and SBOMs travel with their images, however a registry keeps them."""

import json
import subprocess

import pytest
from conftest import files_in
from lab import images

COSIGN_LAYER = "application/vnd.dev.cosign.simplesigning.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"


@pytest.fixture
def signed(small_images):
    """quay.io/lab/one:1 with two referrers by subject, one cosign signature by tag; and where each is."""
    factory, made = small_images
    store, top = factory.store, made["quay.io/lab/one:1"]
    subject = {key: top[key] for key in ("mediaType", "digest", "size")}

    def artifact(kind, content):
        body = {
            "schemaVersion": 2,
            "mediaType": images.OCI["manifest"],
            "artifactType": kind,
            "config": store.add(EMPTY, b"{}"),
            "layers": [store.add(kind, content)],
            "subject": subject,
            "annotations": {"lab": "yes"},
        }
        return store.add_json(images.OCI["manifest"], body)

    listed = [
        artifact("application/spdx+json", b'{"spdx": 1}'),
        artifact("application/vnd.lab.signature", b"signature"),
    ]
    config = store.add_json(images.OCI["config"], {"os": "", "architecture": ""})
    body = {
        "schemaVersion": 2,
        "mediaType": images.OCI["manifest"],
        "config": config,
        "layers": [store.add(COSIGN_LAYER, b'{"critical": {}}')],
    }
    cosign = store.add_json(images.OCI["manifest"], body)
    return factory, made, top["digest"].replace(":", "-"), listed, cosign


def fill(server, signed, fallback):
    factory, made, stem, listed, cosign = signed
    names = {**made, f"quay.io/lab/one:{stem}.sig": cosign}
    images.fill(server, factory.store, names)
    pusher = images.Pusher(server, factory.store)
    for top in listed:
        pusher.push("lab/one", top["digest"], top)
    if fallback:
        index = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": listed}
        pusher.push("lab/one", stem, factory.store.add_json(images.OCI["index"], index))
    server.forget()


def get(server, path):
    connection = server.connect()
    connection.request("GET", path, headers={"Accept": f"{images.OCI['index']}, {images.OCI['manifest']}"})
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, body and json.loads(body)


@pytest.mark.parametrize("source", ["api", "fallback tag"])
def test_referrers_travel(airlock, keys, fake_registry, signed, export_small, plain, tmp_path, source):
    factory, _made, stem, listed, cosign = signed
    server = fake_registry(*["--referrers"] * (source == "api"))
    fill(server, signed, fallback=source != "api")
    result = export_small(0, server)
    assert "3 signatures, attestations and SBOMs" in result.out
    if source == "api":
        # Two pages of one image, one of the other; one of each referrer, of which nothing is said.
        assert len(server.requests("GET", "/referrers/")) == 3 + 3
    bundle = tmp_path / "small.tar"
    airlock(0, "verify", bundle, "--key", keys / "alice.pub")
    # Into docker-registry 2.8, which has no list of referrers: the tags are kept.
    command = ["import", bundle, plain.host, "--insecure", "--key", keys / "alice.pub"]
    airlock(0, *command)
    status, index = get(plain, f"/v2/lab/one/manifests/{stem}")
    assert status == 200 and {m["digest"] for m in index["manifests"]} == {top["digest"] for top in listed}
    assert {m["artifactType"] for m in index["manifests"]} == {"application/spdx+json", "application/vnd.lab.signature"}
    assert all(m["annotations"] == {"lab": "yes"} for m in index["manifests"])
    assert get(plain, f"/v2/lab/one/manifests/{stem}.sig")[1] == json.loads(factory.store.blobs[cosign["digest"]])
    for top in listed:
        assert get(plain, f"/v2/lab/one/manifests/{top['digest']}")[0] == 200
    # Another client finds the same.
    raw = subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{plain.host}/lab/one:{stem}.sig"],
        check=True,
        capture_output=True,
    )
    assert raw.stdout == factory.store.blobs[cosign["digest"]]
    assert airlock(0, *command, "--output", "json").json["manifestsSent"] == 0
    airlock(0, "check", plain.host, "--bundle", bundle, "--insecure", "--key", keys / "alice.pub")


def test_a_registry_with_the_referrers_api_needs_no_tag(airlock, keys, fake_registry, signed, export_small, tmp_path):
    _factory, made, stem, _listed, _cosign = signed
    server, target = fake_registry("--referrers"), fake_registry("--referrers")
    fill(server, signed, fallback=False)
    export_small(0, server)
    airlock(0, "import", tmp_path / "small.tar", target.host, "--insecure", "--key", keys / "alice.pub")
    assert get(target, f"/v2/lab/one/manifests/{stem}")[0] == 404
    assert (
        len(get(target, f"/v2/lab/one/referrers/{made['quay.io/lab/one:1']['digest']}")[1]["manifests"]) == 1
    )  # a page
    assert get(target, f"/v2/lab/one/manifests/{stem}.sig")[0] == 200


def test_what_others_listed_stays_listed(airlock, keys, fake_registry, signed, export_small, plain, tmp_path):
    factory, _made, stem, listed, _cosign = signed
    server = fake_registry("--referrers")
    fill(server, signed, fallback=False)
    export_small(0, server)
    other = factory.manifest("amd64", [((), "gzip", (("etc/other", b"other"),))], images.OCI)
    index = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": [other]}
    images.Pusher(plain, factory.store).push("lab/one", stem, factory.store.add_json(images.OCI["index"], index))
    airlock(0, "import", tmp_path / "small.tar", plain.host, "--insecure", "--key", keys / "alice.pub")
    listed_now = {m["digest"] for m in get(plain, f"/v2/lab/one/manifests/{stem}")[1]["manifests"]}
    assert listed_now == {other["digest"], *(top["digest"] for top in listed)}


def test_no_referrers(airlock, fake_registry, signed, export_small):
    server = fake_registry("--referrers")
    fill(server, signed, fallback=False)
    result = export_small(0, server, "--no-referrers")
    assert "attached" not in result.out and server.requests("GET", "/referrers/") == []


def test_an_error_in_asking_is_not_an_absence(fake_registry, signed, export_small, tmp_path):
    server = fake_registry("--referrers")
    fill(server, signed, fallback=False)
    tags = {"match": "GET */manifests/sha256-*.sig", "status": 403, "times": 0}
    server.rules(tags)
    err = export_small(4, server).err
    assert "signatures and attestations" in err and "HTTP 403" in err and files_in(tmp_path) == []
    server.rules({"match": "GET */referrers/*", "status": 500, "times": 0, "headers": {"Retry-After": "100000"}})
    assert "HTTP 500" in export_small(4, server).err
    # Who says so takes what there is.
    server.rules(tags)
    allowed = export_small(0, server, "--allow-missing-referrers")
    assert "cannot be asked for, and may stay behind" in allowed.err and "HTTP 403" in allowed.err
    assert "2 signatures" in allowed.out


@pytest.mark.parametrize("status, hidden", [(401, True), (403, True), (404, False), (406, False), (501, False)])
def test_a_registry_that_has_no_list_is_asked_for_the_tag(fake_registry, signed, export_small, status, hidden):
    server = fake_registry("--referrers")
    fill(server, signed, fallback=True)
    server.rules({"match": "GET */referrers/*", "status": status, "times": 0})
    result = export_small(0, server)
    assert "3 signatures, attestations and SBOMs" in result.out
    assert ("does not let referrers be listed (HTTP " in result.err) == hidden
    assert result.err.count("does not let referrers be listed") <= 1


def test_what_is_listed_and_cannot_travel_is_named(fake_registry, signed, export_small, tmp_path):
    """Garbage collection took one; another is of the type of 2022; one is no manifest; one is no entry."""
    factory, made, _stem, listed, _cosign = signed
    server = fake_registry("--referrers")
    fill(server, signed, fallback=False)
    gone, older = (
        images.descriptor(images.OCI["manifest"], b"gone"),
        images.descriptor("application/vnd.oci.artifact.manifest.v1+json", b"older"),
    )
    broken = factory.store.add(images.OCI["manifest"], b'{"schemaVersion": 2}')
    body = json.dumps({"schemaVersion": 2, "manifests": [gone, older, broken, listed[0], {"digest": "sha512:0"}]})
    server.rules(
        {
            "match": "GET */lab/one/referrers/" + made["quay.io/lab/one:1"]["digest"],
            "status": 200,
            "times": 0,
            "body": body,
        },
        {"match": f"GET */manifests/{broken['digest']}", "status": 200, "times": 0, "body": '{"schemaVersion": 2}'},
    )
    result = export_small(0, server)
    for digest, why in (
        (gone["digest"], "it is gone"),
        (older["digest"], "which registries do not take any more"),
        (broken["digest"], "it cannot be had whole"),
        ("something", "is missing"),
    ):
        assert any(digest in line and why in line for line in result.err.splitlines()), result.err
    assert "2 signatures" in result.out  # the one that is good, and cosign's


def test_a_registry_that_resolves_the_tag_to_the_image_itself(fake_registry, signed, export_small):
    """GitLab does."""
    factory, made, stem, _listed, _cosign = signed
    server = fake_registry()
    fill(server, signed, fallback=False)
    top = made["quay.io/lab/one:1"]
    images.Pusher(server, factory.store).push("lab/one", stem, top)
    assert "1 signature" in export_small(0, server).out


@pytest.mark.parametrize(
    "link, status, words",
    [
        ("</v2/lab/one/referrers/more>; rel=next", 4, "HTTP 403"),
        ('</elsewhere>; rel=first, </v2/lab/one/referrers/more>; title="a, b"; rel="last next"', 4, "HTTP 403"),
        ('<http://[bad>; rel="next"', 4, 'the list continues at a malformed address, "http://[bad"'),
        ("</v2/lab/one/referrers/more>; rel=prev", 0, ""),
    ],
)
def test_where_a_list_of_referrers_goes_on(fake_registry, signed, export_small, link, status, words):
    """What lies on a page that is not read would be missing without a word."""
    server = fake_registry("--referrers")
    fill(server, signed, fallback=False)
    page = json.dumps({"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": []})
    server.rules(
        {"match": "GET */referrers/sha256*", "times": 0, "status": 200, "headers": {"Link": link}, "body": page},
        {"match": "GET */referrers/more", "times": 0, "status": 403},
    )
    assert words in export_small(status, server).err


def test_an_index_of_indexes_that_names_the_same_thousands_of_times(airlock, fake_registry, tmp_path):
    """Followed again and again, its four levels would be 10^15 documents."""
    factory = images.Factory(packages=None)
    config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
    top = factory.store.add_json(
        images.OCI["manifest"],
        {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": []},
    )
    for _ in range(4):
        top = factory.store.add_json(
            images.OCI["index"], {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": [top] * 9000}
        )
    server = fake_registry()
    images.fill(server, factory.store, {"quay.io/lab/one:1": top})
    airlock(
        0,
        "resolve",
        "--image",
        "quay.io/lab/one:1",
        "--platform",
        "all",
        "--mirror",
        f"quay.io=http://{server.host}",
        "-o",
        tmp_path / "l",
    )
    assert (tmp_path / "l").read_text().count("sha256:") == 2 + 6  # catalog and image; all blobs


@pytest.mark.slow
def test_manifests_without_end(airlock, fake_registry, tmp_path):
    """They are kept in memory, so a registry must not be able to make us keep any number of them."""
    factory = images.Factory(packages=None)
    config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
    members = [
        factory.store.add_json(
            images.OCI["manifest"],
            {
                "schemaVersion": 2,
                "mediaType": images.OCI["manifest"],
                "config": config,
                "layers": [],
                "annotations": {"n": str(n), "padding": "x" * 4_000_000},
            },
        )
        for n in range(70)
    ]
    top = factory.store.add_json(
        images.OCI["index"], {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": members}
    )
    server = fake_registry()
    images.fill(server, factory.store, {"quay.io/lab/one:1": top})
    err = airlock(
        6,
        "resolve",
        "--image",
        "quay.io/lab/one:1",
        "--platform",
        "all",
        "--mirror",
        f"quay.io=http://{server.host}",
        "-o",
        tmp_path / "l",
    ).err
    assert "the manifests of all images exceed 256 MiB" in err


def test_registries_without_the_api_are_asked_for_it_once(fake_registry, signed, export_small):
    server = fake_registry()
    fill(server, signed, fallback=False)
    export_small(0, server, "--jobs", "1")
    assert len(server.requests("GET", "/referrers/")) == 1


def test_a_referrer_that_is_an_index_travels_with_its_members(
    airlock, keys, fake_registry, small_images, export_small, plain, tmp_path
):
    """OCI image-spec v1.1: an index may have a subject too, as SBOMs for several platforms have it."""
    factory, made = small_images
    store, top = factory.store, made["quay.io/lab/one:1"]
    members = []
    for number in range(2):
        body = {
            "schemaVersion": 2,
            "mediaType": images.OCI["manifest"],
            "config": store.add(EMPTY, b"{}"),
            "layers": [store.add("application/spdx+json", b"sbom %d" % number)],
        }
        members.append(store.add_json(images.OCI["manifest"], body))
    index = {
        "schemaVersion": 2,
        "mediaType": images.OCI["index"],
        "artifactType": "application/spdx+json",
        "manifests": members,
        "subject": {key: top[key] for key in ("mediaType", "digest", "size")},
    }
    listed = store.add_json(images.OCI["index"], index)
    server = fake_registry("--referrers")
    images.fill(server, store, made)
    images.Pusher(server, store).push("lab/one", listed["digest"], listed)
    assert export_small(0, server, "--output", "json").json["referrers"] == 1
    bundle = tmp_path / "small.tar"
    airlock(0, "import", bundle, plain.host, "--insecure", "--key", keys / "alice.pub")
    for document in (listed, *members):
        assert get(plain, f"/v2/lab/one/manifests/{document['digest']}")[0] == 200
    status, fallback = get(plain, f"/v2/lab/one/manifests/{top['digest'].replace(':', '-')}")
    assert status == 200 and [m["digest"] for m in fallback["manifests"]] == [listed["digest"]]
    assert fallback["manifests"][0]["artifactType"] == "application/spdx+json"
    airlock(0, "check", plain.host, "--bundle", bundle, "--insecure", "--key", keys / "alice.pub")

# SPDX-License-Identifier: Apache-2.0
"""Locks, receipts, deltas, merging and splitting: what happens to a bundle between two machines that never meet."""

import hashlib
import json
import subprocess
import tarfile

import pytest
from conftest import files_in
from lab import images

OLD = ["--filter", "control-plane", "--kubernetes-versions", "v1.28.8"]
NEW = ["--filter", "control-plane", "--kubernetes-versions", "v1.29.4"]


@pytest.fixture(scope="module")
def export(airlock, keys, upstream, module_folder):
    """Exports into a folder of the module's: export(name, options…) gives the path and the result."""

    def run(name, *options, status=0, **more):
        result = airlock(
            status,
            "export",
            *options,
            "--no-referrers",
            "--key",
            keys / "alice.key",
            "-o",
            module_folder / name,
            "--mirror",
            f"registry.k8s.io=http://{upstream.host}",
            "--output",
            "json",
            **more,
        )
        return module_folder / name, result

    return run


@pytest.fixture(scope="module")
def full(export):
    return export("old.tar", *OLD)[0]


@pytest.fixture(scope="module")
def delta(export, full):
    return export("delta.tar", *NEW, "--since", full)


def sums_of(bundle):
    with tarfile.open(bundle) as archive:
        return archive.extractfile("SHA256SUMS").read()


# Lock files


@pytest.fixture
def lock(airlock, upstream, tmp_path):
    airlock(0, "resolve", *OLD, "-o", tmp_path / "k.lock", "--mirror", f"registry.k8s.io=http://{upstream.host}")
    return tmp_path / "k.lock"


def test_a_lock_file_is_for_people(lock):
    text = lock.read_text()
    assert text.startswith("# airlock lock file") and '- source: "registry.k8s.io/kube-apiserver:v1.28.8"' in text
    assert '"linux/amd64": ' in text and "\nblobs:\n" in text


def test_the_same_lock_gives_the_same_bytes(airlock, keys, upstream, lock, tmp_path):
    airlock(0, "keygen", tmp_path / "ed", "--algorithm", "ed25519", "--no-passphrase")
    for name, jobs in (("a.tar", 1), ("b.tar", 16)):
        airlock(
            0,
            "export",
            "--lock",
            lock,
            "--key",
            tmp_path / "ed.key",
            "-o",
            tmp_path / name,
            "--jobs",
            jobs,
            "--mirror",
            f"registry.k8s.io=http://{upstream.host}",
            env={"SOURCE_DATE_EPOCH": "1700000000"},
        )
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    airlock(0, "resolve", *OLD, "-o", tmp_path / "again.lock", "--mirror", f"registry.k8s.io=http://{upstream.host}")
    assert (tmp_path / "again.lock").read_bytes() == lock.read_bytes()


def test_a_lock_holds_when_a_tag_has_moved(airlock, keys, fake_registry, small_images, tmp_path):
    factory, made = small_images
    server = fake_registry()
    images.fill(server, factory.store, made)
    way = ["--mirror", f"quay.io=http://{server.host}"]
    airlock(0, "resolve", "--image", "quay.io/lab/one:1", "-o", tmp_path / "l", *way)
    moved = factory.manifest("amd64", [((), "gzip", (("etc/moved", b"moved"),))], images.OCI)
    images.fill(server, factory.store, {"quay.io/lab/one:1": moved})
    export = ["export", "--lock", tmp_path / "l", "--key", keys / "alice.key", *way]
    result = airlock(0, *export, "-o", tmp_path / "b.tar", "--output", "json").json
    assert result["images"] == [{"source": "quay.io/lab/one:1", "digest": made["quay.io/lab/one:1"]["digest"]}]
    server.rules({"match": f"GET */manifests/{made['quay.io/lab/one:1']['digest']}", "status": 404, "times": 0})
    err = airlock(4, *export, "-o", tmp_path / "c.tar").err
    assert "that the lock file wants" in err and "is not served any more" in err and "quay.io/lab/one:1" in err


def test_a_lock_pins_referrers_too(airlock, keys, fake_registry, small_images, tmp_path):
    factory, made = small_images
    server = fake_registry("--referrers")
    images.fill(server, factory.store, made)
    subject = {key: made["quay.io/lab/one:1"][key] for key in ("mediaType", "digest", "size")}
    body = {
        "schemaVersion": 2,
        "mediaType": images.OCI["manifest"],
        "artifactType": "a/b",
        "config": factory.store.add("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [factory.store.add("a/b", b"sbom")],
        "subject": subject,
    }
    sbom = factory.store.add_json(images.OCI["manifest"], body)
    images.Pusher(server, factory.store).push("lab/one", sbom["digest"], sbom)
    way = ["--mirror", f"quay.io=http://{server.host}"]
    airlock(0, "resolve", "--image", "quay.io/lab/one:1", "-o", tmp_path / "l", *way)
    assert sbom["digest"] in (tmp_path / "l").read_text()
    server.forget()
    assert (
        airlock(
            0,
            "export",
            "--lock",
            tmp_path / "l",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / "b.tar",
            *way,
            "--output",
            "json",
        ).json["referrers"]
        == 1
    )
    assert server.requests("GET", "/referrers/") == []


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t.replace("version: 1", "version: 2"), "unknown version 2"),
        (lambda t: t.replace("digest: ", "digset: ", 1), "digset"),
        (lambda t: t.replace('\n    digest: "sha256:', '\n    digest: "sha512:', 1), "digest"),
        (lambda t: t + "extra: 1\n", "extra"),
        (
            lambda t: t.replace("  - source: ", "  - source: " + t.split("  - source: ")[1] + "  - source: ", 1),
            "one appears twice",
        ),
        (lambda t: t[: len(t) // 2] + "\n\t{", "not a lock file that airlock can read"),
    ],
)
def test_a_malformed_lock(airlock, keys, lock, tmp_path, change, words):
    (tmp_path / "bad").write_text(change(lock.read_text()))
    assert (
        words
        in airlock(6, "export", "--lock", tmp_path / "bad", "--key", keys / "alice.key", "-o", tmp_path / "b.tar").err
    )


def test_a_lock_goes_with_no_selection(airlock, keys, lock, tmp_path):
    for more in (OLD, ["--image", "quay.io/a:1"], ["--platform", "all"]):
        assert (
            "--lock selects the images"
            in airlock(2, "export", "--lock", lock, *more, "--key", keys / "alice.key", "-o", tmp_path / "b.tar").err
        )


def test_a_receipt_is_not_given_for_what_is_not_there(airlock, keys, full, plain, tmp_path):
    airlock(0, *import_command(full, plain, keys))
    with tarfile.open(full) as archive:
        layer = archive.getnames()[-1].rsplit("/", 1)[1]
    for link in (plain.directory / "data").rglob(f"_layers/sha256/{layer}/link"):
        link.unlink()
    err = airlock(4, *import_command(full, plain, keys, "--receipt", tmp_path / "r.json")).err
    assert "no receipt can be given" in err and layer in err and not (tmp_path / "r.json").exists()


def test_resolve_overwrites_nothing(airlock, lock, upstream):
    before = lock.read_bytes()
    assert (
        "exists already"
        in airlock(5, "resolve", *NEW, "-o", lock, "--mirror", f"registry.k8s.io=http://{upstream.host}").err
    )
    assert lock.read_bytes() == before


# Comparing


def test_diff_of_bundles_locks_and_receipts(airlock, full, delta, lock, export):
    same = airlock(0, "diff", full, lock, "--output", "json").json
    assert same["added"] == same["removed"] == same["changed"] == [] and same["newBlobs"] == same["goneBlobs"] == 0
    other = export("new.tar", *NEW)[0]
    out = airlock(0, "diff", full, other).out
    assert "- registry.k8s.io/kube-apiserver:v1.28.8\n" in out and "+ registry.k8s.io/kube-apiserver:v1.29.4\n" in out
    numbers = airlock(0, "diff", full, other, "--output", "json").json
    assert numbers["same"] == 2 and numbers["newBytes"] > 0 and f"{numbers['newBlobs']} new blobs" in out
    assert "NOT VERIFIED" in airlock(0, "diff", full, other).err


def test_diff_of_a_registry(airlock, keys, full, lock, export, plain, tmp_path):
    """What an import would change, before it; nothing, after it; and what somebody else put there."""
    target = f"{plain.host}/diff"

    def diff(before, after, status):
        return airlock(status, "diff", before, after, "--insecure", "--exit-code", "--output", "json").json

    def shown(*sides):
        return airlock(0, "diff", *sides, "--insecure").out

    place = f"docker://{target}"
    empty = diff(place, full, 10)
    count = len(empty["added"])
    assert count > 3 and not empty["removed"] and not empty["changed"] and "newBytes" not in empty
    receipt = tmp_path / "r.json"
    airlock(0, "import", full, target, "--insecure", "--key", keys / "alice.pub", "--receipt", receipt)
    # The registry has indexes with the platforms of the bundle only: the same images.
    for other in (full, receipt):
        assert diff(place, other, 0)["same"] == diff(other, place, 0)["same"] == count
    assert "says what the names are" in airlock(2, "diff", place, receipt, "--map", "keep-host", "--insecure").err
    new = export("newer.tar", *NEW)[0]
    told = shown(place, new)
    assert "+ registry.k8s.io/kube-apiserver:v1.29.4\n" in told and "blob" not in told
    # The old release's image is another tag of the same repository.
    assert "- registry.k8s.io/kube-apiserver:v1.28.8\n" in told
    # Somebody moves a tag, and adds one.
    connection = plain.connect()
    accepted = {"Accept": ", ".join([images.OCI["index"], images.DOCKER["index"]])}
    connection.request("GET", "/v2/diff/kube-proxy/manifests/v1.28.8", headers=accepted)
    answer = connection.getresponse()
    kind, body = answer.headers["Content-Type"], answer.read()
    for tag, text in (("v1.28.8", body + b"\n"), ("mine", body)):
        connection.request("PUT", f"/v2/diff/kube-proxy/manifests/{tag}", body=text, headers={"Content-Type": kind})
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()
    told = diff(full, place, 10)
    moved = hashlib.sha256(body + b"\n").hexdigest()
    assert [(one["source"], one["new"]) for one in told["changed"]] == [
        ("registry.k8s.io/kube-proxy:v1.28.8", f"sha256:{moved}")
    ]
    assert told["added"] == ["registry.k8s.io/kube-proxy:mine"] and told["removed"] == []
    assert told["same"] == count - 1


def test_diff_of_a_registry_by_a_lock_file(airlock, lock, plain):
    """Nothing is imported: all that the lock file names would come."""
    told = airlock(0, "diff", f"docker://{plain.host}/nowhere", lock, "--insecure", "--output", "json").json
    assert "registry.k8s.io/kube-apiserver:v1.28.8" in told["added"] and told["same"] == 0


def test_diff_needs_a_list(airlock, full, plain):
    place = f"docker://{plain.host}/diff"
    assert "two registries have no list" in airlock(2, "diff", place, place).err
    assert "--packages and --files look into images" in airlock(2, "diff", place, full, "--files", "--insecure").err


# Receipts and deltas


@pytest.fixture
def site(airlock, tmp_path):
    """The isolated side's own key."""
    airlock(0, "keygen", tmp_path / "site", "--no-passphrase")
    return tmp_path / "site.key", tmp_path / "site.pub"


def import_command(bundle, target, keys, *more):
    return ["import", bundle, target.host, "--insecure", "--key", keys / "alice.pub", *more]


def test_a_receipt_says_what_a_registry_holds(airlock, keys, full, plain, site, tmp_path):
    file = tmp_path / "r.json"
    airlock(0, *import_command(full, plain, keys, "--receipt", file, "--receipt-key", site[0]))
    receipt = json.loads(file.read_text())
    assert (
        receipt["registry"] == plain.host
        and receipt["bundle"]["sumsDigest"] == "sha256:" + hashlib.sha256(sums_of(full)).hexdigest()
    )
    for image in receipt["images"]:
        repository, tag = image["name"].split("/", 1)[1].rsplit(":", 1)
        connection = plain.connect()
        connection.request(
            "GET",
            f"/v2/{repository}/manifests/{image['digest']}",
            headers={
                "Accept": "*/*, " + images.OCI["index"] + "," + images.DOCKER["index"] + "," + images.DOCKER["manifest"]
            },
        )
        body = connection.getresponse().read()
        assert "sha256:" + hashlib.sha256(body).hexdigest() == image["digest"], tag
    for blob in receipt["blobs"][:20]:
        assert blob["repositories"] and blob["size"] > 0
    assert "signed by SHA256:" in airlock(0, "verify-receipt", file, "--key", site[1]).out
    subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", site[1], "-signature", f"{file}.sig", file],
        check=True,
        capture_output=True,
    )
    # The same again has to be another file, and is asked about before anything is done.
    assert "exists already" in airlock(5, *import_command(full, plain, keys, "--receipt", file)).err
    assert "is not this key's signature" in airlock(7, "verify-receipt", file, "--key", keys / "alice.pub").err
    file.write_text(file.read_text().replace('"serial":', '"serial": '))
    assert "is not this key's signature" in airlock(7, "verify-receipt", file, "--key", site[1]).err


def test_a_delta_against_a_bundle(airlock, keys, export, full, delta, plain, tmp_path):
    path, result = delta
    complete, whole = export("complete.tar", *NEW)
    assert result.json["reliedOnBlobs"] > 0 and path.stat().st_size < complete.stat().st_size * 0.8
    assert result.json["blobBytes"] + result.json["reliedOnBytes"] == whole.json["blobBytes"]
    airlock(0, "verify", path, "--key", keys / "alice.pub", "--layers")
    for verb in (["verify", path, "--key", keys / "alice.pub"], ["inspect", path]):
        assert "delta      depends on" in airlock(0, *verb).out
    # By itself it is refused, before anything is sent, and says what it needs.
    err = airlock(4, *import_command(path, plain, keys)).err
    digest = hashlib.sha256(sums_of(full)).hexdigest()
    assert "is a delta" in err and "a bundle, stream default, serial" in err and digest in err
    assert plain.requests("POST") == [] and plain.requests("PUT") == []
    airlock(0, *import_command(full, plain, keys))
    imported = airlock(0, *import_command(path, plain, keys, "--output", "json")).json
    assert imported["bytesSent"] <= result.json["blobBytes"]
    airlock(0, "check", plain.host, "--bundle", complete, "--insecure", "--key", keys / "alice.pub")


def test_a_delta_against_a_receipt_and_a_lock(airlock, keys, export, full, delta, plain, lock, tmp_path):
    file = tmp_path / "r.json"
    airlock(0, *import_command(full, plain, keys, "--receipt", file))
    for name, source in (("by-receipt.tar", file), ("by-lock.tar", lock)):
        path, result = export(name, *NEW, "--since", source)
        assert result.json["reliedOnBlobs"] == delta[1].json["reliedOnBlobs"]
        airlock(0, *import_command(path, plain, keys))


def test_a_delta_of_a_delta(airlock, keys, export, full, delta, plain):
    path, result = export(
        "third.tar",
        "--filter",
        "control-plane",
        "--kubernetes-versions",
        "v1.28.8,v1.29.4",
        "--since",
        full,
        "--since",
        delta[0],
    )
    assert result.json["blobBytes"] < 200_000  # manifests only
    for bundle in (full, delta[0], path):
        airlock(0, *import_command(bundle, plain, keys))


def test_a_wrong_delta_is_refused(airlock, keys, delta, plain, tmp_path):
    """A blob that is relied on in a registry that lost it after all."""
    fake = delta[0]
    raw = fake.read_bytes()
    assert raw.count(b'"base":{') == 1
    (tmp_path / "d.tar").write_bytes(raw.replace(b'"base":{', b'"bsae":{'))
    airlock(6, "verify", tmp_path / "d.tar", "--key", keys / "alice.pub")


# Merging and splitting


def test_deltas_merge_into_a_delta(airlock, keys, export, full, delta, plain, tmp_path):
    """What none of them carries stays with their base."""
    other = export("other.tar", "--filter", "control-plane", "--kubernetes-versions", "v1.28.8", "--since", full)[0]
    out = tmp_path / "deltas.tar"
    command = ["merge", delta[0], other, "-o", out, "--trusted", keys / "alice.pub", "--key", keys / "mallory.key"]
    assert airlock(0, *command, "--output", "json").json["reliedOn"] > 0
    airlock(0, "verify", out, "--key", keys / "mallory.pub")
    into = ["import", out, plain.host, "--insecure", "--key", keys / "mallory.pub"]
    assert "this bundle is a delta" in airlock(4, *into).err
    airlock(0, *import_command(full, plain, keys))
    airlock(0, *into)
    airlock(0, "check", plain.host, "--bundle", out, "--insecure", "--key", keys / "mallory.pub")


def test_merge(airlock, keys, export, full, delta, plain, tmp_path):
    out = tmp_path / "both.tar"
    command = ["merge", full, delta[0], "-o", out, "--trusted", keys / "alice.pub", "--key", keys / "mallory.key"]
    result = airlock(0, *command, "--output", "json").json
    assert result["reliedOn"] == 0  # the full one carries what the delta relies on
    airlock(0, "verify", out, "--key", keys / "mallory.pub", "--layers")
    airlock(0, "import", out, plain.host, "--insecure", "--key", keys / "mallory.pub")
    for bundle in (full, export("complete2.tar", *NEW)[0]):
        airlock(0, "check", plain.host, "--bundle", bundle, "--insecure", "--key", keys / "alice.pub")
    assert (
        airlock(
            0,
            "diff",
            export("two.tar", "--filter", "control-plane", "--kubernetes-versions", "v1.28.8,v1.29.4")[0],
            out,
            "--output",
            "json",
        ).json["newBlobs"]
        == 0
    )
    assert "exists" in airlock(5, *command).err
    wrong = [*command[:4], tmp_path / "x.tar", "--trusted", keys / "mallory.pub", "--key", keys / "mallory.key"]
    airlock(7, *wrong)
    assert files_in(tmp_path) == ["both.tar", "plain"]
    # A merge that fails on its way leaves nothing.
    raw = bytearray(delta[0].read_bytes())
    raw[-5000] ^= 1
    (tmp_path / "bad.tar").write_bytes(raw)
    airlock(
        6,
        "merge",
        full,
        tmp_path / "bad.tar",
        "-o",
        tmp_path / "y.tar",
        "--trusted",
        keys / "alice.pub",
        "--key",
        keys / "mallory.key",
    )
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("y.tar")] == []


def test_merge_refuses_what_does_not_go_together(airlock, keys, export, full, fake_registry, small_images, tmp_path):
    other = export("amd64.tar", *NEW, "--platform", "linux/amd64")[0]
    merge = lambda status, a, b: (
        airlock(
            status,
            "merge",
            a,
            b,
            "-o",
            tmp_path / "m.tar",
            "--trusted",
            keys / "alice.pub",
            "--key",
            keys / "alice.key",
        ).err
    )
    assert "different platforms" in merge(3, full, other)
    factory, made = small_images
    for name, top in (("one", made["quay.io/lab/one:1"]), ("two", made["quay.io/lab/two:1"])):
        server = fake_registry()
        images.fill(server, factory.store, {"quay.io/lab/one:1": top})
        airlock(
            0,
            "export",
            "--image",
            "quay.io/lab/one:1",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / name,
            "--mirror",
            f"quay.io=http://{server.host}",
        )
    assert "in one bundle and" in merge(3, tmp_path / "one", tmp_path / "two")
    streams = export("stream.tar", *NEW, "--stream", "other")[0]
    assert "different streams" in merge(2, full, streams)


def test_what_is_merged_expires_with_the_first_of_its_parts(airlock, keys, export, tmp_path):
    parts = [
        export("february.tar", *OLD, "--expires", "2099-02-01")[0],
        export("january.tar", *NEW, "--expires", "2099-01-01")[0],
    ]
    result = airlock(
        0, "merge", *parts, "-o", tmp_path / "m.tar", "--trusted", keys / "alice.pub", "--key", keys / "alice.key"
    )
    assert (
        "It expires with the first of them, on 2099-01-01T00:00:00Z" in result.err
        and "the oldest of its parts was made on" in result.err
    )
    assert "expires 2099-01-01" in airlock(0, "verify", tmp_path / "m.tar", "--key", keys / "alice.pub").out


def test_split_and_join(airlock, keys, full, tmp_path):
    airlock(0, "split", full, "--volume-size", "4MiB", "-o", tmp_path / "s.tar")
    airlock(0, "verify", tmp_path / "s.tar", "--key", keys / "alice.pub")
    assert b"".join(file.read_bytes() for file in sorted(tmp_path.glob("s.tar.*"))) == full.read_bytes()
    airlock(0, "split", tmp_path / "s.tar", "--volume-size", "7MB", "-o", tmp_path / "t.tar")
    airlock(0, "verify", tmp_path / "t.tar", "--key", keys / "alice.pub")
    assert "exists" in airlock(5, "split", full, "--volume-size", "4MiB", "-o", tmp_path / "s.tar").err


# Preflight


def test_all_that_stands_in_the_way_of_an_export_is_said_at_once(airlock, keys, upstream, tmp_path):
    (tmp_path / "there.tar").write_text("")
    err = airlock(
        5,
        "export",
        *OLD,
        "--image",
        "registry.k8s.io/none:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "there.tar",
        "--dry-run",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    ).err
    assert "2 problems found" in err and "there.tar exists already" in err and "registry.k8s.io/none:1" in err
    assert err.count("next: ") == 3


def test_a_dry_run_finds_a_place_that_is_too_small(airlock, keys, upstream, tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True).returncode != 0:
        pytest.skip("this machine does not let mount")
    try:
        err = airlock(
            5, "export", *OLD, "-o", place / "b.tar", "--dry-run", "--mirror", f"registry.k8s.io=http://{upstream.host}"
        ).err
        assert "no room for" in err and files_in(place) == []
    finally:
        subprocess.run(["umount", place], check=True)
    airlock(
        0, "export", *OLD, "-o", tmp_path / "b.tar", "--dry-run", "--mirror", f"registry.k8s.io=http://{upstream.host}"
    )
    assert list(tmp_path.iterdir()) == [place]


def test_all_that_stands_in_the_way_of_an_import_is_said_at_once(
    airlock, keys, delta, plain, secured, certificates, tmp_path
):
    (tmp_path / "emit.yaml").write_text("somebody: else\n")
    dry = lambda status, target, *more: airlock(
        status, "import", delta[0], target.host, "--key", keys / "alice.pub", "--dry-run", *more
    )
    err = dry(5, plain, "--insecure", "--emit", tmp_path / "emit.yaml").err
    assert "2 problems found" in err and "emit.yaml" in err and "is a delta" in err
    err = dry(4, secured, "--cacert", certificates / "ca.pem").err  # no password
    assert "HTTP 401" in err


# A registry that answers otherwise


@pytest.fixture
def imported(airlock, keys, full, fake_registry):
    """A registry with a bundle's images, and how to compare it: diff(status) gives the result."""
    server = fake_registry()
    airlock(0, "import", full, f"{server.host}/k", "--insecure", "--key", keys / "alice.pub")

    def diff(status):
        return airlock(status, "diff", f"docker://{server.host}/k", full, "--insecure", "--exit-code")

    assert "0 images added, 0 removed, 0 changed" in diff(0).out
    return server, diff


def test_diff_misses_the_platforms_that_a_registry_lost(imported):
    server, diff = imported
    index = json.loads(pull(server, "/v2/k/kube-proxy/manifests/v1.28.8"))
    lost = index["manifests"][0]["digest"]
    server.rules({"match": f"GET /v2/k/kube-proxy/manifests/{lost}", "status": 404, "times": 0})
    told = diff(10)
    assert "+ registry.k8s.io/kube-proxy:v1.28.8\n" in told.out and "platforms are not there" in told.err


def test_who_may_not_read_is_told_so(imported):
    server, diff = imported
    server.rules({"match": "GET /v2/k/kube-proxy/manifests/v1.28.8", "status": 403, "times": 0})
    assert "403" in diff(4).err


def pull(server, path):
    connection = server.connect()
    connection.request("GET", path, headers={"Accept": "*/*"})
    return connection.getresponse().read()


@pytest.mark.parametrize("status", [403, 412, 404])
def test_somebody_elses_tag_spoils_nothing(imported, status):
    server, diff = imported
    server.rules(
        {
            "match": "GET /v2/k/pause/tags/list",
            "status": 200,
            "body": '{"name":"k/pause","tags":["3.9","odd"]}',
            "times": 0,
        },
        {"match": "GET /v2/k/pause/manifests/odd", "status": status, "times": 0},
    )
    assert "pause:odd is not compared" in diff(0).err


def test_a_registry_without_lists_of_tags(imported):
    server, diff = imported
    server.rules({"match": "GET /v2/k/pause/tags/list", "status": 404, "times": 0})
    assert "other tags are not compared" in diff(0).err


def test_options_about_a_registry_need_one(airlock, full):
    for more in (["--insecure"], ["--map", "keep-host"]):
        assert "none is named" in airlock(2, "diff", full, full, *more).err

# SPDX-License-Identifier: Apache-2.0
"""How blobs get into registries that do not take them the simple way."""

import glob
import json
import random
import re
import subprocess
import time
from pathlib import Path

import pytest
from conftest import PROGRAM
from lab import images


@pytest.fixture
def import_to(airlock, keys, fake_registry, filled, export_small, tmp_path):
    """Starts a target and imports the small images: import_to(status, target arguments, rules, more options)."""
    export_small(0, filled())

    def run(status, arguments=(), rules=(), more=(), bundle="small.tar"):
        target = fake_registry(*arguments)
        target.rules(*rules)
        result = airlock(
            status,
            "import",
            tmp_path / bundle,
            target.host,
            "--insecure",
            "--key",
            keys / "alice.pub",
            "-v",
            "--jobs",
            "1",
            *more,
        )
        return target, result

    return run


def test_a_refused_mount_is_sent_over_the_upload_that_the_registry_opened(import_to):
    target, result = import_to(0, rules=[{"match": "POST *", "no_mount": True, "times": 0}])
    mounts = [r for r in target.requests("POST") if r["mount"]]
    assert len(mounts) == 1 and "sent       6 blobs" in result.err and "mounted    0 blobs" in result.err
    assert (
        len(target.requests("POST")) == len(target.requests("PUT", "/blobs/")) == 6 and target.control("uploads") == 0
    )


def test_one_mount_and_no_question_before_it(import_to):
    target, result = import_to(0)
    assert "sent       5 blobs" in result.err and "mounted    1 blob" in result.err
    assert len(target.requests("POST")) == 6 and len(target.requests("PUT", "/blobs/")) == 5


@pytest.mark.parametrize("arguments", [(), ("--absolute-locations",)])
def test_locations_may_be_relative_or_absolute(import_to, arguments):
    import_to(0, arguments)


def test_a_broken_upload_goes_on_where_the_registry_stood(import_to, small_images):
    target, result = import_to(0, rules=[{"match": "PUT */blobs/uploads/*", "cut_request": 100}])
    assert "resumes after 100 B of" in result.err
    # One or more: TLS that is tried on a plain port first may end in a reset, which counts as well.
    assert re.search(r" [1-9]\d* retr(y|ies)$", result.err, re.MULTILINE), result.err
    puts = target.requests("PUT", "/blobs/uploads/")
    assert puts[1]["content_range"].startswith("100-") and target.control("uploads") == 0


def test_an_upload_whose_answer_was_lost_is_not_sent_again(import_to, fake_registry):
    """The registry stored the blob and then failed to say so: its upload is gone, the blob is there."""
    target, _result = import_to(
        0,
        rules=[
            {"match": "GET */blobs/uploads/*", "status": 404, "times": 0},
            {"match": "HEAD */blobs/*", "skip": 1, "status": 200},
            {"match": "PUT */blobs/uploads/*", "status": 502},
        ],
    )
    assert len(target.requests("PUT", "/blobs/uploads/")) >= 4


def test_an_upload_that_the_registry_forgot_starts_anew(import_to):
    target, _ = import_to(
        0,
        rules=[
            {"match": "PUT */blobs/uploads/*", "cut_request": 100},
            {"match": "GET */blobs/uploads/*", "status": 404},
        ],
    )
    puts = target.requests("PUT", "/blobs/uploads/")
    assert puts[1]["content_range"] == ""


def big_bundle(airlock, keys, fake_registry, tmp_path, size=5):
    """One layer of so many MiB."""
    factory = images.Factory(packages=None)
    config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
    layer = factory.store.add(images.OCI["gzip"], bytes(range(256)) * (size << 12))
    body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": [layer]}
    server = fake_registry()
    images.fill(server, factory.store, {"quay.io/lab/one:1": factory.store.add_json(images.OCI["manifest"], body)})
    airlock(
        0,
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "big.tar",
        "--mirror",
        f"quay.io=http://{server.host}",
    )


@pytest.mark.parametrize(
    "arguments, chunks",
    [
        (["--max-body", str(5 << 20 | 1)], []),  # just large enough
        (["--max-body", str(2 << 20)], [1 << 20] * 5),  # as a proxy does it
        (["--max-body", str(4 << 20)], [4 << 20, 1 << 20]),
        (["--chunks-only"], [5 << 20]),
        (["--max-body", str(2 << 20), "--chunk-min", "1500000"], None),
    ],
)
def test_chunks_where_a_registry_or_a_proxy_wants_them(
    import_to, airlock, keys, fake_registry, tmp_path, arguments, chunks
):
    big_bundle(airlock, keys, fake_registry, tmp_path)
    if chunks is None:
        _, result = import_to(4, arguments, bundle="big.tar")
        assert "client_max_body_size" in result.err and "HTTP 413" in result.err
        return
    target, result = import_to(0, arguments, bundle="big.tar")
    sent = [r["size"] for r in target.requests("PATCH") if r["status"] == 202 and r["size"] > 1000]
    assert sent == chunks and ("in chunks of" in result.err) == bool(chunks)
    assert airlock(0, "check", target.host, "--bundle", tmp_path / "big.tar", "--insecure", "--key", keys / "alice.pub")


def test_a_broken_chunk_goes_on_too(import_to, airlock, keys, fake_registry, tmp_path):
    big_bundle(airlock, keys, fake_registry, tmp_path)
    target, result = import_to(
        0, ["--max-body", str(2 << 20)], [{"match": "PATCH *", "skip": 3, "cut_request": 5000}], bundle="big.tar"
    )
    assert "resumes after 2.0 MiB of 5.0 MiB" in result.err, result.err
    assert target.requests("PATCH")[-1]["status"] == 202


def test_paths_that_are_too_deep_for_a_registry(import_to):
    body = json.dumps({"errors": [{"code": "NAME_INVALID", "message": "invalid repository name"}]})
    _, result = import_to(4, rules=[{"match": "POST *", "status": 400, "body": body, "times": 0}])
    assert "NAME_INVALID: invalid repository name" in result.err and "PREFIX" in result.err


def test_a_wrong_blob_leaves_no_upload_open(import_to, tmp_path):
    raw = bytearray((tmp_path / "small.tar").read_bytes())
    at = raw.rindex(b"\x1f\x8b\x08")  # in the last layer
    raw[at + 20] ^= 1
    (tmp_path / "bad.tar").write_bytes(raw)
    target, result = import_to(6, bundle="bad.tar")
    assert (
        target.control("uploads") == 0 and target.requests("PUT", "/manifests/") == [] and "blob sha256:" in result.err
    )


def test_a_large_upload_goes_on_in_the_next_run(airlock, keys, fake_registry, tmp_path, environment):
    big_bundle(airlock, keys, fake_registry, tmp_path, size=20)
    target = fake_registry()
    half = 8 << 20
    target.rules(
        {"match": "PUT */blobs/uploads/*", "cut_request": half}, {"match": "GET */blobs/uploads/*", "delay": 20000}
    )
    command = [
        PROGRAM,
        "import",
        str(tmp_path / "big.tar"),
        target.host,
        "--insecure",
        "--key",
        str(keys / "alice.pub"),
        "-v",
        "--jobs",
        "1",
        "--state-dir",
        str(tmp_path / "state"),
    ]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(1000):
        time.sleep(0.02)
        if target.requests("GET", "/blobs/uploads/"):
            break
    process.kill()  # while it waits to hear what became of the upload
    process.wait()
    ledger = tmp_path / "state/uploads"
    assert ledger.stat().st_mode & 0o777 == 0o600 and "/blobs/uploads/upload-" in ledger.read_text()
    target.forget()
    err = airlock(0, *command[1:]).err
    assert "resumes after 8.0 MiB of 20 MiB, which an earlier run sent" in err
    sent = [r for r in target.requests("PUT", "/blobs/") if r["size"] > 1000]
    assert [r["size"] for r in sent] == [(20 << 20) - half] and sent[0]["content_range"].startswith(f"{half}-")
    assert ledger.read_text() == ""


@pytest.mark.parametrize("text", ["garbage\n", "http://127.0.0.1:1|a|b http://elsewhere.example/x\n"])
def test_a_ledger_that_is_of_no_use(import_to, tmp_path, text):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/uploads").write_text(text)
    import_to(0, more=["--state-dir", tmp_path / "state"])


def test_killed_imports_send_what_is_missing(airlock, keys, bundle, plain, environment):
    """Against docker-registry itself: whatever was there is not sent again, and no name is there before its content."""
    command = [
        PROGRAM,
        "import",
        str(bundle),
        plain.host,
        "--insecure",
        "--key",
        str(keys / "alice.pub"),
        "--jobs",
        "2",
    ]
    chance = random.Random(3)

    def blobs():
        return {Path(path).name for path in glob.glob(f"{plain.directory}/data/docker/registry/v2/blobs/sha256/*/*")}

    for _ in range(8):
        before = len(blobs())
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(blobs()) < before + 3:
            time.sleep(chance.uniform(0.001, 0.01))
        process.kill()
        process.wait()
    there = blobs()
    assert there
    result = airlock(0, *command[1:], "--output", "json").json
    # What lay in the socket at the kill, one upload for each of the two jobs, the registry may still finish after it
    # was counted.
    assert result["blobsSent"] + len(there) >= 41 - 2 and result["blobsSent"] < 41 - len(there) // 2
    airlock(0, "check", plain.host, "--bundle", bundle, "--insecure", "--key", keys / "alice.pub")


def test_a_registry_that_loses_chunks_again_and_again(import_to, airlock, keys, fake_registry, tmp_path):
    """Each second chunk is refused, and nothing is left of the upload: an end has to come, in words."""
    big_bundle(airlock, keys, fake_registry, tmp_path)
    rules = [
        {"match": "GET */blobs/uploads/*", "status": 404, "times": 0},
        {"match": "HEAD */blobs/*", "status": 404, "times": 0},
        {"match": "PATCH *", "skip": 1, "every": 2, "times": 0, "status": 503},
    ]
    target, result = import_to(4, ["--max-body", str(2 << 20)], rules, bundle="big.tar")
    assert "lost 9 times what it had of it" in result.err and "restarted again and again" in result.err
    assert len(target.requests("POST", "/blobs/uploads/")) < 15


@pytest.mark.parametrize("arguments", [(), ("--chunks-only",)])
def test_a_registry_may_take_its_time_to_store(import_to, airlock, keys, fake_registry, tmp_path, arguments):
    """The PUT that ends a chunked upload has no body, and is no less work for the registry."""
    big_bundle(airlock, keys, fake_registry, tmp_path)
    rules = (
        [{"match": "PUT */blobs/uploads/*", "delay": 2500, "times": 0}]
        if not arguments
        else [{"match": "PUT */blobs/uploads/*", "skip": 1, "delay": 2500, "times": 0}]
    )
    target, result = import_to(0, arguments, rules, more=["--stall-timeout", "1"], bundle="big.tar")
    assert "stood still" not in result.err
    # Not "0 retries": that counts TLS that was tried on a plain port too, which may end in a reset instead of an
    # answer.
    stored = [request["path"] for request in target.requests("PUT", "/blobs/uploads/")]
    assert stored and len(stored) == len(set(stored))


def test_a_late_refusal_is_heard(import_to):
    target, result = import_to(
        4,
        rules=[{"match": "PUT */manifests/*", "delay": 2500, "times": 0, "status": 403, "body": "not on Fridays"}],
        more=["--stall-timeout", "1"],
    )
    assert "HTTP 403, not on Fridays" in result.err and len(target.requests("PUT", "/manifests/")) <= 2


@pytest.fixture
def leftover(fake_registry, tmp_path):
    """leftover(target, repository, digest, content): an upload that an earlier run left, with its ledger entry."""

    def leave(target, repository, digest, content):
        connection = target.connect()
        connection.request("POST", f"/v2/{repository}/blobs/uploads/")
        answer = connection.getresponse()
        answer.read()
        location = answer.getheader("Location")
        connection.request("PATCH", location, content, {"Content-Range": f"0-{len(content) - 1}"})
        assert connection.getresponse().read() == b""
        (tmp_path / "state").mkdir(exist_ok=True)
        (tmp_path / "state/uploads").write_text(f"http://{target.host}|{repository}|{digest} {target.url}{location}\n")
        target.forget()

    return leave


def layered(factory, *layers):
    config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
    body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": list(layers)}
    return factory.store.add_json(images.OCI["manifest"], body)


@pytest.mark.parametrize("arguments", [(), ("--chunks-only",)])
def test_a_leftover_of_other_content_starts_over(airlock, keys, fake_registry, leftover, tmp_path, arguments):
    factory = images.Factory(packages=None)
    layer = factory.store.add(images.OCI["gzip"], b"b" * (18 << 20))
    server = fake_registry()
    images.fill(server, factory.store, {"quay.io/lab/one:1": layered(factory, layer)})
    airlock(
        0,
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"quay.io=http://{server.host}",
    )
    target = fake_registry(*arguments)
    leftover(target, "lab/one", layer["digest"], b"garbage" * 1000)
    result = airlock(
        0,
        "import",
        tmp_path / "b.tar",
        target.host,
        "--insecure",
        "--key",
        keys / "alice.pub",
        "-v",
        "--jobs",
        "1",
        "--state-dir",
        tmp_path / "state",
    )
    assert "resumes after" in result.err and (tmp_path / "state/uploads").read_text() == ""


@pytest.fixture
def shared_layer(airlock, keys, fake_registry, tmp_path):
    """Three images of one large layer; export(name, images, more options) makes bundles of them."""
    factory = images.Factory(packages=None)
    large = factory.store.add(images.OCI["gzip"], b"a" * (17 << 20))
    small = lambda n: factory.store.add(images.OCI["gzip"], bytes([n]) * 100)
    server = fake_registry()
    images.fill(
        server,
        factory.store,
        {
            "quay.io/lab/one:1": layered(factory, large),
            "quay.io/lab/one:2": layered(factory, large, small(1)),
            "quay.io/lab/two:1": layered(factory, large, small(2)),
        },
    )

    def export(name, chosen, *more):
        wanted = [word for image in chosen for word in ("--image", f"quay.io/lab/{image}")]
        airlock(
            0,
            "export",
            *wanted,
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / name,
            "--mirror",
            f"quay.io=http://{server.host}",
            *more,
        )
        return tmp_path / name

    return large, export


def import_into(target, bundle, keys, tmp_path):
    return [
        "import",
        bundle,
        target.host,
        "--insecure",
        "--key",
        keys / "alice.pub",
        "-v",
        "--jobs",
        "1",
        "--state-dir",
        tmp_path / "state",
    ]


def test_a_delta_finds_its_base_in_an_image_that_is_there(airlock, keys, shared_layer, fake_registry, tmp_path):
    """The unchanged image is not pushed again, and its repository has what the new one builds on."""
    _, export = shared_layer
    full = export("full.tar", ["one:1"])
    delta = export("delta.tar", ["one:1", "two:1"], "--since", full)
    target = fake_registry()
    airlock(0, *import_into(target, full, keys, tmp_path))
    result = airlock(0, *import_into(target, delta, keys, tmp_path))
    assert "there was nothing" not in result.err and [r["mount"] for r in target.requests("POST") if r["mount"]]
    airlock(0, "check", target.host, "--bundle", delta, "--insecure", "--key", keys / "alice.pub")


def test_a_leftover_of_what_a_delta_relies_on_is_mounted_all_the_same(
    airlock, keys, shared_layer, fake_registry, leftover, tmp_path
):
    large, export = shared_layer
    full = export("full.tar", ["one:1"])
    delta = export("delta.tar", ["one:2", "two:1"], "--since", full)
    target = fake_registry()
    airlock(0, *import_into(target, full, keys, tmp_path))
    leftover(target, "lab/two", large["digest"], b"a" * 5000)
    airlock(0, *import_into(target, delta, keys, tmp_path))
    assert (tmp_path / "state/uploads").read_text() == ""


def test_a_leftover_is_gone_on_with_where_mounting_is_refused(
    airlock, keys, shared_layer, fake_registry, leftover, tmp_path
):
    large, export = shared_layer
    full, both = export("full.tar", ["one:1"]), export("both.tar", ["one:1", "two:1"])
    target = fake_registry()
    airlock(0, *import_into(target, full, keys, tmp_path))
    leftover(target, "lab/two", large["digest"], b"a" * 5000)
    target.rules({"match": "POST *", "no_mount": True, "times": 0})
    result = airlock(0, *import_into(target, both, keys, tmp_path))
    assert "resumes after 4.9 KiB of 17 MiB" in result.err and target.control("uploads") == 0

# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between a client and a registry, one thing at a time."""

import email.utils
import re
import subprocess
import time

import pytest
from conftest import PROGRAM, files_in, layer_digests
from lab import images, registry


def big_blob(small_images):
    factory, made = small_images
    return max(layer_digests(factory.store, made["quay.io/lab/one:1"]), key=lambda d: len(factory.store.blobs[d]))


def waits(err):
    """How long airlock said that it would wait, in seconds."""
    return [float(seconds) for seconds in re.findall(r"trying again in ([0-9.]+) s", err)]


def many_blobs(fake_registry, count, size=2000):
    """A server with one image of many small layers, and the layers' digests."""
    factory = images.Factory(packages=None)
    layers = [((), "gzip", ((f"file{i}", bytes([i % 256]) * size),)) for i in range(count)]
    made = {"quay.io/lab/one:1": factory.manifest("amd64", layers, images.OCI)}
    server = fake_registry()
    images.fill(server, factory.store, made)
    server.forget()
    return server


@pytest.fixture
def export_one(airlock, keys, tmp_path):
    def run(status, server, *more, **options):
        return airlock(
            status,
            "export",
            "--image",
            "quay.io/lab/one:1",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / "one.tar",
            "--mirror",
            f"quay.io=http://{server.host}",
            *more,
            **options,
        )

    return run


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(filled, export_small, form):
    server = filled()
    value = "2" if form == "seconds" else email.utils.formatdate(time.time() + 4, usegmt=True)
    server.rules({"match": "GET */blobs/*", "status": 429, "headers": {"Retry-After": value}})
    err = export_small(0, server, "-v").err
    assert max(waits(err)) >= 2 and "HTTP 429" in err  # by itself the first wait is at most 0.4 s


def test_who_is_told_to_wait_for_hours_is_told_at_once(filled, export_small, tmp_path):
    server = filled()
    server.rules({"match": "GET */blobs/*", "status": 429, "headers": {"Retry-After": "7200"}, "times": 0})
    err = export_small(4, server).err
    assert "HTTP 429" in err and "2 h 00 min" in err and "--mirror" in err and files_in(tmp_path) == []
    assert len(server.requests("GET", "/blobs/")) <= 5  # each at most once


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_registry_is_asked_by_fewer_at_a_time(fake_registry, export_one, status):
    server = many_blobs(fake_registry, 40)
    server.rules(
        {"match": "GET */blobs/*", "status": status, "delay": 300, "times": 8},
        {"match": "GET */blobs/*", "delay": 30, "times": 0},
    )
    err = export_one(0, server, "-v", "--jobs", "8").err
    blobs = server.requests("GET", "/blobs/")
    assert max(r["active"] for r in blobs if r["status"] == status) == 8
    assert "is overloaded: from now on 4 requests at a time" in err
    served = [r["active"] for r in blobs if r["status"] == 200]
    assert max(served[:4]) <= 4 < max(served)  # success allows more again


def test_a_slow_drip_is_dropped_and_gone_on_with(filled, small_images, export_small):
    server = filled()
    digest = big_blob(small_images)
    server.rules({"match": f"GET */blobs/{digest}", "drip": 40})
    result = export_small(0, server, "-v", "--stall-timeout", "1")
    assert "stood still (less than 1 KiB/s for 1.0 s)" in result.err
    ranges = [r["range"] for r in server.requests("GET", digest)]
    assert len(ranges) == 2 and ranges[0] == "" and re.fullmatch(r"bytes=[1-9][0-9]*-", ranges[1])
    assert "1 retry" in result.out


@pytest.mark.slow
def test_a_registry_that_never_answers_is_given_up(filled, small_images, export_small, tmp_path):
    server = filled()
    server.rules({"match": "GET /v2/", "delay": 20000, "times": 0})
    err = export_small(4, server, "--stall-timeout", "1").err
    assert "stood still" in err and "--stall-timeout" in err and files_in(tmp_path) == []


def test_a_content_length_that_says_too_much(filled, small_images, export_small, airlock, keys, tmp_path):
    server = filled()
    server.rules({"match": f"GET */blobs/{big_blob(small_images)}", "claim": 7, "times": 0})
    export_small(0, server)  # all bytes came; their digest says that they are right
    airlock(0, "verify", tmp_path / "small.tar", "--key", keys / "alice.pub")


def test_http_1_0(filled, export_small):
    server = filled()
    server.rules({"match": "*", "http_1_0": True, "times": 0})
    export_small(0, server)


def test_a_huge_error_body_is_not_shown(filled, export_small):
    server = filled()
    server.rules({"match": "GET */blobs/*", "status": 403, "body_size": 30_000_000, "times": 0})
    err = export_small(4, server).err
    assert "HTTP 403" in err and len(err) < 4000


def test_an_error_body_that_is_text_is_shown(filled, export_small):
    server = filled()
    server.rules(
        {"match": "GET */blobs/*", "status": 403, "body": "quota of project lab exceeded\nsecond line", "times": 0}
    )
    err = export_small(4, server).err
    assert "HTTP 403, quota of project lab exceeded" in err and "second line" not in err


def test_a_range_that_was_not_asked_for(filled, small_images, export_small, tmp_path):
    server = filled()
    match = f"GET */blobs/{big_blob(small_images)}"
    server.rules(
        {"match": match, "cut": 100},
        {"match": match, "status": 206, "headers": {"Content-Range": "bytes 200-300/1000"}, "body": "x", "times": 0},
    )
    assert "asked for the bytes from 100 on, the registry sends others" in export_small(6, server).err
    assert files_in(tmp_path) == []


def test_warnings_of_a_registry_are_shown_once(filled, export_small):
    server = filled()
    server.rules(
        {"match": "GET /v2/lab/*", "headers": {"Warning": '299 - "this registry is shut down on Friday"'}, "times": 0}
    )
    assert export_small(0, server).err.count("warning: quay.io says: this registry is shut down on Friday") == 1


def test_a_redirect_from_tls_to_plain_http_is_not_followed(
    airlock, keys, certificates, fake_registry, small_images, tmp_path
):
    factory, made = small_images
    elsewhere = fake_registry()
    redirect = {"middleware": {"storage": [{"name": "redirect", "options": {"baseurl": f"{elsewhere.url}/"}}]}}
    with registry.Registry(tmp_path / "registry", certificates, more=redirect) as server:
        images.fill(server, factory.store, made)
        err = airlock(
            4,
            "export",
            "--image",
            f"{server.host}/lab/one:1",
            "--cacert",
            certificates / "ca.pem",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / "b.tar",
        ).err
    assert "redirects from TLS to plain HTTP" in err and elsewhere.requests() == []


def test_a_client_certificate(airlock, keys, certificates, small_images, tmp_path):
    factory, made = small_images
    with registry.Registry(tmp_path / "registry", certificates, client_certificates=True) as server:
        images.fill(server, factory.store, made)
        export = [
            "export",
            "--image",
            f"{server.host}/lab/one:1",
            "--cacert",
            certificates / "ca.pem",
            "--key",
            keys / "alice.key",
        ]
        assert "certificate" in airlock(4, *export, "-o", tmp_path / "a.tar").err
        airlock(
            0,
            *export,
            "-o",
            tmp_path / "b.tar",
            "--cert",
            certificates / "cert.pem",
            "--cert-key",
            certificates / "key.pem",
        )


def test_a_registry_that_is_just_starting_is_waited_for(environment, keys, small_images, tmp_path):
    factory, made = small_images
    server = registry.Registry(tmp_path / "registry")
    command = [
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--mirror",
        f"quay.io=http://{server.host}",
        "--key",
        keys / "alice.key",
        "-v",
    ]
    with server:
        images.fill(server, factory.store, made)
    process = subprocess.Popen(
        [PROGRAM, *map(str, command), "-o", str(tmp_path / "b.tar")], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stderr:
            if "trying again in" in line:
                assert "onnect" in line
                server.__enter__()
                break
        rest = process.stderr.read()
        assert process.wait() == 0, rest
    finally:
        process.kill()
        process.stderr.close()
        server.__exit__()


def test_a_host_that_cannot_be_looked_up_is_tried_again(airlock, keys, tmp_path):
    err = airlock(
        4,
        "export",
        "--image",
        "registry.invalid/lab/one:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "-v",
    ).err
    assert err.count("trying again in") == 3 and "resolve" in err


def test_a_certificate_that_cannot_be_verified_is_not_tried_again(airlock, keys, certificates, tmp_path):
    with registry.Registry(tmp_path / "registry", certificates) as server:
        err = airlock(
            4,
            "export",
            "--image",
            f"{server.host}/lab/one:1",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / "b.tar",
            "-v",
        ).err
    assert "trying again" not in err and "--cacert" in err


@pytest.mark.slow
def test_blobs_from_afar_come_in_parts(airlock, keys, fake_registry, tmp_path):
    factory = images.Factory(packages=None)
    config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
    layers = [factory.store.add(images.OCI["gzip"], bytes(range(256)) * (size << 12)) for size in (70, 1)]  # MiB
    body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": layers}
    server = fake_registry("--delay", "25")
    images.fill(server, factory.store, {"quay.io/lab/one:1": factory.store.add_json(images.OCI["manifest"], body)})
    export = [
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--key",
        keys / "alice.key",
        "--mirror",
        f"quay.io=http://{server.host}",
        "-v",
    ]
    part = 32 << 20
    expected = ["bytes=0-" + str(part - 1), f"bytes={part}-{2 * part - 1}", f"bytes={2 * part}-{(70 << 20) - 1}"]

    def exported(name, *rules):
        server.forget()
        server.rules(*rules)
        result = airlock(0, *export, "-o", tmp_path / name)
        airlock(0, "verify", tmp_path / name, "--key", keys / "alice.pub")
        return result.err, [r["range"] for r in server.requests("GET", layers[0]["digest"])]

    err, ranges = exported("parts.tar")
    assert sorted(ranges) == sorted(expected) and "16 requests at a time" in err
    assert [r["range"] for r in server.requests("GET", layers[1]["digest"])] == [""]
    match = f"GET *{layers[0]['digest']}"
    _, ranges = exported("broken.tar", {"match": match, "cut": 1000})
    assert len(ranges) == 4 and any(
        r.startswith(f"bytes={int(e[6:].split('-')[0]) + 1000}-") for e in expected for r in ranges
    )
    exported("ignored.tar", {"match": match, "ignore_range": True, "times": 0})
    server.rules({"match": match, "flip": 40 << 20, "times": 0})
    assert "the bytes received have the digest" in airlock(6, *export, "-o", tmp_path / "wrong.tar").err
    assert not (tmp_path / "wrong.tar").exists()


def soak_images(count):
    factory = images.Factory(packages=None)
    shared = ((), "gzip", (("etc/shared", b"shared " * 4000),))
    return factory, {
        f"quay.io/lab/image{i % 50}:{i}": factory.manifest(
            "amd64", [shared, ((), "gzip", ((f"etc/{i}", b"x" * i),))], images.OCI
        )
        for i in range(count)
    }


FAILURES = [
    {"match": "*/v2/lab/*", "times": 0, "percent": 2, "status": 503},
    {"match": "*/v2/lab/*", "times": 0, "percent": 1, "status": 500},
    {"match": "GET */blobs/*", "times": 0, "percent": 2, "cut": 20},
    {"match": "PUT */blobs/*", "times": 0, "percent": 2, "cut_request": 20},
    {"match": "*/v2/lab/*", "times": 0, "percent": 1, "status": 429, "headers": {"Retry-After": "0"}},
]


def test_five_hundred_images_with_five_percent_of_failures(airlock, keys, fake_registry, tmp_path):
    factory, made = soak_images(500)
    server = fake_registry()
    images.fill(server, factory.store, made)
    server.rules(*FAILURES)
    (tmp_path / "images").write_text("\n".join(made))
    result = airlock(
        0,
        "export",
        "--images-file",
        tmp_path / "images",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--jobs",
        "16",
        "--mirror",
        f"quay.io=http://{server.host}",
        "--output",
        "json",
    ).json
    assert len(result["images"]) == 500 and result["blobs"] == len(factory.store.blobs) and result["retries"] > 20
    airlock(0, "verify", tmp_path / "b.tar", "--key", keys / "alice.pub")  # which refuses anything that is there twice
    target = fake_registry()
    target.rules(*FAILURES)
    command = [
        "import",
        tmp_path / "b.tar",
        target.host,
        "--insecure",
        "--key",
        keys / "alice.pub",
        "--jobs",
        "16",
        "--output",
        "json",
    ]
    imported = airlock(0, *command).json
    assert len(imported["published"]) == 500 and imported["retries"] > 20
    target.rules()
    assert airlock(0, *command).json["bytesSent"] == 0
    # Uploads that the server cut off belong to it; airlock itself leaves none open.
    assert target.control("uploads") == 0


def test_identical_manifests_are_fetched_once(airlock, keys, fake_registry, tmp_path):
    factory = images.Factory(packages=None)
    index = factory.index(["amd64", "arm64"], [((), "gzip", (("etc/one", b"one"),))], images.OCI)
    made = {f"quay.io/lab/one:{i}": index for i in range(8)}
    server = fake_registry()
    images.fill(server, factory.store, made)
    server.forget()
    server.rules({"match": "GET */manifests/*", "delay": 50, "times": 0})
    airlock(
        0,
        "export",
        *[word for name in made for word in ("--image", name)],
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"quay.io=http://{server.host}",
        "--no-referrers",
    )
    asked = [r["path"] for r in server.requests("GET", "/manifests/sha256:")]
    assert len(asked) == len(set(asked)) == 2
    assert len(server.requests("GET", "/manifests/")) == 10 and server.requests("HEAD") == []

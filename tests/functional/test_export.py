# SPDX-License-Identifier: Apache-2.0
import base64
import json
import os
import signal
import subprocess
import tarfile
import threading
import time

import pytest
from conftest import LOGIN, PROGRAM, SELECTION, files_in, layer_digests
from lab import images, registry


def test_a_bundle_holds_upstreams_bytes_once_each(bundle, control_plane):
    factory, made = control_plane
    with tarfile.open(bundle) as archive:
        names = archive.getnames()
        assert len(names) == len(set(names))
        stored = {n.split("/")[-1]: archive.extractfile(n).read() for n in names if n.startswith("blobs/")}
        index = json.load(archive.extractfile("index.json"))
        metadata = json.load(archive.extractfile("bundle.json"))
    for reference, top in made.items():
        assert stored[top["digest"][7:]] == factory.store.blobs[top["digest"]], reference
    by_name = {m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"] for m in index["manifests"]}
    assert by_name == {reference: top["digest"] for reference, top in made.items()}
    assert all(m["annotations"]["io.containerd.image.name"] in by_name for m in index["manifests"])
    assert metadata["selection"]["kubeone"] == "v1.8.6"
    assert metadata["selection"]["kubernetesVersions"] == ["v1.28.8", "v1.29.4"]
    assert len(stored) == len(metadata["blobs"])


def test_only_the_wanted_platforms_travel(bundle, control_plane):
    factory, made = control_plane
    top = json.loads(factory.store.blobs[made["registry.k8s.io/kube-proxy:v1.29.4"]["digest"]])
    names = tarfile.open(bundle).getnames()
    present = {m["platform"]["architecture"] for m in top["manifests"] if f"blobs/sha256/{m['digest'][7:]}" in names}
    assert present == {"amd64", "arm64"}


def test_all_platforms_on_request(airlock, keys, upstream, tmp_path):
    arguments = [
        "--image",
        "registry.k8s.io/kube-proxy:v1.29.4",
        "--key",
        keys / "alice.key",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    ]
    sizes = {}
    for platform in ("linux/s390x", "linux/amd64,linux/s390x", "all"):
        path = tmp_path / platform.replace("/", "-")
        sizes[platform] = airlock(0, "export", *arguments, "--platform", platform, "-o", path, "--output", "json").json[
            "blobBytes"
        ]
        airlock(0, "verify", path, "--key", keys / "alice.pub")
    assert sizes["linux/s390x"] < sizes["linux/amd64,linux/s390x"] < sizes["all"]
    err = airlock(3, "export", *arguments, "--platform", "windows/amd64", "-o", tmp_path / "none").err
    assert "only for linux/amd64, linux/arm64, linux/s390x" in err


def test_a_missing_platform_is_said(airlock, keys, upstream, tmp_path):
    result = airlock(
        0,
        "export",
        "--image",
        "registry.k8s.io/etcd:3.5.12-0",
        "--platform",
        "linux/amd64,linux/s390x",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    )
    assert "warning: registry.k8s.io/etcd:3.5.12-0 is not served for linux/s390x" in result.err


def test_same_input_same_bytes(airlock, keys, upstream, tmp_path):
    airlock(0, "keygen", tmp_path / "ed", "--algorithm", "ed25519", "--no-passphrase")
    for name, jobs in (("a.tar", 1), ("b.tar", 8)):
        airlock(
            0,
            "export",
            *SELECTION,
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


def test_from_a_registry_with_tls_and_a_password(airlock, keys, secured, small_images, tmp_path, certificates):
    factory, made = small_images
    images.fill(
        secured, factory.store, made, "Basic " + __import__("base64").b64encode(":".join(LOGIN).encode()).decode()
    )
    arguments = [
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--mirror",
        f"quay.io={secured.host}",
        "--key",
        keys / "alice.key",
    ]
    trusted = [*arguments, "--cacert", certificates / "ca.pem"]
    assert "--cacert" in airlock(4, *arguments, "-o", tmp_path / "x").err
    assert "there are no credentials for" in airlock(4, *trusted, "-o", tmp_path / "x").err
    login = ["--username", LOGIN[0], "--password-stdin"]
    wrong = airlock(4, *trusted, *login, "-o", tmp_path / "x", stdin="not the password\n")
    assert "not the password" not in wrong.err + wrong.out and "check the user name and password" in wrong.err
    airlock(0, *trusted, *login, "-o", tmp_path / "stdin.tar", stdin=LOGIN[1] + "\n")
    auth = __import__("base64").b64encode(":".join(LOGIN).encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {secured.host: {"auth": auth}}}))
    airlock(0, *trusted, "-o", tmp_path / "config.tar", env={"DOCKER_CONFIG": str(tmp_path)})
    airlock(0, *arguments, "--insecure", secured.host, *login, "-o", tmp_path / "insecure.tar", stdin=LOGIN[1] + "\n")


def test_authorities_of_the_environment(airlock, keys, secured, certificates, tmp_path):
    """SSL_CERT_FILE and SSL_CERT_DIR, as OpenSSL, curl and Go obey them. Without a password: TLS is what is tried."""
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "mine.pem").write_bytes((certificates / "ca.pem").read_bytes())
    (trust / "README").write_text("no certificate")
    image = ["export", "--image", f"{secured.host}/lab/one:1", "--key", keys / "alice.key", "-o", tmp_path / "b.tar"]
    ca = str(certificates / "ca.pem")
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    name = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", ca], check=True, capture_output=True, text=True)
    (hashed / f"{name.stdout.strip()}.0").write_bytes((certificates / "ca.pem").read_bytes())
    for environment in (
        {"SSL_CERT_FILE": ca},
        {"SSL_CERT_DIR": f"/nonexistent:{trust}"},
        {"SSL_CERT_DIR": f"/nonexistent:{hashed}"},
    ):
        assert "HTTP 401" in airlock(4, *image, env=environment).err
    (tmp_path / "empty").mkdir()
    registry.make_certificates(tmp_path / "other")
    for environment, named in (
        ({"SSL_CERT_FILE": str(tmp_path / "nowhere.pem")}, "SSL_CERT_FILE names"),
        ({"SSL_CERT_FILE": str(tmp_path / "other/ca.pem")}, "SSL_CERT_FILE ("),
        ({"SSL_CERT_DIR": str(tmp_path / "empty")}, "SSL_CERT_DIR"),
    ):
        err = airlock(4, *image, env=environment).err
        assert named in err and "trying again" not in err
    assert "HTTP 401" in airlock(4, *image, "--cacert", ca, env={"SSL_CERT_FILE": "/nonexistent"}).err


def test_authorities_are_read_once_and_only_where_a_certificate_is_judged(
    airlock, keys, secured, certificates, filled, small_images, tmp_path
):
    """A pipe has its content for one reading, however many connections there are; without a writer it has none."""
    pipe = tmp_path / "authorities"
    os.mkfifo(pipe)
    export = ["export", "--image", "quay.io/lab/one:1", "--image", "quay.io/lab/two:1", "--key", keys / "alice.key"]
    plain = filled()
    environment = {"SSL_CERT_FILE": str(pipe)}
    airlock(
        0,
        *export,
        "--mirror",
        f"quay.io={plain.host}",
        "--insecure",
        plain.host,
        "-o",
        tmp_path / "a.tar",
        env=environment,
    )
    factory, made = small_images
    login = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
    images.fill(secured, factory.store, made, login)
    (tmp_path / "config.json").write_text(json.dumps({"auths": {secured.host: {"auth": login.removeprefix("Basic ")}}}))
    writer = threading.Thread(target=lambda: pipe.write_bytes((certificates / "ca.pem").read_bytes()))
    writer.start()
    export += ["--mirror", f"quay.io={secured.host}", "--jobs", "4", "-o", tmp_path / "b.tar"]
    airlock(0, *export, env={**environment, "DOCKER_CONFIG": str(tmp_path)})
    writer.join()


def test_plain_http_is_never_used_silently(airlock, keys, upstream, tmp_path):
    arguments = [
        "export",
        "--image",
        "registry.k8s.io/pause:3.9",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
    ]
    err = airlock(4, *arguments, "--mirror", f"registry.k8s.io={upstream.host}").err
    assert "speaks plain HTTP" in err
    airlock(0, *arguments, "--mirror", f"registry.k8s.io={upstream.host}", "--insecure", upstream.host)


def test_one_password_is_not_for_several_registries(airlock, keys, tmp_path):
    err = airlock(
        2,
        "export",
        "--image",
        "quay.io/a:1",
        "--image",
        "ghcr.io/b:1",
        "--username",
        "u",
        "--password-stdin",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        stdin="secret\n",
    ).err
    assert "--username is for one registry" in err and "secret" not in err


def test_all_missing_images_are_named_at_once(airlock, keys, upstream, tmp_path):
    result = airlock(
        4,
        "export",
        *SELECTION,
        "--image",
        "registry.k8s.io/none:1",
        "--image",
        "registry.k8s.io/gone:2",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    )
    assert "2 of 14 images cannot be had" in result.err
    assert "registry.k8s.io/none:1" in result.err and "registry.k8s.io/gone:2" in result.err
    assert files_in(tmp_path) == []


def test_an_unreachable_registry(airlock, keys, tmp_path):
    port = registry.free_port()
    started = time.monotonic()
    err = airlock(
        4,
        "export",
        *SELECTION,
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"registry.k8s.io=http://127.0.0.1:{port}",
    ).err
    assert f"cannot reach http://127.0.0.1:{port}" in err and "12 of 12 images" in err
    assert err.count("cannot reach") == 1  # said once, and tried once for all images
    assert files_in(tmp_path) == [] and time.monotonic() - started < 60


def test_a_name_that_does_not_resolve(airlock, keys, tmp_path):
    err = airlock(
        4,
        "export",
        "--image",
        "quay.io/a:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        "quay.io=nohost.invalid:5000",
    ).err
    assert "cannot reach https://nohost.invalid:5000" in err and "libcurl" not in err


def test_hosts_that_are_not_asked_are_said(airlock, upstream):
    arguments = ["export", "--image", "registry.k8s.io/pause:3.9", "--dry-run"]
    used = ["--mirror", f"registry.k8s.io=http://{upstream.host}"]
    err = airlock(0, *arguments, *used, "--mirror", "registry.k8s.oi=mirror.example", "--insecure", "typo.example").err
    assert "no image of the set comes from registry.k8s.oi" in err and "--insecure typo.example has no effect" in err
    assert "is not HOST" in airlock(2, *arguments, *used, "--insecure", "http://127.0.0.1:1").err
    assert "does not exist" in airlock(2, *arguments, *used, env={"REGISTRY_AUTH_FILE": "/nowhere.json"}).err


def test_usage(airlock, keys, tmp_path):
    base = ["export", "--image", "quay.io/a:1"]
    assert "-o BUNDLE is missing" in airlock(2, *base, "--key", keys / "alice.key").err
    assert "export signs the bundle" in airlock(2, *base, "-o", tmp_path / "b").err
    signed = [*base, "--key", keys / "alice.key", "-o", tmp_path / "b"]
    assert "is not HOST=" in airlock(2, *signed, "--mirror", "quay.io").err
    assert "cannot name a stream" in airlock(2, *signed, "--stream", "../x").err
    assert "is not a time" in airlock(2, *signed, "--expires", "soon").err
    assert "does not exist" in airlock(5, *signed[:-1], tmp_path / "no" / "b").err
    assert "a public key, not a private one" in airlock(7, *base, "--key", keys / "alice.pub", "-o", tmp_path / "b").err


def test_an_existing_file_is_left_alone(airlock, keys, tmp_path):
    (tmp_path / "b.tar").write_text("precious")
    err = airlock(5, "export", "--image", "quay.io/a:1", "--key", keys / "alice.key", "-o", tmp_path / "b.tar").err
    assert "exists already" in err and (tmp_path / "b.tar").read_text() == "precious"


def test_a_file_size_limit_shows_before_bytes_move(keys, upstream, tmp_path, environment):
    command = [
        "sh",
        "-c",
        'ulimit -f 1000; exec "$@"',
        "sh",
        PROGRAM,
        "export",
        *SELECTION,
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    ]
    before = len(upstream.requests("GET"))
    process = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    assert (
        process.returncode == 5
        and "more than a file may have there" in process.stderr
        and "--volume-size" in process.stderr
    )
    assert not [line for line in upstream.requests("GET")[before:] if "/blobs/" in line]
    assert files_in(tmp_path) == []


def test_a_full_disk(airlock, keys, upstream, tmp_path):
    target = tmp_path / "small"
    target.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "lab", target], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this machine may not mount a small file system")
    try:
        err = airlock(
            5,
            "export",
            *SELECTION,
            "--key",
            keys / "alice.key",
            "-o",
            target / "b.tar",
            "--mirror",
            f"registry.k8s.io=http://{upstream.host}",
        ).err
        assert "no room for" in err and "8.0 MiB are free" in err
        assert files_in(target) == []
    finally:
        subprocess.run(["umount", target], check=True)


def test_dry_run_writes_nothing(airlock, upstream, tmp_path):
    out = airlock(
        0,
        "export",
        *SELECTION,
        "--dry-run",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    ).out
    assert "Would write" in out and "12 images" in out and files_in(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(keys, fake_registry, small_images, tmp_path, environment, number):
    factory, made = small_images
    server = fake_registry()
    images.fill(server, factory.store, made)
    server.rules({"match": "GET */blobs/*", "delay": 20000, "times": 0})
    process = subprocess.Popen(
        [
            PROGRAM,
            "export",
            "--image",
            "quay.io/lab/one:1",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / "b.tar",
            "--mirror",
            f"quay.io=http://{server.host}",
        ],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    for _ in range(1200):
        if (tmp_path / "b.tar.partial").exists():
            break
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "stopped on request" in err
    assert files_in(tmp_path) == []


def test_two_different_images_with_one_name(airlock, keys, fake_registry, small_images, tmp_path):
    factory, made = small_images
    server = fake_registry()
    one, two = made["quay.io/lab/one:1"], made["quay.io/lab/two:1"]
    images.fill(server, factory.store, {"quay.io/a/lab/x:1": one, "ghcr.io/b/lab/x:1": two})
    mirrors = ["--mirror", f"quay.io=http://{server.host}/a", "--mirror", f"ghcr.io=http://{server.host}/b"]
    err = airlock(
        3,
        "export",
        "--image",
        "quay.io/lab/x:1",
        "--image",
        "ghcr.io/lab/x:1",
        *mirrors,
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
    ).err
    assert "both become lab/x:1" in err and files_in(tmp_path) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_image(keys, fake_registry, tmp_path, environment):
    factory = images.Factory(packages=None)
    server = fake_registry()
    made = {}
    for name, megabytes in (("small", 4), ("large", 200)):
        data = factory.store.add(images.OCI["gzip"], os.urandom(megabytes << 20))
        config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
        body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": [data]}
        made[f"quay.io/lab/{name}:1"] = factory.store.add_json(images.OCI["manifest"], body)
    images.fill(server, factory.store, made)
    peaks = {}
    for name in ("small", "large"):
        script = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [
            PROGRAM,
            "export",
            "-q",
            "--image",
            f"quay.io/lab/{name}:1",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / f"{name}.tar",
            "--mirror",
            f"quay.io=http://{server.host}",
        ]
        out = subprocess.run(
            ["/usr/bin/python3", "-c", script, *map(str, command)],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        peaks[name] = int(out.stdout.splitlines()[-1])
    if "ASAN_OPTIONS" not in environment:  # the sanitizer's own memory does grow
        assert peaks["large"] < peaks["small"] + 4096, peaks


def test_blobs_shared_by_images_are_fetched_once(airlock, fake_registry, small_images, export_small):
    factory, made = small_images
    server = fake_registry()
    images.fill(server, factory.store, made)
    server.forget()
    export_small(0, server)
    shared = set(layer_digests(factory.store, made["quay.io/lab/one:1"])) & set(
        layer_digests(factory.store, made["quay.io/lab/two:1"])
    )
    assert len(shared) == 1 and len(server.requests("GET", f"blobs/{shared.pop()}")) == 1
    paths = [r["path"] for r in server.requests("GET", "/v2/lab")]
    assert len(paths) == len(set(paths))

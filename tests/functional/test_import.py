# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import random
import re
import shutil
import subprocess
import tarfile

import pytest
from conftest import LOGIN, SELECTION
from lab import images, registry


def puts_of_content(registry):
    """Without the empty manifest that shows whether Docker's media types are taken: no registry stores it."""
    return [line for line in registry.requests("PUT") if f"/manifests/{images.digest(b'')}" not in line]


@pytest.fixture
def login():
    return ["--username", LOGIN[0], "--password-stdin"]


def get_manifest(server, repository, tag, login=None):
    connection = server.connect()
    accept = ", ".join(t[k] for t in (images.OCI, images.DOCKER) for k in ("index", "manifest"))
    headers = {"Accept": accept}
    if login:
        headers["Authorization"] = "Basic " + __import__("base64").b64encode(":".join(login).encode()).decode()
    connection.request("GET", f"/v2/{repository}/manifests/{tag}", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, body


def skopeo_digest(server, name, certificates, *more):
    out = subprocess.run(
        [
            "skopeo",
            "inspect",
            "--creds",
            ":".join(LOGIN),
            "--tls-verify=false",
            *more,
            f"docker://{server.host}/{name}",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return json.loads(out)["Digest"]


def test_the_whole_way_over_tls_with_a_password_and_a_prefix(
    airlock, keys, bundle, control_plane, secured, certificates, login
):
    factory, made = control_plane
    command = [
        "import",
        bundle,
        f"{secured.host}/kubernetes",
        "--key",
        keys / "alice.pub",
        "--cacert",
        certificates / "ca.pem",
        *login,
    ]
    result = airlock(0, *command, stdin=LOGIN[1] + "\n")
    assert f'overwriteRegistry: "{secured.host}/kubernetes"' in result.out and "insecureRegistry: false" in result.out
    assert "serves all 14 names" in result.err and LOGIN[1] not in result.err + result.out
    # CoreDNS under both paths, with upstream's digest: its index is whole.
    top = made["registry.k8s.io/coredns/coredns:v1.11.1"]["digest"]
    for name in ("kubernetes/coredns:v1.11.1", "kubernetes/coredns/coredns:v1.11.1"):
        assert skopeo_digest(secured, name, certificates) == top
    # A sparse index was refused, so a derived one stands there; its members are upstream's.
    status, body = get_manifest(secured, "kubernetes/kube-proxy", "v1.29.4", LOGIN)
    original = json.loads(factory.store.blobs[made["registry.k8s.io/kube-proxy:v1.29.4"]["digest"]])
    assert status == 200 and json.loads(body)["manifests"] == original["manifests"][:2]
    assert "8 indexes" in result.err
    # A client that knows nothing of airlock pulls the same layers.
    subprocess.run(
        [
            "skopeo",
            "copy",
            "-q",
            "--src-creds",
            ":".join(LOGIN),
            "--src-tls-verify=false",
            f"docker://{secured.host}/kubernetes/etcd:3.5.12-0",
            f"dir:{secured.directory}/pulled",
        ],
        check=True,
    )
    # Again: nothing is sent.
    writes = len(secured.requests("PUT")) + len(secured.requests("POST")) + len(secured.requests("PATCH"))
    again = airlock(0, *command, "--output", "json", stdin=LOGIN[1] + "\n").json
    assert again["blobsSent"] == again["bytesSent"] == again["manifestsSent"] == again["blobsMounted"] == 0
    assert all(p["presentBefore"] for p in again["published"]) and len(again["published"]) == 14
    assert writes == len(secured.requests("PUT")) + len(secured.requests("POST")) + len(secured.requests("PATCH"))


def test_each_blob_crosses_once_and_is_mounted_elsewhere(airlock, keys, bundle, plain):
    data = airlock(0, "import", bundle, plain.host, "--key", keys / "alice.pub", "--insecure", "--output", "json").json
    layers = {m.name for m in tarfile.open(bundle) if m.name.startswith("blobs/")}
    manifests = data["manifestsSent"]
    assert data["blobsSent"] < len(layers) and data["blobsMounted"] > 0 and manifests > 0
    uploads = [line for line in plain.requests("PUT") if "/blobs/uploads/" in line]
    assert len(uploads) == data["blobsSent"]


def test_blobs_of_an_earlier_bundle_are_mounted(airlock, keys, fake_registry, small_images, export_small, tmp_path):
    factory, made = small_images
    source, target = fake_registry(), fake_registry()
    images.fill(source, factory.store, made)
    export_small(0, source)
    images.fill(target, factory.store, {"x/lab/one:1": made["quay.io/lab/one:1"]})
    target.forget()
    data = airlock(
        0, "import", tmp_path / "small.tar", target.host, "--key", keys / "alice.pub", "--insecure", "--output", "json"
    ).json
    assert [p["presentBefore"] for p in data["published"]] == [True, False]
    assert data["blobsMounted"] == 1 and data["blobsSent"] == 2  # two:1's own layer and config
    assert target.requests("POST", "lab/two/blobs/uploads")


def test_plain_http_needs_permission_and_is_what_the_release_makes_of_it(airlock, keys, bundle, plain):
    command = ["import", bundle, plain.host, "--key", keys / "alice.pub"]
    assert "speaks plain HTTP" in airlock(4, *command).err
    assert not (plain.directory / "data").exists()
    result = airlock(0, *command, "--insecure")
    assert (
        "insecureRegistry: true" in result.out and "cannot pull" not in result.err
    )  # KubeOne 1.8 means plain HTTP by it
    newer = airlock(0, *command, "--insecure", "--kubeone", "1.13")
    assert (
        "insecureRegistry: false" in newer.out
        and "means unverified TLS, not plain HTTP" in newer.err
        and "--mirrors" in newer.err
    )


def test_unverified_tls_needs_permission(airlock, keys, bundle, secured, certificates, login):
    command = ["import", bundle, secured.host, "--key", keys / "alice.pub", *login]
    err = airlock(4, *command, stdin=LOGIN[1] + "\n").err
    assert "cannot reach https://" in err and "--cacert" in err
    result = airlock(0, *command, "--insecure", stdin=LOGIN[1] + "\n")
    assert (
        "insecureRegistry: false" in result.out
        and "was not verified" in result.err
        and "means plain HTTP" in result.err
    )
    newer = airlock(0, *command, "--insecure", "--kubeone", "1.14", stdin=LOGIN[1] + "\n")
    assert "insecureRegistry: true" in newer.out and "was not verified" in newer.err
    trusted = airlock(0, *command, "--insecure", "--cacert", certificates / "ca.pem", stdin=LOGIN[1] + "\n")
    assert "insecureRegistry: false" in trusted.out  # it could be verified, so it was


def test_wrong_credentials(airlock, keys, bundle, secured, certificates, login):
    command = ["import", bundle, secured.host, "--key", keys / "alice.pub", "--cacert", certificates / "ca.pem"]
    err = airlock(4, *command, *login, stdin="guess\n").err
    assert "HTTP 401" in err and "check the user name and password" in err and "guess" not in err
    assert "HTTP 401" in airlock(4, *command).err


@pytest.mark.parametrize(
    "damage, status, words",
    [
        ("blob", 6, "its content has the digest"),
        ("cut", 6, "is cut short"),
        ("list", 7, "role exporter: 0 of 1"),
        ("key", 7, "required signatures by mallory"),
    ],
)
def test_a_bundle_that_does_not_verify_sends_nothing(airlock, keys, bundle, plain, tmp_path, damage, status, words):
    copy = tmp_path / "copy.tar"
    shutil.copy(bundle, copy)
    with tarfile.open(copy) as archive:
        last = archive.getnames()[-1]
        places = {"blob": archive.getmember(last).offset_data, "list": archive.getmember("SHA256SUMS").offset_data}
    with open(copy, "r+b") as file:
        if damage == "cut":
            file.truncate(copy.stat().st_size - 100_000)
        elif damage in places:
            file.seek(places[damage])
            file.write(b"0000")
    key = keys / ("mallory.pub" if damage == "key" else "alice.pub")
    err = airlock(status, "import", copy, plain.host, "--key", key, "--insecure").err
    assert words in err
    if damage != "blob":
        assert len(plain.requests("")) <= 1  # the lab's own look whether the registry runs
        return
    # That one is found as it is sent: it is not completed, and no name is there. On request, nothing is sent at all.
    assert not any("/manifests/" in line for line in puts_of_content(plain))
    with tarfile.open(copy) as archive:
        digest = archive.getnames()[-1].rsplit("/", 1)[1]
    assert not list((plain.directory / "data").rglob(digest))
    before = len(plain.requests(""))
    airlock(status, "import", copy, plain.host, "--key", key, "--insecure", "--verify-first")
    assert len(plain.requests("")) == before
    airlock(status, "import", copy, plain.host, "--key", key, "--insecure", "--dry-run")
    assert len(plain.requests("")) == before + 1  # a dry run looks whether the registry is there, all the same


def test_emit(airlock, keys, bundle, plain, tmp_path):
    emitted = tmp_path / "registry.yaml"
    result = airlock(0, "import", bundle, plain.host, "--key", keys / "alice.pub", "--insecure", "--emit", emitted)
    assert result.out == "" and "kubeone.k8c.io/v1beta2, KubeOne v1.8.6" in emitted.read_text()
    assert emitted.read_text().endswith(
        f'registryConfiguration:\n  overwriteRegistry: "{plain.host}"\n  insecureRegistry: true\n'
    )


def test_emit_replaces_only_what_airlock_wrote(airlock, keys, bundle, plain, tmp_path):
    manifest = tmp_path / "kubeone.yaml"
    manifest.write_text("apiVersion: kubeone.k8c.io/v1beta2\n")
    command = ["import", bundle, plain.host, "--key", keys / "alice.pub", "--insecure", "--emit"]
    assert "was not written by airlock" in airlock(5, *command, manifest).err
    assert "does not exist" in airlock(5, *command, tmp_path / "no" / "r.yaml").err
    assert "is a directory" in airlock(5, *command, tmp_path).err
    assert manifest.read_text() == "apiVersion: kubeone.k8c.io/v1beta2\n" and not plain.requests("PUT")
    for host in ("a.example", "b.example"):
        airlock(0, "config", host, "--emit", tmp_path / "r.yaml")
        assert host in (tmp_path / "r.yaml").read_text()


def test_dry_run_finds_out_about_credentials(airlock, keys, bundle, secured, certificates, login):
    command = [
        "import",
        bundle,
        secured.host,
        "--key",
        keys / "alice.pub",
        "--cacert",
        certificates / "ca.pem",
        "--dry-run",
    ]
    assert "HTTP 401" in airlock(4, *command).err
    assert "HTTP 401" in airlock(4, *command, *login, stdin="guess\n").err
    airlock(0, *command, *login, stdin=LOGIN[1] + "\n")


def test_dry_run_writes_nothing(airlock, keys, bundle, plain):
    out = airlock(0, "import", bundle, plain.host + "/p", "--key", keys / "alice.pub", "--insecure", "--dry-run").out
    assert f"{plain.host}/p/coredns:v1.11.1" in out and "14 names" in out
    # An upload is opened, to find out whether it may be, and ended.
    assert not puts_of_content(plain) and len(plain.requests("POST")) == len(plain.requests("DELETE")) == 1


def test_a_registry_that_refuses_leaves_no_tag(airlock, keys, fake_registry, small_images, export_small, tmp_path):
    factory, made = small_images
    source, target = fake_registry(), fake_registry()
    images.fill(source, factory.store, made)
    export_small(0, source)
    command = ["import", tmp_path / "small.tar", target.host, "--key", keys / "alice.pub", "--insecure"]
    denied = json.dumps({"errors": [{"code": "DENIED", "message": "quota exceeded"}]})
    refusals = [
        ("PUT */blobs/uploads/*", "upload of blob"),
        ("POST */blobs/uploads/*", "upload of blob"),
        ("PUT */manifests/*", "manifest 1 to"),
    ]
    for match, words in refusals:
        target.rules({"match": match, "status": 403, "body": denied, "times": 0})
        err = airlock(4, *command).err
        assert words in err and "DENIED: quota exceeded" in err and "target registry" in err
        target.rules()
        assert get_manifest(target, "lab/one", "1")[0] == 404 and get_manifest(target, "lab/two", "1")[0] == 404
    airlock(0, *command)
    for name in ("one", "two"):
        status, body = get_manifest(target, f"lab/{name}", "1")
        assert status == 200 and "sha256:" + hashlib.sha256(body).hexdigest() == made[f"quay.io/lab/{name}:1"]["digest"]


def test_tags_are_written_last(airlock, keys, fake_registry, small_images, export_small, tmp_path):
    factory, made = small_images
    source, target = fake_registry(), fake_registry()
    images.fill(source, factory.store, made)
    export_small(0, source)
    airlock(0, "import", tmp_path / "small.tar", target.host, "--key", keys / "alice.pub", "--insecure")
    puts = [r["path"] for r in target.requests("PUT")]
    first_tag = min(i for i, path in enumerate(puts) if path.endswith("/manifests/1"))
    assert all("/blobs/" in path for path in puts[:first_tag]) and not [p for p in puts[first_tag:] if "/blobs/" in p]


def test_a_registry_that_serves_other_bytes_is_noticed(
    airlock, keys, fake_registry, small_images, export_small, tmp_path
):
    factory, made = small_images
    source, target = fake_registry(), fake_registry()
    images.fill(source, factory.store, made)
    export_small(0, source)
    target.rules({"match": "GET /v2/lab/two/manifests/1", "flip": 20, "skip": 1, "times": 0})
    err = airlock(4, "import", tmp_path / "small.tar", target.host, "--key", keys / "alice.pub", "--insecure").err
    assert "does not serve what was stored" in err and "lab/two:1" in err


def test_an_empty_layer_and_a_refused_mount(airlock, keys, fake_registry, tmp_path):
    factory = images.Factory(packages=None)
    config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
    layers = [factory.store.add(images.OCI["gzip"], data) for data in (b"", b"x" * 300_000)]
    body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": layers}
    top = factory.store.add_json(images.OCI["manifest"], body)
    source, target = fake_registry(), fake_registry()
    images.fill(source, factory.store, {"quay.io/lab/a:1": top, "quay.io/lab/b:1": top})
    airlock(
        0,
        "export",
        "--image",
        "quay.io/lab/a:1",
        "--image",
        "quay.io/lab/b:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"quay.io=http://{source.host}",
    )
    # Every POST that asks for a mount gets an upload instead, as registries may answer.
    target.rules(
        {
            "match": "POST */blobs/uploads/",
            "status": 202,
            "headers": {"Location": "/v2/lab/b/blobs/uploads/upload-999"},
            "skip": 3,
            "times": 1,
        }
    )
    airlock(0, "import", tmp_path / "b.tar", target.host, "--key", keys / "alice.pub", "--insecure", "--jobs", "1")
    assert get_manifest(target, "lab/b", "1")[0] == 200


def test_usage(airlock, keys, bundle):
    command = ["import", bundle]
    assert "is not a registry" in airlock(2, *command, "https://x", "--key", keys / "alice.pub").err
    assert (
        "unknown KubeOne API version"
        in airlock(2, *command, "127.0.0.1:1", "--key", keys / "alice.pub", "--api-version", "v1").err
    )
    err = airlock(4, *command, f"127.0.0.1:{registry.free_port()}", "--key", keys / "alice.pub").err
    assert "target registry: cannot reach" in err


def test_config_needs_no_registry(airlock, tmp_path):
    result = airlock(0, "config", "registry.local:5000/k8s")
    assert result.out.endswith(
        'registryConfiguration:\n  overwriteRegistry: "registry.local:5000/k8s"\n  insecureRegistry: false\n'
    )
    assert "the configuration is for KubeOne v1.14.2, the newest known release" in result.err
    result = airlock(
        0, "config", "registry.local", "--insecure", "--api-version", "v1beta3", "--emit", tmp_path / "r.yaml"
    )
    assert "insecureRegistry: true" in (tmp_path / "r.yaml").read_text()
    assert "KubeOne v1.14.2 does not load manifests of kubeone.k8c.io/v1beta3" in result.err
    assert "does not support Kubernetes" not in result.err
    assert "unknown KubeOne release" in airlock(3, "config", "registry.local", "--kubeone", "9").err
    assert airlock(0, "config", "registry.local", "--output", "json").json["registry"] == "registry.local"


def retag(server, repository, source, target):
    """Makes a tag stand for the manifest of another one, as somebody else's push would."""
    connection = server.connect()
    connection.request(
        "GET",
        f"/v2/{repository}/manifests/{source}",
        headers={"Accept": f"{images.OCI['manifest']}, {images.OCI['index']}"},
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.request(
        "PUT", f"/v2/{repository}/manifests/{target}", body, {"Content-Type": answer.getheader("Content-Type")}
    )
    assert connection.getresponse().status == 201
    return images.digest(body)


@pytest.fixture
def moved_name(airlock, keys, fake_registry, small_images, export_small, tmp_path):
    """A bundle of lab/one:1 and lab/two:1, and a registry in which lab/one:1 stands for another image."""
    factory, made = small_images
    source, target = fake_registry(), fake_registry()
    images.fill(source, factory.store, made)
    export_small(0, source)
    other = factory.manifest("amd64", [((), "gzip", (("etc/other", b"other"),))], images.OCI)
    images.fill(target, factory.store, {"quay.io/lab/one:1": other})
    target.forget()
    command = [
        "import",
        tmp_path / "small.tar",
        target.host,
        "--insecure",
        "--key",
        keys / "alice.pub",
        "--state-dir",
        tmp_path / "state",
    ]
    return target, command, other["digest"], made["quay.io/lab/one:1"]["digest"]


def test_names_that_move_are_shown_first(airlock, moved_name):
    target, command, before, after = moved_name
    move = {"name": f"{target.host}/lab/one:1", "from": before, "to": after}
    text = airlock(0, *command, "--dry-run").out
    assert all(word in text for word in (move["name"], before, after)) and "1 name would move" in text
    assert airlock(0, *command, "--dry-run", "--output", "json").json["moves"] == [move]
    assert not target.requests("PUT")
    result = airlock(0, *command, "--output", "json")
    assert result.json["moves"] == [move] and before in result.err
    assert airlock(0, *command, "--output", "json").json["moves"] == []
    assert "No name moves" in airlock(0, *command, "--dry-run").out


def test_existing_names_are_kept_where_that_is_wanted(airlock, moved_name):
    target, command, before, after = moved_name
    for more in (["--dry-run"], []):
        err = airlock(4, *command, "--keep-existing", *more).err
        assert "1 name would move, and --keep-existing forbids it" in err and before in err and after in err
    assert not [r for r in target.requests() if r["method"] in ("PUT", "PATCH")]
    airlock(0, *command)
    airlock(0, *command, "--keep-existing")


def test_a_tag_of_a_signature_is_a_name_too(airlock, keys, fake_registry, small_images, export_small, tmp_path):
    factory, made = small_images
    source, target = fake_registry(), fake_registry()
    images.fill(source, factory.store, made)
    digest = made["quay.io/lab/one:1"]["digest"]
    tag = f"sha256-{digest[7:]}.sig"
    signatures = [factory.manifest("amd64", [((), "gzip", (("sig", n),))], images.OCI) for n in (b"1", b"2")]
    images.fill(source, factory.store, {f"quay.io/lab/one:{tag}": signatures[0]})
    images.fill(target, factory.store, {f"quay.io/lab/one:{tag}": signatures[1]})
    export_small(0, source)
    moves = airlock(
        0,
        "import",
        tmp_path / "small.tar",
        target.host,
        "--insecure",
        "--key",
        keys / "alice.pub",
        "--dry-run",
        "--output",
        "json",
    ).json["moves"]
    assert moves == [
        {"name": f"{target.host}/lab/one:{tag}", "from": signatures[1]["digest"], "to": signatures[0]["digest"]}
    ]


def test_each_manifest_is_parsed_once(airlock, keys, upstream, plain, tmp_path):
    """Whatever the number of steps that need to know what is in it: verification, plan, push, receipt."""
    path = tmp_path / "b.tar"
    mirror = ["--mirror", f"registry.k8s.io=http://{upstream.host}"]
    made = airlock(0, "export", *SELECTION, "--key", keys / "alice.key", "-o", path, *mirror, "--no-referrers", "-v")
    with tarfile.open(path) as archive:
        blobs = json.load(archive.extractfile("bundle.json"))["blobs"]
    documents = sum("manifest" in blob["mediaType"] or "index" in blob["mediaType"] for blob in blobs)
    said = rf"(?m)\b{documents} manifests parsed$"
    assert documents > 20 and re.search(said, made.err)
    command = ["import", path, plain.host, "--insecure", "--key", keys / "alice.pub", "-v"]
    assert re.search(said, airlock(0, *command, "--receipt", tmp_path / "first.json").err)
    assert re.search(said, airlock(0, *command, "--receipt", tmp_path / "second.json").err)


NO_MOUNTS = {"match": "POST */blobs/uploads/", "no_mount": True, "times": 0}


@pytest.fixture
def shared_layers(airlock, keys, fake_registry, tmp_path):
    """A bundle of nine images, each with the same large layer; more than are sent one blob at the same time."""
    factory = images.Factory(packages=None)
    large = factory.store.add(images.OCI["gzip"], random.Random(1).randbytes(12 << 20))
    made = {}
    for i in range(9):
        config = factory.store.add_json(
            images.OCI["config"], {"os": "linux", "architecture": "amd64", "author": str(i)}
        )
        layers = [large, factory.store.add(images.OCI["gzip"], b"small")]
        body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": layers}
        made[f"quay.io/lab/{i}:1"] = factory.store.add_json(images.OCI["manifest"], body)
    source = fake_registry()
    images.fill(source, factory.store, made)
    names = [word for name in made for word in ("--image", name)]
    command = ["export", *names, "--key", keys / "alice.key", "-o", tmp_path / "b.tar"]
    airlock(0, *command, "--mirror", f"quay.io=http://{source.host}")
    return tmp_path / "b.tar", large["digest"]


def import_shared(airlock, status, keys, bundle, target, *more):
    return airlock(status, "import", bundle, target.host, "--key", keys / "alice.pub", "--insecure", *more)


def test_a_registry_that_mounts_nothing_is_sent_each_blob_for_each_repository(
    airlock, keys, fake_registry, shared_layers
):
    bundle, _ = shared_layers
    target = fake_registry()
    target.rules(NO_MOUNTS)
    data = import_shared(airlock, 0, keys, bundle, target, "--output", "json").json
    assert data["blobsMounted"] == 0 and data["blobsSent"] == 3 * 9 and len(data["published"]) == 9
    assert all(get_manifest(target, f"lab/{i}", "1")[0] == 200 for i in range(9))
    assert len(target.requests("POST")) == 3 * 9  # an upload that a mount opened is used
    airlock(0, "check", target.host, "--bundle", bundle, "--key", keys / "alice.pub", "--insecure")


def test_uploads_from_one_reading_survive_breaks(airlock, keys, fake_registry, shared_layers):
    bundle, _ = shared_layers
    target = fake_registry()
    cut = {"match": "PUT */blobs/uploads/*", "cut_request": 5 << 20, "skip": 12, "times": 3}
    target.rules(NO_MOUNTS, cut)
    data = import_shared(airlock, 0, keys, bundle, target, "--output", "json").json
    assert data["blobsMounted"] == 0 and len(data["published"]) == 9
    airlock(0, "check", target.host, "--bundle", bundle, "--key", keys / "alice.pub", "--insecure")


def test_a_damaged_blob_is_completed_in_no_repository(airlock, keys, fake_registry, shared_layers):
    bundle, large = shared_layers
    with tarfile.open(bundle) as archive:
        at = archive.getmember("blobs/sha256/" + large.removeprefix("sha256:")).offset_data + (11 << 20)
    with open(bundle, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    target = fake_registry()
    target.rules(NO_MOUNTS)
    err = import_shared(airlock, 6, keys, bundle, target).err
    assert large in err
    for i in range(9):
        connection = target.connect()
        connection.request("HEAD", f"/v2/lab/{i}/blobs/{large}")
        assert connection.getresponse().status == 404
        assert get_manifest(target, f"lab/{i}", "1")[0] == 404

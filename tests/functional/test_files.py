# SPDX-License-Identifier: Apache-2.0
"""Files beside images: packed with their digest, listed, extracted, pushed where wanted."""

import hashlib
import http.server
import json
import subprocess
import threading
import urllib.request

import pytest


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.fixture
def kubectl(tmp_path):
    path = tmp_path / "kubectl"
    path.write_bytes(b"\x7fELF" + b"kubectl " * 1000)
    return path


@pytest.fixture
def pack(airlock, keys, tmp_path):
    """pack(status, "NAME=PATH", …): a bundle of files only, pack.path."""

    def run(status, *files, output="files.tar", more=()):
        run.path = tmp_path / output
        options = [word for file in files for word in ("--file", file)]
        return airlock(status, "export", *options, "--key", keys / "alice.key", "-o", run.path, *more)

    return run


def test_a_file_travels_and_is_extracted(airlock, pack, keys, kubectl, tmp_path):
    pack(0, f"kubectl={kubectl}")
    assert "files/kubectl" in airlock(0, "inspect", pack.path).out
    airlock(0, "verify", pack.path, "--key", keys / "alice.pub", "--layers")
    made = airlock(0, "extract", pack.path, "kubectl", "--key", keys / "alice.pub", "-o", tmp_path / "out")
    assert (tmp_path / "out/kubectl").read_bytes() == kubectl.read_bytes()
    subprocess.run(["sha256sum", "--strict", "-c"], input=made.out, text=True, check=True, capture_output=True)


def test_extract_overwrites_nothing_and_names_what_it_has(airlock, pack, keys, kubectl, tmp_path):
    pack(0, f"kubectl={kubectl}")
    key = ["--key", keys / "alice.pub"]
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/kubectl").symlink_to("/nowhere")
    assert "exists already" in airlock(5, "extract", pack.path, "--all", *key, "-o", tmp_path / "kept").err
    assert (tmp_path / "kept/kubectl").is_symlink()
    made = airlock(2, "extract", pack.path, "helm", *key, "-o", tmp_path / "out")
    assert "no file helm" in made.err and "it has kubectl" in made.err and not (tmp_path / "out").exists()
    assert "no file is named" in airlock(2, "extract", pack.path, *key, "-o", tmp_path / "out").err
    assert "signed" in airlock(7, "extract", pack.path, "--all", "--key", keys / "mallory.pub", "-o", tmp_path).err


def test_a_bundle_of_images_has_nothing_to_extract(airlock, bundle, keys, tmp_path):
    made = airlock(3, "extract", bundle, "--all", "--key", keys / "alice.pub", "-o", tmp_path / "out")
    assert "carries no files" in made.err


@pytest.mark.parametrize(
    "text, words",
    [
        ("kubectl", "is not NAME=PATH"),
        ("../kubectl=x", "cannot name a file"),
        ("a/b=x", "cannot name a file"),
        (".hidden=x", "cannot name a file"),
        ("kubectl=", "names no file"),
        ("kubectl=https://dl.k8s.io/kubectl", "needs its digest"),
    ],
)
def test_what_names_no_file_is_refused(pack, text, words):
    assert words in pack(2, text).err


def test_a_file_that_is_not_there_or_is_another(pack, kubectl, tmp_path):
    assert "is no file" in pack(5, f"kubectl={tmp_path}/nothing").err
    assert "is no file" in pack(5, f"kubectl={tmp_path}").err
    made = pack(6, f"kubectl={kubectl}@{digest_of(b'another')}")
    assert f"{kubectl} has the digest" in made.err and not pack.path.exists()


def test_two_files_of_one_name(pack, kubectl, tmp_path, airlock, keys):
    """Refused where they are packed; each month's own come together in a merge."""
    (tmp_path / "other").write_bytes(b"other")
    made = pack(2, f"tool={kubectl}", f"tool={tmp_path}/other")
    assert "two files are named tool" in made.err
    pack(0, f"tool={kubectl}", output="may.tar")
    pack(0, f"tool={tmp_path}/other", f"more={kubectl}", output="june.tar")
    both = ["merge", tmp_path / "may.tar", tmp_path / "june.tar", "--trusted", keys / "alice.pub"]
    airlock(0, *both, "--key", keys / "alice.key", "-o", tmp_path / "m.tar")
    extract = ["extract", tmp_path / "m.tar", "--key", keys / "alice.pub", "-o", tmp_path / "out"]
    made = airlock(2, *extract, "tool")
    digests = [hashlib.sha256(data).hexdigest() for data in (kubectl.read_bytes(), b"other")]
    assert "2 files of the bundle are named tool" in made.err
    assert all(f"tool@sha256:{digest}" in made.err for digest in digests)
    airlock(0, *extract, "more", f"tool@sha256:{digests[1]}")
    assert (tmp_path / "out/tool").read_bytes() == b"other" and (tmp_path / "out/more").exists()
    airlock(0, *extract[:-1], tmp_path / "all", "--all")
    written = {path.read_bytes() for path in (tmp_path / "all").glob("*/tool")}
    assert written == {b"other", kubectl.read_bytes()} and (tmp_path / "all/more").exists()


@pytest.fixture
def web(tmp_path):
    """Serves tmp_path/web over HTTP; web.requests counts."""
    folder = tmp_path / "web"
    folder.mkdir()
    seen = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

        def do_GET(self):
            seen.append(self.path)
            super().do_GET()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.folder, server.requests = folder, seen
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_of_the_web_is_pinned_and_fetched_once(pack, web, airlock, keys, tmp_path):
    content = b"plugins " * 100000
    (web.folder / "cni.tgz").write_bytes(content)
    pack(0, f"cni.tgz={web.url}/cni.tgz@{digest_of(content)}")
    pack(0, f"cni.tgz={web.url}/cni.tgz@{digest_of(content)}", output="again.tar")
    assert web.requests == ["/cni.tgz"]
    airlock(0, "extract", pack.path, "--all", "--key", keys / "alice.pub", "-o", tmp_path / "out")
    assert (tmp_path / "out/cni.tgz").read_bytes() == content
    made = pack(6, f"cni.tgz={web.url}/cni.tgz@{digest_of(b'other')}", output="third.tar")
    assert "has the digest" in made.err
    assert "is not there" in pack(4, f"x={web.url}/none@{digest_of(b'other')}", output="fourth.tar").err


def test_files_are_pushed_where_wanted(airlock, keys, filled, plain, export_small, kubectl, tmp_path):
    server = filled()
    export_small(0, server, "--file", f"kubectl={kubectl}")
    common = [tmp_path / "small.tar", plain.host, "--key", keys / "alice.pub", "--insecure"]
    made = airlock(0, "import", *common)
    assert "1 file is in the bundle, not for the registry" in made.err and "airlock.internal" not in made.out
    catalog = json.load(urllib.request.urlopen(f"http://{plain.host}/v2/_catalog"))["repositories"]
    assert not [name for name in catalog if name.startswith("files/")]
    made = airlock(0, "import", *common, "--files", "--output", "json")
    name = next(item["name"] for item in made.json["published"] if "/files/" in item["name"])
    assert name.startswith(f"{plain.host}/files/kubectl:")
    checked = ["check", plain.host, "--bundle", tmp_path / "small.tar", "--key", keys / "alice.pub", "--insecure"]
    airlock(0, *checked, "--files")


def test_a_locked_file_is_given_again(airlock, keys, kubectl, tmp_path):
    lock = tmp_path / "l.lock"
    airlock(0, "resolve", "--file", f"kubectl={kubectl}", "-o", lock)
    export = ["export", "--lock", lock, "--key", keys / "alice.key", "-o", tmp_path / "b.tar"]
    assert "no --file gives it" in airlock(2, *export).err
    (tmp_path / "other").write_bytes(b"other")
    assert "no --file gives it" in airlock(2, *export, "--file", f"kubectl={tmp_path}/other").err
    airlock(0, *export, "--file", f"kubectl={kubectl}")


def test_a_file_that_is_named_twice_is_written_once(pack, kubectl, tmp_path, airlock, keys):
    pack(0, f"kubectl={kubectl}")
    digest = hashlib.sha256(kubectl.read_bytes()).hexdigest()
    command = ["extract", pack.path, "kubectl", f"kubectl@sha256:{digest}", "kubectl", "--key", keys / "alice.pub"]
    airlock(0, *command, "-o", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["kubectl"]

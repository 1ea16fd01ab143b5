# SPDX-License-Identifier: Apache-2.0
"""The software in an image, as syft sees it: airlock finds at least that."""

import json
import pathlib
import re
import subprocess

import pytest
from lab import images
from peers import peer
from review_images import Gallery, entry, layer

pytestmark = pytest.mark.peers

STATUS = pathlib.Path("/var/lib/dpkg/status")
# syft's names of kinds, as package URLs have them.
KINDS = {"deb": "deb", "go-module": "golang", "python": "pypi", "npm": "npm", "apk": "apk", "gem": "gem"}


def one_name(kind, name, version):
    """Names and versions that are written in several ways."""
    normal = re.sub(r"[-_.]+", "-", name).lower() if kind == "pypi" else name
    return kind, normal, version.removeprefix("go")


def write_layout(folder, store, name, top):
    """An OCI layout (image-spec v1.1, image-layout.md) with one image."""
    (folder / "blobs/sha256").mkdir(parents=True)
    for digest, content in store.blobs.items():
        (folder / "blobs/sha256" / digest.split(":")[1]).write_bytes(content)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    named = {**top, "annotations": {"org.opencontainers.image.ref.name": name}}
    index = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": [named]}
    (folder / "index.json").write_text(json.dumps(index))


@pytest.fixture
def gallery():
    if not STATUS.exists():
        pytest.skip("there is no dpkg here")
    program = pathlib.Path(peer("oras")).read_bytes()
    base = layer(
        ("etc/os-release", 'ID=debian\nVERSION_ID="12"\n'),
        ("var/lib/dpkg/status", STATUS.read_bytes()),
        entry("usr/local/bin/oras", program, 0o755),
    )
    other = layer(
        ("usr/lib/python3/site-packages/Lab_Tool-1.2.dist-info/METADATA", "Name: Lab_Tool\nVersion: 1.2\n"),
        ("srv/app/node_modules/@lab/left/package.json", '{"name": "@lab/left", "version": "1.0.1"}'),
        ("srv/app/node_modules/right/package.json", '{"name": "right", "version": "2.0.0"}'),
        ("etc/gone", ""),
    )
    return Gallery().add("quay.io/lab/x:1", base, other, layer(("etc/.wh.gone", "")))


def test_airlock_finds_what_syft_finds(airlock, keys, fake_registry, gallery, tmp_path):
    write_layout(tmp_path / "layout", gallery.store, "x", gallery.made["quay.io/lab/x:1"])
    command = [peer("syft"), "scan", f"oci-dir:{tmp_path}/layout", "-q", "-o", "json"]
    # It asks for a newer version of itself otherwise.
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    listed = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280)
    assert listed.returncode == 0, listed.stderr
    wanted = {
        one_name(KINDS[one["type"]], one["name"], one["version"])
        for one in json.loads(listed.stdout)["artifacts"]
        if one["type"] in KINDS
    }
    server = fake_registry()
    images.fill(server, gallery.store, gallery.made)
    mirror = ["--mirror", f"quay.io=http://{server.host}"]
    airlock(0, "export", "--image", "quay.io/lab/x:1", *mirror, "--key", keys / "alice.key", "-o", tmp_path / "x.tar")
    made = airlock(0, "sbom", tmp_path / "x.tar", "--key", keys / "alice.pub", "--format", "cyclonedx").json
    found = {
        one_name(
            part["purl"].split(":", 1)[1].split("/", 1)[0],
            (part.get("group", "") + "/" + part["name"]).lstrip("/"),
            part["version"],
        )
        for part in made["components"][0]["components"]
        if part["type"] == "library"
    }
    assert len(wanted) > 100 and {kind for kind, _, _ in wanted} >= {"deb", "golang", "pypi", "npm"}
    # The main module of a program has no version that both would know.
    missing = {one for one in wanted - found if not one[1].startswith("oras.land/oras")}
    assert not missing, sorted(missing)[:20]

# SPDX-License-Identifier: Apache-2.0
"""What reviewers see of a bundle and its images, whatever the images say."""

import json
import shutil
import subprocess

import pytest
from lab import images
from review_images import Gallery, entry, folder, hard_link, layer, link

BASE = layer(
    folder("etc/"),
    ("etc/passwd", "root:x:0:0\n"),
    folder("tmp", 0o1777),
    folder("open", 0o777),
    entry("usr/bin/su", "su", 0o4755),
    entry("usr/bin/wall", "wall", 0o2755),
    entry("etc/loose", "everybody writes", 0o666),
    link("bin", "usr/bin"),
    ("srv/data", "old"),
    ("srv/gone/x", "x"),
    ("srv/begun/y", "y"),
)
TOP = layer(
    ("srv/data", "new"),
    ("srv/.wh.gone", ""),
    ("srv/begun/.wh..wh..opq", ""),
    ("srv/begun/z", "z"),
    hard_link("srv/linked", "srv/data"),
    link("etc/alias", "/srv/data"),
    link("etc/loop", "loop"),
)
CONFIG = {
    "User": "1000:1000",
    "Entrypoint": ["/bin/app", "--serve"],
    "Cmd": ["a b"],
    "ExposedPorts": {"8080/tcp": {}},
    "Volumes": {"/data": {}},
    "WorkingDir": "/srv",
    "Env": ["PATH=/usr/bin", "DB_PASSWORD=hunter2", "PASSWORD_FILE=/run/x", "KEY=AKIAABCDEFGH", "EMPTY_TOKEN="]
    + ["DB_PASS=x", "PROXY=http://u:hunter2@proxy:3128/", "TOKENIZERS_PARALLELISM=false", "HOME_URL=https://a@b"],
    "Labels": {
        "org.opencontainers.image.source": "https://example.org/app",
        "org.opencontainers.image.revision": "abc123",
        "org.opencontainers.image.licenses": "Apache-2.0",
    },
}
HISTORY = [
    {"created_by": "ADD base"},
    {"created_by": "ENV KEY=AKIAHIDDEN OTHER=two words", "empty_layer": True},
    {"created_by": "RUN |2 TOKEN=hidden1 B=hidden2 /bin/sh -c make all # buildkit"},
]


@pytest.fixture
def gallery():
    made = Gallery().add("quay.io/lab/app:1", BASE, TOP, config=CONFIG, history=HISTORY)
    made.add("quay.io/lab/base:1", BASE)
    odd = "\x1b[31mred\u202e<script>"
    made.add(
        "quay.io/lab/hostile:1",
        layer((f"opt/{odd}", odd), ("opt/" + "n" * 300, "")),
        config={"User": odd, "Env": [f"{odd}={odd}"], "Labels": {odd: odd}, "Entrypoint": [odd]},
        history=[{"created_by": odd * 50}],
    )
    return made


@pytest.fixture
def bundle(airlock, keys, gallery, fake_registry, tmp_path):
    server = fake_registry()
    images.fill(server, gallery.store, gallery.made)
    chosen = [word for name in gallery.made for word in ("--image", name)]
    mirror = ["--mirror", f"quay.io=http://{server.host}"]
    path = tmp_path / "b.tar"
    airlock(0, "export", *chosen, *mirror, "--key", keys / "alice.key", "-o", path)
    return path


APP = ["--image", "quay.io/lab/app:1"]


def test_the_table(airlock, keys, bundle):
    out = airlock(0, "inspect", bundle, "--key", keys / "alice.pub").out
    assert f"{bundle}: verified" in out and "alice" in out and "3 images" in out
    row = next(line for line in out.splitlines() if "quay.io/lab/app:1" in line)
    assert "linux/amd64" in row and "2024-04-16" in row
    assert "source https://example.org/app; revision abc123; licences Apache-2.0" in out
    assert "NOT VERIFIED" in airlock(0, "inspect", bundle).out
    airlock(7, "inspect", bundle, "--key", keys / "mallory.pub")


def test_bytes_of_its_own(airlock, keys, bundle):
    data = airlock(0, "inspect", bundle, "--key", keys / "alice.pub", "--output", "json").json
    by_name = {image["source"]: image for image in data["images"]}
    app, base = by_name["quay.io/lab/app:1"], by_name["quay.io/lab/base:1"]
    shared = app["platforms"][0]["layers"][0]["size"]
    assert app["ownBytes"] == app["bytes"] - shared and base["ownBytes"] == base["bytes"] - shared
    assert data["verified"] is True and app["platforms"][0]["root"] is False and base["platforms"][0]["root"] is True


def test_order_and_choice(airlock, bundle):
    order = lambda key: [
        line.split()[0] for line in airlock(0, "inspect", bundle, "--sort", key).out.splitlines() if "/lab/" in line
    ]
    assert order("name") == ["quay.io/lab/app:1", "quay.io/lab/base:1", "quay.io/lab/hostile:1"]
    assert order("own")[-1] == "quay.io/lab/base:1"
    out = airlock(0, "inspect", bundle, "--image", "quay.io/lab/b*").out
    assert "lab/base:1" in out and "lab/app:1" not in out
    assert "no image of the bundle is" in airlock(2, "inspect", bundle, "--image", "quay.io/none:1").err


def test_an_image_in_depth(airlock, bundle):
    out = airlock(0, "inspect", bundle, *APP).out
    for words in (
        "user       1000:1000",
        "entrypoint /bin/app --serve",
        "command    'a b'",
        "ports      8080/tcp",
        "volumes    /data",
        "directory  /srv",
        "variable   DB_PASSWORD  LOOKS LIKE A SECRET",
        "variable   KEY  LOOKS LIKE A SECRET",
        "variable   DB_PASS  LOOKS LIKE A SECRET",
        "variable   PROXY  LOOKS LIKE A SECRET",
        "history    ENV KEY=… OTHER=…",
        "ADD base",
        "setuid     -rwsr-xr-x 0:0 /usr/bin/su",
        "setuid     -rwxr-sr-x 0:0 /usr/bin/wall",
        "writable   -rw-rw-rw- 0:0 /etc/loose",
        "writable   drwxrwxrwx 0:0 /open",
    ):
        assert words in out, words
    assert "hunter2" not in out and "PASSWORD_FILE  LOOKS" not in out and "EMPTY_TOKEN  LOOKS" not in out
    assert "/tmp\n" not in out  # sticky: meant so


def test_the_files_of_an_image(airlock, bundle):
    out = airlock(0, "inspect", bundle, *APP, "--tree").out
    paths = {line.split(" /", 1)[1].split(" -> ")[0].split(" = ")[0] for line in out.splitlines()}
    assert {"etc/passwd", "srv/data", "srv/begun/z", "srv/linked", "bin"} <= paths
    assert not {"srv/gone/x", "srv/gone", "srv/begun/y"} & paths and not any(".wh." in path for path in paths)
    only = airlock(0, "inspect", bundle, *APP, "--tree", "--layer", "2").out
    assert "srv/.wh.gone" in only and "etc/passwd" not in only
    assert "layers 1 to 2" in airlock(2, "inspect", bundle, *APP, "--tree", "--layer", "3").err
    assert "one image for one platform" in airlock(2, "inspect", bundle, "--tree").err


@pytest.mark.parametrize(
    "path, content",
    [
        ("/srv/data", "new"),
        ("srv/linked", "new"),
        ("etc/alias", "new"),
        ("/bin/su", "su"),
        ("srv/../etc/passwd", "root:x:0:0\n"),
    ],
)
def test_the_content_of_a_file(airlock, bundle, path, content):
    assert airlock(0, "inspect", bundle, *APP, "--cat", path).out == content


@pytest.mark.parametrize("path", ["etc/loop", "srv/gone/x", "../../etc/hostname", "etc"])
def test_files_that_are_not_there(airlock, bundle, path):
    assert "has no file" in airlock(2, "inspect", bundle, *APP, "--cat", path).err


def test_nothing_hostile_reaches_the_terminal(airlock, bundle):
    hostile = ["--image", "quay.io/lab/hostile:1"]
    for more in ([], hostile, [*hostile, "--tree"], ["--output", "json"], [*hostile, "--output", "json"]):
        made = airlock(0, "inspect", bundle, *more)
        assert "\x1b" not in made.out + made.err and "\u202e" not in made.out + made.err
        if "json" in more:
            json.loads(made.out)


def test_the_tree_is_what_umoci_unpacks(airlock, keys, gallery, fake_registry, bundle, tmp_path):
    if not shutil.which("umoci"):
        pytest.skip("there is no umoci here")
    server = fake_registry()
    images.fill(server, gallery.store, gallery.made)
    copy = [
        "skopeo",
        "copy",
        "-q",
        "--src-tls-verify=false",
        f"docker://{server.host}/lab/app:1",
        f"oci:{tmp_path}/o:x",
    ]
    subprocess.run(copy, check=True)
    subprocess.run(["umoci", "unpack", "--rootless", "--image", f"{tmp_path}/o:x", tmp_path / "u"], check=True)
    root = tmp_path / "u/rootfs"
    unpacked = {str(path.relative_to(root)) for path in root.rglob("*")}
    out = airlock(0, "inspect", bundle, *APP, "--tree").out
    listed = {line.split(" /", 1)[1].split(" -> ")[0].split(" = ")[0] for line in out.splitlines()}
    # Folders that no layer has an entry for are made by whoever unpacks.
    parents = {str(parent) for path in listed for parent in (root / path).relative_to(root).parents}
    assert unpacked == (listed | parents) - {".", ""}


def test_values_of_history_are_not_shown(airlock, bundle):
    for more in ([], ["--output", "json"]):
        out = airlock(0, "inspect", bundle, *APP, *more).out
        assert "hidden" not in out.lower() and "two words" not in out
        assert "ENV KEY=… OTHER=…" in out and "RUN |2 TOKEN=… B=… /bin/sh -c make all" in out


def test_options_that_do_not_go_together(airlock, bundle):
    assert "--layer is for" in airlock(2, "inspect", bundle, *APP, "--layer", "1").err
    airlock(2, "inspect", bundle, *APP, "--tree", "--cat", "/etc/passwd")

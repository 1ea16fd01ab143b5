# SPDX-License-Identifier: Apache-2.0
"""What changed inside of images between two bundles."""

import tarfile

import pytest
from lab import images
from review_images import Gallery, entry, hard_link, layer


def status(**versions):
    return "".join(f"Package: {n}\nStatus: install ok installed\nVersion: {v}\n\n" for n, v in versions.items())


@pytest.fixture
def pair(airlock, keys, fake_registry, tmp_path):
    """old.tar and new.tar: an image under one reference, one whose tag is another, and two that have several tags."""
    old = Gallery().add(
        "quay.io/lab/app:1",
        layer(
            ("var/lib/dpkg/status", status(curl="8.1", openssl="3.0.9", gone="1")),
            ("etc/same", "same"),
            ("etc/changed", "old!"),
            entry("bin/tool", "t", 0o755),
            ("etc/removed", "x"),
        ),
        config={"User": "1000", "Labels": {"io.example.caps": "none"}, "Env": ["A=1"]},
    )
    new = Gallery().add(
        "quay.io/lab/app:1",
        layer(
            ("var/lib/dpkg/status", status(curl="8.1", openssl="3.0.11", added="2")),
            ("etc/same", "same"),
            ("etc/changed", "new!"),  # of the same size
            entry("bin/tool", "t", 0o4755),
        ),
        layer(("etc/fresh", "y")),
        config={"User": "root", "Labels": {"io.example.caps": "all"}, "Env": ["A=2", "B=1"]},
    )
    for gallery, tag, user in ((old, "v1", "0"), (new, "v2", "7")):
        gallery.add(f"quay.io/lab/moved:{tag}", layer(("x", tag)), config={"User": user, "Env": ["A=1", f"B={tag}"]})
    for gallery, tags in ((old, ("v1", "v2")), (new, ("v3", "v4"))):
        for tag in tags:
            gallery.add(f"quay.io/lab/many:{tag}", layer(("x", "many" + tag)), config={"User": tag})
    for name, gallery in (("old", old), ("new", new)):
        server = fake_registry()
        images.fill(server, gallery.store, gallery.made)
        mirror = ["--mirror", f"quay.io=http://{server.host}", "--key", keys / "alice.key"]
        chosen = [word for reference in gallery.made for word in ("--image", reference)]
        airlock(0, "export", *chosen, *mirror, "-o", tmp_path / f"{name}.tar")
    return tmp_path


def test_how_it_runs(airlock, pair):
    out = airlock(0, "diff", pair / "old.tar", pair / "new.tar").out
    for words in (
        "linux/amd64: user: root, was 1000",
        "linux/amd64: label io.example.caps: all, was none",
        "linux/amd64: environment: A, B, was A",
        "linux/amd64: 2 layers, were 1",
    ):
        assert words in out
    assert "openssl" not in out


def test_an_image_in_the_place_of_another(airlock, pair):
    out = airlock(0, "diff", pair / "old.tar", pair / "new.tar").out
    assert "+ quay.io/lab/moved:v2\n    in the place of quay.io/lab/moved:v1\n" in out and "user: 7, was 0" in out
    assert "environment B: another value" in out and "environment A: another" in out.split("lab/app")[1]
    inside = airlock(0, "diff", pair / "old.tar", pair / "new.tar", "--output", "json").json["inside"]
    assert [(one["source"], one["before"]) for one in inside] == [
        ("quay.io/lab/app:1", "quay.io/lab/app:1"),
        ("quay.io/lab/moved:v2", "quay.io/lab/moved:v1"),
    ]


def test_the_page_says_what_changed(airlock, keys, pair, tmp_path):
    report = ["report", pair / "new.tar", "--key", keys / "alice.pub", "--since"]
    airlock(0, *report, pair / "old.tar", "-o", tmp_path / "all.html")
    page = (tmp_path / "all.html").read_text().split('id="changes"')[1].split("</section>")[0]
    assert "<li>linux/amd64: user: root, was 1000</li>" in page and "~ deb openssl 3.0.11, was 3.0.9" in page
    assert "in the place of <code>quay.io/lab/moved:v1</code>" in page and "signatures were not checked here" in page
    airlock(0, *report, pair / "old.tar", "--no-software", "-o", tmp_path / "less.html")
    page = (tmp_path / "less.html").read_text()
    assert "user: root, was 1000" in page and "deb openssl" not in page
    for name in ("first.html", "second.html"):
        airlock(0, *report, pair / "old.tar", "--cache", "--state-dir", tmp_path / "state", "-o", tmp_path / name)
        assert (tmp_path / name).read_text() == (tmp_path / "all.html").read_text()


def test_software(airlock, pair):
    out = airlock(0, "diff", pair / "old.tar", pair / "new.tar", "--packages").out
    assert "~ deb openssl 3.0.11, was 3.0.9" in out and "+ deb added 2" in out and "- deb gone 1" in out
    assert "curl" not in out


def test_files(airlock, pair):
    out = airlock(0, "diff", pair / "old.tar", pair / "new.tar", "--files").out
    for words in ("~ -rw-r--r-- /etc/changed", "+ -rw-r--r-- /etc/fresh", "- -rw-r--r-- /etc/removed"):
        assert words in out
    assert "~ -rwsr-xr-x /bin/tool" in out and "/etc/same" not in out


def test_exit_status_and_other_kinds(airlock, pair):
    airlock(10, "diff", pair / "old.tar", pair / "new.tar", "--exit-code")
    airlock(0, "diff", pair / "old.tar", pair / "old.tar", "--exit-code", "--packages", "--files")
    (pair / "r.json").write_text("{}")
    made = airlock(6, "diff", pair / "old.tar", pair / "r.json", "--packages")
    assert "r.json" in made.err
    data = airlock(0, "diff", pair / "old.tar", pair / "new.tar", "--packages", "--output", "json").json
    assert data["inside"][0]["source"] == "quay.io/lab/app:1" and data["inside"][0]["packages"]


def test_the_page_stays_small_whatever_changed(airlock, keys, fake_registry, tmp_path):
    """A hundred images with two hundred changed packages each."""
    for month in ("may", "june"):
        gallery = Gallery()
        for number in range(100):
            packages = {f"p{number}-{n}": f"1.{month}" for n in range(250)}
            gallery.add(f"quay.io/lab/i{number}:{month}", layer(("var/lib/dpkg/status", status(**packages))))
        server = fake_registry()
        images.fill(server, gallery.store, gallery.made)
        chosen = [word for reference in gallery.made for word in ("--image", reference)]
        mirror = ["--mirror", f"quay.io=http://{server.host}", "--key", keys / "alice.key"]
        airlock(0, "export", *chosen, *mirror, "-o", tmp_path / f"{month}.tar")
    report = ["report", tmp_path / "june.tar", "--key", keys / "alice.pub", "--since", tmp_path / "may.tar"]
    airlock(0, *report, "-o", tmp_path / "r.html")
    changes = (tmp_path / "r.html").read_text().split('id="changes"')[1].split("</section>")[0]
    assert changes.count("<li>") < 8400 and changes.count("250 changed packages") == 100
    assert "and 50 more (airlock diff --packages)" in changes and "and 250 more" in changes


def test_what_only_looks_the_same(airlock, keys, fake_registry, tmp_path):
    """Words of a command, variables that are there twice, hard links, devices and capabilities."""
    capability = {"SCHILY.xattr.security.capability": "\x01"}
    linked = [entry("bin/su", "AAAA", 0o4755), hard_link("bin/tool", "bin/su")]
    galleries = {
        "old": (
            Gallery().add(
                "quay.io/lab/c:1", layer(("x", "1")), config={"Cmd": ["sh", "rm -rf /"], "Env": ["A=1", "A=2"]}
            ),
            [layer(*[entry("bin/su", "EVIL", 0o755), linked[1]]), layer(("bin/.wh.su", ""))],
            layer(entry("bin/ping", "p"), entry("dev/x", kind=tarfile.CHRTYPE)),
        ),
        "new": (
            Gallery().add(
                "quay.io/lab/c:1", layer(("x", "1")), config={"Cmd": ["sh", "rm", "-rf", "/"], "Env": ["A=1", "A=3"]}
            ),
            [layer(*linked), layer(("bin/.wh.su", ""))],
            layer(
                {**entry("bin/ping", "p"), "headers": capability}, {**entry("dev/x", kind=tarfile.CHRTYPE), "device": 7}
            ),
        ),
    }
    for name, (gallery, links, special) in galleries.items():
        gallery.add("quay.io/lab/links:1", *links).add("quay.io/lab/special:1", special)
        server = fake_registry()
        images.fill(server, gallery.store, gallery.made)
        mirror = ["--mirror", f"quay.io=http://{server.host}", "--key", keys / "alice.key"]
        chosen = [word for reference in gallery.made for word in ("--image", reference)]
        airlock(0, "export", *chosen, *mirror, "-o", tmp_path / f"{name}.tar")
    out = airlock(0, "diff", tmp_path / "old.tar", tmp_path / "new.tar", "--files").out
    assert "command: sh rm -rf /, was sh 'rm -rf /'" in out and "environment A: another value" in out
    assert "~ hrwsr-xr-x /bin/tool" in out
    assert "/bin/ping" in out and "/dev/x" in out
    shown = airlock(0, "inspect", tmp_path / "new.tar", "--image", "quay.io/lab/links:1").out
    assert "setuid" in shown and "/bin/tool" in shown
    assert "capability" in airlock(0, "inspect", tmp_path / "new.tar", "--image", "quay.io/lab/special:1").out
    page = tmp_path / "r.html"
    airlock(0, "report", tmp_path / "new.tar", "--key", keys / "alice.pub", "-o", page)
    assert "/bin/tool" in page.read_text().split('id="hints"')[1].split("</section>")[0]

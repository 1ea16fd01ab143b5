# SPDX-License-Identifier: Apache-2.0
"""The review page as a whole, compared with one that a person has looked at.

After a wanted change: AIRLOCK_WRITE_GOLDEN=1 writes tests/functional/golden anew, and git shows what changed.
"""

import difflib
import gzip
import json
import os
import re

import pytest
from conftest import ROOT, TEST_REGISTRY
from lab import fake, images
from review_images import Gallery, entry, layer

GOLDEN = ROOT / "tests/functional/golden"
EPOCH = {"SOURCE_DATE_EPOCH": "1717200000"}  # 2024-06-01


def stored(*entries):
    """A layer that every version of zlib writes with the same bytes."""
    return gzip.compress(layer(*entries), compresslevel=0, mtime=0)


def status(**packages):
    return "".join(f"Package: {n}\nStatus: install ok installed\nVersion: {v}\n\n" for n, v in packages.items())


@pytest.fixture(scope="module")
def world(airlock, keys, tmp_path_factory):
    """may.tar and june.tar, with what reviewers meet: a moved tag, a new registry, secrets, setuid files, findings."""
    folder = tmp_path_factory.mktemp("golden")
    base = stored(("etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'))
    plain = {"User": "1000", "Entrypoint": ["/app"], "Labels": {"org.opencontainers.image.licenses": "MIT"}}
    made = {}
    for month, version in (("may", "3.0.9"), ("june", "3.0.13")):
        gallery = Gallery()
        own = stored(("var/lib/dpkg/status", status(openssl=version, bash="5.2")))
        gallery.add("quay.io/lab/web:1", raw_layers=[base, own], config=plain)
        gallery.add(
            "quay.io/lab/same:1", raw_layers=[base], config={"User": "1000"}, history=[{"created_by": "COPY /"}]
        )
        if month == "june":
            bad = stored(entry("usr/bin/root-shell", "sh", 0o4755), ("var/lib/dpkg/status", status(xmrig="6")))
            gallery.add("ghcr.io/other/bad:1", raw_layers=[bad], config={"Env": ["API_TOKEN=x", "A=<b>"]})
        made[month] = gallery
    for month, gallery in made.items():
        with fake.FakeRegistry(TEST_REGISTRY) as server:
            images.fill(server, gallery.store, gallery.made)
            mirrors = [f"--mirror={host}=http://{server.host}" for host in ("quay.io", "ghcr.io")]
            chosen = [f"--image={name}" for name in gallery.made]
            sign = ["--key", keys / "alice.key", "--stream", "lab"]
            airlock(0, "export", *chosen, *mirrors, *sign, "-o", folder / f"{month}.tar", env=EPOCH)
    found = {"vulnerability": {"id": "CVE-1", "severity": "High", "fix": {"versions": ["3.0.14"]}},
             "artifact": {"name": "openssl", "version": "3.0.13"}}  # fmt: skip
    (folder / "grype.json").write_text(json.dumps({"matches": [found]}))
    return folder


def comparable(page):
    """Without what has tests of its own (style, script and their hashes) and what differs from run to run."""
    page = re.sub(r"(<style>).*?(</style>)|(<script>).*?(</script>)", r"\1\2\3\4", page, flags=re.DOTALL)
    page = re.sub(r"'sha256-[^']*'", "'sha256-…'", page)
    page = re.sub(r"SHA256:[0-9a-f]{64}", "SHA256:…", page)
    page = re.sub(r"serial \d+", "serial N", page)
    known = {}
    page = re.sub(r"sha256:[0-9a-f]{64}", lambda m: known.setdefault(m[0], f"sha256:digest-{len(known)}"), page)
    page = re.sub(r"<code>[0-9a-f]{12}</code>", "<code>short</code>", page)
    page = re.sub(r"airlock \d+\.\d+\.\d+", "airlock VERSION", page)
    return page.replace("><", ">\n<")


PAGES = {
    "verified": ["june.tar", "--key", "PUB", "--since", "may.tar", "--findings", "grype.json"],
    "refused": ["june.tar", "--key", "PUB", "--stream", "other"],
    "not-verified": ["june.tar", "--no-software"],
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_as_it_was_looked_at(airlock, keys, world, tmp_path, name):
    words = [keys / "alice.pub" if word == "PUB" else word for word in PAGES[name]]
    words = [world / word if str(word).endswith((".tar", ".json")) else word for word in words]
    result = airlock(7 if name == "refused" else 0, "report", *words, "-o", tmp_path / "review.html")
    page = comparable((tmp_path / "review.html").read_text())
    assert "/tmp/" not in page, result.err
    golden = GOLDEN / f"{name}.html"
    if os.environ.get("AIRLOCK_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(page)
    difference = difflib.unified_diff(golden.read_text().splitlines(), page.splitlines(), "golden", "now", lineterm="")
    assert not (lines := list(difference)), "\n".join(lines[:80])

# SPDX-License-Identifier: Apache-2.0
"""The software in images: what databases, programs and archives of real tools say, as far as it survives the layers."""

import io
import json
import os
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
import zipfile
import zlib

import pytest
from lab import images
from review_images import Gallery, entry, hard_link, layer, link

STATUS = pathlib.Path("/var/lib/dpkg/status")
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'


@pytest.fixture
def inventory(airlock, keys, fake_registry, tmp_path):
    """inventory(gallery): the packages of each image, as CycloneDX has them: {(type, name, version)}."""

    def take(gallery, *more, form="cyclonedx"):
        server = fake_registry()
        images.fill(server, gallery.store, gallery.made)
        chosen = [word for name in gallery.made for word in ("--image", name)]
        take.bundle = tmp_path / f"b{len(list(tmp_path.iterdir()))}.tar"
        mirror = ["--mirror", f"quay.io=http://{server.host}"]
        airlock(0, "export", *chosen, *mirror, "--key", keys / "alice.key", "-o", take.bundle)
        made = airlock(0, "sbom", take.bundle, "--key", keys / "alice.pub", "--format", form, *more)
        take.said = made.err
        take.document = json.loads(made.out)
        return {
            image["name"]: {
                (
                    component["purl"].split(":", 1)[1].split("/", 1)[0],
                    (component.get("group", "") + "/" + component["name"]).lstrip("/"),
                    component["version"],
                )
                for component in image.get("components", [])
                if component["type"] == "library"
            }
            for image in take.document["components"]
        }

    return take


def one(inventory, *tars, **options):
    (packages,) = inventory(Gallery().add("quay.io/lab/x:1", *tars, **options)).values()
    return packages


def test_dpkg_as_dpkg_query_sees_it(inventory, tmp_path):
    if not STATUS.exists():
        pytest.skip("there is no dpkg here")
    shutil.copy(STATUS, tmp_path / "status")
    form = "${db:Status-Status} ${Package} ${Version}\n"
    query = ["dpkg-query", "--admindir", tmp_path, "-W", "-f", form]
    listed = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    wanted = {tuple(line.split()[1:]) for line in listed.splitlines() if line.startswith("installed ")}
    found = one(inventory, layer(("etc/os-release", OS_RELEASE), ("var/lib/dpkg/status", STATUS.read_bytes())))
    assert {(name, version) for kind, name, version in found if kind == "deb"} == wanted and len(wanted) > 100
    purls = [c["purl"] for c in inventory.document["components"][0]["components"] if "purl" in c]
    assert all(purl.startswith("pkg:deb/debian/") and "distro=debian-12" in purl for purl in purls)


def test_distroless_and_removed_packages(inventory):
    tar = layer(
        ("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"),
        ("var/lib/dpkg/status.d/base.md5sums", "x  y\n"),
        (
            "var/lib/dpkg/status",
            "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: held\nStatus: hold ok installed\n"
            "Version: 2\nSource: held-source (1.9)\nDescription: x\n Version: 9\n",
        ),
    )
    assert one(inventory, tar) == {("deb", "base-files", "12.4"), ("deb", "held", "2")}
    assert "upstream=held-source%401.9" in json.dumps(inventory.document)


def test_states_of_packages(inventory):
    """Unpacked ones are there with all their files, whatever dpkg has still to do."""
    states = {
        "installed": True,
        "unpacked": True,
        "half-configured": True,
        "triggers-awaited": True,
        "triggers-pending": True,
        "half-installed": False,
        "config-files": False,
        "not-installed": False,
    }
    text = "".join(f"Package: {state}\nStatus: install ok {state}\nVersion: 1\n\n" for state in states)
    found = one(inventory, layer(("var/lib/dpkg/status", text)))
    assert {name for _, name, _ in found} == {state for state, there in states.items() if there}


def test_a_distribution_without_its_packages(inventory):
    assert one(inventory, layer(("etc/os-release", OS_RELEASE), ("usr/lib/os-release", "ID=other\n"))) == set()
    assert "os-release says debian, but no database of its packages was found" in inventory.said
    # The one in /etc counts, in whatever layer it is.
    one(inventory, layer(("etc/os-release", OS_RELEASE)), layer(("usr/lib/os-release", "ID=other\n")))
    assert "os-release says debian" in inventory.said


def test_packages_of_mariner_and_others_places(inventory):
    manifest = (
        "glibc\t2.35-2.cm2\t1\t2\tMicrosoft Corporation\t(none)\t3\tx86_64\t0\tglibc-2.35-2.cm2.src.rpm\n"
        "ca\t2.0-1\t1\t2\tMicrosoft Corporation\t1\t3\tnoarch\t1\tca-2.0-1.src.rpm\nshort\t1\n"
    )
    release = ("etc/os-release", "ID=rhel\nVERSION_ID=9.3\n")
    found = one(inventory, layer(release, ("var/lib/rpmmanifest/container-manifest-2", manifest)))
    assert found == {("rpm", "glibc", "2.35-2.cm2"), ("rpm", "ca", "1:2.0-1")}
    text = json.dumps(inventory.document)
    assert "pkg:rpm/redhat/ca@2.0-1?arch=noarch&distro=rhel-9.3&epoch=1&upstream=ca-2.0-1.src.rpm" in text
    for place in ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"):
        one(inventory, layer((f"{place}/Packages", "x" * 100)))
        assert f"{place}/Packages: a database of Berkeley DB" in inventory.said


def test_apk(inventory):
    installed = (
        "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\n\nC:Q1x=\nP:libcrypto3\nV:3.1.4-r5\no:openssl\nF:lib\nR:x\n"
    )
    release = "ID=alpine\nVERSION_ID=3.19.1\n"
    found = one(inventory, layer(("etc/os-release", release), ("lib/apk/db/installed", installed)))
    assert found == {("apk", "musl", "1.2.4-r2"), ("apk", "libcrypto3", "3.1.4-r5")}
    assert "pkg:apk/alpine/libcrypto3@3.1.4-r5?distro=alpine-3.19.1&upstream=openssl" in json.dumps(inventory.document)


@pytest.fixture
def rpm_root(tmp_path):
    """A root with forty packages that rpm installed; what rpm says of them: (root, {("rpm", name, version)})."""
    if not shutil.which("rpmbuild"):
        pytest.skip("there is no rpm here")
    define = ["--define", f"_topdir {tmp_path}/top", "--define", "_db_backend sqlite", "--define", "_dbpath /db"]
    root = tmp_path / "root"
    # Enough of them that the table needs more than one page, and headers more than one page each.
    for number in range(40):
        spec = tmp_path / f"p{number}.spec"
        more = "Epoch: 3\n" if number == 7 else ""
        text = "x" * 200 * number
        spec.write_text(
            f"Name: lab{number}\nVersion: 1.{number}\nRelease: 2\n{more}Summary: s\nLicense: MIT\nBuildArch: noarch\n"
            f"%description\n{text}\n%files\n"
        )
        subprocess.run(["rpmbuild", "-bb", *define, spec], check=True, capture_output=True)
    built = list((tmp_path / "top/RPMS").rglob("*.rpm"))
    subprocess.run(["rpm", "--root", root, *define, "-i", "--nodeps", *built], check=True, capture_output=True)
    form = "%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n"
    query = ["rpm", "--root", root, *define, "-qa", "--qf", form]
    listed = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    return root, {("rpm", *line.split()) for line in listed.splitlines()}


def test_rpm_as_rpm_sees_it(inventory, rpm_root):
    root, wanted = rpm_root
    assert len(wanted) == 40 and ("rpm", "lab7", "3:1.7-2") in wanted
    database = (root / "db/rpmdb.sqlite").read_bytes()
    assert one(inventory, layer(("usr/lib/sysimage/rpm/rpmdb.sqlite", database))) == wanted


def test_rpm_in_its_other_database(inventory, rpm_root):
    """NDB, which Debian's rpm does not write: the same headers in the form of rpm's lib/backend/ndb/rpmpkg.c."""
    root, wanted = rpm_root
    with sqlite3.connect(root / "db/rpmdb.sqlite") as database:
        blobs = [row[0] for row in database.execute("SELECT blob FROM Packages")]
    slots, body, at = b"", b"", 4096 // 16
    for number, blob in enumerate(blobs, 1):
        head = b"BlbS" + struct.pack("<III", number, 1, len(blob))
        data = head + blob + b"\0" * (-(len(head) + len(blob) + 12) % 16) + b"\0" * 12
        slots += b"Slot" + struct.pack("<III", number, at + len(body) // 16, len(data) // 16)
        body += data
    header = b"RpmP" + struct.pack("<IIII", 0, 1, 1, len(blobs) + 1)
    file = (header.ljust(32, b"\0") + slots).ljust(4096, b"\0") + body
    assert one(inventory, layer(("var/lib/rpm/Packages.db", file))) == wanted
    assert len(one(inventory, layer(("var/lib/rpm/Packages.db", file[: len(file) // 2])))) < 40  # cut short


def find_go():
    return shutil.which("go") or (pathlib.Path("/usr/local/go/bin/go").exists() and "/usr/local/go/bin/go")


def test_go_as_go_sees_it(inventory, tmp_path):
    """A program with dependencies, if a toolchain is here to say what is in it."""
    go = find_go()
    programs = list((pathlib.Path.home() / ".cache/airlock/peers/bin").glob("*"))
    program = next(iter(sorted(programs, key=lambda path: path.stat().st_size)), None) or go
    if not go or not program:
        pytest.skip("there is no Go here")
    listed = subprocess.run([go, "version", "-m", program], capture_output=True, text=True).stdout.splitlines()
    wanted = set()
    for line in listed[1:]:
        columns = line.split("\t")[1:]
        if columns[0] in ("mod", "dep"):
            wanted.add(("golang", columns[1], columns[2] if len(columns) > 2 else ""))
        elif columns[0] == "=>":
            wanted.add(("golang", columns[1], columns[2]))
    found = one(inventory, layer(entry("usr/bin/tool", pathlib.Path(program).read_bytes(), 0o755)))
    toolchain = listed[0].split(": go")[1].split()[0]
    assert ("golang", "stdlib", toolchain) in found
    assert {p for p in wanted if p[2] not in ("(devel)", "")} <= found and len(found) >= len(wanted)
    # A library without a mode that says so, and another kind of program, tell the same.
    other = one(inventory, layer(entry("usr/lib/tool.so", pathlib.Path(program).read_bytes(), 0o644)))
    assert other == found


def test_the_version_that_a_release_script_sets(inventory, tmp_path):
    go = find_go()
    if not go:
        pytest.skip("there is no Go here")
    (tmp_path / "go.mod").write_text(
        "module example.com/app\n\ngo 1.18\n\nrequire example.com/local v1.0.0\nreplace example.com/local => ./local\n"
    )
    (tmp_path / "main.go").write_text(
        'package main\n\nimport "example.com/local"\n\nvar version string\n\nfunc main() { local.X(version) }\n'
    )
    (tmp_path / "local").mkdir()
    (tmp_path / "local/go.mod").write_text("module example.com/local\n\ngo 1.18\n")
    (tmp_path / "local/x.go").write_text("package local\n\nfunc X(v string) { println(v) }\n")
    build = [go, "build", "-buildvcs=false", "-ldflags", "-s -w -X main.version=v9.8.7", "-o", "app", "."]
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    made = subprocess.run(build, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    found = one(inventory, layer(entry("app", (tmp_path / "app").read_bytes(), 0o755)))
    assert {("golang", "example.com/app", "v9.8.7"), ("golang", "example.com/local", "v1.0.0")} <= found


def test_cargo_auditable(inventory, tmp_path):
    if not shutil.which("objcopy"):
        pytest.skip("there is no objcopy here")
    listed = {
        "packages": [
            {"name": "serde", "version": "1.0.1", "source": "crates.io"},
            {"name": "cc", "version": "1.0.2", "source": "crates.io", "kind": "build"},
        ]
    }
    (tmp_path / "list").write_bytes(zlib.compress(json.dumps(listed).encode()))
    add = ["objcopy", "--add-section", f".dep-v0={tmp_path}/list", "/bin/true", tmp_path / "program"]
    subprocess.run(add, check=True)
    found = one(inventory, layer(entry("usr/bin/program", (tmp_path / "program").read_bytes(), 0o755)))
    assert found == {("cargo", "serde", "1.0.1")}


def test_python_node_and_ruby(inventory):
    tar = layer(
        (
            "usr/lib/python3/dist-packages/requests-2.31.dist-info/METADATA",
            "Name: requests\nVersion: 2.31.0\n\nName: x\n",
        ),
        ("opt/app/eggs/old.egg-info", "Metadata-Version: 1.0\nName: Old\nVersion: 0.1\nLicense: BSD\n"),
        ("app/node_modules/express/package.json", '{"name": "express", "version": "4.18.2", "license": "MIT"}'),
        ("app/node_modules/@types/node/package.json", '{"name": "@types/node", "version": "20.1.0"}'),
        ("app/node_modules/express/lib/package.json", '{"name": "no", "version": "1"}'),
        ("app/package.json", '{"name": "app", "version": "1"}'),
        ("app/node_modules/broken/package.json", '{"name": '),
        (
            "usr/share/rubygems/specifications/rake-13.0.6.gemspec",
            's.name = "rake".freeze\ns.version = "13.0.6"\ns.licenses = ["MIT".freeze]\n',
        ),
    )
    assert one(inventory, tar) == {
        ("pypi", "requests", "2.31.0"),
        ("pypi", "Old", "0.1"),
        ("npm", "express", "4.18.2"),
        ("npm", "@types/node", "20.1.0"),
        ("gem", "rake", "13.0.6"),
    }


@pytest.mark.parametrize(
    "content, version",
    [
        (b'{"name": "x", "version": "1", "scripts": {"a": "1", "a": "2"}}', "1"),
        (b'{"name": "other", "version": "0", "name": "x", "version": "2"}', "2"),  # as Node reads it
        (b'{"name": "x", "version": "1", "author": "J\xf6rg"}', "1"),
        (b'\xef\xbb\xbf{"name": "x", "version": "1"}', "1"),
        (b'{"name": "x", "version": "1", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "1"),
    ],
    ids=["twice", "last", "latin", "mark", "deep"],
)
def test_node_modules_that_strict_readers_refuse(inventory, content, version):
    """An author could hide a package by a key that stands twice."""
    assert one(inventory, layer(("a/node_modules/x/package.json", content))) == {("npm", "x", version)}


def test_node_modules_that_nobody_can_read_are_named(inventory):
    assert one(inventory, layer(("a/node_modules/x/package.json", b'{"name": "x"'))) == set()
    assert "a/node_modules/x/package.json: not read: it is no JSON" in inventory.said


def test_of_a_million_notes_few_are_kept(inventory):
    one(inventory, layer(*[(f"a/node_modules/x{n}/package.json", b"{") for n in range(300)]))
    assert "and 100 more like these" in inventory.said and inventory.said.count("it is no JSON") == 200


def test_other_spellings_of_python(inventory):
    text = "Name: {}\nVersion: 2.0\n"
    found = one(
        inventory,
        layer(
            ("lib/python3/site-packages/egg-2.0-py3.11.egg/EGG-INFO/PKG-INFO", text.format("egg")),
            ("lib/python3/site-packages/UP-2.0.DIST-INFO/METADATA", text.format("UP")),
        ),
    )
    assert found == {("pypi", "egg", "2.0"), ("pypi", "UP", "2.0")}


def test_a_gem_without_a_licence(inventory):
    spec = 's.name = "x"\ns.version = "1"\ns.licenses = []\ns.homepage = "https://x.example"\n'
    one(inventory, layer(("specifications/x-1.gemspec", spec)))
    assert "licenses" not in json.dumps(inventory.document)


def jar(**members):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return raw.getvalue()


def pom(group, name, version):
    return {f"META-INF/maven/{group}/{name}/pom.properties": f"version={version}\ngroupId={group}\nartifactId={name}\n"}


def test_java_and_archives_in_archives(inventory):
    inner = jar(**pom("org.example", "inner", "2.0"))
    named = jar(**{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\nImplementation-Title: Some words\r\n"})
    outer = jar(
        **pom("org.example", "app", "1.0"), **{"BOOT-INF/lib/inner.jar": inner, "lib/commons-text-1.9.jar": named}
    )
    found = one(inventory, layer(("opt/app.war", outer), ("opt/broken.jar", outer[:100]), ("opt/none.jar", b"no zip")))
    assert found == {
        ("maven", "org.example/app", "1.0"),
        ("maven", "org.example/inner", "2.0"),
        ("maven", "commons-text", "1.9"),
    }


def test_names_of_archives(inventory):
    """None is invented: the pom counts, then the file, also inside of another; long lines of manifests go on."""
    text = "Manifest-Version: 1.0\r\n"
    folded = text + "Implementation-Vendor-Id: org.example.thatwr\r\n aps.over\r\nImplementation-Version: 3\r\n"
    simple = jar(**{"META-INF/MANIFEST.MF": text})
    found = one(
        inventory,
        layer(
            (
                "a/log4j-1.2-api-2.24.3.jar",
                jar(**pom("org.apache.logging", "log4j-1.2-api", "2.24.3"), **{"META-INF/MANIFEST.MF": text}),
            ),
            (
                "a/renamed.jar",
                jar(
                    **pom("org.x", "core", "2.1"), **{"META-INF/MANIFEST.MF": text + "Implementation-Version: 2.1\r\n"}
                ),
            ),
            ("a/app-1.5.ear", jar(**{"META-INF/MANIFEST.MF": text, "web.war": simple, "ejb-2.0.jar": simple})),
            ("a/folded.jar", jar(**{"META-INF/MANIFEST.MF": folded})),
        ),
    )
    assert found == {
        ("maven", "org.apache.logging/log4j-1.2-api", "2.24.3"),
        ("maven", "org.x/core", "2.1"),
        ("maven", "app", "1.5"),
        ("maven", "web", ""),
        ("maven", "ejb", "2.0"),
        ("maven", "org.example.thatwraps.over/folded", "3"),
    }


def test_an_archive_behind_a_script(inventory):
    """Spring Boot's executable jars."""
    boot = b"#!/bin/bash\nexec java -jar $0\nexit 0\n" + jar(
        **pom("com.x", "demo", "1.0"), **{"BOOT-INF/lib/inner.jar": jar(**pom("org.example", "inner", "2.0"))}
    )
    found = one(inventory, layer(("app/demo.jar", boot)))
    assert found == {("maven", "com.x/demo", "1.0"), ("maven", "org.example/inner", "2.0")}


def test_archives_that_would_take_all_memory(inventory):
    deep = jar(**pom("org.example", "deepest", "1"))
    for _ in range(8):
        deep = jar(**{"inner.jar": deep})
    large = jar(**{"inner.jar": b"\0" * (40 << 20)})
    assert one(inventory, layer(("a/deep.jar", deep), ("a/large.jar", large))) == set()
    assert "nested deeper than four levels: not read" in inventory.said
    assert "larger than 32 MiB: not read" in inventory.said


def test_archives_that_hold_the_same_a_thousand_times(inventory):
    inner = jar(**{f"lib/{n}.jar": jar(**pom("org.example", f"p{n}", "1")) for n in range(60)})
    deep = jar(**{f"{n}.jar": inner for n in range(1000)})
    assert len(one(inventory, layer(("a/deep.jar", deep)))) == 60
    assert "20,000 packages in it and in archives in it: not read further" in inventory.said


def test_more_packages_than_any_image_has(inventory):
    few, many = dpkg(*(f"a{n}" for n in range(100))), dpkg(*(f"p{n}" for n in range(60_000)))
    tar = layer(("var/lib/dpkg/status.d/few", few), ("var/lib/dpkg/status.d/many", many))
    assert len(one(inventory, tar)) == 100
    assert "60000 packages, of more than 50000 in this layer: not listed" in inventory.said


def test_a_database_whose_cells_share_what_they_point_to(inventory):
    """Twenty thousand rows of one page that all lead to one chain of pages."""
    page, chain = 65536, 400
    header = b"SQLite format 3\0" + struct.pack(">HBBBBBBI", 1, 1, 1, 0, 64, 32, 32, 1)
    record = b"\x06" + bytes([23, 23, 15, 1, 23]) + b"tablePackag"

    def first():
        text = [b"table", b"Packages", b"Packages", b"\x02", b"x"]
        types = bytes([13 + 2 * len(t) for t in text[:3]] + [1, 15])
        body = bytes([len(types) + 1]) + types + b"".join(text)
        cell = bytes([len(body), 1]) + body
        tree = struct.pack(">BHHHB", 13, 0, 1, page - len(cell), 0) + struct.pack(">H", page - len(cell))
        return (header.ljust(100, b"\0") + tree).ljust(page - len(cell), b"\0") + cell

    def varint(number):
        parts = [number & 0x7F]
        while number := number >> 7:
            parts.insert(0, number & 0x7F | 0x80)
        return bytes(parts)

    local = (page - 12) * 32 // 255 - 23  # what of a payload stays on its page, before the chain
    cell = varint(local + chain * (page - 4)) + b"\x01" + record.ljust(local, b"\0") + struct.pack(">I", 3)
    at = page - len(cell)
    leaf = struct.pack(">BHHHB", 13, 0, 20000, at, 0) + struct.pack(">H", at) * 20000
    pages = [first(), leaf.ljust(at, b"\0") + cell]
    pages += [struct.pack(">I", n + 4 if n + 1 < chain else 0).ljust(page, b"\0") for n in range(chain)]
    assert one(inventory, layer(("var/lib/rpm/rpmdb.sqlite", b"".join(pages)))) == set()


def test_a_program_whose_sections_share_a_table_of_names(inventory):
    """65,535 headers, and a table of names without an end: five minutes, where each is looked for to its end."""
    table = 43 << 20
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 65535, 0
    )
    headers = struct.pack("<IIQQQQIIQQ", 0, 1, 0, 0, 64 + 64 * 65535, table, 0, 0, 1, 0) * 65535
    assert one(inventory, layer(entry("bin/a", head + headers + b"A" * table, 0o755))) == set()


# --- layers


def dpkg(*names):
    return "".join(f"Package: {name}\nStatus: install ok installed\nVersion: 1\n\n" for name in names)


def test_what_later_layers_replace_and_delete(inventory):
    bottom = layer(
        ("var/lib/dpkg/status", dpkg("old", "kept")),
        ("opt/a/node_modules/x/package.json", '{"name": "x", "version": "1"}'),
        ("opt/b/node_modules/y/package.json", '{"name": "y", "version": "1"}'),
        ("opt/c/node_modules/z/package.json", '{"name": "z", "version": "1"}'),
        ("opt/d/node_modules/w/package.json", '{"name": "w", "version": "1"}'),
        ("opt/e/node_modules/v/package.json", '{"name": "v", "version": "1"}'),
    )
    top = layer(
        ("var/lib/dpkg/status", dpkg("kept", "new")),
        ("opt/.wh.a", ""),  # a folder is deleted
        ("opt/b/.wh..wh..opq", ""),  # a folder begins anew
        ("opt/b/node_modules/q/package.json", '{"name": "q", "version": "1"}'),
        ("opt/c/node_modules/z/.wh.package.json", ""),  # a file is deleted
        ("opt/d", "a file in the place of a folder"),
    )
    names = {name for _, name, _ in one(inventory, bottom, top)}
    assert names == {"kept", "new", "q", "v"}


def test_hard_links_and_paths_that_leave_the_root(inventory):
    tar = layer(
        ("opt/real.jar", jar(**pom("org.example", "real", "1"))),
        hard_link("opt/link.jar", "opt/real.jar"),
        ("../../outside/node_modules/o/package.json", '{"name": "o", "version": "1"}'),
        ("./opt//./node_modules/i/package.json", '{"name": "i", "version": "1"}'),
    )
    found = one(inventory, tar, layer(("opt/.wh.real.jar", "")))
    assert found == {("maven", "org.example/real", "1"), ("npm", "i", "1")}


def test_hard_links_to_files_with_other_names(inventory):
    """pnpm's and ostree's stores: what tells is the name of the link."""
    tar = layer(
        ("store/ab/cdef01", '{"name": "lodash", "version": "4.17.20"}'),
        hard_link("app/node_modules/lodash/package.json", "store/ab/cdef01"),
        hard_link("app/node_modules/.pnpm/l/node_modules/lodash/package.json", "store/ab/cdef01"),
        ("ostree/objects/00.file", dpkg("bash")),
        hard_link("var/lib/dpkg/status", "ostree/objects/00.file"),
        ("ostree/objects/01.file", OS_RELEASE),
        hard_link("usr/lib/os-release", "ostree/objects/01.file"),
        ("store/other", "nothing"),
        hard_link("doc/readme", "store/other"),
    )
    assert one(inventory, tar) == {("npm", "lodash", "4.17.20"), ("deb", "bash", "1")}
    assert "pkg:deb/debian/bash@1" in json.dumps(inventory.document)
    gone = layer(("app/node_modules/lodash/.wh.package.json", ""), ("var/lib/dpkg/.wh.status", ""))
    assert one(inventory, tar, gone) == {("npm", "lodash", "4.17.20")}


def test_the_last_file_of_one_path_counts(inventory):
    module = "a/node_modules/x/package.json"
    first, second = (f'{{"name": "x", "version": "{number}"}}' for number in (1, 2))
    assert one(inventory, layer((module, first), (module, second))) == {("npm", "x", "2")}
    assert one(inventory, layer((module, first), link(module, "elsewhere"))) == set()


def test_a_layer_that_cannot_be_read_is_named_and_spoils_no_other(inventory):
    gallery = Gallery().add("quay.io/lab/good:1", layer(("var/lib/dpkg/status", dpkg("good"))))
    gallery.add("quay.io/lab/bad:1", layer(("a", "b")), raw_layers=[b"this is no gzip"])
    found = inventory(gallery)
    assert found["quay.io/lab/good:1"] == {("deb", "good", "1")} and found["quay.io/lab/bad:1"] == set()
    assert "quay.io/lab/bad:1" in inventory.said and "not compressed with gzip" in inventory.said


# --- documents


@pytest.fixture
def hostile(inventory):
    """Texts of images that would break out of a document or a terminal."""
    odd = 'evil\u202e"}]\x1b[31m'
    tar = layer(
        ("etc/os-release", 'ID="de\x1bbian"\nVERSION_ID=\'1"2\'\n'),
        ("var/lib/dpkg/status", f"Package: {odd}\nStatus: install ok installed\nVersion: 1 2/{odd}\n"),
        (f"opt/{odd}/node_modules/x/package.json", json.dumps({"name": odd, "version": "<script>", "license": odd})),
    )
    return Gallery().add("quay.io/lab/hostile:1", tar).add("quay.io/lab/plain:1", layer(("x", "y")))


def test_documents_are_the_same_each_time(airlock, keys, inventory, hostile):
    inventory(hostile)
    for form in ("spdx", "cyclonedx", "table"):
        command = ["sbom", inventory.bundle, "--key", keys / "alice.pub", "--format", form]
        first = airlock(0, *command).out
        assert first == airlock(0, *command, "--jobs", "1").out
        assert "\x1b" not in first and "\u202e" not in first


def test_unchecked_bundles_are_said_to_be(airlock, inventory, hostile):
    inventory(hostile)
    made = airlock(0, "sbom", inventory.bundle, "--format", "spdx")
    assert "signatures were not checked" in made.err and "were not checked" in json.loads(made.out)["comment"]


def test_images_and_platforms_are_chosen(airlock, keys, inventory, hostile):
    inventory(hostile)
    command = ["sbom", inventory.bundle, "--key", keys / "alice.pub"]
    out = airlock(0, *command, "--image", "quay.io/lab/pl*").out
    assert "quay.io/lab/plain:1" in out and "hostile" not in out
    assert "no image of the bundle is quay.io/lab/none:1" in airlock(2, *command, "--image", "quay.io/lab/none:1").err
    # Images without an index say in their config what they are for.
    assert "quay.io/lab/plain:1" in airlock(0, *command, "--platform", "linux/amd64").out
    assert "that nodes run for linux/arm64" in airlock(2, *command, "--platform", "linux/arm64").err


def test_for_scripts(airlock, keys, inventory, tmp_path):
    inventory(Gallery().add("quay.io/lab/a:1", STATUS_LAYER).add("quay.io/lab/b:1", layer(("x", ""))))
    command = ["sbom", inventory.bundle, "--key", keys / "alice.pub", "--output", "json"]
    first, second = airlock(0, *command).json["images"]
    assert [package["name"] for package in first["packages"]] == ["bash", "openssl"] and second["packages"] == []
    assert first["packages"][0]["purl"].startswith("pkg:deb/") and first["packages"][0]["paths"] == [
        "var/lib/dpkg/status"
    ]
    said = airlock(0, *command, "--format", "spdx", "-o", tmp_path / "s.json").json
    assert (said["packages"], said["images"], said["format"], said["verified"]) == (2, 2, "spdx", True)
    assert json.loads((tmp_path / "s.json").read_text())["spdxVersion"] == "SPDX-2.3"


VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(str(error) if error else 0)
"""


@pytest.mark.peers
def test_documents_are_valid_by_their_schemas(airlock, keys, inventory, hostile, tmp_path):
    inventory(hostile.add("quay.io/lab/debian:1", layer(("var/lib/dpkg/status", STATUS.read_bytes()))))
    venv = tmp_path / "venv"
    install = [venv / "bin/pip", "install", "-q", "spdx-tools", "cyclonedx-python-lib[json-validation]"]
    made = subprocess.run([sys.executable, "-m", "venv", venv], capture_output=True)
    if made.returncode != 0 or subprocess.run(install, capture_output=True).returncode != 0:
        pytest.skip("there are no validators here")
    for form in ("spdx", "cyclonedx"):
        file = tmp_path / f"s.{form}.json"
        airlock(0, "sbom", inventory.bundle, "--key", keys / "alice.pub", "--format", form, "-o", file)
    spdx = tmp_path / "s.spdx.json"
    made = subprocess.run([venv / "bin/pyspdxtools", "-i", spdx], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    check = [venv / "bin/python", "-c", VALIDATE, tmp_path / "s.cyclonedx.json"]
    made = subprocess.run(check, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]


# --- what layers hold, remembered

STATUS_LAYER = layer(("var/lib/dpkg/status", dpkg("bash", "openssl")))


def test_layers_are_remembered(airlock, keys, inventory, tmp_path):
    gallery = Gallery().add("quay.io/lab/a:1", STATUS_LAYER, layer(("var/lib/dpkg/.wh.status", "")))
    gallery.add("quay.io/lab/b:1", STATUS_LAYER, layer(("x", "")))
    plain = inventory(gallery)
    state = ["--cache", "--state-dir", tmp_path / "state"]
    command = ["sbom", inventory.bundle, "--key", keys / "alice.pub", "--format", "cyclonedx"]
    text = airlock(0, *command).out
    assert airlock(0, *command, *state).out == text and len(plain["quay.io/lab/b:1"]) == 2
    (folder,) = [path for path in (tmp_path / "state/layers").iterdir() if path.is_dir()]
    files = sorted(folder.iterdir())
    assert len(files) == 3 and all(file.stat().st_mode & 0o077 == 0 for file in [folder, *files])
    assert "--cache" in airlock(2, "report", inventory.bundle, "--no-software", *state, "-o", tmp_path / "n.html").err
    # Remembered layers are not read: a bundle whose layers are damaged gives the same list.
    damaged = tmp_path / "damaged.tar"
    content = bytearray(inventory.bundle.read_bytes())
    for blob in {one["digest"] for one in layers_of(gallery)}:
        data = gallery.store.blobs[blob]
        at = content.find(data)
        content[at + len(data) - 1] ^= 1
    damaged.write_bytes(content)
    again = airlock(0, "sbom", damaged, *command[2:], *state).out
    assert again.replace("damaged.tar", inventory.bundle.name) == text
    # A page says yes or no: every byte is checked for it. A list of software reads what it does not remember.
    for more in (state, ["--no-software"], []):
        assert (
            "its content has the digest"
            in airlock(6, "report", damaged, *command[2:4], *more, "-o", tmp_path / "r").err
        )
    assert not (tmp_path / "r").exists()
    assert "its content has the digest" in airlock(6, "sbom", damaged, *command[2:]).err
    # What is damaged, empty or another key's is read anew.
    for key in (bytes(16), b"", b"x" * 100):
        (tmp_path / "state/layers/key").write_bytes(key)
        assert airlock(0, *command, *state).out == text
    for file, content in zip(files, (b"", b"x" * 40, file_with_one_bit_turned(files[2])), strict=True):
        file.write_bytes(content)
    assert airlock(0, *command, *state).out == text
    # A pipe in a file's place is not waited for.
    files[0].unlink()
    os.mkfifo(files[0])
    assert airlock(0, *command, *state).out == text
    files[0].unlink()
    assert airlock(0, *command, *state).out == text
    # What nobody asked for in a long time is not kept; what is asked for is.
    year_ago = time.time() - 365 * 86400
    for file in (files[1], folder / "nobody"):
        file.touch()
        os.utime(file, (year_ago, time.time() - 80 * 86400 if file == files[1] else year_ago))
    assert airlock(0, *command, *state).out == text
    assert sorted(folder.iterdir()) == files and files[1].stat().st_mtime > time.time() - 86400
    # Of other builds, nothing is kept.
    (folder.parent / ("0" * 16)).mkdir()
    (folder.parent / "notes").mkdir()
    assert airlock(0, *command, *state).out == text
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted(["key", "notes", folder.name])


def layers_of(gallery):
    for made in gallery.made.values():
        yield from json.loads(gallery.store.blobs[made["digest"]])["layers"]


def file_with_one_bit_turned(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    return bytes(content)


def test_a_cache_that_cannot_be_written_costs_time_only(airlock, keys, inventory, tmp_path):
    inventory(Gallery().add("quay.io/lab/a:1", STATUS_LAYER))
    command = ["sbom", inventory.bundle, "--key", keys / "alice.pub", "--format", "cyclonedx"]
    text = airlock(0, *command).out
    state = tmp_path / "state"
    airlock(0, *command, "--cache", "--state-dir", state)
    (folder,) = [path for path in (state / "layers").iterdir() if path.is_dir()]
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()  # no file can take its place
    said = airlock(0, *command, "--cache", "--state-dir", state)
    assert said.out == text and "is not remembered" in said.err
    (state / "layers/key").write_bytes(b"short")
    assert airlock(0, *command, "--cache", "--state-dir", state).out == text
    assert (state / "layers/key").stat().st_size == 16


def test_hard_links_without_end(airlock, inventory):
    """Each name of a database may outlive the others; a hundred thousand of them would be as many copies."""
    links = [hard_link(f"l/{number}", "var/lib/dpkg/status") for number in range(40)]
    gone = layer(("var/lib/dpkg/.wh.status", ""))
    found = one(inventory, layer(("var/lib/dpkg/status", dpkg("bash")), *links), gone)
    assert found == {("deb", "bash", "1")} and "more than 16 hard links" in inventory.said


@pytest.mark.parametrize("form, key", [("spdx", "SPDXID"), ("cyclonedx", "bom-ref")])
def test_each_package_has_an_identifier_of_its_own(airlock, keys, inventory, form, key):
    """Two that have one package URL."""
    metadata = [(f"p/{n}-1.dist-info/METADATA", f"Name: {n}\nVersion: 1\n") for n in ("Foo_Bar", "foo.bar")]
    inventory(Gallery().add("quay.io/lab/x:1", layer(*metadata)))
    text = airlock(0, "sbom", inventory.bundle, "--key", keys / "alice.pub", "--format", form).out
    names = [line for line in text.splitlines() if f'"{key}":' in line]
    assert text.count("pkg:pypi/foo-bar@1") == 2 and len(names) == len(set(names))


def test_a_file_that_cannot_be_written_is_found_out_first(airlock, keys, inventory, tmp_path):
    inventory(Gallery().add("quay.io/lab/x:1", STATUS_LAYER))
    made = airlock(5, "sbom", inventory.bundle, "--key", keys / "alice.pub", "-o", tmp_path / "no/x.json")
    assert "reading layers" not in made.err


@pytest.mark.parametrize("name", [".wh.", ".wh..", "opt/.wh..."])
def test_a_whiteout_that_names_nothing(inventory, name):
    """It would delete its folder, or what is above: containerd refuses the layer."""
    assert one(inventory, layer(("var/lib/dpkg/status", dpkg("kept"))), layer((name, ""))) == {("deb", "kept", "1")}
    assert "names nothing" in inventory.said

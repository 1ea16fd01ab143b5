# SPDX-License-Identifier: Apache-2.0
"""Releases of airlock, and media that explain themselves.

A release here has a script in the place of programs; those of tools/package are tried in test_package.py.
"""

import hashlib
import re
import shutil
import subprocess

import pytest
from conftest import PROGRAM


def write_sums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("SHA256SUMS"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


@pytest.fixture
def release(tmp_path, airlock, keys):
    folder = tmp_path / "made/airlock-9.9.9"
    (folder / "bin").mkdir(parents=True)
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout.strip()
    (folder / f"bin/airlock-9.9.9-linux-{machine}").write_text(f'#!/bin/sh\nexec "{PROGRAM}" "$@"\n')
    (folder / "LICENSE").write_text("a licence\n")
    write_sums(folder)
    airlock(0, "keygen", tmp_path / "maker", "--no-passphrase", "--algorithm", "ed25519")
    airlock(0, "sign-release", folder, "--key", tmp_path / "maker.key")
    return folder, tmp_path / "maker.pub"


def test_a_release_is_verified_by_airlock_and_by_others(airlock, release, keys):
    folder, key = release
    out = airlock(0, "verify-release", folder, "--key", key).out
    assert "2 files" in out and "SHA256SUMS.maker.minisig" in out
    run = lambda *command: subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, check=True)
    signature = ["-in", "SHA256SUMS", "-sigfile", "SHA256SUMS.maker.sig"]
    run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", *signature)
    run("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS")
    if shutil.which("minisign"):
        run(
            "minisign",
            "-V",
            "-p",
            key.with_suffix(".minisign.pub"),
            "-x",
            "SHA256SUMS.maker.minisig",
            "-m",
            "SHA256SUMS",
        )
    err = airlock(7, "verify-release", folder, "--key", keys / "alice.pub").err
    assert "no signature of SHA256:" in err and "by another key" in err


def changed(folder):
    (folder / "LICENSE").write_text("b licence\n")


def missing(folder):
    (folder / "LICENSE").unlink()


def added(folder):
    (folder / "bin/airlock").write_text("#!/bin/sh\n")


def linked(folder):
    (folder / "LICENSE").rename(folder.parent / "LICENSE")
    (folder / "LICENSE").symlink_to("../LICENSE")


def led_out(folder):
    (folder.parent / "outside").write_text("a licence\n")
    text = (folder / "SHA256SUMS").read_text().replace("LICENSE", "../outside")
    (folder / "SHA256SUMS").write_text(text)


def emptied(folder):
    (folder / "SHA256SUMS").write_text("")


@pytest.mark.parametrize(
    "defect, words",
    [
        (changed, "LICENSE is not the file that SHA256SUMS lists"),
        (missing, "LICENSE is missing"),
        (added, "bin/airlock is not listed in SHA256SUMS"),
        (linked, "LICENSE is missing"),
        (led_out, "is not a digest and a path in this directory"),
        (emptied, "SHA256SUMS lists no file"),
    ],
)
def test_a_release_with_a_defect_is_refused(airlock, release, defect, words):
    folder, key = release
    defect(folder)
    assert words in airlock(6, "verify-release", folder, "--key", key).err


def test_a_release_that_was_signed_and_then_listed_anew_is_refused(airlock, release):
    folder, key = release
    changed(folder)
    write_sums(folder)
    assert "no signature of" in airlock(7, "verify-release", folder, "--key", key).err


def test_a_packed_release_has_to_be_unpacked(airlock, release, tmp_path):
    _, key = release
    (tmp_path / "airlock-9.9.9.tar.gz").write_bytes(b"x")
    err = airlock(2, "verify-release", tmp_path / "airlock-9.9.9.tar.gz", "--key", key).err
    assert "unpack it first: tar xf" in err


# --- sticks


def commands_of(page):
    return "\n".join(re.findall(r"^ {4}(.*)$", page, re.MULTILINE))


def type_all(page, folder):
    """What the page says, as printed, by a shell that ends with the first failure."""
    command = ["bash", "-euo", "pipefail", "-c", commands_of(page)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def stick(tmp_path, airlock, keys, bundle):
    folder = tmp_path / "usb"
    folder.mkdir()
    shutil.copy(bundle, folder / "kubernetes.tar")
    return folder


def test_the_page_works_as_printed(airlock, keys, stick, release, plain):
    more = ["--release", release[0], "--registry", f"{plain.host}/k8s"]
    out = airlock(0, "stick", stick / "kubernetes.tar", "--key", keys / "alice.pub", *more).out
    assert "READ-ME-FIRST.txt: written" in out and "copied and read back" in out
    page = (stick / "READ-ME-FIRST.txt").read_text()
    assert max(map(len, page.splitlines())) <= 120
    shutil.copy(keys / "alice.pub", stick)
    insecure = page.replace(f"{plain.host}/k8s --", f"{plain.host}/k8s --insecure --")
    insecure = re.sub(rf"check {plain.host}/k8s", rf"check {plain.host}/k8s --insecure", insecure)
    made = type_all(insecure, stick)
    assert made.returncode == 0, made.stderr
    assert "overwriteRegistry" in made.stdout and "serves all" in made.stderr
    assert commands_of(page).count("\n") >= 10


def test_the_page_for_volumes_and_an_ed25519_key(airlock, stick, tmp_path, keys):
    airlock(0, "keygen", tmp_path / "carol", "--no-passphrase", "--algorithm", "ed25519")
    airlock(0, "sign", stick / "kubernetes.tar", "--key", tmp_path / "carol.key")
    (tmp_path / "volumes").mkdir()
    airlock(0, "split", stick / "kubernetes.tar", "-o", tmp_path / "volumes/k.tar", "--volume-size", "2MB")
    airlock(0, "stick", tmp_path / "volumes/k.tar", "--key", tmp_path / "carol.pub")
    page = (tmp_path / "volumes/READ-ME-FIRST.txt").read_text()
    assert "k.tar.001" in page and "k.tar.002" in page
    shutil.copy(tmp_path / "carol.pub", tmp_path / "volumes")
    without_airlock = page[: page.index("Verify and import")]
    made = type_all(without_airlock, tmp_path / "volumes")
    assert made.returncode == 0, made.stderr
    # The same page says so of a bundle that was changed.
    with open(tmp_path / "volumes/k.tar.002", "r+b") as file:
        file.seek(1_000_000)
        file.write(b"changed")
    shutil.rmtree(tmp_path / "volumes/unpacked")
    assert type_all(without_airlock, tmp_path / "volumes").returncode != 0


def test_what_a_stick_refuses(airlock, keys, stick, release):
    command = ["stick", stick / "kubernetes.tar"]
    err = airlock(7, *command, "--key", keys / "mallory.pub").err
    assert "it is not signed by SHA256:" in err
    changed(release[0])
    err = airlock(6, *command, "--key", keys / "alice.pub", "--release", release[0]).err
    assert "is not the file that SHA256SUMS lists" in err and not (stick / "READ-ME-FIRST.txt").exists()
    (stick / "READ-ME-FIRST.txt").write_text("my own notes\n")
    err = airlock(5, *command, "--key", keys / "alice.pub").err
    assert "was not written by airlock" in err and (stick / "READ-ME-FIRST.txt").read_text() == "my own notes\n"


def test_a_stick_is_laid_again(airlock, keys, stick, release):
    command = ["stick", stick / "kubernetes.tar", "--key", keys / "alice.pub", "--release", release[0]]
    first = airlock(0, *command).out
    assert airlock(0, *command).out == first
    # What a run that was killed left, or somebody changed, is put right.
    (stick / "airlock-9.9.9/LICENSE").write_text("")
    (stick / "airlock-9.9.9/SHA256SUMS").write_text("")
    (stick / "airlock-9.9.9/SHA256SUMS.maker.minisig").write_text("")
    assert airlock(0, *command, "--release-key", release[1]).out == first
    airlock(0, "verify-release", stick / "airlock-9.9.9", "--key", release[1])
    (stick / "airlock-9.9.9/more").write_text("not of the release\n")
    assert "is not listed in SHA256SUMS" in airlock(6, *command).err


def test_a_release_that_is_on_the_medium_already(airlock, keys, stick, release):
    there = stick / "airlock-9.9.9"
    shutil.copytree(release[0], there)
    airlock(0, "stick", stick / "kubernetes.tar", "--key", keys / "alice.pub", "--release", there)
    airlock(0, "verify-release", there, "--key", release[1])


def test_nothing_outside_is_copied_or_written(airlock, keys, stick, release, tmp_path):
    command = ["stick", stick / "kubernetes.tar", "--key", keys / "alice.pub", "--release", release[0]]
    (tmp_path / "secret").write_text("a secret\n")
    link = release[0] / "SHA256SUMS.other.sig"
    link.symlink_to(tmp_path / "secret")
    assert "is not listed in SHA256SUMS" in airlock(6, *command).err
    link.unlink()
    (tmp_path / "outside").mkdir()
    (stick / "airlock-9.9.9").symlink_to(tmp_path / "outside")
    assert "does not write through links" in airlock(5, *command).err
    (stick / "airlock-9.9.9").unlink()
    (stick / "airlock-9.9.9").mkdir()
    (stick / "airlock-9.9.9/bin").symlink_to(tmp_path / "outside")
    assert "does not write through links" in airlock(5, *command).err
    assert not list((tmp_path / "outside").iterdir())


def test_signatures_of_others_do_not_hide_the_makers(airlock, release, tmp_path):
    folder, key = release
    (folder / "SHA256SUMS.aaa.sig").write_text("-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n")
    (folder / "SHA256SUMS.aaa.sigstore.json").write_text("{}")
    airlock(0, "verify-release", folder, "--key", key)
    for name in ("SHA256SUMS.maker.sig", "SHA256SUMS.maker.minisig", "SHA256SUMS.maker.sigstore.json"):
        (folder / name).unlink()
    err = airlock(7, "verify-release", folder, "--key", key).err
    assert "SHA256SUMS.aaa.sig: " in err and "OpenPGP" in err
    (folder / "SHA256SUMS.big.sig").write_bytes(bytes(100_000))
    assert "SHA256SUMS.big.sig is not listed" in airlock(6, "verify-release", folder, "--key", key).err


@pytest.mark.parametrize("name", ["x/../../evil", "foo.approval", "a\nb", ""])
def test_names_that_cannot_name_a_signature(airlock, release, tmp_path, name):
    before = sorted(tmp_path.rglob("*"))
    airlock(2 if name else 5, "sign-release", release[0], "--key", tmp_path / "maker.key", "--name", name)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_release_key_decides(airlock, keys, stick, release):
    command = ["stick", stick / "kubernetes.tar", "--key", keys / "alice.pub", "--release", release[0]]
    assert "was not checked" in airlock(0, *command).err
    assert "was not checked" not in airlock(0, *command, "--release-key", release[1]).err
    assert "no signature of" in airlock(7, *command, "--release-key", keys / "alice.pub").err


def test_names_that_a_shell_would_take_apart(airlock, keys, stick, release, tmp_path):
    odd = stick / "it's $(my) bundle.tar"
    (stick / "kubernetes.tar").rename(odd)
    command = ["stick", odd, "--key", keys / "alice.pub"]
    assert "is not a registry" in airlock(2, *command, "--registry", "reg; touch pwned #").err
    other = release[0].with_name("my release")
    shutil.copytree(release[0], other)
    assert "cannot be a release's name" in airlock(2, *command, "--release", other).err
    airlock(0, *command, "--release", release[0])
    shutil.copy(keys / "alice.pub", stick)
    page = (stick / "READ-ME-FIRST.txt").read_text()
    made = type_all(page[: page.index("Verify and import")], stick)
    assert made.returncode == 0, made.stderr
    odd.rename(stick / "two\n    lines.tar")
    assert "no page should show" in airlock(2, "stick", stick / "two\n    lines.tar", *command[2:]).err


def test_volumes_by_their_first_and_on_several_media(airlock, keys, stick, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    airlock(0, "split", stick / "kubernetes.tar", "-o", tmp_path / "a/k.tar", "--volume-size", "20MB")
    (tmp_path / "a/k.tar.002").rename(tmp_path / "b/k.tar.002")
    command = ["stick", tmp_path / "a/k.tar.001", "--key", keys / "alice.pub", "--volume-dir", tmp_path / "b"]
    airlock(0, *command)
    page = (tmp_path / "a/READ-ME-FIRST.txt").read_text()
    assert "cat k.tar.[0-9][0-9][0-9] | tar" in page and "Copy all of them into one directory" in page
    (tmp_path / "b/k.tar.002").rename(tmp_path / "a/k.tar.002")
    shutil.copy(keys / "alice.pub", tmp_path / "a")
    made = type_all(page[: page.index("Verify and import")], tmp_path / "a")
    assert made.returncode == 0, made.stderr


def test_export_lays_it_and_finds_obstacles_first(airlock, keys, upstream, release, tmp_path):
    mirror = ["--mirror", f"registry.k8s.io=http://{upstream.host}", "--image", "registry.k8s.io/pause:3.9"]
    command = ["export", *mirror, "--key", keys / "alice.key", "-o", tmp_path / "usb/k.tar"]
    (tmp_path / "usb").mkdir()
    page = tmp_path / "usb/READ-ME-FIRST.txt"
    page.write_text("my own notes\n")
    err = airlock(5, *command, "--with-airlock", release[0]).err
    assert "was not written by airlock" in err and not (tmp_path / "usb/k.tar").exists()
    assert "was not written by airlock" in airlock(5, *command, "--with-airlock", release[0], "--dry-run").err
    page.unlink()
    (tmp_path / "usb/airlock-9.9.9").symlink_to(tmp_path)
    err = airlock(5, *command, "--with-airlock", release[0]).err
    assert "is written and signed, but airlock is not beside it" in err and "airlock stick" in err
    (tmp_path / "usb/airlock-9.9.9").unlink()
    (tmp_path / "usb/k.tar").unlink()
    data = airlock(0, *command, "--with-airlock", release[0], "--output", "json").json
    assert data["stick"] == {"page": str(page), "release": str(tmp_path / "usb/airlock-9.9.9")}
    assert "k.tar" in page.read_text()


def test_a_bundle_that_was_cut_gets_no_page(airlock, keys, stick):
    bundle = stick / "kubernetes.tar"
    with open(bundle, "r+b") as file:
        file.truncate(bundle.stat().st_size // 2)
    airlock(6, "stick", bundle, "--key", keys / "alice.pub")
    assert not (stick / "READ-ME-FIRST.txt").exists()

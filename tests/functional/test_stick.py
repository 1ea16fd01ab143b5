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
    copy = stick / "airlock-9.9.9/LICENSE"
    copy.write_text("another\n")
    assert "is not the file that SHA256SUMS lists" in airlock(6, *command).err

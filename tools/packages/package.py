#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""See tools/package."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from packages import release, static
from packages.basics import ROOT, Failure, run
from packages.sources import Sources

PARTS = ("static", "stick", "deb", "image")
# What a part needs from Debian, beside what tools/setup installs.
PACKAGES = {
    "static": ["dpkg-dev", "patch", "python3-venv", "make", "autoconf", "automake", "libtool", "pkg-config"],
    "stick": [],
    "deb": ["dpkg-dev", "debhelper", "fakeroot"],
    "image": ["umoci"],
}


def install(parts):
    wanted = sorted({package for part in parts for package in PACKAGES[part]})
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted]
    present = subprocess.run(query, capture_output=True, text=True).stdout.splitlines()
    missing = [package for package in wanted if f"{package} installed" not in present]
    if not missing:
        return
    print(f"installing: {' '.join(missing)}", flush=True)
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    run([*sudo, "apt-get", "update", "-qq"])
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    run([*sudo, *environment, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing])


def source_tree(into: pathlib.Path):
    """What belongs to the project, without what builds leave: a Debian package is made of exactly this."""
    command = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True)
    if listed.returncode != 0:
        raise Failure("tools/package makes packages in a clone of the repository: git ls-files failed")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)


def make_deb(dist: pathlib.Path, work: pathlib.Path):
    tree = work / f"airlock-{release.version()}"
    shutil.rmtree(tree, ignore_errors=True)
    source_tree(tree)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CC", "CXX", "CFLAGS"))}
    environment["SOURCE_DATE_EPOCH"] = str(release.epoch())
    print("airlock as a Debian package", flush=True)
    run(["dpkg-buildpackage", "-b", "-us", "-uc", "-rfakeroot"], tree, environment, work / "deb.log")
    for file in work.glob("*.deb"):
        if "dbgsym" not in file.name:
            shutil.copy(file, dist)


class Packager:
    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.dist = options.output.absolute()
        self.programs = {}

    def make(self):
        self.dist.mkdir(parents=True, exist_ok=True)
        for old in self.dist.iterdir():
            if old.name.startswith(("airlock", "SHA256SUMS")):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        if {"static", "stick", "image"} & set(self.options.parts):
            self.make_programs()
        if "stick" in self.options.parts:
            self.make_stick()
        if "image" in self.options.parts:
            release.Image(self.work, self.programs).make(self.dist / f"airlock-{release.version()}.oci.tar")
        if "deb" in self.options.parts:
            make_deb(self.dist, self.work)
        (self.dist / "SHA256SUMS").write_text(release.sums(self.dist))
        if self.options.key and self.programs:
            run([self.runnable(), "sign-release", self.dist, "--key", self.options.key, *self.key_options()])

    def make_programs(self):
        for architecture in self.options.arch.split(","):
            target = self.dist / f"airlock-{release.version()}-linux-{architecture}"
            shutil.copy(static.build(architecture, self.work / architecture), target)
            target.chmod(0o755)
            self.programs[architecture] = target

    def runnable(self):
        """A program that this machine runs: manual pages and signatures are made by it."""
        machine = os.uname().machine
        if machine not in self.programs:
            raise Failure(f"the stick's manual pages are made by the program for {machine}: add it to --arch")
        return self.programs[machine]

    def key_options(self):
        return ["--passphrase-file", self.options.passphrase_file] if self.options.passphrase_file else []

    def make_stick(self):
        made = release.Release(self.work, self.programs)
        made.make(self.runnable(), self.options.key, self.key_options())
        release.tarball(made.folder, self.dist / f"{made.folder.name}.tar.gz")
        shutil.copy(made.folder / "airlock.spdx.json", self.dist / f"{made.folder.name}.spdx.json")


def show(dist: pathlib.Path):
    for file in sorted(dist.iterdir()):
        print(f"  {file.stat().st_size / 2**20:8.2f} MiB  {file.name}")


def main():
    parser = argparse.ArgumentParser(prog="tools/package")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--arch", default=",".join(static.ARCHITECTURES), help="architectures of the static programs")
    parser.add_argument("--key", type=pathlib.Path, help="private key that signs the release (airlock keygen)")
    parser.add_argument("--passphrase-file", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, default=ROOT / "dist")
    parser.add_argument("--work", type=pathlib.Path, help="keep what is built here (default: a temporary directory)")
    parser.add_argument("--update-sources", action="store_true")
    options = parser.parse_args()
    options.parts = options.parts or list(PARTS)
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part}; there are {', '.join(PARTS)}")
    for architecture in options.arch.split(","):
        if architecture not in static.ARCHITECTURES:
            parser.error(f"--arch takes {', '.join(static.ARCHITECTURES)}")
    os.environ["SOURCE_DATE_EPOCH"] = str(release.epoch())
    try:
        install(options.parts)
        if options.update_sources:
            return Sources().update()
        with tempfile.TemporaryDirectory(prefix="airlock-package-") as temporary:
            packager = Packager(options, options.work.absolute() if options.work else pathlib.Path(temporary))
            packager.make()
            show(packager.dist)
    except Failure as failure:
        sys.exit(f"tools/package: {failure}")


if __name__ == "__main__":
    main()

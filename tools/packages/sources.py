# SPDX-License-Identifier: Apache-2.0
"""The libraries' sources: Debian's source packages, in the versions of sources.json."""

import functools
import json
import os
import shutil
import subprocess
import urllib.request

from packages.basics import HERE, MIRROR, Failure, cache, run, sha256


def pins() -> dict:
    """Source package to version and files with their SHA-256."""
    return json.loads((HERE / "sources.json").read_text())


class Sources:
    """Debian's source packages, in the versions of sources.json, whose SHA-256 are checked. Those were taken from the
    archive's index, whose signature apt checks.
    """

    def __init__(self):
        self.folder = cache() / "sources"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.apt = cache() / "apt"

    def options(self):
        """Lists of source packages of its own: the machine's may have none, and are not touched."""
        for part in ("lists/partial", "archives/partial"):
            (self.apt / part).mkdir(parents=True, exist_ok=True)
        sources = self.apt / "sources.list"
        key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
        sources.write_text(
            f"deb-src {key} {MIRROR}/debian bookworm main\n"
            f"deb-src {key} {MIRROR}/debian-security bookworm-security main\n"
        )
        return [
            *("-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"),
            *("-o", f"Dir::State::lists={self.apt}/lists", "-o", f"Dir::Cache={self.apt}"),
            *("-o", "Acquire::Languages=none"),
        ]

    def download(self, package, pin):
        """What is not there yet, from the pool."""
        (self.folder / package).mkdir(exist_ok=True)
        for name in self.missing(package, pin):
            address = f"{MIRROR}/{pin['pool']}/{name}"
            try:
                with urllib.request.urlopen(address, timeout=120) as answer:
                    (self.folder / package / name).write_bytes(answer.read())
            except OSError as error:
                return f"{address}: {error}"
        missing = self.missing(package, pin)
        return f"{missing[0]} has not the SHA-256 of sources.json" if missing else None

    def missing(self, package, pin):
        files = pin["files"].items()
        return [name for name, digest in files if sha256(self.folder / package / name) != digest]

    def fetch(self, package, pin):
        if problem := self.download(package, pin):
            raise Failure(
                f"cannot fetch {package} {pin['version']}: {problem}; does this machine reach Debian's archive? If the "
                "archive has a newer version now, take it: tools/package --update-sources"
            )

    def unpack(self, package, pin, into):
        """With Debian's patches, security fixes among them."""
        self.fetch(package, pin)
        shutil.rmtree(into, ignore_errors=True)
        into.parent.mkdir(parents=True, exist_ok=True)
        dsc = next(name for name in pin["files"] if name.endswith(".dsc"))
        run(["dpkg-source", "--no-check", "--skip-patches", "-x", self.folder / package / dsc, into])
        series = into / "debian/patches/series"
        lines = series.read_text().splitlines() if series.exists() else []
        for name in (line.split()[0] for line in lines if line.strip()):
            if not name.startswith("#") and name not in pin.get("without", []):
                run(["patch", "-p1", "-s", "-i", f"debian/patches/{name}"], cwd=into)
        self.settle(into)

    def settle(self, folder):
        """What was generated must not look older than what patches touched: automake would want to run."""
        for name in ("aclocal.m4", "Makefile.in", "configure", "config.h.in", "lib/curl_config.h.in"):
            for file in sorted(folder.rglob(name) if "/" not in name else folder.glob(name)):
                os.utime(file)

    def update(self):
        """The newest versions that the archive's index names, into sources.json."""
        run(["apt-get", *self.options(), "update", "-qq"])
        updated = {package: self.newest(package, pin) for package, pin in pins().items()}
        (HERE / "sources.json").write_text(json.dumps(updated, indent=2) + "\n")

    def newest(self, package, pin):
        shown = run(["apt-cache", *self.options(), "showsrc", package])
        versions = {line.split()[1] for line in shown.splitlines() if line.startswith("Version:")}
        order = functools.cmp_to_key(lambda a, b: -1 if newer(a, b) else 1)
        for version in sorted(versions, key=order):
            found = self.in_index(package, version)
            problem = self.download(package, found)
            if not problem:
                return {**pin, **found}
            print(f"{package} {version} is passed over: {problem}")
        raise Failure(f"the archive serves no version of {package}")

    def in_index(self, package, version):
        """Files and digests of a version, as the signed index has them."""
        command = ["apt-get", *self.options(), "source", "--print-uris", "--only-source", "-qq", f"{package}={version}"]
        files = {}
        for line in run(command, self.folder).splitlines():
            address, name, _, digest = line.split()
            files[name] = digest.removeprefix("SHA256:")
            pool = address.strip("'").removeprefix(f"{MIRROR}/").rsplit("/", 1)[0]
        return {"version": version, "pool": pool, "files": files}


def newer(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "gt", b]).returncode == 0

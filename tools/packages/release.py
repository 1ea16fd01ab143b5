# SPDX-License-Identifier: Apache-2.0
"""What tools/package lays into dist/ from the programs: the tarball for a stick, the OCI image, the SBOM."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import time

from packages.basics import ROOT, run, sha256
from packages.libraries import Libraries
from packages.sources import pins
from packages.toolchain import Toolchain, zig_licenses, zig_version

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # as OCI images name them


def version() -> str:
    return re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]


def epoch() -> int:
    """SOURCE_DATE_EPOCH, else the time of the last commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    command = ["git", "-C", ROOT, "log", "-1", "--format=%ct"]
    found = subprocess.run(command, capture_output=True, text=True)
    return int(found.stdout) if found.returncode == 0 else 0


def sums(folder: pathlib.Path) -> str:
    """In the form of sha256sum, of all files below, by name."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("SHA256SUMS"))
    line = lambda file: f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n"
    return "".join(map(line, files))


def tarball(folder: pathlib.Path, out: pathlib.Path):
    """The folder under its own name: names in order, one time, no owners."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted([folder, *folder.rglob("*")]):
            member = archive.gettarinfo(path, arcname=str(path.relative_to(folder.parent)))
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch(), 0, 0, "", ""
            member.mode = 0o755 if path.is_dir() or path.parent.name == "bin" else 0o644
            with open(path, "rb") if path.is_file() else io.BytesIO() as content:
                archive.addfile(member, content if path.is_file() else None)
    with open(out, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=epoch()) as packed:
        packed.write(data.getvalue())


class Release:
    """airlock-VERSION/: programs, manual pages, completions, documents, licences, SBOM, signed sums."""

    def __init__(self, work, programs):
        self.programs = programs  # architecture to path
        self.folder = work / f"airlock-{version()}"
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self, runnable, key=None, key_options=()):
        """`runnable` is one of the programs that runs here: manual pages and completions are its own."""
        (self.folder / "bin").mkdir(parents=True)
        for architecture, program in self.programs.items():
            target = self.folder / f"bin/airlock-{version()}-linux-{architecture}"
            shutil.copy(program, target)
            target.chmod(0o755)
        run([runnable, "help", "--man-pages", self.folder / "man/man1"])
        (self.folder / "completions").mkdir()
        for shell in ("bash", "zsh", "fish"):
            text = run([runnable, "completion", shell])
            (self.folder / f"completions/airlock.{shell}").write_text(text)
        (self.folder / "docs").mkdir()
        for document in (ROOT / "docs").glob("*.md"):
            shutil.copy(document, self.folder / "docs")
        for name in ("README.md", "CHANGELOG.md", "LICENSE"):
            shutil.copy(ROOT / name, self.folder)
        self.licenses()
        (self.folder / "airlock.spdx.json").write_text(json.dumps(sbom(self.programs), indent=2) + "\n")
        (self.folder / "SHA256SUMS").write_text(sums(self.folder))
        if key:
            run([runnable, "sign-release", self.folder, "--key", key, *key_options])

    def licenses(self):
        folder = self.folder / "third-party-licenses"
        folder.mkdir()
        prefix = Libraries(Toolchain(next(iter(self.programs)))).prefix
        for file in (prefix / "licenses").iterdir():
            shutil.copy(file, folder / f"{file.name}.txt")
        for name, text in zig_licenses().items():
            (folder / f"{name}.txt").write_text(text)


# --- SBOM


def sbom(programs) -> dict:
    """SPDX 2.3 (spdx.github.io/spdx-spec/v2.3): what is linked into the programs."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch()))
    digest = hashlib.sha256("".join(sorted(map(sha256, programs.values()))).encode()).hexdigest()
    described = [package("airlock", version(), f"pkg:generic/airlock@{version()}", "Apache-2.0")]
    described += [
        package(name, pin["version"], f"pkg:deb/debian/{name}@{pin['version']}?arch=source&distro=debian-12")
        for name, pin in pins().items()
    ]
    zig = zig_version()
    described += [
        package(name, zig, f"pkg:pypi/ziglang@{zig}") for name in ("musl", "libc++", "libc++abi", "libunwind")
    ]
    top = described[0]["SPDXID"]
    contains = [
        {"spdxElementId": top, "relationshipType": "STATIC_LINK", "relatedSpdxElement": other["SPDXID"]}
        for other in described[1:]
    ]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"airlock-{version()}",
        "documentNamespace": f"https://airlock.invalid/spdx/airlock-{version()}-{digest}",
        "creationInfo": {"created": created, "creators": ["Tool: airlock-tools-package"]},
        "packages": described,
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": top},
            *contains,
        ],
    }


def package(name, of_version, purl, license="NOASSERTION") -> dict:
    reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl"}
    reference["referenceLocator"] = purl.replace("+", "%2B")
    return {
        "SPDXID": "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
        "name": name,
        "versionInfo": of_version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": license,
        "copyrightText": "NOASSERTION",
        "externalRefs": [reference],
    }


# --- the image


class Image:
    """An OCI layout with an index of the architectures, each made by umoci: the program, authorities, /tmp."""

    def __init__(self, work, programs):
        self.work = work / "image"
        self.programs = programs
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.layout = self.work / "layout"
        self.created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch()))

    def umoci(self, *arguments):
        run(["umoci", *arguments])

    def root(self, architecture) -> pathlib.Path:
        root = self.work / architecture
        for folder in ("usr/bin", "etc/ssl/certs", "tmp"):
            (root / folder).mkdir(parents=True)
        shutil.copy(self.programs[architecture], root / "usr/bin/airlock")
        (root / "usr/bin/airlock").chmod(0o755)
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs/ca-certificates.crt")
        for path in [root, *root.rglob("*")]:
            os.utime(path, (epoch(), epoch()))
        (root / "tmp").chmod(0o1777)
        return root

    def make(self, out: pathlib.Path):
        self.umoci("init", "--layout", self.layout)
        for architecture in self.programs:
            image = f"{self.layout}:{architecture}"
            self.umoci("new", "--image", image)
            dated = ["--history.created", self.created]
            for folder in ("usr", "etc", "tmp"):
                source = self.root(architecture) if folder == "usr" else self.work / architecture
                self.umoci("insert", "--rootless", *dated, "--image", image, source / folder, f"/{folder}")
            self.umoci("config", *dated, "--image", image, *self.options(architecture))
        self.umoci("gc", "--layout", self.layout)
        self.join()
        tarball_of_layout(self.layout, out)

    def options(self, architecture):
        labels = {
            "org.opencontainers.image.title": "airlock",
            "org.opencontainers.image.version": version(),
            "org.opencontainers.image.licenses": "Apache-2.0",
        }
        options = ["--created", self.created, "--architecture", ARCHITECTURES[architecture], "--os", "linux"]
        options += ["--config.user", "65532:65532", "--config.entrypoint", "/usr/bin/airlock"]
        options += ["--config.env", "HOME=/tmp", "--config.env", "PATH=/usr/bin"]
        return [*options, *(f"--config.label={name}={value}" for name, value in labels.items())]

    def join(self):
        """umoci knows no index of platforms: one is put in the place of its tags."""
        index = json.loads((self.layout / "index.json").read_text())
        members = []
        for architecture, entry in zip(self.programs, index["manifests"], strict=True):
            platform = {"architecture": ARCHITECTURES[architecture], "os": "linux"}
            members.append({key: entry[key] for key in ("mediaType", "digest", "size")} | {"platform": platform})
        top = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": members}
        data = json.dumps(top, separators=(",", ":")).encode()
        digest = hashlib.sha256(data).hexdigest()
        (self.layout / "blobs/sha256" / digest).write_bytes(data)
        entry = {"mediaType": top["mediaType"], "digest": f"sha256:{digest}", "size": len(data)}
        entry["annotations"] = {"org.opencontainers.image.ref.name": version()}
        index = {"schemaVersion": 2, "mediaType": top["mediaType"], "manifests": [entry]}
        (self.layout / "index.json").write_text(json.dumps(index, separators=(",", ":")))


def tarball_of_layout(layout, out):
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(layout.rglob("*")):
            member = archive.gettarinfo(path, arcname=str(path.relative_to(layout)))
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch(), 0, 0, "", ""
            member.mode = 0o755 if path.is_dir() else 0o644
            with open(path, "rb") if path.is_file() else io.BytesIO() as content:
                archive.addfile(member, content if path.is_file() else None)

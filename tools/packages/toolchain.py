# SPDX-License-Identifier: Apache-2.0
"""The compiler of the static programs: the PyPI package `ziglang` (clang, libc++, musl)."""

import os
import pathlib
import shutil

from packages.basics import HERE, cache, run


class Toolchain:
    """zig's compilers for one architecture, under names that are the same on every machine: libraries note them."""

    def __init__(self, architecture):
        self.architecture = architecture
        self.target = f"{architecture}-linux-musl"
        self.folder = cache() / "toolchain" / architecture
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")},
            "ZIG_GLOBAL_CACHE_DIR": str(cache() / "zig"),
            "ZIG_LOCAL_CACHE_DIR": str(cache() / "zig"),
            "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", "0"),
            "CC": "airlock-cc",
            "CXX": "airlock-c++",
            "AR": "airlock-ar",
            "RANLIB": "airlock-ranlib",
            "CFLAGS": "-O2 -fPIC",
            "CXXFLAGS": "-O2 -fPIC",
        }
        self.environment["PATH"] = f"{self.folder}:{self.environment['PATH']}"
        self.make()

    def make(self):
        zig = install_zig()
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, command in {
            "airlock-cc": f"cc -target {self.target}",
            "airlock-c++": f"c++ -target {self.target}",
            "airlock-ar": "ar",
            "airlock-ranlib": "ranlib",
        }.items():
            # Meson asks the linker who it is; zig's, which is LLD, gives an answer that Meson 1.0 does not know.
            asked = '[ "$1" = "-Wl,--version" ] && { echo "LLD 22.1 (compatible with GNU linkers)"; exit; }'
            (self.folder / name).write_text(f'#!/bin/sh\n{asked}\nexec {zig} {command} "$@"\n')
            (self.folder / name).chmod(0o755)


def zig_version() -> str:
    return (HERE / "requirements.txt").read_text().split("==")[1].split()[0]


def install_zig() -> pathlib.Path:
    """Into a Python environment of its own; pip checks the SHA-256 of requirements.txt."""
    folder = cache() / f"ziglang-{zig_version()}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run(["/usr/bin/python3", "-m", "venv", folder])
        run([folder / "bin/pip", "install", "-q", "--require-hashes", "-r", HERE / "requirements.txt"])
        (folder / "done").touch()
    return next(folder.glob("lib/python3*/site-packages/ziglang/zig"))


def zig_licenses() -> dict:
    """Of what zig links into the program: its C and C++ libraries."""
    library = install_zig().parent / "lib"
    texts = {"musl": "libc/musl/COPYRIGHT", "libcxx": "libcxx/LICENSE.TXT", "libunwind": "libunwind/LICENSE.TXT"}
    found = {name: library / path for name, path in texts.items() if (library / path).exists()}
    return {name: path.read_text(errors="replace") for name, path in found.items()}

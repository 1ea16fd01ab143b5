# SPDX-License-Identifier: Apache-2.0
"""What the parts of tools/package share: where things are, and how programs are run."""

import hashlib
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MIRROR = os.environ.get("AIRLOCK_DEBIAN_MIRROR", "http://deb.debian.org")
JOBS = f"-j{os.cpu_count()}"


def cache() -> pathlib.Path:
    """Outside the tree, so that it survives clones: libraries are built once for each change of what makes them."""
    if chosen := os.environ.get("AIRLOCK_PACKAGING"):
        return pathlib.Path(chosen).absolute()
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "airlock/packaging"


class Failure(Exception):
    """What failed, and what to do."""


def run(command, cwd=None, env=None, log=None):
    """Quietly; a failure shows the end of what it printed."""
    process = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True)
    if log:
        with open(log, "a") as file:
            file.write(f"$ {' '.join(map(str, command))}\n{process.stdout}{process.stderr}")
    if process.returncode != 0:
        end = "\n".join((process.stdout + process.stderr).splitlines()[-25:])
        raise Failure(f"{' '.join(map(str, command))[:200]}: exit status {process.returncode}\n{end}")
    return process.stdout


def sha256(file) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None

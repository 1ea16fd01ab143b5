#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients and registries of others, built at pinned versions into a cache outside the tree: see tools/peers."""

import argparse
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time


class Peer:
    """A program of a Go module. Another version builds it again, and so does another environment for go."""

    def __init__(self, module, version, package, **environment):
        self.module, self.version, self.package, self.environment = module, version, package, environment

    @property
    def stamp(self) -> str:
        settings = "".join(f" {name}={value}" for name, value in self.environment.items())
        return f"{self.module}/{self.package}@{self.version}{settings}"


# Most valuable first: a budget that runs out leaves out the last ones.
PEERS = {
    "crane": Peer("github.com/google/go-containerregistry", "v0.22.1", "cmd/crane"),
    "oras": Peer("oras.land/oras", "v1.3.6", "cmd/oras"),
    "distribution": Peer("github.com/distribution/distribution/v3", "v3.1.2", "cmd/registry"),
    "cosign3": Peer("github.com/sigstore/cosign/v3", "v3.1.3", "cmd/cosign"),
    "helm": Peer("helm.sh/helm/v3", "v3.17.3", "cmd/helm"),
    # Built without tags it has no extensions (search, sync, a user interface), as zot's own "minimal" program.
    "zot": Peer("zotregistry.dev/zot/v2", "v2.1.20", "cmd/zot", GOEXPERIMENT="jsonv2"),
    "regctl": Peer("github.com/regclient/regclient", "v0.11.7", "cmd/regctl"),
    "syft": Peer("github.com/anchore/syft", "v1.18.1", "cmd/syft"),
    "cosign2": Peer("github.com/sigstore/cosign/v2", "v2.6.5", "cmd/cosign"),
}


def cache() -> pathlib.Path:
    if chosen := os.environ.get("AIRLOCK_PEERS"):
        return pathlib.Path(chosen).absolute()
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "airlock/peers"


def find(name) -> pathlib.Path | None:
    """The program, if it is there in the pinned version."""
    program = cache() / "bin" / name
    with contextlib.suppress(OSError):
        if (cache() / "stamps" / name).read_text() == PEERS[name].stamp and os.access(program, os.X_OK):
            return program
    return None


def find_go() -> str | None:
    return shutil.which("go") or next(
        (path for path in ("/usr/local/go/bin/go", "/usr/lib/go/bin/go") if os.access(path, os.X_OK)), None
    )


OUT_OF_TIME = "the time was up"


class OutOfTime(Exception):
    pass


class Builder:
    def __init__(self, go, deadline=None, sources=None):
        self.go, self.deadline, self.sources = go, deadline, sources or {}
        self.folder = cache()

    def environment(self):
        """Modules and compiled packages are below the cache too, until all peers are built: these share most."""
        flags = os.environ.get("GOFLAGS", "")
        return {
            **os.environ,
            "GOMODCACHE": str(self.folder / "mod"),
            "GOCACHE": str(self.folder / "build"),
            "GOFLAGS": f"{flags} -modcacherw".strip(),  # else `rm -r` of the cache would fail
            "GOWORK": "off",
            "CGO_ENABLED": "0",
        }

    def run(self, command, directory, more):
        """Runs go; out of time, stops it and the compilers that it started. They are a session of their own."""
        left = self.left()
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen(
                ["nice", "-n", "10", self.go, *command],
                cwd=directory,
                env={**self.environment(), **more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                process.wait(left)
            except BaseException as why:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if isinstance(why, subprocess.TimeoutExpired):
                    raise OutOfTime from None
                raise
            if process.returncode != 0:
                log.seek(0)
                raise RuntimeError(log.read().strip()[-2000:])

    def left(self):
        """Seconds that remain, or None without a budget."""
        if self.deadline is None:
            return None
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left

    def build(self, name):
        peer = PEERS[name]
        for part in ("bin", "stamps"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        # Two packages at a time: more would take the machine from whoever else works on it.
        options = ["-p", "2", "-trimpath", "-ldflags=-s -w"]
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="new-") as scratch:
            if source := self.sources.get(name):
                self.run(["build", *options, "-o", f"{scratch}/made", f"./{peer.package}"], source, peer.environment)
            else:
                what = f"{peer.module}/{peer.package}@{peer.version}"
                self.run(["install", *options, what], scratch, {**peer.environment, "GOBIN": scratch})
            made = next(path for path in pathlib.Path(scratch).iterdir() if path.is_file())
            stamp = self.folder / "stamps" / name
            stamp.unlink(missing_ok=True)  # a program is of the version that its stamp says, or has none
            made.rename(self.folder / "bin" / name)
            (pathlib.Path(scratch) / "stamp").write_text(peer.stamp)
            (pathlib.Path(scratch) / "stamp").rename(stamp)

    @contextlib.contextmanager
    def alone(self):
        """Waits while another one builds into the same cache."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self.left()
                    time.sleep(0.5)
            yield

    def make(self, names) -> dict:
        """Builds what is missing, one at a time; why each that is not there now is not."""
        missing = {}
        for name in names:
            if find(name):
                print(f"{name}: {PEERS[name].version} is there", flush=True)
                continue
            try:
                with self.alone():
                    started = time.monotonic()
                    if not find(name):  # whoever was waited for may have built it
                        self.build(name)
                print(f"{name}: {PEERS[name].version} built, {time.monotonic() - started:.0f} s", flush=True)
            except OutOfTime:
                missing[name] = OUT_OF_TIME
            except RuntimeError as why:
                missing[name] = str(why)
            if name in missing:
                print(f"{name}: NOT BUILT: {missing[name]}", flush=True)
        if OUT_OF_TIME not in missing.values():  # else whoever goes on needs them
            self.forget_sources()
        return missing

    def forget_sources(self):
        """Gigabytes, which nobody needs until a version changes."""
        with contextlib.suppress(OutOfTime), self.alone():
            for part in ("mod", "build"):
                shutil.rmtree(self.folder / part, ignore_errors=True)


class Background:
    """Builds all of them while the caller does something else; leaves them as they are where there is no Go."""

    def __init__(self, minutes):
        self.log = tempfile.TemporaryFile("w+")
        self.process = None
        if find_go():
            command = [sys.executable, __file__, "--budget", str(minutes)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def wait(self) -> str:
        """What it has to say, once its work is done or its time is up."""
        if not self.process:
            return "no Go toolchain is here: only peers that were built before are tested beside"
        self.process.wait()
        self.log.seek(0)
        return self.log.read().rstrip()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def source_option(text):
    if not (parts := re.fullmatch(r"([a-z0-9]+)=(.+)", text)) or parts[1] not in PEERS:
        raise argparse.ArgumentTypeError(f"want NAME=FOLDER with a NAME of {', '.join(PEERS)}")
    return parts[1], pathlib.Path(parts[2]).absolute()


def main():
    parser = argparse.ArgumentParser(prog="tools/peers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(PEERS)}; none means all")
    parser.add_argument("--budget", type=float, metavar="MINUTES", help="stop when this time is up")
    parser.add_argument("--source", type=source_option, action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--list", action="store_true", help="say what is there, and build nothing")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    names = options.names or list(PEERS)
    if options.list:
        for name in names:
            print(f"{name:14}{PEERS[name].version:10}{find(name) or 'missing'}")
        return 0
    go = find_go()
    if not go:
        print("tools/peers: no Go toolchain is here: nothing was built", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # takes the compilers along
    deadline = time.monotonic() + options.budget * 60 if options.budget is not None else None
    missing = Builder(go, deadline, dict(options.source)).make(names)
    if missing:
        print(f"tools/peers: not built: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

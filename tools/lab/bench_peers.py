#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""airlock beside current crane, oras, skopeo and regctl, on current registries: see tools/bench --peers."""

import argparse
import contextlib
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import images, peer_registries, peers, registry
from lab.bench import AIRLOCK, BYTES_PER_SECOND, DELAY_MS, Bench, far_away, fresh
from lab.measure import measure, rounds

CURL = "curl to /dev/null, 8 connections"


class Client:
    """How one program takes all images of a registry into a folder, and brings them from there to another one.

    `export` and `send` give the commands of a run; what `prepare` does before the imports is not measured.
    """

    def __init__(self, program, folder, names):
        self.program, self.folder = program, folder
        self.names = names  # repository to tag

    def prepare(self, host):
        for command in self.export(host):
            subprocess.run(list(map(str, command)), check=True, capture_output=True)


class Crane(Client):
    def export(self, host):
        """All images with one process into one layout."""
        every = [f"{host}/{repository}:{tag}" for repository, tag in self.names]
        return [[self.program, "pull", "--insecure", "--format=oci", *every, self.folder / "layout"]]

    def prepare(self, host):
        """It pushes the only image of a layout: one layout for each."""
        for repository, tag in self.names:
            command = [self.program, "pull", "--insecure", "--format=oci", f"{host}/{repository}:{tag}"]
            subprocess.run([*command, self.folder / repository.replace("/", "-")], check=True, capture_output=True)

    def send(self, host):
        return [
            [
                self.program,
                "push",
                "--insecure",
                self.folder / repository.replace("/", "-"),
                f"{host}/{repository}:{tag}",
            ]
            for repository, tag in self.names
        ]


class Oras(Client):
    copy = ("cp", "--concurrency", "8", "--no-tty")

    def local(self, repository):
        return f"{self.folder}/layout:{repository.replace('/', '-')}"

    def export(self, host):
        return [
            [self.program, *self.copy, "--from-plain-http", f"{host}/{repository}:{tag}", "--to-oci-layout"]
            + [self.local(repository)]
            for repository, tag in self.names
        ]

    def send(self, host):
        return [
            [self.program, *self.copy, "--from-oci-layout", self.local(repository), "--to-plain-http"]
            + [f"{host}/{repository}:{tag}"]
            for repository, tag in self.names
        ]


class Regctl(Client):
    def command(self, host):
        return [self.program, "image", "copy", "--host", f"reg={host},tls=disabled"]

    def local(self, repository):
        return f"ocidir://{self.folder}/layout:{repository.replace('/', '-')}"

    def export(self, host):
        return [
            [*self.command(host), f"{host}/{repository}:{tag}", self.local(repository)]
            for repository, tag in self.names
        ]

    def send(self, host):
        return [
            [*self.command(host), self.local(repository), f"{host}/{repository}:{tag}"]
            for repository, tag in self.names
        ]


class Skopeo(Client):
    """Layers that images share once, in a folder beside their layouts."""

    def local(self, repository):
        return f"oci:{self.folder}/{repository.replace('/', '-')}:x"

    def export(self, host):
        share = ["--src-tls-verify=false", "--dest-shared-blob-dir", self.folder / "blobs"]
        return [
            [self.program, "copy", "-q", *share, f"docker://{host}/{repository}:{tag}", self.local(repository)]
            for repository, tag in self.names
        ]

    def send(self, host):
        share = ["--dest-tls-verify=false", "--src-shared-blob-dir", self.folder / "blobs"]
        return [
            [self.program, "copy", "-q", *share, self.local(repository), f"docker://{host}/{repository}:{tag}"]
            for repository, tag in self.names
        ]


CLIENTS = {"crane": Crane, "oras": Oras, "skopeo": Skopeo, "regctl": Regctl}
REGISTRIES = {
    "docker-registry": registry.Registry,
    "distribution": peer_registries.Distribution,
    "zot": peer_registries.Zot,
    "zot without dedupe": functools.partial(peer_registries.Zot, dedupe=False),
}


def version(name, program):
    if name in peers.PEERS:
        return f"{name} {peers.PEERS[name].version}"
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout.splitlines()[0]


class PeerBench(Bench):
    def __init__(self, work, runs):
        super().__init__(work, runs)
        self.ratios = {}  # what was measured: each contender's wall time as a multiple of airlock's

    def names(self):
        return [reference.split("/", 1)[1].rsplit(":", 1) for reference in self.made]

    def find(self):
        """The clients and registries that are here; the others are named."""
        found = {name: shutil.which(name) or peers.find(name) for name in CLIENTS}
        self.clients = {
            name: CLIENTS[name](program, fresh(self.work / name), self.names())
            for name, program in found.items()
            if program
        }
        program = lambda registry: registry.split()[0]
        self.registries = {
            name: start
            for name, start in REGISTRIES.items()
            if program(name) not in peers.PEERS or peers.find(program(name))
        }
        here = [version(name, client.program) for name, client in self.clients.items()]
        here += [version(name, None) for name in self.registries if name in peers.PEERS]
        print("; ".join(here))
        for name in {*CLIENTS, *REGISTRIES} - {*self.clients, *self.registries}:
            print(f"LEFT OUT: {name}: tools/peers builds it")

    def compare(self, what, title, contenders):
        samples = rounds(contenders, self.runs)
        self.report.table(title, samples, self.payload)
        wall = lambda name: self.report.median(samples, name, "wall")
        self.ratios[what] = {name: wall(name) / wall("airlock") for name in samples if name != "airlock"}
        for name, ratio in self.ratios[what].items():
            if name == CURL:
                self.report.at_most(f"{what}, beside curl", 1 / ratio, 2)
            else:
                self.report.at_least(f"{what}, beside {name}", ratio, 1)

    def measured(self, commands, before=lambda: None):
        def run():
            before()
            return measure(commands, self.work)

        return run

    def export(self, what, title, source, floor=False):
        airlock = [self.airlock_export(source, False, self.work / "airlock")]
        contenders = {"airlock": self.measured(airlock, lambda: fresh(self.work / "airlock"))}
        for name, client in self.clients.items():
            commands = client.export(source.host)
            contenders[name] = self.measured(commands, lambda client=client: fresh(client.folder))
        self.compare(what, title, {**contenders, **({CURL: self.curl(source)} if floor else {})})

    def prepare(self, source):
        for client in self.clients.values():
            fresh(client.folder)
            client.prepare(source.host)

    def imports(self, name):
        with REGISTRIES[name](self.work / f"target-{name}") as target:
            bundle, key = self.work / "airlock/b.tar", self.work / "key.pub"
            commands = {"airlock": [[AIRLOCK, "import", "-q", bundle, target.host, "--key", key, "--insecure"]]}
            commands |= {name: client.send(target.host) for name, client in self.clients.items()}
            empty = {name: self.measured(runs, target.empty) for name, runs in commands.items()}
            self.compare(f"import, {name}", f"Import into an empty {name}", empty)
            again = {name: self.measured(runs) for name, runs in commands.items()}
            self.compare(f"import again, {name}", f"The same again, {name}: everything is there", again)
        shutil.rmtree(self.work / f"target-{name}")

    def conclude(self):
        columns = [*self.clients, CURL]
        print("\nHow many times airlock's time each one took")
        print(f"  {'':32}" + "".join(f"{'curl' if name == CURL else name:>10}" for name in columns))
        for what, ratios in self.ratios.items():
            cells = (f"{ratios[name]:.2f}" if name in ratios else "" for name in columns)
            print(f"  {what:32}" + "".join(f"{cell:>10}" for cell in cells))
        self.report.conclude()


@contextlib.contextmanager
def own_folder():
    """Programs of others find no credentials of the machine's, and leave nothing in its home."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="airlock-bench-", dir=os.environ.get("TMPDIR")))
    try:
        (work / "home").mkdir()
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench --peers")
    parser.add_argument("--megabytes", type=int, default=1024, help="size of the corpus")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5, help="measured rounds; one more is thrown away")
    options = parser.parse_args()
    with own_folder() as work:
        bench = PeerBench(work, options.runs)
        bench.make_corpus(options.images, options.megabytes)
        bench.find()
        os.environ["AIRLOCK_PEERS"] = str(peers.cache())  # before its default moves away
        os.environ["HOME"] = str(work / "home")
        with far_away() as source:
            images.fill(source, bench.store, bench.made)
            title = f"{DELAY_MS} ms before each answer, {BYTES_PER_SECOND // 10**6} MB/s for each connection"
            bench.export("export, far", f"Export over a distant link: {title}", source)
        with registry.Registry(work / "source") as source:
            images.fill(source, bench.store, bench.made)
            bench.export("export, near", "Export from docker-registry over HTTP", source, floor=True)
            bench.prepare(source)
        bench.store.blobs.clear()
        for name in bench.registries:
            bench.imports(name)
        bench.conclude()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""airlock beside its peers on registries filled with a corpus of its own: see tools/bench and docs/benchmarks.md."""

import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import fake, images, registry
from lab.measure import Report, measure, rounds

ROOT = pathlib.Path(__file__).resolve().parents[2]
AIRLOCK = ROOT / "build/src/airlock"
TEST_REGISTRY = ROOT / "build/tests/test-registry"
DELAY_MS, BYTES_PER_SECOND = 40, 50_000_000


def corpus(store, count, megabytes):
    """Images of incompressible layers: one shared base, one layer shared by pairs, one of their own; sizes spread."""
    random = hashlib.shake_256(b"airlock bench")  # the same bytes on every machine
    unit = (megabytes << 20) // (count * 4 + 4)
    data = random.digest(megabytes << 20)
    used = 0

    def layer(size):
        nonlocal used
        piece = data[used : used + size]
        used += size
        return store.add(images.OCI["gzip"], piece)

    base = layer(unit * 4)
    made = {}
    pair = None
    for i in range(count):
        if i % 2 == 0:
            pair = layer(unit)
        own = [layer(unit // 4), layer(unit * 3 if i % 4 else unit * 2)]
        made[f"quay.io/bench/image{i}:1"] = manifest(store, i, [base, pair, *own])
    return made


def manifest(store, number, layers):
    config = store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64", "n": number})
    return store.add_json(
        images.OCI["manifest"],
        {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": layers},
    )


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


class Bench:
    def __init__(self, work, runs, against=None):
        self.work, self.runs, self.report, self.against = work, runs, Report(), against
        self.store, self.made, self.payload = images.Store(), {}, 0
        subprocess.run(
            [AIRLOCK, "keygen", "-q", work / "key", "--no-passphrase"], check=True, stdout=subprocess.DEVNULL
        )
        registry.make_certificates(work / "certificates")
        # Where skopeo wants to find an authority by the registry's port; it takes any folder with a .crt in it.
        (work / "authority").mkdir()
        shutil.copy(work / "certificates/ca.pem", work / "authority/ca.crt")

    def make_corpus(self, count, megabytes):
        self.made = corpus(self.store, count, megabytes)
        self.payload = sum(map(len, self.store.blobs.values()))
        print(
            f"{count} images, {len(self.store.blobs)} blobs, {self.payload / 2**30:.2f} GiB; "
            f"{self.runs} runs, medians (least-most)"
        )
        print(subprocess.run(["skopeo", "--version"], capture_output=True, text=True).stdout.strip(), flush=True)

    # What each contender runs. `tls` tells how a registry is reached.

    def airlock_export(self, source, tls, out, program=AIRLOCK):
        way = [
            "--mirror",
            f"quay.io={'' if tls else 'http://'}{source.host}",
            *(["--cacert", self.work / "certificates/ca.pem"] if tls else []),
        ]
        wanted = [option for reference in self.made for option in ("--image", reference)]
        return [
            program,
            "export",
            "-q",
            "--no-referrers",
            *wanted,
            "--key",
            self.work / "key.key",
            "-o",
            out / "b.tar",
            *way,
        ]

    def skopeo_way(self, side, tls):
        return [f"--{side}-cert-dir", self.work / "authority"] if tls else [f"--{side}-tls-verify=false"]

    @staticmethod
    def remote(source, reference):
        return f"docker://{source.host}/{reference.split('/', 1)[1]}"

    def exporters(self, source, tls, archives=True):
        def airlock():
            return measure([self.airlock_export(source, tls, fresh(self.work / "airlock"))], self.work)

        def other():
            return measure([self.airlock_export(source, tls, fresh(self.work / "other"), self.against)], self.work)

        def one_archive_each():
            out = fresh(self.work / "skopeo")
            return measure(
                [
                    [
                        "skopeo",
                        "copy",
                        "-q",
                        *self.skopeo_way("src", tls),
                        self.remote(source, r),
                        f"oci-archive:{out}/{i}.tar:x",
                    ]
                    for i, r in enumerate(self.made)
                ],
                self.work,
            )

        def folder():
            out = fresh(self.work / "folder")
            copies = [
                [
                    "skopeo",
                    "copy",
                    "-q",
                    *self.skopeo_way("src", tls),
                    "--dest-shared-blob-dir",
                    out / "blobs",
                    self.remote(source, r),
                    f"oci:{out}/{i}:x",
                ]
                for i, r in enumerate(self.made)
            ]
            return measure([*copies, ["tar", "-b", "512", "-cf", self.work / "folder.tar", "-C", out, "."]], self.work)

        contenders = {"airlock export": airlock} | ({"the other airlock": other} if self.against else {})
        if archives:
            contenders["skopeo, an oci-archive per image"] = one_archive_each
        contenders["skopeo, shared folder, then tar"] = folder
        return contenders

    def curl(self, source):
        """The limit: the same bytes from the same registry over as many connections, thrown away."""
        urls = self.work / "urls"
        lines = {}
        for reference, top in self.made.items():
            repository = reference.split("/", 1)[1].rsplit(":", 1)[0]
            for layer in json.loads(self.store.blobs[top["digest"]])["layers"]:
                url = f"{source.url}/v2/{repository}/blobs/{layer['digest']}"
                lines[layer["digest"]] = f'url = "{url}"\noutput = "/dev/null"\n'
        urls.write_text("".join(lines.values()))
        return lambda: measure([["curl", "-sS", "--fail", "--parallel", "--parallel-max", "8", "-K", urls]], self.work)

    def wanted_export(self, samples, archives, folder, where):
        ratio = lambda name: (
            self.report.median(samples, name, "wall") / self.report.median(samples, "airlock export", "wall")
        )
        if "skopeo, an oci-archive per image" in samples:
            self.report.at_least(
                f"export{where}, beside skopeo to oci-archives", ratio("skopeo, an oci-archive per image"), archives
            )
        self.report.at_least(
            f"export{where}, beside skopeo to a folder and tar", ratio("skopeo, shared folder, then tar"), folder
        )

    def export_plain(self, source):
        contenders = {**self.exporters(source, tls=False), "curl to /dev/null, 8 connections": self.curl(source)}
        samples = rounds(contenders, self.runs)
        self.report.table("Export from docker-registry over HTTP", samples, self.payload, disk=True)
        self.wanted_export(samples, 6, 4, "")
        median = lambda field, name="airlock export": self.report.median(samples, name, field)
        self.report.at_most(
            "export, beside curl to /dev/null", median("wall") / median("wall", "curl to /dev/null, 8 connections"), 2.5
        )
        self.report.at_most("export, CPU", median("cpu") / (self.payload / 2**30), 3, " s/GiB")
        self.report.at_most(
            "export, written beside the bundle", median("written") / (self.work / "airlock/b.tar").stat().st_size, 1.01
        )

    def export_tls(self, source):
        samples = rounds(self.exporters(source, tls=True, archives=False), self.runs)
        self.report.table("Export from docker-registry over TLS", samples, self.payload, disk=True)
        self.wanted_export(samples, 0, 3, " over TLS")

    def export_with_latency(self, source):
        samples = rounds(self.exporters(source, tls=False, archives=False), self.runs)
        link = f"{DELAY_MS} ms before each answer, {BYTES_PER_SECOND // 10**6} MB/s for each connection"
        self.report.table(f"Export over a distant link: {link}", samples, self.payload)
        self.wanted_export(samples, 0, 8, " over a distant link")

    def imports(self, tls):
        layouts, where = self.work / "folder", " over TLS" if tls else ""
        certificates = self.work / "certificates" if tls else None
        with (
            registry.Registry(self.work / "target-airlock", certificates) as ours,
            registry.Registry(self.work / "target-skopeo", certificates) as theirs,
        ):
            way = ["--cacert", self.work / "certificates/ca.pem"] if tls else ["--insecure"]
            airlock_import = [
                [AIRLOCK, "import", "-q", self.work / "airlock/b.tar", ours.host, "--key", self.work / "key.pub", *way]
            ]
            skopeo_import = [
                [
                    "skopeo",
                    "copy",
                    "-q",
                    *self.skopeo_way("dest", tls),
                    "--src-shared-blob-dir",
                    layouts / "blobs",
                    f"oci:{layouts}/{i}:x",
                    self.remote(theirs, r),
                ]
                for i, r in enumerate(self.made)
            ]

            def emptied(server, commands):
                def run():
                    server.empty()
                    return measure(commands, self.work)

                return run

            names = ("airlock import", "skopeo, from the folder")
            other = [[self.against, *airlock_import[0][1:]]]
            more = {"the other airlock": emptied(ours, other)} if self.against else {}
            samples = rounds(
                {names[0]: emptied(ours, airlock_import), names[1]: emptied(theirs, skopeo_import), **more}, self.runs
            )
            self.report.table(f"Import into an empty docker-registry{where}", samples, self.payload)
            ratio = lambda: (
                self.report.median(samples, names[1], "wall") / self.report.median(samples, names[0], "wall")
            )
            self.report.at_least(f"import{where}, beside skopeo", ratio(), 2 if tls else 2.5)
            if tls:
                return
            self.report.at_most(
                "import, CPU", self.report.median(samples, names[0], "cpu") / (self.payload / 2**30), 1.5, " s/GiB"
            )
            samples = rounds(
                {
                    names[0]: lambda: measure(airlock_import, self.work),
                    names[1]: lambda: measure(skopeo_import, self.work),
                    **({"the other airlock": lambda: measure(other, self.work)} if self.against else {}),
                },
                self.runs,
            )
            self.report.table("The same again: everything is there", samples, self.payload)
            self.report.at_least("repeated import, beside skopeo", ratio(), 5)

    def verify(self):
        bundle = self.work / "airlock/b.tar"

        def from_disk(command):
            def run():
                with open(bundle, "rb") as file:  # airlock does the same by itself
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                return measure([command], self.work)

            return run

        samples = rounds(
            {
                "airlock verify": from_disk([AIRLOCK, "verify", "-q", bundle, "--key", self.work / "key.pub"]),
                "openssl dgst -sha256": from_disk(["openssl", "dgst", "-sha256", bundle]),
                **(
                    {
                        "the other airlock": from_disk(
                            [self.against, "verify", "-q", bundle, "--key", self.work / "key.pub"]
                        )
                    }
                    if self.against
                    else {}
                ),
            },
            self.runs,
        )
        self.report.table("Verify a local bundle, past the page cache", samples, self.payload)

    def memory(self, count, megabytes):
        """Peak memory of export with 8 jobs; images are made one at a time, so that this needs no memory for them."""
        made, total = {}, 0
        with registry.Registry(fresh(self.work / "memory")) as source:
            for i in range(count):
                store = images.Store()
                layers = [
                    store.add(
                        images.OCI["gzip"],
                        hashlib.shake_256(f"{i} {n}".encode()).digest(1 << 18) * max(1, (megabytes << 2) // count // 2),
                    )
                    for n in range(2)
                ]
                reference = f"quay.io/bench/image{i}:1"
                made[reference] = manifest(store, i, layers)
                total += sum(map(len, store.blobs.values()))
                images.fill(source, store, {reference: made[reference]})
            self.made, kept = made, self.made
            sample = measure(
                [self.airlock_export(source, False, fresh(self.work / "airlock-memory")) + ["--jobs", "8"]], self.work
            )
            self.made = kept
        shutil.rmtree(self.work / "memory")
        shutil.rmtree(self.work / "airlock-memory")
        print(
            f"  {count:4} images, {total / 2**30:6.2f} GiB: {sample.peak:5.1f} MB peak, "
            f"{sample.wall:6.2f} s, {sample.cpu / (total / 2**30):.2f} CPU s/GiB",
            flush=True,
        )
        return sample.peak


@contextlib.contextmanager
def far_away():
    with fake.FakeRegistry(TEST_REGISTRY, "--delay", DELAY_MS, "--rate", BYTES_PER_SECOND, "--no-log") as source:
        yield source


def main():
    parser = argparse.ArgumentParser(prog="tools/bench")
    parser.add_argument("--megabytes", type=int, default=1024, help="size of the corpus")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5, help="measured rounds; one more is thrown away")
    parser.add_argument("--no-memory", action="store_true", help="leave out the bundles of 100 MB, 1 GB and 10 GB")
    parser.add_argument("--against", type=pathlib.Path, help="another airlock program, measured in the same rounds")
    options = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="airlock-bench-", dir=os.environ.get("TMPDIR")))
    try:
        bench = Bench(work, options.runs, options.against)
        bench.make_corpus(options.images, options.megabytes)
        with far_away() as source:
            images.fill(source, bench.store, bench.made)
            bench.export_with_latency(source)
        with registry.Registry(work / "source-tls", work / "certificates") as source:
            images.fill(source, bench.store, bench.made)
            bench.export_tls(source)
        shutil.rmtree(work / "source-tls")
        with registry.Registry(work / "source") as source:
            images.fill(source, bench.store, bench.made)
            bench.export_plain(source)
        bench.store.blobs.clear()
        bench.verify()
        bench.imports(tls=False)
        bench.imports(tls=True)
        if not options.no_memory:
            print("\nPeak memory of an export with 8 jobs")
            for count, megabytes in ((4, 100), (10, 1000), (20, 10_000)):
                bench.report.at_most(f"peak memory at {megabytes} MB", bench.memory(count, megabytes), 40, " MB")
            bench.report.at_most("peak memory with 400 images", bench.memory(400, 100), 80, " MB")
        bench.report.conclude()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()

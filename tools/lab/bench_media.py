#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a delta and a resumed export save, beside a full bundle: see tools/bench and docs/benchmarks.md.

The control planes of two Kubernetes releases under their real names. Their layers are of about the sizes that
upstream's have for linux/amd64 and hold bytes by chance; the base, etcd and pause are the same in both releases, as
upstream's are.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import images
from lab.bench import AIRLOCK, far_away, manifest

BASE_KIB, IPTABLES_KIB = 1_200, 18_000
OWN_KIB = {"kube-apiserver": 33_000, "kube-controller-manager": 31_500, "kube-scheduler": 18_000, "kube-proxy": 10_500}


def layer(store, name, kib):
    return store.add(images.OCI["gzip"], hashlib.shake_256(name.encode()).digest(kib << 10))


def control_planes(store):
    base = layer(store, "base", BASE_KIB)
    made = {}
    for version, tags in images.KUBEONE_1_8.items():
        for name, kib in OWN_KIB.items():
            below = [base, layer(store, "iptables", IPTABLES_KIB)] if name == "kube-proxy" else [base]
            made[f"registry.k8s.io/{name}:{version}"] = manifest(
                store, name, [*below, layer(store, name + version, kib)]
            )
        for name, kib in (("coredns/coredns", 17_000), ("etcd", 56_000), ("pause", 310)):
            tag = tags[name.split("/")[0]]
            made[f"registry.k8s.io/{name}:{tag}"] = manifest(store, name, [base, layer(store, name + tag, kib)])
    return made


def received():
    """Bytes that came over loopback since the machine started."""
    line = next(
        line for line in pathlib.Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:")
    )
    return int(line.split(":")[1].split()[0])


class Run:
    """Exports into one folder, and prints a line for each."""

    def __init__(self, work, server):
        self.work = work
        self.environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        self.options = [
            "--filter",
            "control-plane",
            "--key",
            "key.key",
            "--mirror",
            f"registry.k8s.io={server.url}",
            "-q",
        ]

    def command(self, name, version, *more):
        return [AIRLOCK, "export", *self.options, "--kubernetes-versions", version, "-o", name, *more]

    def measured(self, what, name, version, *more):
        before, started = received(), time.monotonic()
        subprocess.run(
            self.command(name, version, *more),
            cwd=self.work,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.monotonic() - started
        size = (self.work / name).stat().st_size
        print(f"  {what:44}{size / 2**20:10.1f}{(received() - before) / 2**20:13.1f}{seconds:9.2f}", flush=True)

    def killed(self, name, version, size):
        """SIGKILL when about half of it is written down in the journal."""
        process = subprocess.Popen(
            self.command(name, version), cwd=self.work, env=self.environment, stdout=subprocess.DEVNULL
        )
        journal = self.work / f"{name}.journal"
        while process.poll() is None:
            lines = [line.split() for line in journal.read_text().splitlines()[2:]] if journal.exists() else []
            if sum(int(words[2]) for words in lines if len(words) == 3) > size / 2:
                break
        process.kill()
        if process.wait() == 0:
            raise SystemExit("the export ended before it could be killed")


def sums(bundle):
    with open(bundle, "rb") as stream:
        size = int(stream.read(512)[124:135], 8)
        return stream.read(size)


def main():
    work = pathlib.Path(tempfile.mkdtemp(prefix="airlock-media-"))
    try:
        subprocess.run(
            [AIRLOCK, "keygen", "-q", "key", "--no-passphrase"], cwd=work, check=True, stdout=subprocess.DEVNULL
        )
        store = images.Store()
        made = control_planes(store)
        with far_away() as server:
            images.fill(server, store, made)
            store.blobs.clear()
            run = Run(work, server)
            print(f"\n{'':46}{'bundle MiB':>10}{'received MiB':>13}{'wall s':>9}")
            run.measured("v1.28.8, full", "old.tar", "v1.28.8")
            run.measured("v1.29.4, full", "new.tar", "v1.29.4")
            run.measured("v1.29.4, --since the bundle of v1.28.8", "delta.tar", "v1.29.4", "--since", "old.tar")
            run.killed("again.tar", "v1.29.4", (work / "new.tar").stat().st_size)
            run.measured("v1.29.4, full, killed half way: the second run", "again.tar", "v1.29.4")
            if sums(work / "new.tar") != sums(work / "again.tar"):
                raise SystemExit("the SHA256SUMS of the undisturbed and the resumed export differ")
            print("  The undisturbed and the resumed export have the same SHA256SUMS.")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()

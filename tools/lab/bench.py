#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wall time, client CPU, peak memory and bytes written, airlock beside skopeo: see tools/bench."""

import argparse
import hashlib
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import images, registry  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
AIRLOCK = ROOT / "build/src/airlock"


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
        config = store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64", "n": i})
        body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": [base, pair, *own]}
        made[f"quay.io/bench/image{i}:1"] = store.add_json(images.OCI["manifest"], body)
    return made


class Sample:
    """One measured run. Memory is the largest of the processes'; bytes written are what they wrote to files."""

    def __init__(self, wall, cpu, peak, written):
        self.wall, self.cpu, self.peak, self.written = wall, cpu, peak, written


def watch_memory(pid):
    """Waits for a child's end without taking its counters away; the peak of its resident memory in KiB.

    Not ru_maxrss: that counts what this program held when it started the child.
    """
    peak = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = max(peak, int(line.split()[1]))
        time.sleep(0.005)
    return peak


def measure(commands, directory):
    """Runs commands one after the other and adds up; sync before, so that earlier writes do not count here."""
    subprocess.run(["sync"], check=True)
    wall = cpu = peak = 0
    written = 0
    for command in commands:
        started = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        peak = max(peak, watch_memory(process.pid))
        wall += time.monotonic() - started
        io = pathlib.Path(f"/proc/{process.pid}/io").read_text()
        written += int(next(line.split()[1] for line in io.splitlines() if line.startswith("wchar:")))
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{command}: {errors.decode()[-2000:]}")
        cpu += usage.ru_utime + usage.ru_stime
    return Sample(wall, cpu, peak / 1024, written)


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def rounds(contenders, runs):
    """Interleaved, so that whatever else the machine does hits all alike; the first round is thrown away."""
    samples = {name: [] for name in contenders}
    for number in range(runs + 1):
        for name, run in contenders.items():
            sample = run()
            if number:
                samples[name].append(sample)
    return samples


def report(title, samples, payload, first, disk=False):
    print(f"\n{title}\n  {'':34}{'wall s':>18}{'ratio':>8}{'CPU s':>8}{'s/GiB':>7}{'peak MB':>9}{'written' if disk else '':>9}")
    median = lambda name, field: statistics.median(getattr(s, field) for s in samples[name])
    for name in samples:
        walls = sorted(s.wall for s in samples[name])
        spread = f"{median(name, 'wall'):.2f} ({walls[0]:.2f}-{walls[-1]:.2f})"
        cpu = median(name, "cpu")
        written = median(name, "written") / payload
        print(f"  {name:34}{spread:>18}{median(name, 'wall') / median(first, 'wall'):>7.1f}x{cpu:>8.2f}"
              f"{cpu / (payload / 2**30):>7.2f}{median(name, 'peak'):>9.0f}" + (f"{written:>8.2f}x" if disk else ""))  # fmt: skip


def bench_export(source, made, work, runs, payload):
    mirror = ["--mirror", f"quay.io=http://{source.host}"]
    wanted = [option for reference in made for option in ("--image", reference)]
    remote = lambda reference: f"docker://{source.host}/{reference.split('/', 1)[1]}"

    def airlock():
        out = fresh(work / "airlock")
        return measure([[AIRLOCK, "export", "-q", *wanted, "--key", work / "key.key", "-o", out / "b.tar", *mirror]], work)

    def archives():
        out = fresh(work / "skopeo")
        return measure([["skopeo", "copy", "-q", "--src-tls-verify=false", remote(r), f"oci-archive:{out}/{i}.tar:x"]
                        for i, r in enumerate(made)], work)  # fmt: skip

    def folder():
        out = fresh(work / "folder")
        copies = [["skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-shared-blob-dir", out / "blobs", remote(r), f"oci:{out}/{i}:x"]
                  for i, r in enumerate(made)]  # fmt: skip
        return measure([*copies, ["tar", "-b", "512", "-cf", work / "folder.tar", "-C", out, "."]], work)

    samples = rounds({"airlock export": airlock, "skopeo, an oci-archive per image": archives,
                      "skopeo, shared folder, then tar": folder}, runs)  # fmt: skip
    report("Export from docker-registry over HTTP", samples, payload, "airlock export", disk=True)


def bench_import(made, work, runs, payload):
    bundle = work / "airlock/b.tar"
    layouts = work / "folder"
    with registry.Registry(work / "target-airlock") as ours, registry.Registry(work / "target-skopeo") as theirs:
        airlock_import = [[AIRLOCK, "import", "-q", bundle, ours.host, "--key", work / "key.pub", "--insecure"]]
        skopeo_import = [["skopeo", "copy", "-q", "--dest-tls-verify=false", "--src-shared-blob-dir", layouts / "blobs",
                          f"oci:{layouts}/{i}:x", f"docker://{theirs.host}/{r.split('/', 1)[1]}"] for i, r in enumerate(made)]  # fmt: skip

        def emptied(server, commands):
            def run():
                server.empty()
                return measure(commands, work)

            return run

        samples = rounds({"airlock import": emptied(ours, airlock_import), "skopeo, from the folder": emptied(theirs, skopeo_import)}, runs)
        report("Import into an empty docker-registry (airlock verifies all of it first)", samples, payload, "airlock import")
        samples = rounds({"airlock import": lambda: measure(airlock_import, work),
                          "skopeo, from the folder": lambda: measure(skopeo_import, work)}, runs)  # fmt: skip
        report("The same again: everything is there (airlock verifies the file all the same)", samples, payload, "airlock import")


def bench_verify(work, runs, payload):
    bundle = work / "airlock/b.tar"
    samples = rounds({"airlock verify": lambda: measure([[AIRLOCK, "verify", "-q", bundle, "--key", work / "key.pub"]], work),
                      "openssl dgst -sha256": lambda: measure([["openssl", "dgst", "-sha256", bundle]], work)}, runs)  # fmt: skip
    report("Verify a local bundle", samples, payload, "airlock verify")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench")
    parser.add_argument("--megabytes", type=int, default=1024, help="size of the corpus")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5, help="measured rounds; one more is thrown away")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    work = pathlib.Path(tempfile.mkdtemp(prefix="airlock-bench-"))
    try:
        store = images.Store()
        made = corpus(store, options.images, options.megabytes)
        payload = sum(map(len, store.blobs.values()))
        print(f"{len(made)} images, {len(store.blobs)} blobs, {payload / 2**30:.2f} GiB; {options.runs} runs, medians (least-most)")
        print(subprocess.run(["skopeo", "--version"], capture_output=True, text=True).stdout.strip())
        subprocess.run([AIRLOCK, "keygen", "-q", work / "key", "--no-passphrase"], check=True, stdout=subprocess.DEVNULL)
        with registry.Registry(work / "source") as source:
            images.fill(source, store, made)
            store.blobs.clear()
            bench_export(source, made, work, options.runs, payload)
        bench_verify(work, options.runs, payload)
        bench_import(made, work, options.runs, payload)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()

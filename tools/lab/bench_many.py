#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many small images: what metadata costs. See tools/bench --many and docs/benchmarks.md."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import fake, images
from lab.bench import AIRLOCK, TEST_REGISTRY, fresh
from lab.measure import measure, rounds


def small_images(store, count):
    """Indexes of two platforms, three tiny layers each; a config and a layer of every manifest are its own."""
    made = {}
    shared = [store.add(images.OCI["gzip"], b"shared %d" % n) for n in range(2)]
    for i in range(count):
        members = []
        for architecture in ("amd64", "arm64"):
            config = store.add_json(images.OCI["config"], {"os": "linux", "architecture": architecture, "n": i})
            own = store.add(images.OCI["gzip"], f"{architecture} {i}".encode())
            text = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": [*shared, own]}
            member = store.add_json(images.OCI["manifest"], text)
            members.append({**member, "platform": {"os": "linux", "architecture": architecture}})
        index = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": members}
        made[f"quay.io/many/image{i}:1"] = store.add_json(images.OCI["index"], index)
    return made


def contenders(programs, work, source, target, listed):
    """Each verb of each program, each with a bundle of its own."""
    runs = {}
    for name, program in programs.items():
        bundle = work / name / "b.tar"
        key = work / "key"

        def export(program=program, bundle=bundle, key=key):
            fresh(bundle.parent)
            command = [program, "export", "-q", "--no-referrers", "--images-file", listed, "--key", f"{key}.key"]
            return measure([[*command, "-o", bundle, "--mirror", f"quay.io=http://{source.host}"]], work)

        def verify(program=program, bundle=bundle, key=key):
            return measure([[program, "verify", "-q", bundle, "--key", f"{key}.pub"]], work)

        def bring_in(program=program, bundle=bundle, key=key, name=name):
            command = [program, "import", "-q", bundle, f"{target.host}/{name}", "--insecure", "--key", f"{key}.pub"]
            return measure([command], work)

        runs |= {(name, "export"): export, (name, "verify"): verify, (name, "import again"): bring_in}
    return runs


def main():
    parser = argparse.ArgumentParser(prog="tools/bench --many")
    parser.add_argument("--images", type=lambda text: [int(n) for n in text.split(",")], default=[500, 1000, 5000])
    parser.add_argument("--runs", type=int, default=1, help="measured rounds; one more is thrown away")
    parser.add_argument("--against", type=pathlib.Path, help="another airlock program, measured in the same rounds")
    options = parser.parse_args()
    programs = {"airlock": AIRLOCK} | ({"other": options.against} if options.against else {})
    print(f"  {'images':>6}  {'':16}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}", flush=True)
    for count in options.images:
        work = pathlib.Path(tempfile.mkdtemp(prefix="airlock-bench-", dir=os.environ.get("TMPDIR")))
        try:
            run_one(count, work, programs, options.runs)
        finally:
            shutil.rmtree(work)


def run_one(count, work, programs, runs):
    keygen = [AIRLOCK, "keygen", "-q", work / "key", "--no-passphrase"]
    subprocess.run(keygen, check=True, stdout=subprocess.DEVNULL)
    store = images.Store()
    made = small_images(store, count)
    listed = work / "images.txt"
    listed.write_text("".join(f"{reference}\n" for reference in made), encoding="utf-8")
    with fake.FakeRegistry(TEST_REGISTRY, "--no-log") as source, fake.FakeRegistry(TEST_REGISTRY, "--no-log") as target:
        images.fill(source, store, made)
        samples = rounds(contenders(programs, work, source, target, listed), runs)
    for (name, verb), measured in samples.items():
        wall, cpu, peak = (
            sorted(getattr(s, field) for s in measured)[len(measured) // 2] for field in ("wall", "cpu", "peak")
        )
        label = f"{verb}{'' if name == 'airlock' else ', other'}"
        print(f"  {count:>6}  {label:16}{wall:>8.2f}{cpu:>8.2f}{peak:>9.1f}", flush=True)


if __name__ == "__main__":
    main()

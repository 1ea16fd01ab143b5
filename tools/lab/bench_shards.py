#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One import beside the same dealt to shards that run at the same time: see tools/bench --shards."""

import argparse
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import fake, images, registry
from lab.bench import AIRLOCK, DELAY_MS, TEST_REGISTRY, Bench, fresh
from lab.measure import measure, rounds

COUNTS = (1, 2, 4)


class ShardBench(Bench):
    def make_bundle(self):
        with registry.Registry(self.work / "source") as source:
            images.fill(source, self.store, self.made)
            command = self.airlock_export(source, False, fresh(self.work / "bundle"))
            subprocess.run(list(map(str, command)), check=True, cwd=self.work)
        self.store.blobs.clear()

    def importers(self, target, empty, *more):
        """All shards of one count together, as one command of a shell that waits for each."""

        def run(count):
            def one(number):
                command = [AIRLOCK, "import", "-q", self.work / "bundle/b.tar", target.host, "--insecure"]
                command += ["--key", self.work / "key.pub", "--state-dir", self.work / f"state-{number}", *more]
                return shlex.join(map(str, [*command, "--shard", f"{number}/{count}"]))

            waited = "for job in $(jobs -p); do wait $job || exit 1; done"

            def contender():
                empty()
                started = " & ".join(one(number) for number in range(1, count + 1))
                return measure([["bash", "-c", f"{started} & {waited}"]], self.work)

            return contender

        name = lambda count: "one import" if count == 1 else f"{count} shards at the same time"
        return {name(count): run(count) for count in COUNTS}

    def run(self):
        with registry.Registry(self.work / "near") as target:
            samples = rounds(self.importers(target, target.empty), self.runs)
            self.report.table("Into docker-registry on this machine, which is the limit", samples, self.payload)
            ratio = self.wall(samples, "4 shards at the same time") / self.wall(samples, "one import")
            self.report.at_most("4 shards on one machine, beside one import", ratio, 1.05)
        title = f"Into a registry {DELAY_MS} ms away, with two requests at a time for each shard"
        with fake.FakeRegistry(TEST_REGISTRY, "--delay", DELAY_MS, "--no-log") as target:

            def restart():
                target.__exit__()
                target.__enter__()

            samples = rounds(self.importers(target, restart, "--jobs", "2"), self.runs)
            self.report.table(title, samples, self.payload)
            ratio = self.wall(samples, "one import") / self.wall(samples, "4 shards at the same time")
            self.report.at_least("one import from afar, beside 4 shards", ratio, 2)
        self.report.conclude()

    def wall(self, samples, name):
        return self.report.median(samples, name, "wall")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench --shards")
    parser.add_argument("--megabytes", type=int, default=512, help="size of the corpus")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3, help="measured rounds; one more is thrown away")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airlock-bench-", dir=os.environ.get("TMPDIR")) as work:
        bench = ShardBench(pathlib.Path(work), options.runs)
        bench.make_corpus(options.images, options.megabytes)
        bench.make_bundle()
        bench.run()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The image sets of every KubeOne release in the catalog: tests/golden/kubeone-*.txt.

tests/golden.py AIRLOCK            compares
tests/golden.py AIRLOCK --refresh  writes them anew, to be reviewed with git diff
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILTERS = ["base", "optional", "control-plane", "base,optional,control-plane"]


def releases():
    for file in sorted((ROOT / "data/catalog").glob("kubeone-*.yaml")):
        text = file.read_text()
        span = re.search(r'^kubernetes: \{min: "1\.(\d+)", max: "1\.(\d+)"\}', text, re.MULTILINE)
        yield re.search(r'^kubeone: "v(\d+\.\d+)', text, re.MULTILINE)[1], int(span[1]), int(span[2])


def versions(low, high):
    """The oldest and the newest version that the release supports and kubeadm's table knows."""
    known = re.findall(r"^v1\.(\d+)\.(\d+):", (ROOT / "data/catalog/kubeadm.yaml").read_text(), re.MULTILINE)
    fitting = sorted((int(minor), int(patch)) for minor, patch in known if low <= int(minor) <= high)
    return [f"v1.{minor}.{patch}" for minor, patch in (fitting[0], fitting[-1])]


def render(airlock, release, low, high):
    parts = []
    for version in versions(low, high):
        for groups in FILTERS:
            out = subprocess.run(
                [
                    airlock,
                    "list",
                    "--quiet",
                    "--kubeone",
                    release,
                    "--kubernetes-versions",
                    version,
                    "--filter",
                    groups,
                ],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            parts.append(f"# {version} --filter {groups}\n{out}")
    return "\n".join(parts)


def main():
    airlock, refresh = sys.argv[1], "--refresh" in sys.argv
    folder = ROOT / "tests/golden"
    folder.mkdir(exist_ok=True)
    different = []
    found = list(releases())
    for release, low, high in found:
        file = folder / f"kubeone-{release}.txt"
        text = render(airlock, release, low, high)
        if refresh:
            file.write_text(text)
        elif not file.exists() or file.read_text() != text:
            different.append(file.name)
    print(f"golden: {len(found)} releases, different: {', '.join(different) or 'none'}")
    return 1 if different or len(found) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""airlock beside KubeOne's own code: tests/data/kubeone-goldens.json.xz says what that renders for made manifests, for
the newest patch of each minor release (tools/update-catalog --goldens)."""

import concurrent.futures
import json
import lzma
import os
import subprocess

import pytest
from conftest import PROGRAM, ROOT

FACTS = json.loads(lzma.decompress((ROOT / "tests/data/kubeone-goldens.json.xz").read_bytes()))
RELEASES = sorted({entry["kubeone"] for entry in FACTS}, key=lambda v: tuple(map(int, v[1:].split("."))))


def test_every_minor_release_has_facts():
    assert [r.rpartition(".")[0] for r in RELEASES] == [f"v1.{minor}" for minor in range(5, 15)]
    assert all(sum(e["kubeone"] == release for e in FACTS) > 80 for release in RELEASES)


@pytest.mark.parametrize("release", RELEASES)
def test_the_set_of_each_manifest_is_equal(release, tmp_path):
    """Nothing less, nothing more; digests are not compared, as KubeOne's templates carry them in some places only."""

    def difference(number, entry):
        folder = tmp_path / str(number)
        for path, text in {"kubeone.yaml": entry["manifest"], **entry["files"]}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        run = subprocess.run(
            [PROGRAM, "list", "--quiet", "--kubeone", release, "--cluster", folder / "kubeone.yaml"],
            capture_output=True,
            text=True,
        )
        found = {image.split("@")[0] for image in run.stdout.split()}
        wanted = set(entry["images"])
        return (
            (entry["name"], run.stderr if run.returncode else "", sorted(wanted - found), sorted(found - wanted))
            if found != wanted
            else None
        )

    entries = [entry for entry in FACTS if entry["kubeone"] == release]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        different = [d for d in pool.map(difference, range(len(entries)), entries) if d]
    assert not different, f"{len(different)} of {len(entries)}: " + "\n".join(map(str, different[:5]))

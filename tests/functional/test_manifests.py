# SPDX-License-Identifier: Apache-2.0
"""Images out of the manifests of known projects, whose own lists say what must be there: `tests/data/manifests` has
small files of the shapes that Longhorn, Rook, Rancher and others publish, each with its project's list.
"""

import pytest
from conftest import ROOT

MANIFESTS = sorted((ROOT / "tests/data/manifests").glob("*.yaml"))


def normal(image):
    first = image.split("/", 1)[0]
    return image if "." in first or ":" in first else f"docker.io/{image}"


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_what_a_project_publishes_is_taken_and_nothing_else(airlock, manifest):
    published = {normal(line) for line in manifest.with_suffix(".txt").read_text().split()}
    assert set(airlock(0, "list", "-q", "--from-manifests", manifest).out.split()) == published


def test_images_of_docker_hub_are_named_with_their_place(airlock):
    manifest = ROOT / "tests/data/manifests/rook.yaml"
    said = airlock(0, "list", "--from-manifests", manifest).err
    assert f"{manifest}:29: rook/ceph:v1.14.0 is docker.io/rook/ceph:v1.14.0" in said


def test_suspects_are_listed_and_taken_where_asked(airlock, tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text("spec: {containers: [{image: 'q.io/a:1'}], driver: {image: driver}}\nnote: 'see q.io/b:2.'\n")
    made = airlock(0, "list", "--from-manifests", file)
    assert made.out.split() == ["q.io/a:1"]
    assert f"{file}:1: driver (a bare word)" in made.err and f"{file}:2: q.io/b:2 (in a text)" in made.err
    taken = airlock(0, "list", "--from-manifests", file, "--take-suspects").out.split()
    assert taken == ["docker.io/library/driver:latest", "q.io/a:1", "q.io/b:2"]


def test_only_suspects_are_no_selection(airlock, tmp_path):
    """An empty set would mean everything that KubeOne has."""
    file = tmp_path / "m.yaml"
    file.write_text("driver: {image: driver}\n")
    made = airlock(3, "list", "--from-manifests", file)
    assert "names no image that is sure to be one" in made.err and "driver (a bare word)" in made.err


def test_manifests_in_config_maps(airlock, tmp_path):
    file = tmp_path / "m.yaml"
    inner = "    kind: Pod\n    spec: {containers: [{image: 'redis:7'}]}\n"
    file.write_text(f"kind: ConfigMap\ndata:\n  pod.yaml: |\n{inner}---\nkind: Pod\nspec: {{image: 'q.io/a:1'}}\n")
    assert airlock(0, "list", "--from-manifests", file).out.split() == ["q.io/a:1"]
    both = airlock(0, "list", "--from-manifests", file, "--in-config-maps").out.split()
    assert both == ["docker.io/library/redis:7", "q.io/a:1"]

# SPDX-License-Identifier: Apache-2.0
import pytest


def test_prints_one_reference_per_line(airlock):
    result = airlock(0, "list", "--filter", "base", "--kubernetes-versions", "v1.29.4,v1.28.8")
    lines = result.out.splitlines()
    assert len(lines) == 20 and lines == sorted(lines)
    assert "quay.io/calico/node:v3.27.4" in lines and "registry.k8s.io/kube-proxy:v1.28.8" in lines
    assert "KubeOne v1.8.6" in result.err


def test_json_says_why(airlock):
    data = airlock(0, "list", "--filter", "control-plane", "--kubernetes-versions", "1.29.4", "--output", "json").json
    assert data["kubeone"] == "v1.9.2" or data["kubeone"] == "v1.8.6"
    pause = next(i for i in data["images"] if i["source"] == "registry.k8s.io/pause:3.9")
    assert pause["components"] == ["pause", "sandbox"] and pause["groups"] == ["control-plane"]


def test_images_file_and_exclude(airlock, tmp_path):
    (tmp_path / "images").write_text("# ours\nalpine:3\nquay.io/a/b:1 # two\n")
    out = airlock(0, "list", "--images-file", tmp_path / "images", "--exclude", "quay.io/*").out
    assert out == "docker.io/library/alpine:3\n"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--filter", "basic"], "unknown filter"),
        (["--kubernetes-versions", "v1.99.0"], "is not in the catalog"),
        (["--kubeone", "9.9"], "known releases: 1.5, 1.6"),
        (["--image", "quay.io/A"], "not an image reference"),
        (["--kubernetes-versions", "v1.22.0,v1.36.0"], "no KubeOne release supports all"),
    ],
)
def test_refusals_have_status_3_and_advice(airlock, arguments, words):
    result = airlock(3, "list", *arguments)
    assert words in result.err and "next:" in result.err and result.out == ""


def test_a_missing_images_file_has_status_5(airlock, tmp_path):
    assert "No such file" in airlock(5, "list", "--images-file", tmp_path / "none").err

# SPDX-License-Identifier: Apache-2.0
"""Docker Hub counts pulls: airlock asks before it fetches, and says when what is left will not do."""

import pytest
from conftest import files_in
from lab import images


@pytest.fixture
def hub(fake_registry):
    """Two names for one image, and another image."""
    factory = images.Factory(packages=None)
    same = factory.manifest("amd64", [((), "gzip", (("etc/same", b"same"),))], images.OCI)
    other = factory.manifest("amd64", [((), "gzip", (("etc/other", b"other"),))], images.OCI)
    server = fake_registry()
    images.fill(
        server,
        factory.store,
        {"docker.io/lab/one:1": same, "docker.io/lab/one:latest": same, "docker.io/lab/two:1": other},
    )
    server.forget()
    return server


def limits(remaining, limit=100):
    headers = {"ratelimit-limit": f"{limit};w=21600", "ratelimit-remaining": f"{remaining};w=21600"}
    return {"match": "HEAD */manifests/*", "headers": headers, "times": 0}


def export(airlock, keys, server, tmp_path, status, *more):
    return airlock(
        status,
        "export",
        "--image",
        "lab/one:1",
        "--image",
        "lab/one",
        "--image",
        "docker.io/lab/two:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--no-referrers",
        "--mirror",
        f"docker.io=http://{server.host}",
        *more,
    )


def test_images_that_are_the_same_cost_one_pull(airlock, keys, hub, tmp_path):
    hub.rules(limits(76))
    err = export(airlock, keys, hub, tmp_path, 0).err
    assert "Docker Hub grants 76 of 100 more pulls; this export needs up to 6" in err
    assert len(hub.requests("HEAD", "/manifests/")) == 3
    pulls = [r["path"] for r in hub.requests("GET", "/manifests/")]
    assert len(pulls) == 2 and all(
        "/manifests/sha256:" in path for path in pulls
    )  # what was counted is what is fetched


def test_too_few_pulls_are_known_before_any_is_used(airlock, keys, hub, tmp_path):
    hub.rules(limits(1))
    for more in ([], ["--dry-run"]):
        err = export(airlock, keys, hub, tmp_path, 4, *more).err
        assert (
            "grants 1 of 100 more pulls, and this export needs at least 2" in err
            and "--mirror docker.io=HOST" in err
            and "docker login" in err
        )
    assert hub.requests("GET", "/manifests/") == [] and files_in(tmp_path) == []


def test_few_pulls_are_a_warning(airlock, keys, hub, tmp_path):
    hub.rules(limits(3))
    assert (
        "warning: Docker Hub grants 3 of 100 more pulls, and this export needs up to 6"
        in export(airlock, keys, hub, tmp_path, 0).err
    )


def test_a_hub_that_says_nothing_of_limits(airlock, keys, hub, tmp_path):
    assert "grants" not in export(airlock, keys, hub, tmp_path, 0).err


def test_an_image_that_is_missing_is_named(airlock, keys, hub, tmp_path):
    err = airlock(
        4,
        "export",
        "--image",
        "lab/three:1",
        "--image",
        "lab/two:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"docker.io=http://{hub.host}",
    ).err
    assert "1 of 2 images cannot be had" in err and "docker.io/lab/three:1" in err

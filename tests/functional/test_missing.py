# SPDX-License-Identifier: Apache-2.0
"""Going on without images that upstream does not have, where a person allows it."""

import pytest


@pytest.fixture
def export(airlock, keys, filled, tmp_path):
    server = filled()
    mirror = ["--mirror", f"quay.io=http://{server.host}"]
    images = [word for name in ("one:1", "gone:1", "two:1") for word in ("--image", f"quay.io/lab/{name}")]

    def run(status, *more):
        run.server = server
        return airlock(status, "export", *images, *mirror, "--key", keys / "alice.key", "-o", tmp_path / "b.tar", *more)

    return run


def test_nothing_is_left_out_unless_it_is_allowed(export, tmp_path):
    made = export(4)
    assert "quay.io/lab/gone:1" in made.err and "--allow-missing" in made.err
    assert "quay.io/lab/gone:1" in export(4, "--allow-missing", "quay.io/lab/one:1").err
    assert not (tmp_path / "b.tar").exists()


@pytest.mark.parametrize("allowed", ["all", "quay.io/lab/gone:1"])
def test_what_is_missing_is_named_and_signed(airlock, export, keys, plain, tmp_path, allowed):
    made = export(9, "--allow-missing", allowed, "--output", "json")
    assert made.json["missing"] == [
        {"source": "quay.io/lab/gone:1", "reason": "source registry: there is no such image"}
    ]
    key = ["--key", keys / "alice.pub"]
    bundle = tmp_path / "b.tar"
    airlock(0, "verify", bundle, *key)
    assert "missing    quay.io/lab/gone:1: " in airlock(0, "inspect", bundle).out
    assert "quay.io/lab/gone:1" in airlock(0, "import", bundle, plain.host, *key, "--insecure").err
    checked = airlock(0, "check", plain.host, "--bundle", bundle, *key, "--insecure")
    assert "1 image of the selection is not in the bundle" in checked.err
    assert "the bundle lacks 1 image of its selection" in checked.out
    for command in (["import", bundle, plain.host], ["check", plain.host, "--bundle", bundle]):
        assert airlock(0, *command, *key, "--insecure", "--output", "json").json["missing"] == made.json["missing"]


def test_a_lock_keeps_what_is_missing(airlock, export, keys, tmp_path):
    """What was left out when it was resolved is said by all that comes of it."""
    export(9, "--allow-missing", "all")
    mirror = ["--mirror", f"quay.io=http://{export.server.host}"]
    chosen = ["--image", "quay.io/lab/one:1", "--image", "quay.io/lab/gone:1", *mirror]
    lock = tmp_path / "l.lock"
    made = airlock(9, "resolve", *chosen, "--allow-missing", "all", "-o", lock, "--output", "json")
    assert [one["source"] for one in made.json["missing"]] == ["quay.io/lab/gone:1"]
    assert 'source: "quay.io/lab/gone:1"' in lock.read_text()
    locked = ["export", "--lock", lock, *mirror, "--key", keys / "alice.key", "-o", tmp_path / "locked.tar"]
    assert "quay.io/lab/gone:1" in airlock(9, *locked).err
    assert "missing    quay.io/lab/gone:1" in airlock(0, "inspect", tmp_path / "locked.tar").out


def test_a_registry_that_cannot_be_reached_is_no_absence(airlock, keys, tmp_path):
    export = ["export", "--image", "127.0.0.1:1/x:1", "--allow-missing", "all", "--key", keys / "alice.key"]
    assert "cannot reach" in airlock(4, *export, "-o", tmp_path / "b.tar").err


def test_a_bundle_of_nothing_is_none(airlock, export, keys, tmp_path):
    mirror = ["--mirror", "quay.io=http://" + (export(4), export.server.host)[1]]
    only = ["export", "--image", "quay.io/lab/gone:1", "--allow-missing", "all", *mirror]
    made = airlock(4, *only, "--key", keys / "alice.key", "-o", tmp_path / "c.tar")
    assert "none of 1 image can be had" in made.err


def test_a_merge_completes_what_was_missing(airlock, export, keys, export_small, tmp_path):
    export(9, "--allow-missing", "all")
    export_small(0, export.server)
    both = ["merge", tmp_path / "b.tar", tmp_path / "small.tar", "--trusted", keys / "alice.pub"]
    airlock(0, *both, "--key", keys / "alice.key", "-o", tmp_path / "m.tar")
    assert "missing    quay.io/lab/gone:1" in airlock(0, "inspect", tmp_path / "m.tar").out

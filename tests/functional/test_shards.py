# SPDX-License-Identifier: Apache-2.0
"""One bundle, imported by several processes as deploy/kubernetes has it."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from conftest import PROGRAM, ROOT

DEPLOY = ROOT / "deploy/kubernetes"


def arguments_of(name, replaced):
    """Of the container in a Job, with what is mounted there replaced."""
    lines = (DEPLOY / name).read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip() == "args:") + 1
    arguments = []
    for line in lines[at:]:
        if not line.strip().startswith("- "):
            break
        arguments.append(line.strip().removeprefix("- "))
    for old, new in replaced.items():
        arguments = [argument.replace(old, str(new)) for argument in arguments]
    return [argument for argument in arguments if not argument.startswith("--cacert")]


@pytest.fixture
def job(bundle, keys, plain, tmp_path, environment):
    """Starts the pod of an index; the registry is a plain one."""
    replaced = {
        "/bundle/kubernetes.tar": bundle,
        "registry.local:5000": plain.host,
        "/trust/exporter.pub": keys / "alice.pub",
    }

    def start(index, name="import-job.yaml"):
        state = {"/state": tmp_path / f"state-{index}"}
        command = [PROGRAM, *arguments_of(name, {**replaced, **state}), "--insecure"]
        own = {**environment, "JOB_COMPLETION_INDEX": str(index)}
        return subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def test_all_shards_together_are_the_whole(airlock, job, bundle, keys, plain):
    pods = [job(index) for index in range(4)]
    results = [pod.communicate(timeout=200) for pod in pods]
    assert [pod.returncode for pod in pods] == [0] * 4, results
    check = job(0, "check-job.yaml")
    out, err = check.communicate(timeout=100)
    assert check.returncode == 0 and "complete: 14 names" in out, err
    # Nothing is left for one who imports all of it, and he can give the receipt.
    command = ["import", bundle, f"{plain.host}/kubernetes", "--key", keys / "alice.pub", "--insecure"]
    again = airlock(0, *command, "--output", "json").json
    assert again["blobsSent"] == 0 and again["manifestsSent"] == 0


def test_pods_that_are_killed_at_random_and_started_again(job, request):
    """In the end each has said once that it is done; each kill falls into another moment of its run."""
    chance = random.Random(int(os.environ.get("AIRLOCK_SEED", "1")))
    kills = 0
    pods = {index: job(index) for index in range(4)}
    while pods:
        time.sleep(chance.uniform(0, 0.05))
        index = chance.choice(list(pods))
        if kills < 25 and pods[index].poll() is None:
            pods[index].send_signal(signal.SIGKILL)
            kills += 1
        if pods[index].poll() is None:
            continue
        err = pods[index].communicate(timeout=100)[1]
        if pods[index].returncode == 0:
            del pods[index]
        else:
            assert pods[index].returncode == -signal.SIGKILL, err
            pods[index] = job(index)
    check = job(0, "check-job.yaml")
    out, err = check.communicate(timeout=100)
    assert check.returncode == 0 and "complete" in out, err


def test_a_check_before_all_shards_are_done_fails_so_that_it_is_tried_again(job):
    first = job(0)
    assert first.wait(200) == 0
    check = job(0, "check-job.yaml")
    assert check.wait(100) == 4


@pytest.mark.parametrize("order", [[1, 2, 3, 4], [3, 1, 4, 2]])
def test_what_shards_share_is_sent_once(airlock, bundle, keys, plain, order):
    """One after another, in whatever order: each finds what an earlier one has sent."""
    command = ["import", bundle, plain.host, "--key", keys / "alice.pub", "--insecure", "--output", "json"]
    parts = [airlock(0, *command, "--shard", f"{number}/4").json for number in order]
    plain.empty()
    whole = airlock(0, *command).json
    for what in ("blobsSent", "bytesSent", "blobsMounted", "manifestsSent"):
        assert sum(part[what] for part in parts) == whole[what], what
    assert [part for part in parts if part["blobsMounted"] > 0] and all(part["blobsSent"] > 0 for part in parts)


@pytest.mark.parametrize("order", [[1, 2], [2, 1]])
def test_a_shard_that_may_not_look_at_the_others_repositories_sends_it_all(
    airlock, filled, export_small, keys, fake_registry, tmp_path, order
):
    export_small(0, filled())
    target = fake_registry()
    command = ["import", tmp_path / "small.tar", target.host, "--key", keys / "alice.pub", "--insecure"]
    first = airlock(0, *command, "--output", "json", "--shard", f"{order[0]}/2").json
    (others,) = {put["path"].split("/manifests/")[0] for put in target.requests("PUT", "/manifests/")}
    target.rules({"match": f"HEAD {others}/blobs/*", "status": 403, "times": 0})
    second = airlock(0, *command, "--output", "json", "--shard", f"{order[1]}/2").json
    assert first["blobsSent"] == second["blobsSent"] == 3  # the config and both layers
    target.rules()
    airlock(0, "check", "--bundle", tmp_path / "small.tar", target.host, "--key", keys / "alice.pub", "--insecure")


def test_a_shard_says_what_it_is_and_more_shards_than_images_do_no_harm(airlock, bundle, keys, plain):
    command = ["import", bundle, plain.host, "--key", keys / "alice.pub", "--insecure"]
    err = airlock(0, *command, "--shard", "1/3").err
    assert "shard 1/3" in err
    assert "shard 90/90: no image" in airlock(0, *command, "--shard", "90/90").err
    assert "shard 90/90" in airlock(0, *command, "--shard", "90/90", "--dry-run").err


def test_what_does_not_fit(airlock, bundle, keys, plain, tmp_path):
    command = ["import", bundle, plain.host, "--key", keys / "alice.pub", "--insecure"]
    assert "is not a shard" in airlock(2, *command, "--shard", "5/4").err
    assert "JOB_COMPLETION_INDEX does not say" in airlock(2, *command, "--shards", "4").err
    err = airlock(2, *command, "--shard", "1/4", "--receipt", tmp_path / "r.json").err
    assert "no receipt can be given" in err and "without --shard" in err
    assert "is not a shard" in airlock(2, *command, "--shard", "").err
    err = airlock(2, *command, "--shard", "1/4", "--emit", tmp_path / "e.yaml").err
    assert "have to wait for the others" in err and not (tmp_path / "e.yaml").exists()
    airlock(0, *command, "--shard", "1/1", "--receipt", tmp_path / "r.json")


def test_the_manifests_meet_the_published_schemas(tmp_path_factory):
    """Kubernetes' own, as the PyPI package kubernetes-validate carries them."""
    folder = tmp_path_factory.mktemp("validate")
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
    if made.returncode == 0:
        install = [folder / "bin/pip", "install", "-q", "kubernetes-validate", "setuptools<81"]
        made = subprocess.run(install, capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip("there is no kubernetes-validate here")
    program = [folder / "bin/kubernetes-validate", "--strict"]
    for name in ("import-job.yaml", "check-job.yaml"):
        result = subprocess.run([*program, DEPLOY / name], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr

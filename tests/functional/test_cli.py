# SPDX-License-Identifier: Apache-2.0
import json

import pytest

VERBS = [
    "list",
    "export",
    "sign",
    "approve",
    "verify",
    "inspect",
    "import",
    "config",
    "keygen",
    "pubkey",
    "policy check",
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(airlock, verb):
    text = airlock(0, *verb.split(), "--help").out
    assert f"Example:\n  airlock {verb}" in text or f"Examples:\n  airlock {verb}" in text
    for option in ("--output", "--quiet", "--verbose"):
        assert option in text


def test_help_and_version(airlock):
    text = airlock(0, "--help").out
    assert all(verb.split()[0] in text for verb in VERBS)
    assert airlock(0, "--version").out.startswith("airlock 0.")


@pytest.mark.parametrize(
    "arguments",
    [[], ["fetch"], ["list", "--colour"], ["export", "--jobs", "0"], ["verify", "x"], ["list", "--output", "xml"]],
)
def test_usage_errors_have_status_2(airlock, arguments):
    result = airlock(2, *arguments)
    assert "airlock: error:" in result.err and "next:" in result.err


def test_a_mistyped_verb_is_named(airlock):
    err = airlock(2, "exprot", "--help").err
    assert 'has no verb "exprot"' in err and "did you mean airlock export?" in err


def test_errors_as_json(airlock):
    result = airlock(3, "list", "--filter", "basic", "--output", "json")
    error = json.loads(result.out)["error"]
    assert error["code"] == "selection" and error["exitStatus"] == 3 and error["hint"]


def test_output_that_cannot_be_written_is_an_error(airlock, environment):
    import subprocess

    from conftest import PROGRAM

    with open("/dev/full", "w") as full:
        process = subprocess.run([PROGRAM, "list"], stdout=full, stderr=subprocess.PIPE, env=environment, text=True)
    assert process.returncode == 5 and "cannot write to standard output" in process.stderr


def test_options_that_may_be_repeated_take_one_value_each(airlock):
    # else an option would swallow what follows it
    out = airlock(0, "list", "--image", "alpine:3", "--image", "quay.io/a:1", "--exclude", "quay.io/*").out
    assert out == "docker.io/library/alpine:3\n"
    assert "quay.io/a:1" in airlock(2, "list", "--image", "alpine:3", "quay.io/a:1").err

# SPDX-License-Identifier: Apache-2.0
"""A well-behaved process: whatever surrounds it at its start, and whoever ends it."""

import fcntl
import json
import os
import pty
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
import termios
import time

import pytest
from conftest import PROGRAM
from lab import images


def served(fake_registry, small_images):
    factory, made = small_images
    server = fake_registry()
    images.fill(server, factory.store, made)
    return server


def run(environment, *arguments, before=None, **more):
    return subprocess.run([PROGRAM, *map(str, arguments)], env=environment, preexec_fn=before, timeout=120, **more)


def close(*descriptors):
    def before():
        for number in descriptors:
            os.close(number)

    return before


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
def test_missing_descriptors_get_nothing_of_the_bundles(airlock, keys, environment, bundle, tmp_path, closed):
    """A file of the program's own must not become descriptor 2 and get its messages."""
    for number, verb in enumerate(("sign", "approve")):
        copy = tmp_path / f"{verb}.tar"
        shutil.copy(bundle, copy)
        run(environment, verb, copy, "--key", keys / "mallory.key", "--name", f"m{number}", before=close(*closed))
        airlock(0, "verify", copy, "--key", keys / "alice.pub")
        airlock(0, "verify", copy, "--key", keys / "alice.pub", "--jobs", "1")
    run(environment, "split", bundle, "--volume-size", "1MiB", "-o", tmp_path / "s.tar", before=close(*closed))
    run(
        environment,
        "merge",
        bundle,
        bundle,
        "-o",
        tmp_path / "m.tar",
        "--trusted",
        keys / "alice.pub",
        "--key",
        keys / "alice.key",
        before=close(*closed),
    )
    for made in (tmp_path / "s.tar.001", tmp_path / "m.tar"):
        airlock(0, "verify", made, "--key", keys / "alice.pub")


def test_a_signal_that_was_ignored_stays_ignored(airlock, keys, environment, fake_registry, small_images, tmp_path):
    server = served(fake_registry, small_images)
    server.rules({"match": "GET */blobs/*", "delay": 1500, "times": 0})
    command = [
        PROGRAM,
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"quay.io=http://{server.host}",
    ]
    process = subprocess.Popen(
        list(map(str, command)),
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509  one system call, no lock
    )
    while not server.requests("GET", "/blobs/"):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 0, err


def test_an_interruption_ends_a_wait_for_input(environment):
    process = subprocess.Popen(
        [PROGRAM, "list", "--from-manifests", "-"], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_channel = f"/proc/{process.pid}/syscall"
    while "running" in (state := open(wait_channel).read()) or not state.startswith(
        ("7 ", "271 ", "0 ")
    ):  # poll, ppoll, read
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130


def test_an_interruption_at_the_passphrase_asks_no_second_time(airlock, environment, bundle, tmp_path):
    (tmp_path / "passphrase").write_text("secret words here\n")
    airlock(0, "keygen", tmp_path / "bob", "--passphrase-file", tmp_path / "passphrase")
    ours, theirs = pty.openpty()

    def on_terminal():
        os.setsid()
        for number in range(3):
            os.dup2(theirs, number)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [PROGRAM, "sign", bundle, "--key", tmp_path / "bob.key"],
        env=environment,
        preexec_fn=on_terminal,  # noqa: PLW1509  system calls, no lock
    )
    shown = b""
    while b"Passphrase of" not in shown:
        shown += os.read(ours, 4096)
    while termios.tcgetattr(ours)[3] & termios.ECHO:
        time.sleep(0.02)
    os.write(ours, b"\x03")
    assert process.wait(timeout=60) == 130
    os.close(theirs)
    os.set_blocking(ours, False)
    try:
        shown += os.read(ours, 4096)
    except OSError:
        pass
    assert shown.count(b"Passphrase of") == 1
    os.close(ours)


def test_a_reader_that_has_gone_ends_the_program_quietly(environment):
    process = subprocess.Popen(
        [PROGRAM, "list", "--kubeone", "1.8"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=60) == -signal.SIGPIPE and b"error" not in err


def test_help_goes_into_a_pipe_too(airlock, environment):
    assert "Usage: airlock export" in airlock(0, "export", "--help").out
    assert airlock(0, "--version").out.startswith("airlock ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-V"], ["export", "--help"], ["help"]])
def test_help_that_cannot_be_written(environment, arguments):
    with open("/dev/full", "w") as full:
        process = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, env=environment)
    assert process.returncode == 5 and b"next: " in process.stderr


@pytest.mark.parametrize(
    "arguments", [["verify", "/nonexistent", "--key", "x"], ["list", "--filter", "bsae"], ["list", "--nonsense"]]
)
def test_an_error_among_json_is_json(environment, arguments):
    process = run(environment, *arguments, "--output", "json", capture_output=True, text=True)
    events = [json.loads(line) for line in process.stderr.splitlines()]
    assert (
        process.returncode == events[-1]["exitStatus"] != 0 and events[-1]["event"] == "error" and events[-1]["message"]
    )
    assert json.loads(process.stdout)["error"]["exitStatus"] == process.returncode


@pytest.mark.skipif(os.geteuid() != 0, reason="the limit of threads needs another user")
def test_a_machine_that_gives_few_threads(airlock, keys, environment, bundle, tmp_path):
    shutil.copy(PROGRAM, tmp_path / "airlock")
    shutil.copy(bundle, tmp_path / "b.tar")
    shutil.copy(keys / "alice.pub", tmp_path / "alice.pub")

    def few():
        os.setgroups([])
        os.setresgid(54321, 54321, 54321)
        os.setresuid(54321, 54321, 54321)
        resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))

    for place in (tmp_path, *tmp_path.iterdir()):
        place.chmod(0o755)
    for place in tmp_path.parents:
        if place.stat().st_uid == 0 and str(place).startswith(tempfile.gettempdir() + "/"):
            place.chmod(0o755)
    process = subprocess.run(
        [tmp_path / "airlock", "verify", tmp_path / "b.tar", "--key", tmp_path / "alice.pub", "--jobs", "16"],
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=few,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr


def test_nothing_is_remembered_without_a_home(airlock, keys, environment, bundle, plain, tmp_path):
    nowhere = {name: value for name, value in environment.items() if name != "HOME"}
    command = ["import", bundle, plain.host, "--insecure"]
    for more in (["--dry-run"], []):
        process = run(nowhere, *command, "--key", keys / "alice.pub", *more, capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
    policy = tmp_path / "policy.yaml"
    fingerprint = airlock(0, "pubkey", keys / "alice.pub", "--output", "json").json["fingerprint"]
    policy.write_text(
        f'version: 1\nkeys: {{alice: {{file: {keys / "alice.pub"}, spki_sha256: "{fingerprint}"}}}}\nrevoked: []\n'
        "streams: {default: {require: [{role: exporter, keys: [alice]}]}}\n"
    )
    process = run(nowhere, *command, "--policy", policy, capture_output=True, text=True)
    assert process.returncode == 2 and "--state-dir" in process.stderr


def test_printed_commands_can_be_run_as_they_are(airlock, keys, fake_registry, small_images, tmp_path):
    server = served(fake_registry, small_images)
    where = ["--image", "quay.io/lab/one:1", "--mirror", f"quay.io=http://{server.host}"]
    for name in ("-k.tar", "my bundle.tar", "it's.tar"):
        shown = airlock(0, "export", *where, "--key", keys / "alice.key", "-o", name, cwd=tmp_path).err
        command = next(line for line in shown.splitlines() if line.strip().startswith("airlock verify "))
        airlock(0, *shlex.split(command)[1:], cwd=tmp_path)
    shown = airlock(0, "resolve", *where, "-o", "-l.lock", cwd=tmp_path).err
    command = next(line for line in shown.splitlines() if line.strip().startswith("airlock export --lock"))
    words = [{"KEY": keys / "alice.key", "BUNDLE": "again.tar"}.get(word, word) for word in shlex.split(command)[1:]]
    airlock(0, *words, "--mirror", f"quay.io=http://{server.host}", cwd=tmp_path)


def test_a_terminal_that_only_prints_gets_no_cursor_movements(keys, environment, fake_registry, small_images, tmp_path):
    server = served(fake_registry, small_images)
    server.rules({"match": "GET */blobs/*", "delay": 700, "times": 0})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            PROGRAM,
            "export",
            "--image",
            "quay.io/lab/one:1",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / "b.tar",
            "--mirror",
            f"quay.io=http://{server.host}",
        ],
        env={**environment, "TERM": "dumb"},
        stderr=theirs,
        stdout=subprocess.DEVNULL,
    )
    assert process.wait(timeout=60) == 0
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass
    assert b"pulling" in shown and b"\x1b" not in shown


def test_passwords_do_not_get_into_core_files(filled, export_small, environment, tmp_path):
    server = filled("--auth", "basic")
    programs = tmp_path / "programs"
    programs.mkdir()
    script = programs / "docker-credential-lab"
    script.write_text(
        f"#!/bin/sh\nulimit -c > {programs}/limit\ncat > /dev/null\n"
        'echo \'{"Username":"user","Secret":"password"}\'\n'
    )
    script.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "lab"}))
    export_small(0, server, env={"PATH": f"{programs}:{environment['PATH']}", "DOCKER_CONFIG": str(tmp_path)})
    assert (programs / "limit").read_text() == "0\n"

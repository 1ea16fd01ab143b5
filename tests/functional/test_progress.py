# SPDX-License-Identifier: Apache-2.0
"""What a person watches: a moving line on a terminal, plain lines elsewhere, objects for machines."""

import json
import os
import pty
import subprocess

import pytest
from conftest import PROGRAM

from lab import images


def slow_export(keys, server, tmp_path, *more):
    return [PROGRAM, "export", "--image", "quay.io/lab/one:1", "--key", str(keys / "alice.key"), "-o", str(tmp_path / "b.tar"),
            "--mirror", f"quay.io=http://{server.host}", *more]  # fmt: skip


def start(fake_registry, small_images):
    factory, made = small_images
    server = fake_registry()
    images.fill(server, factory.store, made)
    server.rules({"match": "GET */blobs/*", "delay": 700, "times": 0})
    return server


def test_a_terminal_sees_one_moving_line(fake_registry, small_images, keys, tmp_path, environment):
    server = start(fake_registry, small_images)
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("this machine has no pseudo-terminals (is /dev/pts mounted?)")
    process = subprocess.Popen(slow_export(keys, server, tmp_path), stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side has closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    assert process.wait() == 0
    text = seen.decode()
    assert "\rpulling: 0 of 3" in text and "\033[K" in text and text.endswith("\n")
    assert "\npulling: 3 of 3" in text.replace("\r\033[K", "\n")  # the phase leaves its totals


def test_elsewhere_there_are_plain_lines(fake_registry, small_images, keys, tmp_path, environment):
    server = start(fake_registry, small_images)
    process = subprocess.run(slow_export(keys, server, tmp_path), capture_output=True, text=True, env=environment)
    assert "\r" not in process.stderr and "\033" not in process.stderr
    assert "resolving: 1 of 1" in process.stderr and "pulling: 3 of 3" in process.stderr


def test_machines_get_objects(fake_registry, small_images, keys, tmp_path, environment):
    server = start(fake_registry, small_images)
    process = subprocess.run(slow_export(keys, server, tmp_path, "--output", "json"), capture_output=True, text=True, env=environment)
    events = [json.loads(line) for line in process.stderr.splitlines()]
    assert {event["event"] for event in events} <= {"note", "progress"} and json.loads(process.stdout)["blobs"] == 4


def test_quiet_says_nothing(fake_registry, small_images, keys, tmp_path, environment):
    server = start(fake_registry, small_images)
    process = subprocess.run(slow_export(keys, server, tmp_path, "--quiet"), capture_output=True, text=True, env=environment)
    assert process.returncode == 0 and process.stderr == ""

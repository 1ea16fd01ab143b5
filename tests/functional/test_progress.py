# SPDX-License-Identifier: Apache-2.0
"""What a person watches: a moving line on a terminal, plain lines elsewhere, objects for machines."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest
from conftest import PROGRAM
from lab import images


def slow_export(keys, server, tmp_path, *more):
    return [
        PROGRAM,
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--key",
        str(keys / "alice.key"),
        "-o",
        str(tmp_path / "b.tar"),
        "--mirror",
        f"quay.io=http://{server.host}",
        *more,
    ]


def start(fake_registry, small_images):
    factory, made = small_images
    server = fake_registry()
    images.fill(server, factory.store, made)
    server.rules({"match": "GET */blobs/*", "delay": 700, "times": 0})
    return server


class Terminal:
    """As much of a terminal as airlock uses: lines that wrap, moving up, erasing to the end.

    Narrowing reflows, as VTE does.
    """

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column = columns, [""], 0, 0
        self.most = 0  # rows of the area at its largest

    def feed(self, text):
        for token in re.findall(r"\x1b\[(\d*)([A-Z])|([\s\S])", text):
            number, command, character = token
            if command == "A":
                self.most = max(self.most, int(number) + 1)
                self.row = max(0, self.row - int(number))
            elif command == "J":
                self.rows = self.rows[: self.row] + [self.rows[self.row][: self.column]]
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self.row += 1
                self.rows += [""] * (self.row + 1 - len(self.rows))
            else:
                assert not command, f"an escape sequence that this terminal does not know: {token}"
                if self.column == self.columns:
                    self.feed("\r\n")
                line = self.rows[self.row].ljust(self.column)
                self.rows[self.row] = line[: self.column] + character + line[self.column + 1 :]
                self.column += 1

    def narrow(self, columns):
        narrow = Terminal(columns)
        narrow.most = self.most
        narrow.feed("\r\n".join(self.rows))
        self.__dict__.update(narrow.__dict__)


@pytest.mark.parametrize("narrowed", [None, 33])
def test_a_terminal_sees_one_area(fake_registry, small_images, keys, tmp_path, environment, narrowed):
    server = start(fake_registry, small_images)
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("this machine has no pseudo-terminals (is /dev/pts mounted?)")
    size = lambda columns: fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    size(100)
    process = subprocess.Popen(
        slow_export(keys, server, tmp_path), stdout=subprocess.DEVNULL, stderr=theirs, env=environment
    )
    terminal, seen = Terminal(100), ""
    while True:
        if theirs is not None and "lab/one" in seen:
            if narrowed:  # while the area is on the screen
                size(narrowed)
                terminal.narrow(narrowed)
            os.close(theirs)
            theirs = None
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side has closed
            break
        if not piece:
            break
        seen += piece.decode()
        terminal.feed(piece.decode())
    os.close(ours)
    assert process.wait() == 0
    assert "pulling: 0 of 3" in seen and terminal.most >= 2  # totals, and at least one blob on its way
    left = "\n".join(terminal.rows)
    assert (
        left.count("resolving: 1 of 1") == left.count("pulling: 3 of 3") == 1
    )  # each phase leaves its totals, and only these
    assert "0 of 3" not in left and "lab/one " not in left and left.count("flushing and signing") == 1


def test_elsewhere_there_are_plain_lines(fake_registry, small_images, keys, tmp_path, environment):
    server = start(fake_registry, small_images)
    process = subprocess.run(slow_export(keys, server, tmp_path), capture_output=True, text=True, env=environment)
    assert "\r" not in process.stderr and "\033" not in process.stderr
    assert "resolving: 1 of 1" in process.stderr and "pulling: 3 of 3" in process.stderr


def test_machines_get_objects(fake_registry, small_images, keys, tmp_path, environment):
    server = start(fake_registry, small_images)
    process = subprocess.run(
        slow_export(keys, server, tmp_path, "--output", "json"), capture_output=True, text=True, env=environment
    )
    events = [json.loads(line) for line in process.stderr.splitlines()]
    assert {event["event"] for event in events} <= {"note", "progress"} and json.loads(process.stdout)["blobs"] == 4
    progress = [event for event in events if event["event"] == "progress" and event["phase"] == "pulling"]
    assert (
        progress[-1]["itemsDone"] == 3
        and progress[-1]["bytesDone"] == progress[-1]["bytesTotal"] > 0
        and progress[-1]["moving"] == []
    )


def test_quiet_says_nothing(fake_registry, small_images, keys, tmp_path, environment):
    server = start(fake_registry, small_images)
    process = subprocess.run(
        slow_export(keys, server, tmp_path, "--quiet"), capture_output=True, text=True, env=environment
    )
    assert process.returncode == 0 and process.stderr == ""

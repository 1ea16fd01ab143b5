# SPDX-License-Identifier: Apache-2.0
"""tools/peers with a go that only pretends: what it builds again, what it keeps, and that its budget ends it."""

import contextlib
import os
import pathlib
import subprocess

import pytest
from conftest import ROOT
from lab.peers import PEERS

PRETENDER = """#!/bin/sh
echo "$$ $*" >> "$CALLS"
case "$*" in *"$REFUSED"*) echo "no such module" >&2; exit 1 ;; esac
case "$*" in *"$HANGS"*) sleep 600 & wait ;; esac
for last; do :; done
name=${last%@*}
[ -z "${GOBIN:-}" ] || echo program > "$GOBIN/${name##*/}" && chmod +x "$GOBIN/${name##*/}"
"""


@pytest.fixture
def peers(tmp_path):
    """Runs tools/peers with arguments: peers(status, …, HANGS="oras")."""
    (tmp_path / "path").mkdir()
    program = tmp_path / "path/go"
    program.write_text(PRETENDER)
    program.chmod(0o755)

    def run(status, *arguments, **more):
        settings = {"CALLS": str(tmp_path / "calls"), "AIRLOCK_PEERS": str(tmp_path / "cache")}
        never = {"HANGS": "/nothing/", "REFUSED": "/nothing/"}
        env = {**os.environ, **settings, **never, **more, "PATH": f"{tmp_path}/path:{os.environ['PATH']}"}
        done = subprocess.run([ROOT / "tools/peers", *arguments], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.cache = tmp_path / "cache"
    run.calls = lambda: (tmp_path / "calls").read_text().splitlines()
    return run


def test_each_peer_is_built_once_for_each_pinned_version(peers):
    peers(0)
    assert sorted(path.name for path in (peers.cache / "bin").iterdir()) == sorted(PEERS)
    assert [call.split("@")[-1] for call in peers.calls()] == [peer.version for peer in PEERS.values()]
    assert "missing" not in peers(0, "--list")
    for part in ("mod", "build"):  # as go fills them
        (peers.cache / part / "sub").mkdir(parents=True)
    peers(0)
    assert len(peers.calls()) == len(PEERS)
    assert sorted(path.name for path in peers.cache.iterdir()) == ["bin", "lock", "stamps"]
    (peers.cache / "stamps/oras").write_text("oras.land/oras/cmd/oras@v1.0.0")
    assert "missing" in peers(0, "--list", "oras")
    peers(0)
    assert len(peers.calls()) == len(PEERS) + 1
    assert peers.calls()[-1].endswith("oras.land/oras/cmd/oras@" + PEERS["oras"].version)


def test_what_go_refuses_is_named_and_the_others_are_built(peers):
    said = peers(1, "crane", "zot", REFUSED="zotregistry")
    assert "zot: NOT BUILT: no such module" in said and said.endswith("not built: zot\n")
    assert [path.name for path in (peers.cache / "bin").iterdir()] == ["crane"]


def test_a_budget_stops_go_and_what_it_started_and_names_what_is_not_ready(peers):
    said = peers(1, "--budget", "0.05", "crane", "oras", "zot", HANGS="cmd/oras")
    assert "crane: v" in said and said.endswith("not built: oras, zot\n")
    pid = peers.calls()[-1].split()[0]
    assert len(peers.calls()) == 2 and not pathlib.Path(f"/proc/{pid}").exists()
    assert pid not in process_groups()  # go led a group of its own, and its compilers were in it
    assert sorted(path.name for path in peers.cache.iterdir()) == ["bin", "lock", "stamps"]


def process_groups():
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended
            state, _, group = path.read_text().rsplit(")", 1)[1].split()[:3]
            if state != "Z":  # killed, and its new parent has not looked yet
                yield group


def test_an_unknown_name_is_refused(peers):
    assert "no such peer: crème" in peers(2, "crème")

# SPDX-License-Identifier: Apache-2.0
"""Other clients and registries at pinned versions, which tools/peers builds."""

import os
import pathlib

import pytest


def peer(name):
    """The program's path. Without it the test is skipped, by that name."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    path = pathlib.Path(os.environ.get("AIRLOCK_PEERS") or cache / "airlock/peers") / "bin" / name
    if not path.exists():
        pytest.skip(f"no peer {name}: tools/peers builds it")
    return path

# SPDX-License-Identifier: Apache-2.0
"""Programs of others in the tests: what tools/peers has not built here is skipped by name."""

import subprocess

import pytest
from lab import peer_registries, peers, registry


def peer(name) -> str:
    """The path of a program that tools/peers builds."""
    if program := peers.find(name):
        return str(program)
    pytest.skip(f"no peer {name}: tools/peers builds it")


def docker_registry(directory, certificates=None, login=None):
    """Debian's docker-registry 2.8: tools/setup installs it."""
    return registry.Registry(directory, certificates, login)


def distribution(directory, certificates=None, login=None, sparse=False):
    """distribution v3 as it comes, or (`sparse`) with `validation.manifests.indexes.platforms: none`."""
    peer("distribution")
    return peer_registries.Distribution(directory, certificates, login, sparse)


def zot(directory, certificates=None, login=None, docker=False):
    """zot as it comes, or (`docker`) with `compat: ["docker2s2"]`."""
    peer("zot")
    return peer_registries.Zot(directory, certificates, login, docker)


# The registries that tests go through, as context managers: KINDS[kind](directory, certificates, login).
KINDS = {
    "docker-registry": docker_registry,
    "distribution": distribution,
    "distribution-sparse": lambda *arguments: distribution(*arguments, sparse=True),
    "zot": zot,
    "zot-docker2s2": lambda *arguments: zot(*arguments, docker=True),
}
# What refuses an index whose members are not all there, and what refuses Docker's media types.
COMPLETE_ONLY = {"docker-registry", "distribution", "zot", "zot-docker2s2"}
OCI_ONLY = {"zot"}


class Program:
    """Runs a peer and gives what it prints; a failure shows what it said."""

    def __init__(self, path, environment):
        self.path, self.environment = path, dict(environment)

    def run(self, *arguments, **options):
        return subprocess.run(
            [self.path, *map(str, arguments)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )

    def __call__(self, *arguments, **options):
        done = self.run(*arguments, **options)
        assert done.returncode == 0, f"{self.path} {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}"
        return done.stdout.strip() or done.stderr.strip()

# SPDX-License-Identifier: Apache-2.0
"""Registries that tools/peers builds, on free loopback ports like Debian's docker-registry."""

from lab import peers
from lab.registry import Registry


class Distribution(Registry):
    """distribution v3. `sparse` lets it take indexes whose members are not all there."""

    def __init__(self, directory, certificates=None, login=None, sparse=False, **options):
        more = {"validation": {"manifests": {"indexes": {"platforms": "none"}}}} if sparse else {}
        super().__init__(directory, certificates, login, more={**more, **options.pop("more", {})}, **options)

    def _command(self):
        return [str(peers.find("distribution")), "serve", "config.json"]


class Zot(Registry):
    """zot. As it comes it refuses manifests of Docker's types; `docker` makes it take them. Without `dedupe` each
    repository has its own blobs, and nothing is mounted.
    """

    def __init__(self, directory, certificates=None, login=None, docker=False, dedupe=True, more=None):
        super().__init__(directory, certificates, login, more=more)
        self.docker, self.dedupe = docker, dedupe

    def _command(self):
        return [str(peers.find("zot")), "serve", "config.json"]

    def _config(self):
        address, port = self.host.split(":")
        config = {
            "distSpecVersion": "1.1.1",
            "storage": {"rootDirectory": str(self.data), "dedupe": self.dedupe},
            "http": {"address": address, "port": port},
            "log": {"level": "info"},
        }
        if self.docker:
            config["http"]["compat"] = ["docker2s2"]
        if self.certificates:
            config["http"]["tls"] = {
                "cert": str(self.certificates / "cert.pem"),
                "key": str(self.certificates / "key.pem"),
            }
        if self.login:
            config["http"]["auth"] = {"htpasswd": {"path": str(self._passwords())}}
        return {**config, **self.more}

    def requests(self, method=""):
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if '"message":"HTTP API"' in line and f'"method":"{method}' in line]

    def empty(self):
        """It keeps what it has in memory and in databases beside the blobs: only a new start forgets them."""
        self.__exit__()
        super().empty()
        self.__enter__()

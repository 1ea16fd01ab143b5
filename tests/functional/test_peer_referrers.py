# SPDX-License-Identifier: Apache-2.0
"""What oras and cosign attach to images at the source, oras and cosign find at the target, offline and by digest."""

import json

import pytest
from lab import images
from peers import KINDS, Program, peer

pytestmark = pytest.mark.peers

SOURCES = ["distribution", "zot"]  # keeps referrers under a fallback tag; has the referrers API
SIGNED = ("one", "two")
SBOM = "application/spdx+json"


@pytest.fixture(scope="module")
def made():
    factory = images.Factory(packages=None)
    layers = [((), "gzip", (("etc/shared", b"shared " * 4000),))]
    return factory, {
        "quay.io/lab/one:1": factory.manifest("amd64", layers, images.OCI),
        "quay.io/lab/two:1": factory.index(("amd64", "arm64"), layers, images.OCI),
    }


class Origin:
    """A source with signed images and SBOMs, and the bundle that was exported from it."""

    def __init__(self, server, made, folder, environment):
        self.server, self.made, self.folder = server, made, folder
        self.environment = {**environment, "HOME": str(folder), "COSIGN_PASSWORD": ""}
        self.oras = Program(peer("oras"), self.environment)

    def where(self, name):
        return f"{self.server.host}/lab/{name}"

    def attach_sboms(self):
        for name in SIGNED:
            for number in (1, 2):
                file = f"sbom{number}.json"
                (self.folder / file).write_text(json.dumps({"SPDXID": f"{name} {number}"}))
                more = ["--artifact-type", SBOM, "--plain-http", f"{self.where(name)}:1", f"{file}:{SBOM}"]
                self.oras("attach", *more, cwd=self.folder)

    def discover(self, host, name):
        found = self.oras("discover", "--plain-http", "--depth", "1", "--format", "json", f"{host}/lab/{name}:1")
        listed = json.loads(found)["referrers"] or []
        return {(entry["digest"], entry["artifactType"]) for entry in listed}


@pytest.fixture(scope="module", params=SOURCES)
def origin(request, airlock, keys, made, environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("origin")
    with KINDS[request.param](folder / "server") as server:
        images.fill(server, made[0].store, made[1])
        origin = Origin(server, made, folder, environment)
        origin.attach_sboms()
        origin.bundle = folder / "plain.tar"
        export(airlock, keys, server, origin.bundle)
        origin.attached = {name: origin.discover(server.host, name) for name in SIGNED}
        yield origin


def export(airlock, keys, server, output):
    wanted = [option for name in SIGNED for option in ("--image", f"quay.io/lab/{name}:1")]
    mirror = f"quay.io={server.url}"
    airlock(0, "export", *wanted, "--key", keys / "alice.key", "-o", output, "--platform", "all", "--mirror", mirror)


@pytest.fixture(params=KINDS)
def target(request, tmp_path):
    with KINDS[request.param](tmp_path / "target") as running:
        yield running


def test_oras_discovers_at_the_target_what_it_attached_at_the_source(airlock, keys, origin, target):
    airlock(0, "import", origin.bundle, target.host, "--key", keys / "alice.pub", "--insecure")
    for name in SIGNED:
        attached = origin.attached[name]
        assert [kind for _, kind in attached] == [SBOM, SBOM]
        assert origin.discover(target.host, name) == attached
    airlock(0, "check", target.host, "--bundle", origin.bundle, "--key", keys / "alice.pub", "--insecure")

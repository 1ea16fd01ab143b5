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
SIGNATURE = "application/vnd.lab.signature"  # of an SBOM


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
                named = [{"referenceType": "purl", "referenceLocator": f"pkg:generic/{name}@{number}"}]
                document = {
                    "spdxVersion": "SPDX-2.3",
                    "SPDXID": "SPDXRef-DOCUMENT",
                    "packages": [{"externalRefs": named}],
                }
                (self.folder / file).write_text(json.dumps(document))
                more = ["--artifact-type", SBOM, "--plain-http", f"{self.where(name)}:1", f"{file}:{SBOM}"]
                self.oras("attach", *more, cwd=self.folder)

        (sbom, _), *_ = sorted(self.discover(self.server.host, "two"))
        more = ["--artifact-type", SIGNATURE, "--plain-http", f"{self.where('two')}@{sbom}", f"sbom1.json:{SIGNATURE}"]
        self.oras("attach", *more, cwd=self.folder)

    def discover(self, host, name):
        """What refers to an image, and what refers to that."""
        found = self.oras("discover", "--plain-http", "--format", "json", f"{host}/lab/{name}:1")
        listed, all_of_them = [json.loads(found)], set()
        while listed:
            below = listed.pop().get("referrers") or []
            all_of_them |= {(entry["digest"], entry["artifactType"]) for entry in below}
            listed += below
        return all_of_them


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


class Cosign(Program):
    """cosign with a key of its own and no network: nothing is logged, and no log is asked."""

    def __init__(self, name, folder, environment):
        super().__init__(peer(name), {**environment, "HOME": str(folder), "COSIGN_PASSWORD": ""})
        self.key, self.public = folder / "cosign.key", folder / "cosign.pub"
        if not self.key.exists():
            self("generate-key-pair", cwd=folder)

    def sign(self, where, *form):
        self("sign", "--yes", "--key", self.key, "--allow-http-registry", *form, where)

    def attest(self, where, predicate, *form):
        more = ["--predicate", predicate, "--type", "spdxjson", "--allow-http-registry"]
        self("attest", "--yes", "--key", self.key, *more, *form, where)

    def verifies(self, where, *form, key=None):
        """That the image is signed, and that it has an attestation."""
        ways = ["--key", key or self.public, "--insecure-ignore-tlog", "--allow-http-registry", *form]
        one = self.run("verify", *ways, where)
        other = self.run("verify-attestation", "--type", "spdxjson", *ways, where)
        return (one.returncode, other.returncode), one.stderr + other.stderr


# What cosign 3 does unless told otherwise: a sigstore bundle that refers to the image. And what it did before, and
# what the signatures of most images in the world are: a manifest under the tag sha256-HEX.sig or .att.
OFFLINE = ["--tlog-upload=false", "--use-signing-config=false"]
BY_TAG = "--new-bundle-format=false"


@pytest.fixture(scope="module")
def signed(origin, airlock, keys, environment):
    """The origin's images signed and attested: one by tags, two by bundles. And the bundle that took that along."""
    cosign = Cosign("cosign3", origin.folder, environment)
    predicate = origin.folder / "sbom1.json"
    cosign.sign(by_digest(origin, "one"), *OFFLINE, BY_TAG)
    cosign.attest(by_digest(origin, "one"), predicate, *OFFLINE, BY_TAG)
    cosign("signing-config", "create", "--out", origin.folder / "nothing.json")
    cosign.sign(by_digest(origin, "two"), "--signing-config", origin.folder / "nothing.json")
    cosign.attest(by_digest(origin, "two"), predicate, "--signing-config", origin.folder / "nothing.json")
    bundle = origin.folder / "signed.tar"
    export(airlock, keys, origin.server, bundle)
    return cosign, bundle


def by_digest(origin, name):
    return f"{origin.where(name)}@{origin.made[1][f'quay.io/lab/{name}:1']['digest']}"


@pytest.fixture(params=KINDS)
def target(request, tmp_path):
    with KINDS[request.param](tmp_path / "target") as running:
        yield running


def test_oras_discovers_at_the_target_what_it_attached_at_the_source(airlock, keys, origin, target):
    airlock(0, "import", origin.bundle, target.host, "--key", keys / "alice.pub", "--insecure")
    for name in SIGNED:
        attached = origin.attached[name]
        assert sorted(kind for _, kind in attached) == [SBOM, SBOM] + [SIGNATURE] * (name == "two")
        assert origin.discover(target.host, name) == attached
    airlock(0, "check", target.host, "--bundle", origin.bundle, "--key", keys / "alice.pub", "--insecure")


def test_cosign_verifies_at_the_target_what_it_signed_at_the_source(airlock, keys, origin, signed, target):
    cosign, bundle = signed
    airlock(0, "import", bundle, target.host, "--key", keys / "alice.pub", "--insecure")
    for name, form in (("one", [BY_TAG]), ("two", [])):
        verified, said = cosign.verifies(f"{target.host}/lab/{name}:1", *form)
        assert verified == (0, 0), f"{name}: {said}"
    airlock(0, "verify", bundle, "--key", keys / "alice.pub")
    airlock(0, "check", target.host, "--bundle", bundle, "--key", keys / "alice.pub", "--insecure")


def test_the_lists_that_oras_and_cosign_attached_are_read(airlock, keys, signed):
    """Two by oras, and one in an attestation: under cosign's tag, and in a bundle of sigstore."""
    said = airlock(0, "sbom", signed[1], "--key", keys / "alice.pub")
    one, *two = said.out.split("quay.io/lab/two:1")
    assert len(two) == 2 and "was not compared" not in said.err
    for name, text in (("one", one), ("two", two[0]), ("two", two[1])):
        assert text.count("upstream's SPDX") == 3
        assert all(f"not found  pkg:generic/{name}@{number}\n" in text for number in (1, 2))


def test_cosign_finds_no_signature_where_none_was_brought(airlock, keys, origin, signed, plain):
    """Else the test above would pass whatever airlock did."""
    cosign, _ = signed
    airlock(0, "import", origin.bundle, plain.host, "--key", keys / "alice.pub", "--insecure")
    for name, form in (("one", [BY_TAG]), ("two", [])):
        (signature, attestation), said = cosign.verifies(f"{plain.host}/lab/{name}:1", *form)
        assert signature != 0 and attestation != 0 and "signatures" in said


def test_cosign_2_verifies_what_cosign_3_signed(airlock, keys, signed, environment, plain):
    cosign, bundle = signed
    older = Cosign("cosign2", cosign.key.parent, environment)
    root = cosign.key.parent / "root.json"
    older("trusted-root", "create", "--out", root)  # of nobody: cosign 2 would ask the network for sigstore's
    airlock(0, "import", bundle, plain.host, "--key", keys / "alice.pub", "--insecure")
    for name, form in (("one", []), ("two", ["--new-bundle-format", "--trusted-root", root])):
        verified, said = older.verifies(f"{plain.host}/lab/{name}:1", *form)
        assert verified == (0, 0), f"{name}: {said}"

# SPDX-License-Identifier: Apache-2.0
"""Import, repeat and check on the registries that people have, seen by crane, and export from them."""

import base64
import json

import pytest
from conftest import LOGIN
from lab import images
from peers import COMPLETE_ONLY, KINDS, OCI_ONLY, Program, peer

pytestmark = pytest.mark.peers

THREE = ("amd64", "arm64", "s390x")


@pytest.fixture(scope="module")
def content():
    """A manifest, an index of two and of three platforms, and the first two once more in Docker's types."""
    factory = images.Factory(packages=None)
    shared = ((), "gzip", (("etc/shared", b"shared " * 40000),))
    layers = lambda name: [shared, ((), "gzip", ((f"etc/{name}", name.encode()),))]
    made = {
        "quay.io/lab/one:1": factory.manifest("amd64", layers("one"), images.OCI),
        "quay.io/lab/two:1": factory.index(THREE[:2], layers("two"), images.OCI),
        "quay.io/lab/three:1": factory.index(THREE, layers("three"), images.OCI),
    }
    docker = {
        "quay.io/lab/docker-one:1": factory.manifest("amd64", layers("d1"), images.DOCKER),
        "quay.io/lab/docker-two:1": factory.index(THREE[:2], layers("d2"), images.DOCKER),
    }
    return factory, made, docker


@pytest.fixture(scope="module")
def export_from(airlock, keys):
    """Exports names from a registry: export_from(server, made, output, …)."""

    def run(server, made, output, *more):
        way = ["--mirror", f"quay.io={server.url if server.url.startswith('http:') else server.host}"]
        wanted = [option for reference in made for option in ("--image", reference)]
        return airlock(0, "export", *wanted, "--key", keys / "alice.key", "-o", output, *way, *more)

    return run


@pytest.fixture(scope="module")
def bundles(content, export_from, tmp_path_factory):
    """Bundles of all platforms, in OCI's types and in Docker's, and a sparse one of the index of three platforms."""
    factory, made, docker = content
    folder = tmp_path_factory.mktemp("bundles")
    with KINDS["docker-registry"](folder / "origin") as origin:
        images.fill(origin, factory.store, {**made, **docker})
        export_from(origin, made, folder / "oci.tar", "--platform", "all")
        export_from(origin, docker, folder / "docker.tar", "--platform", "all")
        export_from(origin, ["quay.io/lab/three:1"], folder / "sparse.tar")
    return folder


@pytest.fixture(scope="module", params=KINDS)
def target(request, tmp_path_factory):
    """One registry of each kind, and the kind."""
    with KINDS[request.param](tmp_path_factory.mktemp("target")) as running:
        yield running, request.param


@pytest.fixture
def crane(environment):
    return Program(peer("crane"), environment)


def repository(reference):
    return reference.removeprefix("quay.io/")


def imports(airlock, keys, server, bundle, *more):
    return airlock(0, "import", bundle, server.host, "--key", keys / "alice.pub", "--insecure", *more)


def everything_arrived(airlock, keys, crane, server, bundle, made):
    """Imports, repeats, checks; crane then finds each name with its digest, and every blob of it."""
    imports(airlock, keys, server, bundle)
    written = len(server.writes())
    assert written > 0
    imports(airlock, keys, server, bundle)
    assert server.writes()[written:] == []
    airlock(0, "check", server.host, "--bundle", bundle, "--key", keys / "alice.pub", "--insecure")
    for reference, top in made.items():
        where = f"{server.host}/{repository(reference)}"
        assert crane("digest", where) == top["digest"]
        assert "PASS" in crane("validate", "--remote", where)


def test_every_registry_takes_oci_images(airlock, keys, crane, target, bundles, content):
    everything_arrived(airlock, keys, crane, target[0], bundles / "oci.tar", content[1])


@pytest.mark.parametrize("target", [kind for kind in KINDS if kind not in OCI_ONLY], indirect=True)
def test_every_registry_that_takes_docker_types_takes_docker_images(airlock, keys, crane, target, bundles, content):
    everything_arrived(airlock, keys, crane, target[0], bundles / "docker.tar", content[2])


def test_docker_images_are_found_before_bytes_move_and_can_be_converted(
    airlock, keys, crane, bundles, content, tmp_path
):
    """zot's default configuration takes the OCI's types only."""
    bundle, docker = bundles / "docker.tar", content[2]
    with KINDS["zot"](tmp_path / "zot") as server:
        way = ["--key", keys / "alice.pub", "--insecure"]
        for dry in (["--dry-run"], []):
            refused = airlock(4, "import", bundle, server.host, *way, *dry).err
            assert "takes no manifests of Docker's media types, which 2 images have" in refused
            assert all(reference in refused for reference in docker) and "docker2s2" in refused
        imported = airlock(0, "import", bundle, server.host, *way, "--convert-docker-types", "--output", "json").json
        for published in imported["published"]:
            where = f"{server.host}/{repository(published['source'])}"
            assert crane("digest", where) == published["digest"] != docker[published["source"]]["digest"]
            assert "PASS" in crane("validate", "--remote", where)
            assert "docker" not in crane("manifest", where)
        written = len(server.writes())
        airlock(0, "import", bundle, server.host, *way, "--convert-docker-types")
        assert server.writes()[written:] == []
        airlock(0, "check", server.host, "--bundle", bundle, *way, "--convert-docker-types")


def test_what_is_pinned_is_served_by_digest_or_not_imported(
    airlock, keys, crane, target, content, export_from, tmp_path
):
    server, kind = target
    factory, made, _ = content
    top = made["quay.io/lab/three:1"]["digest"]
    with KINDS["docker-registry"](tmp_path / "origin") as origin:
        images.fill(origin, factory.store, made)
        reference = f"quay.io/lab/three:1@{top}"
        export_from(origin, [reference], tmp_path / "whole.tar")
        export_from(origin, [reference], tmp_path / "filtered.tar", "--pinned", "filter")
    way = ["--key", keys / "alice.pub", "--insecure"]
    airlock(0, "import", tmp_path / "whole.tar", f"{server.host}/pinned", *way)
    assert crane("digest", f"{server.host}/pinned/lab/three@{top}") == top
    sparse = 4 if kind in COMPLETE_ONLY else 0
    refused = airlock(sparse, "import", tmp_path / "filtered.tar", f"{server.host}/filtered", *way)
    assert ("of which the bundle has not all platforms" in refused.err) == bool(sparse)


def test_a_sparse_index_keeps_its_digest_where_the_registry_takes_it(airlock, keys, crane, target, bundles, content):
    server, kind = target
    factory, made, _ = content
    where = f"{server.host}/sparse/lab/three:1"
    airlock(0, "import", bundles / "sparse.tar", f"{server.host}/sparse", "--key", keys / "alice.pub", "--insecure")
    top = made["quay.io/lab/three:1"]["digest"]
    served = json.loads(crane("manifest", where))["manifests"]
    upstream = json.loads(factory.store.blobs[top])["manifests"]
    if kind in COMPLETE_ONLY:
        assert crane("digest", where) != top and served == upstream[:2]
        assert "PASS" in crane("validate", "--remote", where)
    else:
        assert crane("digest", where) == top and served == upstream


@pytest.mark.parametrize("kind", ["docker-registry", "distribution", "zot"])
def test_with_tls_a_password_and_a_prefix(airlock, keys, crane, bundles, content, certificates, tmp_path, kind):
    with KINDS[kind](tmp_path / "secured", certificates, LOGIN) as server:
        way = ["--cacert", certificates / "ca.pem", "--username", LOGIN[0], "--password-stdin"]
        options = ["--key", keys / "alice.pub", *way]
        bundle, where = bundles / "oci.tar", f"{server.host}/deep/mirror"
        airlock(0, "import", bundle, where, *options, stdin=LOGIN[1] + "\n")
        airlock(0, "check", where, "--bundle", bundle, *options, stdin=LOGIN[1] + "\n")
        airlock(4, "check", where, "--bundle", bundle, *options, stdin="wrong\n")
        (tmp_path / "config.json").write_text(
            json.dumps({"auths": {server.host: {"auth": base64.b64encode(":".join(LOGIN).encode()).decode()}}})
        )
        crane.environment |= {"SSL_CERT_FILE": str(certificates / "ca.pem"), "DOCKER_CONFIG": str(tmp_path)}
        for reference, top in content[1].items():
            assert crane("digest", f"{where}/{repository(reference)}") == top["digest"]


@pytest.mark.parametrize("kind", ["distribution", "zot", "zot-docker2s2"])
def test_an_export_from_it_is_the_same_as_from_docker_registry(
    airlock, keys, content, bundles, export_from, tmp_path, kind
):
    factory, made, docker = content

    def the_same(old, new):
        found = airlock(0, "diff", old, new, "--output", "json").json
        return found["same"] and not any(found[key] for key in found if key != "same")

    with KINDS[kind](tmp_path / "source") as source:
        images.fill(source, factory.store, made if kind in OCI_ONLY else {**made, **docker})
        export_from(source, made, tmp_path / "oci.tar", "--platform", "all")
        airlock(0, "verify", tmp_path / "oci.tar", "--key", keys / "alice.pub", "--layers")
        assert the_same(bundles / "oci.tar", tmp_path / "oci.tar")
        if kind not in OCI_ONLY:
            export_from(source, docker, tmp_path / "docker.tar", "--platform", "all")
            assert the_same(bundles / "docker.tar", tmp_path / "docker.tar")


def test_oras_takes_images_out_of_the_bundle_as_it_is(environment, crane, bundles, content, plain):
    oras = Program(peer("oras"), environment)
    for reference, top in content[1].items():
        where = f"{plain.host}/{repository(reference)}"
        oras("cp", "--from-oci-layout-path", bundles / "oci.tar", reference, "--to-plain-http", where)
        assert crane("digest", where) == top["digest"]
    # Of an index that lacks members, one platform.
    where = f"{plain.host}/sparse:1"
    sparse = ["--from-oci-layout-path", bundles / "sparse.tar", "quay.io/lab/three:1", "--to-plain-http", where]
    assert oras.run("cp", *sparse).returncode != 0
    oras("cp", "--platform", "linux/arm64", *sparse)
    upstream = json.loads(content[0].store.blobs[content[1]["quay.io/lab/three:1"]["digest"]])["manifests"]
    assert crane("digest", where) == upstream[1]["digest"]


def test_regctl_takes_an_image_out_of_the_bundle(environment, crane, bundles, content, plain):
    regctl = Program(peer("regctl"), environment)
    for reference, top in content[1].items():
        where = f"{plain.host}/{repository(reference)}"
        way = ["--host", f"reg={plain.host},tls=disabled", where, bundles / "oci.tar", "--name", reference]
        regctl("image", "import", *way)
        assert crane("digest", where) == top["digest"]

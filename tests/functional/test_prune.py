# SPDX-License-Identifier: Apache-2.0
"""Names that nobody needs any more go; everything else stays, whatever it is."""

import json
import subprocess
import urllib.request

import pytest
from lab import images, registry


@pytest.fixture
def deleting(tmp_path):
    """An empty docker-registry that deletes."""
    allowed = {"REGISTRY_STORAGE_DELETE_ENABLED": "true"}
    with registry.Registry(tmp_path / "deleting", environment=allowed) as running:
        yield running


@pytest.fixture
def receipts(airlock, keys, fake_registry, deleting, tmp_path):
    """Two bundles imported one after the other: may.json has one:1 and two:1, june.json one:1 and three:1."""
    factory = images.Factory(packages=None)
    shared = ((), "gzip", (("etc/shared", b"shared " * 40000),))
    made = {}
    for name in ("one", "two", "three"):
        layers = [shared, ((), "gzip", ((f"etc/{name}", name.encode()),))]
        made[f"quay.io/lab/app:{name}"] = factory.index(["amd64", "arm64"], layers, images.OCI)
    source = fake_registry()
    images.fill(source, factory.store, made)
    for month, names in (("may", ("one", "two")), ("june", ("one", "three"))):
        chosen = [word for name in names for word in ("--image", f"quay.io/lab/app:{name}")]
        bundle = tmp_path / f"{month}.tar"
        mirror = ["--mirror", f"quay.io=http://{source.host}"]
        airlock(0, "export", *chosen, *mirror, "--key", keys / "alice.key", "-o", bundle)
        target = [bundle, f"{deleting.host}/kube", "--insecure", "--key", keys / "alice.pub"]
        signed = ["--receipt", tmp_path / f"{month}.json", "--receipt-key", keys / "alice.key"]
        airlock(0, "import", *target, *signed)
    return tmp_path


def tags(host, repository="kube/lab/app"):
    with urllib.request.urlopen(f"http://{host}/v2/{repository}/tags/list") as answer:
        return sorted(json.load(answer)["tags"] or [])


def blobs_of(server):
    return {path.parent.name for path in (server.data / "docker/registry/v2/blobs").rglob("data")}


def put(host, repository, tag, other):
    """Another client gives a name to what a registry has."""
    url = f"http://{host}/v2/{repository}/manifests"
    accept = {"Accept": "application/vnd.oci.image.index.v1+json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{other}", headers=accept)) as answer:
        body, kind = answer.read(), answer.headers["Content-Type"]
    request = urllib.request.Request(f"{url}/{tag}", data=body, method="PUT", headers={"Content-Type": kind})
    urllib.request.urlopen(request).close()


def prune(airlock, status, host, folder, *more, keep="june.json"):
    made = ["--made", folder / "may.json", "--made", folder / "june.json", "--keep", folder / keep]
    return airlock(status, "prune", f"{host}/kube", *made, "--insecure", *more)


def test_what_nobody_needs_is_named_and_stays_until_asked(airlock, deleting, receipts):
    made = prune(airlock, 0, deleting.host, receipts)
    assert [line.split()[0] for line in made.out.splitlines()] == [f"{deleting.host}/kube/lab/app:two"]
    assert "Nothing was: --delete does it" in made.err and tags(deleting.host) == ["one", "three", "two"]
    data = prune(airlock, 0, deleting.host, receipts, "--output", "json").json
    assert data["deleted"] is False and data["kept"] == 2


def test_it_is_deleted_and_the_rest_is_whole(airlock, keys, deleting, receipts):
    made = prune(airlock, 0, deleting.host, receipts, "--delete")
    assert "1 name deleted" in made.err and "garbage-collect" in made.err
    assert tags(deleting.host) == ["one", "three"]
    check = ["check", f"{deleting.host}/kube", "--bundle", receipts / "june.tar", "--key", keys / "alice.pub"]
    # What the next step that it names frees: all that only two:1 had, and nothing else.
    before = blobs_of(deleting)
    config = deleting.directory / "config.json"
    subprocess.run(["docker-registry", "garbage-collect", config], check=True, capture_output=True)
    assert len(before - blobs_of(deleting)) == 6  # an index, a layer, and for two platforms a manifest and a config
    airlock(0, *check, "--insecure")
    assert "0 names would be deleted" in prune(airlock, 0, deleting.host, receipts).err


def test_a_bundle_says_what_stays(airlock, deleting, receipts):
    out = prune(airlock, 0, deleting.host, receipts, keep="may.tar").out
    assert [line.split()[0] for line in out.splitlines()] == [f"{deleting.host}/kube/lab/app:three"]


def test_a_bundle_that_was_imported_with_other_rules(airlock, keys, deleting, receipts):
    """The receipt says which names a bundle has here; where there is none, a warning."""
    target = [receipts / "may.tar", f"{deleting.host}/kube", "--insecure", "--key", keys / "alice.pub"]
    airlock(0, "import", *target, "--map", "keep-host", "--receipt", receipts / "kept-hosts.json")
    made = ["prune", f"{deleting.host}/kube", "--made", receipts / "kept-hosts.json", "--insecure"]
    assert airlock(0, *made, "--keep", receipts / "may.tar").out == ""
    other = airlock(0, *made, "--keep", receipts / "june.tar")
    assert "if this bundle was imported with other rules of names" in other.err
    assert len(other.out.splitlines()) == 2


def test_a_tag_that_cannot_go_alone_is_not_said_to_have_gone(airlock, deleting, receipts):
    put(deleting.host, "kube/lab/app", "theirs", "two")
    made = prune(airlock, 0, deleting.host, receipts, "--delete")
    assert "another tag needs its manifest" in made.err and "0 names deleted" in made.err and made.out == ""


def test_names_of_others_stay(airlock, keys, deleting, receipts):
    """Another client's tag stands for the same index: it, and all below it, stays."""
    put(deleting.host, "kube/lab/app", "theirs", "two")
    prune(airlock, 0, deleting.host, receipts, "--delete")
    assert "theirs" in tags(deleting.host) and tags(deleting.host) != ["one", "three"]
    for digest in index_members(deleting.host, "theirs"):
        urllib.request.urlopen(manifest(deleting.host, digest)).close()


def manifest(host, reference):
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    return urllib.request.Request(f"http://{host}/v2/kube/lab/app/manifests/{reference}", headers={"Accept": accept})


def index_members(host, tag):
    with urllib.request.urlopen(manifest(host, tag)) as answer:
        return [member["digest"] for member in json.load(answer)["manifests"]]


def test_a_name_that_somebody_moved_stays(airlock, deleting, receipts):
    put(deleting.host, "kube/lab/app", "two", "one")
    made = prune(airlock, 0, deleting.host, receipts, "--delete")
    assert "it stands for another manifest than airlock put there" in made.err and "two" in tags(deleting.host)


def test_a_registry_that_does_not_delete_says_so(airlock, keys, receipts, tmp_path):
    forbidden = {"REGISTRY_STORAGE_DELETE_ENABLED": "false"}
    with registry.Registry(tmp_path / "keeping", environment=forbidden) as keeping:
        for month in ("may", "june"):
            target = [receipts / f"{month}.tar", f"{keeping.host}/kube", "--insecure", "--key", keys / "alice.pub"]
            airlock(0, "import", *target, "--receipt", tmp_path / f"{month}.there")
        made = ["--made", tmp_path / "may.there", "--keep", tmp_path / "june.there", "--insecure"]
        refused = airlock(4, "prune", f"{keeping.host}/kube", *made, "--delete")
        assert "does not delete manifests" in refused.err and "REGISTRY_STORAGE_DELETE_ENABLED" in refused.err
        assert tags(keeping.host) == ["one", "three", "two"]


def test_receipts_of_another_registry_and_none_to_keep(airlock, deleting, receipts):
    made = ["--made", receipts / "may.json", "--insecure"]
    assert "is about" in airlock(2, "prune", f"{deleting.host}/other", *made, "--keep", receipts / "june.json").err
    assert "--keep is missing" in airlock(2, "prune", f"{deleting.host}/kube", *made).err


def test_signed_receipts(airlock, keys, deleting, receipts):
    prune(airlock, 0, deleting.host, receipts, "--key", keys / "alice.pub")
    assert "not this key's signature" in prune(airlock, 7, deleting.host, receipts, "--key", keys / "mallory.pub").err


def test_receipts_count_in_the_order_of_their_times(airlock, keys, deleting, receipts):
    """One name, imported twice: what it stood for last is what airlock put there."""
    (folder, host) = (receipts, deleting.host)
    first = json.loads((folder / "may.json").read_text())
    image = next(one for one in first["images"] if one["name"].endswith(":two"))
    second = json.loads((folder / "june.json").read_text())
    three = next(one for one in second["images"] if one["name"].endswith(":three"))
    put(host, "kube/lab/app", "two", three["digest"])
    image = {**three, "name": image["name"]}
    second["images"] = sorted([*second["images"], image], key=lambda one: one["name"])
    second["time"] = "2030-01-01T00:00:00Z"
    (folder / "later.json").write_text(json.dumps(second, sort_keys=True, separators=(",", ":")) + "\n")
    for order in (["may", "later"], ["later", "may"]):
        made = [word for name in order for word in ("--made", folder / f"{name}.json")]
        out = airlock(0, "prune", f"{host}/kube", *made, "--keep", folder / "june.json", "--insecure").out
        assert "lab/app:two" in out and "another manifest" not in out


def test_a_receipt_names_nothing_outside_its_prefix(airlock, deleting, receipts):
    text = (receipts / "may.json").read_text()
    for was, name in (
        ("kube/lab/app:two", "other/app:two"),
        ('"repositories":["kube/lab/app"]', '"repositories":["x"]'),
    ):
        assert was in text
        (receipts / "craft.json").write_text(text.replace(was, name))
        made = ["--made", receipts / "craft.json", "--keep", receipts / "june.json", "--insecure"]
        assert "is not below" in airlock(6, "prune", f"{deleting.host}/kube", *made, "--delete").err

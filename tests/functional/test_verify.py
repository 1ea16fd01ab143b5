# SPDX-License-Identifier: Apache-2.0
"""A bundle is checked by airlock, and by tools that know nothing of it."""

import json
import shutil
import subprocess
import tarfile

import pytest
from lab import images


@pytest.fixture
def copy(bundle, tmp_path):
    target = tmp_path / "copy.tar"
    shutil.copy(bundle, target)
    return target


def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def offset_of(path, name):
    with tarfile.open(path) as archive:
        return archive.getmember(name).offset_data


def test_a_good_bundle(airlock, keys, bundle):
    out = airlock(0, "verify", bundle, "--key", keys / "alice.pub").out
    assert "verified" in out and "every byte checked" in out and "exporter   alice, SHA256:" in out
    data = airlock(0, "verify", bundle, "--key", keys / "alice.pub", "--output", "json").json
    assert data["verified"] is True and len(data["images"]) == 12
    assert data["trust"]["requirements"][0]["signers"][0]["algorithm"] == "ecdsa-p256-sha256"


def test_others_verify_an_extracted_bundle(bundle, keys, tmp_path):
    subprocess.run(["tar", "xf", bundle, "-C", tmp_path], check=True)
    run = lambda *command: subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert "Verified OK" in run(
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        str(keys / "alice.pub"),
        "-signature",
        "signatures/alice.sig",
        "SHA256SUMS",
    )
    run("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS")
    listed = {line.split("  ", 1)[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()}
    present = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert present - listed == {
        "SHA256SUMS",
        "signatures/alice.sig",
        "signatures/alice.sigstore.json",
        "signatures/.reserved",
    }


def test_skopeo_reads_the_bundle_as_it_is(bundle, control_plane, tmp_path):
    _factory, images = control_plane
    reference = "registry.k8s.io/kube-apiserver:v1.29.4"
    inspected = subprocess.run(
        ["skopeo", "inspect", f"oci-archive:{bundle}:{reference}"], check=True, capture_output=True
    )
    assert images[reference]["digest"] in inspected.stdout.decode()
    subprocess.run(
        ["skopeo", "copy", "-q", f"oci-archive:{bundle}:{reference}", f"oci:{tmp_path}/copied:x"], check=True
    )


def test_the_archive_is_plain_ustar_for_every_reader(bundle):
    with tarfile.open(bundle) as archive:
        members = archive.getmembers()
    assert all(m.isreg() and m.mode == 0o644 and m.uid == m.gid == 0 and m.mtime == 315532800 for m in members)
    names = [m.name for m in members]
    assert names[:7] == [
        "SHA256SUMS",
        "signatures/alice.sig",
        "signatures/alice.sigstore.json",
        "signatures/.reserved",
        "bundle.json",
        "oci-layout",
        "index.json",
    ]
    listed = subprocess.run(["tar", "tf", bundle], check=True, capture_output=True, text=True)
    assert listed.stdout.splitlines() == names and listed.stderr == ""


def test_tampered(airlock, keys, copy):
    last = tarfile.open(copy).getnames()[-1]
    overwrite(copy, offset_of(copy, last) + 100, b"?")
    err = airlock(6, "verify", copy, "--key", keys / "alice.pub").err
    assert "its content has the digest" in err and last[-64:] in err and "next:" in err


def test_tampered_metadata(airlock, keys, copy):
    overwrite(copy, offset_of(copy, "index.json") + 5, b"X")
    assert (
        "index.json: its content differs from SHA256SUMS" in airlock(6, "verify", copy, "--key", keys / "alice.pub").err
    )


def test_tampered_list(airlock, keys, copy):
    overwrite(copy, offset_of(copy, "SHA256SUMS"), b"0000000000000000")
    assert "role exporter: 0 of 1" in airlock(7, "verify", copy, "--key", keys / "alice.pub").err


def test_truncated(airlock, keys, copy):
    with open(copy, "r+b") as file:
        file.truncate(copy.stat().st_size // 2)
    err = airlock(6, "verify", copy, "--key", keys / "alice.pub").err
    assert "is cut short" in err and "copy it again" in err


def test_signed_by_somebody_else(airlock, keys, bundle):
    assert "required signatures by mallory" in airlock(7, "verify", bundle, "--key", keys / "mallory.pub").err


def test_unsigned(airlock, keys, copy):
    with tarfile.open(copy) as archive:
        reserved = archive.getmember("signatures/alice.sig").offset
    header = tarfile.TarInfo("signatures/.reserved")
    header.size, header.mtime = 65536 - 512, 315532800
    block = bytearray(header.tobuf(tarfile.USTAR_FORMAT)[:512])
    block[329:345] = b"0000000\0" * 2
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    overwrite(copy, reserved, bytes(block) + bytes(65536 - 512))
    assert "the bundle has no signature" in airlock(7, "verify", copy, "--key", keys / "alice.pub").err


def test_a_signature_beside_a_read_only_bundle(airlock, keys, bundle, tmp_path):
    subprocess.run(["tar", "xf", bundle, "-C", tmp_path, "SHA256SUMS"], check=True)
    subprocess.run(
        [
            "openssl",
            "dgst",
            "-sha256",
            "-sign",
            keys / "mallory.key",
            "-out",
            tmp_path / "m.sig",
            tmp_path / "SHA256SUMS",
        ],
        check=True,
    )
    airlock(0, "verify", bundle, "--key", keys / "mallory.pub", "--signature", tmp_path / "m.sig")


def test_things_that_are_no_bundle(airlock, keys, tmp_path):
    (tmp_path / "text").write_text("hello")
    verify = lambda status, path: airlock(status, "verify", path, "--key", keys / "alice.pub").err
    assert "cut short" in verify(6, tmp_path / "text")
    assert "not a regular file" in verify(5, tmp_path)
    assert "No such file" in verify(5, tmp_path / "none")
    subprocess.run(["tar", "cf", tmp_path / "other.tar", "-C", tmp_path, "text"], check=True)
    assert "GNU header" in verify(6, tmp_path / "other.tar")


def test_inspect_says_that_nothing_is_verified(airlock, copy):
    last = tarfile.open(copy).getnames()[-1]
    overwrite(copy, offset_of(copy, last), b"?")
    result = airlock(0, "inspect", copy)
    assert "NOT VERIFIED" in result.out and "registry.k8s.io/pause:3.9" in result.out
    assert airlock(0, "inspect", copy, "--output", "json").json["verified"] is False


def test_layers_unpack_to_what_their_images_say(airlock, keys, bundle):
    result = airlock(0, "verify", bundle, "--key", keys / "alice.pub", "--layers")
    assert "unpacking:" in result.err


@pytest.mark.parametrize(
    "media_type, data, words",
    [
        ("gzip", "wrong tar", "but the image's config says"),
        ("gzip", "not gzip", "it is not compressed with gzip"),
        ("zstd", "not zstd", "it does not unpack"),
        ("zstd", "cut zstd", "is not whole"),
        ("gzip", "more behind gzip", "follow behind the end of its compressed data"),
        ("zstd", "more behind zstd", "it does not unpack"),
    ],
)
def test_layers_that_no_node_could_unpack(airlock, keys, fake_registry, tmp_path, media_type, data, words):
    factory = images.Factory(packages=None)
    tar = images.layer_tar([], {"etc/x": b"x" * 100_000})
    contents = {
        "wrong tar": images.compress(tar + bytes(512), "gzip"),
        "not gzip": b"plain text",
        "not zstd": images.compress(tar, "gzip"),
        "cut zstd": images.compress(tar, "zstd")[:-10],
        "more behind gzip": images.compress(tar, "gzip") + b"more",
        "more behind zstd": images.compress(tar, "zstd") + b"more",
    }
    layer = factory.store.add(images.OCI[media_type], contents[data])
    config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [images.digest(tar)]}}
    body = {
        "schemaVersion": 2,
        "mediaType": images.OCI["manifest"],
        "layers": [layer],
        "config": factory.store.add_json(images.OCI["config"], config),
    }
    server = fake_registry()
    images.fill(server, factory.store, {"quay.io/lab/odd:1": factory.store.add_json(images.OCI["manifest"], body)})
    airlock(
        0,
        "export",
        "--image",
        "quay.io/lab/odd:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"quay.io=http://{server.host}",
    )
    airlock(0, "verify", tmp_path / "b.tar", "--key", keys / "alice.pub")
    err = airlock(6, "verify", tmp_path / "b.tar", "--key", keys / "alice.pub", "--layers").err
    assert words in err and "image quay.io/lab/odd:1: layer sha256:" in err


def test_an_expired_bundle(airlock, keys, fake_registry, small_images, export_small, tmp_path):
    factory, made = small_images
    server = fake_registry()
    images.fill(server, factory.store, made)
    past = {"SOURCE_DATE_EPOCH": "1700000000"}
    assert "is not after the bundle's creation" in export_small(2, server, "--expires", "2023-11-14", env=past).err
    export_small(0, server, "--expires", "2023-12-31", env=past)
    verify = ["verify", tmp_path / "small.tar", "--key", keys / "alice.pub"]
    assert "expired on 2023-12-31T00:00:00Z" in airlock(8, *verify).err
    # What is stamped into a bundle can be pinned; the clock that it is judged by cannot.
    assert "expired on 2023-12-31T00:00:00Z" in airlock(8, *verify, env=past).err
    export_small(0, server, "--expires", "2099-12-31", output="later.tar")
    assert "expires 2099-12-31" in airlock(0, "verify", tmp_path / "later.tar", "--key", keys / "alice.pub").out
    assert "2^53-1" in export_small(2, server, "--serial", 2**53, output="other.tar").err


def test_names_in_a_strange_archive_cannot_write_on_the_terminal(airlock, keys, tmp_path):
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT)[:512])
    name = b"\r\x1b[2Kgood!\n"
    header[: len(name)] = name
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "evil.tar").write_bytes(bytes(header) + bytes(2048))
    err = airlock(6, "verify", tmp_path / "evil.tar", "--key", keys / "alice.pub").err
    assert "\x1b" not in err and "\r" not in err and "other characters than letters" in err


def test_reviewing_needs_no_network(keys, copy, environment):
    from conftest import PROGRAM

    offline = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*offline, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine allows no network namespaces")
    for command in (
        ["verify", copy, "--key", keys / "alice.pub"],
        ["inspect", copy],
        ["sign", copy, "--key", keys / "mallory.key"],
        ["approve", copy, "--key", keys / "mallory.key"],
    ):
        subprocess.run([*offline, PROGRAM, *command], check=True, capture_output=True, env=environment)


@pytest.fixture
def exported(airlock, keys, fake_registry, tmp_path):
    """Exports one image of these documents and blobs: exported(store, top, more options)."""

    def make(store, top, *more, status=0):
        server = fake_registry()
        images.fill(server, store, {"quay.io/lab/odd:1": top})
        airlock(
            status,
            "export",
            "--image",
            "quay.io/lab/odd:1",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / "odd.tar",
            "--mirror",
            f"quay.io=http://{server.host}",
            *more,
        )
        return tmp_path / "odd.tar"

    return make


def made_image(store, config, layers=None):
    tar = images.layer_tar([], {"etc/x": b"x" * 1000})
    layers = [store.add(images.OCI["gzip"], images.compress(tar, "gzip"))] if layers is None else layers
    whole = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [images.digest(tar)]},
        **config,
    }
    whole = {key: value for key, value in whole.items() if value is not None}
    body = {
        "schemaVersion": 2,
        "mediaType": images.OCI["manifest"],
        "layers": layers,
        "config": store.add_json(images.OCI["config"], whole),
    }
    return store.add_json(images.OCI["manifest"], body)


@pytest.mark.parametrize(
    "config",
    [
        {"rootfs": None},
        {"rootfs": {"type": "layers", "diff_ids": []}},
        {"rootfs": {"type": "layers", "diff_ids": None}},
    ],
)
def test_an_image_whose_layers_cannot_be_compared(airlock, keys, exported, config):
    factory = images.Factory(packages=None)
    bundle = exported(factory.store, made_image(factory.store, config))
    airlock(0, "verify", bundle, "--key", keys / "alice.pub")
    assert (
        "it has 1 layer, its config 0 diff IDs"
        in airlock(6, "verify", bundle, "--key", keys / "alice.pub", "--layers").err
    )


@pytest.mark.parametrize(
    "config, words",
    [({"architecture": "s390x"}, "its config for linux/s390x"), ({"os": None}, "does not say for what")],
)
def test_a_config_for_another_platform_than_its_index_says(airlock, keys, exported, config, words):
    factory = images.Factory(packages=None)
    member = {**made_image(factory.store, config), "platform": {"os": "linux", "architecture": "amd64"}}
    index = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": [member]}
    bundle = exported(factory.store, factory.store.add_json(images.OCI["index"], index))
    assert words in airlock(6, "verify", bundle, "--key", keys / "alice.pub", "--layers").err


def test_attestations_are_counted_and_not_unpacked(airlock, keys, exported):
    factory = images.Factory(packages=None)
    member = {**made_image(factory.store, {}), "platform": {"os": "linux", "architecture": "amd64"}}
    statement = factory.store.add("application/vnd.in-toto+json", b"{}")
    attestation = {
        **made_image(
            factory.store,
            {
                "os": "unknown",
                "architecture": "unknown",
                "rootfs": {"type": "layers", "diff_ids": [statement["digest"]]},
            },
            [statement],
        ),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": member["digest"],
        },
    }
    index = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": [member, attestation]}
    bundle = exported(factory.store, factory.store.add_json(images.OCI["index"], index))
    err = airlock(0, "verify", bundle, "--key", keys / "alice.pub", "--layers").err
    assert "1 layer unpacked and compared; 1 manifest of signatures, attestations and other artifacts" in err


def test_a_config_that_others_would_read_in_another_way_is_not_exported(airlock, keys, exported, tmp_path):
    factory = images.Factory(packages=None)
    exported(factory.store, made_image(factory.store, {"RootFS": {}}), status=6)
    assert not (tmp_path / "odd.tar").exists()


def test_other_programs_see_what_was_verified(airlock, keys, exported, tmp_path):
    """tar, skopeo and containerd read names and digests from the file: the same as airlock, and no others."""
    factory = images.Factory(packages=None)
    top = made_image(factory.store, {})
    bundle = exported(factory.store, top)
    shown = airlock(0, "verify", bundle, "--key", keys / "alice.pub", "--output", "json").json["images"]
    listed = subprocess.run(["tar", "tf", bundle], check=True, capture_output=True, text=True).stdout.split()
    assert listed == tarfile.open(bundle).getnames() and len(set(listed)) == len(listed)
    index = json.loads(tarfile.open(bundle).extractfile("index.json").read())
    names = {
        m["annotations"][key]: m["digest"]
        for m in index["manifests"]
        for key in ("org.opencontainers.image.ref.name", "io.containerd.image.name")
    }
    assert names == {image["source"]: image["digest"] for image in shown} == {"quay.io/lab/odd:1": top["digest"]}
    raw = subprocess.run(
        ["skopeo", "inspect", "--raw", f"oci-archive:{bundle}:quay.io/lab/odd:1"], check=True, capture_output=True
    ).stdout
    assert images.digest(raw) == top["digest"]
    ours = {f"blobs/sha256/{d[7:]}" for d in factory.store.blobs} & set(listed)
    assert {name for name in listed if name.startswith("blobs/")} == ours

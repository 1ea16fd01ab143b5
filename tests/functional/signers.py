# SPDX-License-Identifier: Apache-2.0
"""People with keys, the bundles that they sign and the policies that they are named in: fixtures of conftest."""

import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest
from lab import images

SVR = "https://in-toto.io/attestation/svr/v0.2"
PIN = "1234"  # of the token


@pytest.fixture(scope="module")
def people(airlock, tmp_path_factory):
    """Keys: alice, bob and dave with ECDSA, carol with Ed25519, rita with RSA."""
    directory = tmp_path_factory.mktemp("people")
    for name, algorithm in {
        "alice": "ecdsa-p256",
        "bob": "ecdsa-p256",
        "dave": "ecdsa-p256",
        "carol": "ed25519",
        "rita": "rsa-3072",
    }.items():
        airlock(0, "keygen", directory / name, "--no-passphrase", "--algorithm", algorithm)
    return directory


def spki(public_key):
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public_key, "-outform", "DER"], check=True, capture_output=True
    ).stdout
    return hashlib.sha256(der).hexdigest()


@pytest.fixture
def policy(people, tmp_path):
    """Writes a policy: alice exports, bob reviews; policy(revoked=["alice"], max_age="1d")."""

    def write(stream="production", name="policy.yaml", revoked=(), reviewers=("bob",), **rules):
        keys = "".join(
            f"  {who}: {{file: {people}/{who}.pub, spki_sha256: {spki(people / f'{who}.pub')}}}\n"
            for who in ("alice", "bob", "carol")
        )
        gone = ", ".join(spki(people / f"{who}.pub") for who in revoked)
        text = f"version: 1\nkeys:\n{keys}revoked: [{gone}]\nstreams:\n  {stream}:\n    require:\n"
        text += "      - {role: exporter, keys: [alice, carol], threshold: 1}\n"
        if reviewers:
            text += f'      - {{role: reviewer, keys: [{", ".join(reviewers)}], threshold: 1, attestation: "{SVR}"}}\n'
        text += "".join(f"    {rule}: {value}\n" for rule, value in rules.items())
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.fixture
def make(airlock, people, fake_registry, small_images, tmp_path):
    """Exports a small bundle: make("b.tar", serial=7, stream="production")."""
    factory, made = small_images
    server = fake_registry()
    images.fill(server, factory.store, made)

    def export(name, key="alice", stream="production", serial=7, *more, **options):
        airlock(
            0,
            "export",
            "--image",
            "quay.io/lab/one:1",
            "--key",
            people / f"{key}.key",
            "-o",
            tmp_path / name,
            "--stream",
            stream,
            "--serial",
            serial,
            "--mirror",
            f"quay.io=http://{server.host}",
            *more,
            **options,
        )
        return tmp_path / name

    return export


def unpack(bundle, directory):
    directory.mkdir()
    subprocess.run(["tar", "xf", bundle, "-C", directory, "SHA256SUMS", "signatures"], check=True)
    return directory


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """A software token with an EC and an RSA key, and how to reach it."""
    module = next((str(p) for p in pathlib.Path("/usr/lib").glob("**/softhsm/libsofthsm2.so")), None)
    if not module or not shutil.which("pkcs11-tool"):
        pytest.skip("softhsm2 or opensc is not installed")
    directory = tmp_path_factory.mktemp("token")
    (directory / "tokens").mkdir()
    (directory / "softhsm2.conf").write_text(f"directories.tokendir = {directory}/tokens\nlog.level = ERROR\n")
    # libp11, which is the engine, leaks its method tables when a key cannot be had.
    env = {
        "SOFTHSM2_CONF": str(directory / "softhsm2.conf"),
        "PKCS11_MODULE_PATH": module,
        "ASAN_OPTIONS": "detect_leaks=0:exitcode=99",
    }
    tool = lambda *arguments: subprocess.run(arguments, check=True, capture_output=True, env={**os.environ, **env})
    tool("softhsm2-util", "--init-token", "--free", "--label", "signing", "--pin", PIN, "--so-pin", "4321")
    for label, kind, number in (("frank", "EC:prime256v1", "01"), ("grace", "rsa:3072", "02")):
        tool(
            "pkcs11-tool",
            "--module",
            module,
            "--login",
            "--pin",
            PIN,
            "--keypairgen",
            "--key-type",
            kind,
            "--label",
            label,
            "--id",
            number,
        )
    (directory / "pin").write_text(PIN + "\n")
    (directory / "wrong").write_text("9999\n")
    return directory, env

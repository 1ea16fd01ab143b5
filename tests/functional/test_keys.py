# SPDX-License-Identifier: Apache-2.0
import hashlib
import shutil
import stat
import subprocess

import pytest


def test_keygen_makes_keys_that_openssl_reads_and_overwrites_nothing(airlock, tmp_path):
    result = airlock(0, "keygen", tmp_path / "carol", "--no-passphrase")
    key, pub = tmp_path / "carol.key", tmp_path / "carol.pub"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", pub, "-outform", "DER"], check=True, capture_output=True
    ).stdout
    assert f"SHA256:{hashlib.sha256(der).hexdigest()}" in result.out
    from_private = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True).stdout
    assert from_private == pub.read_bytes()
    before = key.read_bytes()
    assert "exists already" in airlock(5, "keygen", tmp_path / "carol", "--no-passphrase").err
    assert key.read_bytes() == before


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519", "rsa-3072"])
def test_a_passphrase_protects_the_key(airlock, tmp_path, bundle, algorithm):
    (tmp_path / "secret").write_text("open sesame\n")
    (tmp_path / "wrong").write_text("open barley\n")
    airlock(0, "keygen", tmp_path / "dave", "--algorithm", algorithm, "--passphrase-file", tmp_path / "secret")
    assert "ENCRYPTED" in (tmp_path / "dave.key").read_text()
    subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "dave.key", "-passin", f"file:{tmp_path}/secret", "-noout"], check=True
    )
    copy = tmp_path / "copy.tar"
    shutil.copy(bundle, copy)
    before = copy.read_bytes()
    sign = ["sign", copy, "--key", tmp_path / "dave.key"]
    assert "passphrase does not open" in airlock(7, *sign, "--passphrase-file", tmp_path / "wrong").err
    assert copy.read_bytes() == before
    airlock(0, *sign, "--passphrase-file", tmp_path / "secret")
    airlock(0, "verify", copy, "--key", tmp_path / "dave.pub")


def test_without_a_terminal_the_passphrase_has_to_come_from_a_file(airlock, tmp_path, environment):
    from conftest import PROGRAM

    process = subprocess.run(
        ["setsid", "-w", PROGRAM, "keygen", tmp_path / "eve"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert process.returncode == 2 and "--passphrase-file" in process.stderr
    assert list(tmp_path.iterdir()) == []


def test_signing_keeps_earlier_signatures_and_the_content(airlock, keys, bundle, tmp_path):
    copy = tmp_path / "copy.tar"
    shutil.copy(bundle, copy)
    airlock(0, "sign", copy, "--key", keys / "mallory.key", "--name", "bob")
    for name in ("alice", "mallory"):
        airlock(0, "verify", copy, "--key", keys / f"{name}.pub")
    assert copy.stat().st_size == bundle.stat().st_size
    shown = airlock(0, "inspect", copy).out
    for name in ("alice", "bob"):
        assert all(f"signatures/{name}.{form} (not checked)\n" in shown for form in ("sig", "sigstore.json"))
    assert "signed it already" in airlock(7, "sign", copy, "--key", keys / "mallory.key", "--name", "again").err

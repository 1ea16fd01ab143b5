# SPDX-License-Identifier: Apache-2.0
"""Policies, approvals and signatures, checked by airlock and by tools that know nothing of it."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
import urllib.error
import urllib.request

import pytest
from conftest import PROGRAM, ROOT
from signers import SVR, unpack


def test_two_roles(airlock, people, policy, make):
    bundle, rules = make("b.tar"), policy(max_age="45d", allow_sources='["quay.io/*"]')
    verify = ["verify", bundle, "--policy", rules]
    err = airlock(7, *verify).err
    assert (
        "streams.production.require[1]: role reviewer: 0 of 1 required approvals by bob" in err
        and "airlock approve" in err
    )
    airlock(0, "approve", bundle, "--key", people / "bob.key", "--comment", "scanned, change 4711")
    out = airlock(0, *verify).out
    for words in (
        f"sha256:{hashlib.sha256(rules.read_bytes()).hexdigest()}",
        "alice, SHA256:",
        "signatures/alice.sig",
        "bob, SHA256:",
        '"scanned, change 4711"',
        "streams.production.max_age: ",
        "streams.production.allow_sources",
        "no earlier import",
    ):
        assert words in out
    report = airlock(0, *verify, "--output", "json").json["trust"]
    assert report["policy"]["digest"].startswith("sha256:") and [r["role"] for r in report["requirements"]] == [
        "exporter",
        "reviewer",
    ]
    approval = report["requirements"][1]["signers"][0]["approval"]
    assert (
        approval["comment"] == "scanned, change 4711"
        and approval["reviewer"] == "bob"
        and approval["predicateType"] == SVR
    )
    # The short form trusts alice alone, and says that bob's approval was not needed.
    assert "by another key than the one given" in airlock(0, "verify", bundle, "--key", people / "alice.pub").out
    assert "signed it already" in airlock(7, "sign", bundle, "--key", people / "alice.key", "--name", "again").err


@pytest.mark.parametrize(
    "rules, status, words",
    [
        ({"revoked": ["alice"]}, 7, "alice's key is revoked"),
        ({"stream": "testing"}, 8, "has no stream production; it has testing"),
        ({"allow_sources": '["registry.k8s.io/*"]'}, 8, "image quay.io/lab/one:1 comes from none of registry.k8s.io/*"),
        ({"reviewers": ["dave"]}, 7, "there is no key dave"),
        ({"rollback": "perhaps"}, 7, "neither deny nor allow"),
    ],
)
def test_rules_that_fail_say_which_they_are(airlock, people, policy, make, rules, status, words):
    bundle = make("b.tar")
    airlock(0, "approve", bundle, "--key", people / "bob.key")
    assert words in airlock(status, "verify", bundle, "--policy", policy(**rules)).err


def test_age(airlock, policy, make):
    bundle = make("old.tar", env={"SOURCE_DATE_EPOCH": "1700000000"})
    assert (
        "streams.production.max_age: it is"
        in airlock(8, "verify", bundle, "--policy", policy(reviewers=(), max_age="45d")).err
    )


def test_an_approval_for_another_bundle(airlock, people, policy, make, tmp_path):
    one, other = make("one.tar"), make("other.tar", serial=8)
    airlock(0, "approve", other, "--key", people / "bob.key", "--sidecar", tmp_path)
    moved = ["--signature", tmp_path / "bob.approval.sigstore.json"]
    airlock(0, "verify", other, "--policy", policy(), *moved)
    assert (
        "is an approval of another bundle, whose SHA256SUMS is"
        in airlock(7, "verify", one, "--policy", policy(), *moved).err
    )


def test_trust_has_to_be_named_once(airlock, people, policy, make):
    bundle = make("b.tar")
    assert "--key PUB or --policy FILE is missing" in airlock(2, "verify", bundle).err
    airlock(2, "verify", bundle, "--key", people / "alice.pub", "--policy", policy())


def test_an_older_bundle_cannot_follow_a_newer_one(airlock, policy, make, plain, tmp_path):
    old, new, twin = (
        make("old.tar", serial=7),
        make("new.tar", serial=8),
        make("twin.tar", "alice", "production", 8, "--expires", "2099-01-01"),
    )
    rules, state = policy(reviewers=()), tmp_path / "state"
    run = lambda status, bundle, *more: (
        airlock(status, "import", bundle, plain.host, "--insecure", "--policy", rules, "--state-dir", state, *more).err
    )
    run(0, new, "--dry-run")
    assert not state.exists()  # nothing was imported
    run(0, old)
    run(0, new)
    run(0, new)  # the same again is no step back
    assert f"it has serial 7, but serial 8 of stream production was already imported into {plain.host}" in run(8, old)
    assert "another bundle with the same serial of stream production" in run(8, twin)
    verify = ["verify", old, "--policy", rules, "--state-dir"]
    assert "serial 8" in airlock(8, *verify, state).err
    airlock(0, *verify, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    recorded = json.loads((state / "production.imports.json").read_text())
    assert [(entry["registry"], entry["serial"]) for entry in recorded["imports"]] == [(plain.host, 8)]
    (state / "production.imports.json").write_text("{")
    assert "record of earlier imports cannot be read" in run(8, new)
    (state / "production.imports.json").write_text(json.dumps(recorded))
    allowed = policy(reviewers=(), name="allowed.yaml", rollback="allow")
    airlock(0, "import", old, plain.host, "--insecure", "--policy", allowed, "--state-dir", state)
    run(8, old)  # the record did not go back


def test_an_import_that_fails_is_not_remembered(airlock, policy, make, tmp_path):
    bundle, rules, state = make("b.tar"), policy(reviewers=()), tmp_path / "state"
    airlock(4, "import", bundle, "127.0.0.1:1", "--insecure", "--policy", rules, "--state-dir", state)
    assert not (state / "production.imports.json").exists()


def test_the_record_is_kept_by_registry_and_what_an_older_airlock_wrote_counts_for_all(
    airlock, policy, make, fake_registry, tmp_path
):
    old, new = make("old.tar", serial=7), make("new.tar", serial=8)
    rules, state = policy(reviewers=()), tmp_path / "state"
    one, two = fake_registry(), fake_registry()
    run = lambda status, bundle, place: airlock(
        status, "import", bundle, place, "--insecure", "--policy", rules, "--state-dir", state
    )
    run(0, new, one.host)
    run(8, old, one.host)
    run(0, old, f"{one.host}/elsewhere")
    run(0, old, two.host)
    assert "too old where serial 8" in airlock(0, "verify", old, "--policy", rules, "--state-dir", state).out
    before = {
        "mediaType": "application/vnd.airlock.import-state.v1+json",
        "stream": "production",
        "serial": 8,
        "sumsDigest": "sha256:" + "0" * 64,
        "imported": "x",
    }
    (state / "production.imports.json").unlink()
    (state / "production.last-import.json").write_text(json.dumps(before))
    assert "was already imported here" in run(8, old, two.host).err


def test_an_import_that_is_killed_while_it_writes_names_is_remembered(
    airlock, people, policy, make, fake_registry, environment, tmp_path
):
    old, new = make("old.tar", serial=7), make("new.tar", serial=8)
    rules, state, target = policy(reviewers=()), tmp_path / "state", fake_registry()
    command = ["import", target.host, "--insecure", "--policy", rules, "--state-dir", state]
    target.rules({"match": "PUT */manifests/1", "delay": 60000, "times": 1})
    process = subprocess.Popen(
        [PROGRAM, *map(str, [command[0], new, *command[1:]])], env=environment, stderr=subprocess.DEVNULL
    )
    while not target.requests("PUT", "/manifests/1"):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    target.rules()
    assert "or its import started" in airlock(8, command[0], old, *command[1:]).err
    airlock(0, command[0], new, *command[1:])


def test_a_stream_is_bound_to_registries(airlock, policy, make, fake_registry, tmp_path):
    bundle, target, state = make("b.tar"), fake_registry(), ["--state-dir", tmp_path / "state"]
    rules = policy(reviewers=(), registries=f"[{target.host}/kube]")
    err = airlock(8, "import", bundle, target.host, "--insecure", "--policy", rules, *state).err
    assert (
        f"streams.production.registries: it may only be imported into {target.host}/kube, not into {target.host}" in err
    )
    airlock(8, "import", bundle, f"{target.host}/kubernetes", "--insecure", "--policy", rules, *state)
    assert not target.requests()
    airlock(0, "import", bundle, f"{target.host}/kube/lab", "--insecure", "--policy", rules, *state)
    assert "only for" in airlock(0, "verify", bundle, "--policy", rules, *state).out
    assert "is imported into" in airlock(0, "policy", "check", rules).out
    text = rules.read_text()
    rules.write_text(
        text
        + text[text.index("  production:") :]
        .replace("production", "testing")
        .replace("/kube]", "/kube/x]")
        .replace("alice", "bob")
    )
    assert f"may both write below {target.host}/kube/x" in airlock(0, "policy", "check", rules).out


@pytest.mark.parametrize("reads, more", [(0, []), (1, ["--verify-first"])])
def test_a_medium_that_answers_differently(airlock, people, make, plain, tmp_path, reads, more):
    """Wrong bytes on the only read of a blob, and on the second one of a run that verifies first."""
    bundle = make("b.tar")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", tmp_path / "two_faced.so", ROOT / "tests/functional/two_faced.c", "-ldl"],
        check=True,
    )
    with tarfile.open(bundle) as archive:
        layer = archive.getmembers()[-1]
    lying = {
        "LD_PRELOAD": str(tmp_path / "two_faced.so"),
        "LIE_FILE": str(bundle),
        "LIE_OFFSET": str(layer.offset_data + layer.size // 2),
        "LIE_AFTER": str(reads),
        "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0",
    }
    importing = ["import", bundle, plain.host, "--insecure", "--key", people / "alice.pub", *more]
    err = airlock(6, *importing, env=lying).err
    assert f"blob sha256:{layer.name[-64:]}" in err
    if reads:
        assert "the medium returned other bytes" in err
    for path in (f"blobs/sha256:{layer.name[-64:]}", "manifests/1"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{plain.host}/v2/lab/one/{path}")
    airlock(0, *importing)


def test_policy_check_explains(airlock, policy, people):
    out = airlock(0, "policy", "check", policy(max_age="45d", revoked=["carol"])).out
    for words in (
        "signed by at least 1 of alice, carol as exporter",
        "approved by bob as reviewer",
        "not older than 45 d",
        "REVOKED",
        "role exporter names carol, whose key is revoked",
        "no allow_sources",
    ):
        assert words in out
    assert airlock(0, "policy", "check", policy(), "--output", "json").json["warnings"]
    broken = policy(name="broken.yaml")
    broken.write_text(broken.read_text().replace("revoked: []", "revoked: []\nrevoked: []"))
    assert 'the key "revoked" appears twice' in airlock(7, "policy", "check", broken).err


def test_a_signature_on_a_read_only_medium_lies_beside_it(airlock, people, policy, make, tmp_path):
    bundle = make("b.tar")
    readonly = tmp_path / "stick"
    readonly.mkdir()
    shutil.move(bundle, readonly / "b.tar")
    script = f"""mount --bind {readonly} {readonly} && mount -o remount,bind,ro {readonly} || exit 99
        "$@" """
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", PROGRAM]
    approve = ["approve", readonly / "b.tar", "--key", people / "bob.key"]
    first = subprocess.run([*inside, *map(str, approve)], capture_output=True, text=True)
    if first.returncode == 99 or "unshare" in first.stderr:
        pytest.skip("this machine allows no mount namespaces")
    assert first.returncode == 5 and "--sidecar DIRECTORY" in first.stderr
    assert (
        subprocess.run([*inside, *map(str, approve), "--sidecar", str(tmp_path)], capture_output=True).returncode == 0
    )
    airlock(
        0, "verify", readonly / "b.tar", "--policy", policy(), "--signature", tmp_path / "bob.approval.sigstore.json"
    )


def test_a_full_region_says_what_to_do(airlock, make, tmp_path):
    bundle = make("b.tar")
    for number in range(40):
        airlock(0, "keygen", tmp_path / f"k{number}", "--no-passphrase")
        digest = (
            airlock(0, "verify", bundle, "--key", tmp_path / "k0.pub", "--output", "json").json["sumsDigest"]
            if number
            else None
        )
        sign = ["sign", bundle, "--key", tmp_path / f"k{number}.key", *(["--verified", digest] if digest else [])]
        before = bundle.read_bytes()
        process = subprocess.run([PROGRAM, *map(str, sign)], capture_output=True, text=True)
        if process.returncode:
            break
    assert (
        process.returncode == 5
        and "no room for a further signature" in process.stderr
        and "--sidecar" in process.stderr
    )
    assert number > 20 and bundle.read_bytes() == before


def test_killed_at_any_moment_the_bundle_stays_valid(airlock, people, make, tmp_path, environment):
    """SIGKILL before and in the middle of every write and flush: earlier signatures hold, for airlock and for tar."""
    original, bundle = make("b.tar"), tmp_path / "killed.tar"
    digest = airlock(0, "verify", original, "--key", people / "alice.pub", "--output", "json").json["sumsDigest"]
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", tmp_path / "kill_at.so", ROOT / "tests/functional/kill_at.c", "-ldl"],
        check=True,
    )
    outcomes = []
    for half in ("0", "1"):
        for number in range(1, 100):
            shutil.copy(original, bundle)
            killing = {
                "LD_PRELOAD": str(tmp_path / "kill_at.so"),
                "KILL_FILE": str(bundle),
                "KILL_AT": str(number),
                "KILL_HALF": half,
                "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0",
            }
            status = subprocess.run(
                [PROGRAM, "sign", bundle, "--key", people / "bob.key", "--verified", digest],
                capture_output=True,
                env={**environment, **killing},
            ).returncode
            subprocess.run(["tar", "tf", bundle], check=True, capture_output=True)
            signed = "signatures/bob.sig" in airlock(0, "verify", bundle, "--key", people / "alice.pub").out
            if signed:
                airlock(0, "verify", bundle, "--key", people / "bob.pub")
            outcomes.append((status, signed))
            if status == 0:
                break
    killed = [signed for status, signed in outcomes if status == -signal.SIGKILL]
    assert len(killed) >= 6 and len(killed) == len(outcomes) - 2 and True in killed and False in killed


@pytest.mark.parametrize("name", ["frank", "grace"])
def test_a_key_in_a_token(airlock, make, token, tmp_path, name):
    directory, env = token
    uri = f"pkcs11:token=signing;object={name}"
    bundle = make("b.tar")
    sign = ["sign", bundle, "--key", uri, "--passphrase-file"]
    before = bundle.read_bytes()
    assert "no private key from the token" in airlock(7, *sign, directory / "wrong", env=env).err
    assert bundle.read_bytes() == before
    airlock(0, *sign, directory / "pin", env=env)
    public = tmp_path / "token.pub"
    public.write_text(airlock(0, "pubkey", uri, "--passphrase-file", directory / "pin", env=env).out)
    airlock(0, "verify", bundle, "--key", public)
    at = unpack(bundle, tmp_path / "unpacked")
    subprocess.run(
        [
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            public,
            "-signature",
            at / f"signatures/{name}.sig",
            at / "SHA256SUMS",
        ],
        check=True,
        capture_output=True,
    )
    airlock(
        0,
        "approve",
        bundle,
        "--key",
        uri + "?module-path=" + env["PKCS11_MODULE_PATH"],
        "--passphrase-file",
        directory / "pin",
        env={k: v for k, v in env.items() if k != "PKCS11_MODULE_PATH"},
    )


def test_tokens_that_are_not_there(airlock, make, token, tmp_path):
    directory, env = token
    pin = ["--passphrase-file", directory / "pin"]
    run = lambda status, uri: (
        airlock(status, "sign", make(f"{len(os.listdir(tmp_path))}.tar"), "--key", uri, *pin, env=env).err
    )
    assert "no private key from the token" in run(7, "pkcs11:token=signing;object=nobody")
    assert "where every user of this machine can read it" in run(2, "pkcs11:token=signing;object=frank?pin-value=1234")
    assert "does not exist" in run(7, "pkcs11:token=signing;object=frank?module-path=/nonexistent.so")


def test_a_passphrase_from_a_descriptor(airlock, make, tmp_path, environment):
    (tmp_path / "secret").write_text("open sesame\n")
    airlock(0, "keygen", tmp_path / "dora", "--passphrase-file", tmp_path / "secret")
    bundle = make("b.tar")
    reading, writing = os.pipe()
    os.write(writing, b"open sesame\n")
    os.close(writing)
    subprocess.run(
        [PROGRAM, "sign", bundle, "--key", tmp_path / "dora.key", "--passphrase-fd", str(reading)],
        check=True,
        capture_output=True,
        pass_fds=[reading],
        env=environment,
    )
    os.close(reading)
    airlock(0, "verify", bundle, "--key", tmp_path / "dora.pub")


def test_all_that_a_policy_has_against_a_bundle_is_said_at_once(airlock, policy, make):
    """A missing reviewer, a foreign source and a wrong registry: each may take somebody a day to put right."""
    bundle = make("b.tar")
    rules = policy(allow_sources='["registry.k8s.io/*"]', registries='["other.local:5000"]')
    err = airlock(7, "verify", bundle, "--policy", rules).err
    assert "2 problems found" in err and "required approvals by bob" in err and "comes from none of" in err
    # What nobody vouches for is not read to say more of it.
    stranger = make("s.tar", key="dave")
    err = airlock(7, "verify", stranger, "--policy", rules).err
    assert "problems found" not in err and "required signatures by alice" in err

# SPDX-License-Identifier: Apache-2.0
"""Policies, approvals and signatures, checked by airlock and by tools that know nothing of it."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import time
import urllib.error
import urllib.request

import pytest
from conftest import CACHE, PROGRAM, ROOT
from lab import images

SVR = "https://in-toto.io/attestation/svr/v0.2"


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
    assert "by a key of the policy" in airlock(0, "verify", bundle, "--key", people / "alice.pub").out
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


@pytest.fixture(scope="module")
def sigstore(tmp_path_factory):
    """Node packages that verify sigstore bundles: another implementation than ours."""
    if not shutil.which("npm"):
        pytest.skip("there is no npm")
    directory = CACHE / "npm"
    if not (directory / "node_modules/@sigstore/verify").exists():
        directory.mkdir(parents=True, exist_ok=True)
        got = subprocess.run(
            [
                "npm",
                "install",
                "--no-audit",
                "--no-fund",
                "--prefix",
                directory,
                "@sigstore/verify@2.1.1",
                "@sigstore/bundle@3.1.0",
            ],
            capture_output=True,
            text=True,
        )
        if got.returncode:
            pytest.skip("@sigstore/verify cannot be had here: " + got.stderr[-200:])
    return directory


def sigstore_verifies(directory, wrapper, public_key, content):
    script = ROOT / "tests/functional/sigstore_verify.js"
    return subprocess.run(
        ["node", script, wrapper, public_key, content],
        capture_output=True,
        text=True,
        env={**os.environ, "NODE_PATH": str(directory / "node_modules")},
    )


def unpack(bundle, directory):
    directory.mkdir()
    subprocess.run(["tar", "xf", bundle, "-C", directory, "SHA256SUMS", "signatures"], check=True)
    return directory


@pytest.mark.parametrize("signer", ["alice", "rita"])
def test_sigstore_verifies_signatures_and_approvals(airlock, people, make, sigstore, tmp_path, signer):
    bundle = make("b.tar", key=signer)
    airlock(0, "approve", bundle, "--key", people / "bob.key")
    at = unpack(bundle, tmp_path / "unpacked")
    for wrapper, key in ((f"{signer}.sigstore.json", signer), ("bob.approval.sigstore.json", "bob")):
        good = sigstore_verifies(sigstore, at / "signatures" / wrapper, people / f"{key}.pub", at / "SHA256SUMS")
        assert good.returncode == 0, good.stderr
        assert (
            sigstore_verifies(sigstore, at / "signatures" / wrapper, people / "dave.pub", at / "SHA256SUMS").returncode
            != 0
        )
    (at / "SHA256SUMS").write_bytes((at / "SHA256SUMS").read_bytes() + b"\n")
    assert (
        sigstore_verifies(
            sigstore, at / "signatures" / f"{signer}.sigstore.json", people / f"{signer}.pub", at / "SHA256SUMS"
        ).returncode
        != 0
    )


def commands(document, but=()):
    """The indented command lines of a document, in order."""
    text = (ROOT / document).read_text().replace("\\\n", " ")
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if not line.startswith(tuple(but))]


def test_the_reviewers_commands_pass_as_written(airlock, people, policy, make, tmp_path):
    bundle = make("kubernetes.tar")
    airlock(0, "sign", bundle, "--key", people / "carol.key")
    airlock(0, "approve", bundle, "--key", people / "bob.key", "--comment", "x")
    for file in people.iterdir():
        shutil.copy(file, tmp_path)
    subprocess.run(
        ["minisign", "-G", "-W", "-p", tmp_path / "erin.minisign.pub", "-s", tmp_path / "erin.minisign.key"],
        check=True,
        capture_output=True,
    )
    script = commands("docs/verify-without-airlock.md", but=["cosign"])
    assert len(script) > 20
    run = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(script)], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    for words in (
        "Verified OK",
        "Signature Verified Successfully",
        "Signature and comment signature verified",
        "quay.io/lab/one:1  sha256:",
    ):
        assert words in run.stdout
    # And what the reviewer made is good for airlock.
    airlock(0, "verify", bundle, "--key", people / "dave.pub", "--signature", tmp_path / "dave.sig")
    rules = policy(reviewers=("bob", "dave"), name="dave.yaml")
    rules.write_text(
        rules.read_text().replace(
            "revoked:", f"  dave: {{file: {people}/dave.pub, spki_sha256: {spki(people / 'dave.pub')}}}\nrevoked:"
        )
    )
    out = airlock(0, "verify", bundle, "--policy", rules, "--signature", tmp_path / "dave.approval.sigstore.json").out
    assert "dave, SHA256:" in out


def test_minisign_keys_of_others(airlock, make, tmp_path):
    """A key that minisign made signs unhashed; airlock takes it once its raw key is in PEM."""
    bundle = make("b.tar")
    at = unpack(bundle, tmp_path / "unpacked")
    subprocess.run(
        ["minisign", "-G", "-W", "-p", tmp_path / "erin.pub", "-s", tmp_path / "erin.key"],
        check=True,
        capture_output=True,
    )
    sign = ["minisign", "-S", "-s", tmp_path / "erin.key", "-m", at / "SHA256SUMS", "-x"]
    subprocess.run([*sign, tmp_path / "erin.minisig", "-l"], check=True, capture_output=True)
    subprocess.run([*sign, tmp_path / "hashed.minisig"], check=True, capture_output=True)
    raw = base64.b64decode((tmp_path / "erin.pub").read_text().splitlines()[1])[10:]
    der = bytes.fromhex("302a300506032b6570032100") + raw
    (tmp_path / "erin.pem").write_text(
        "-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der).decode() + "\n-----END PUBLIC KEY-----\n"
    )
    verify = lambda status, file: airlock(
        status, "verify", bundle, "--key", tmp_path / "erin.pem", "--signature", tmp_path / file
    )
    verify(0, "erin.minisig")
    assert "prehashed" in verify(6, "hashed.minisig").err


def test_ed25519_keys_come_with_a_minisign_key(airlock, people, make, tmp_path):
    at = unpack(make("b.tar", key="carol"), tmp_path / "unpacked")
    check = lambda: subprocess.run(
        [
            "minisign",
            "-V",
            "-p",
            people / "carol.minisign.pub",
            "-x",
            at / "signatures/carol.minisig",
            "-m",
            at / "SHA256SUMS",
        ],
        capture_output=True,
    )
    assert b"SHA256SUMS of an airlock bundle, signed by carol" in check().stdout
    (at / "SHA256SUMS").write_text("x")
    assert check().returncode != 0
    assert airlock(0, "pubkey", people / "carol.key", "--minisign").out == (people / "carol.minisign.pub").read_text()
    assert airlock(0, "pubkey", people / "bob.key").out == (people / "bob.pub").read_text()
    assert "only Ed25519 keys" in airlock(2, "pubkey", people / "bob.pub", "--minisign").err


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
    tool("softhsm2-util", "--init-token", "--free", "--label", "signing", "--pin", "1234", "--so-pin", "4321")
    for label, kind, number in (("frank", "EC:prime256v1", "01"), ("grace", "rsa:3072", "02")):
        tool(
            "pkcs11-tool",
            "--module",
            module,
            "--login",
            "--pin",
            "1234",
            "--keypairgen",
            "--key-type",
            kind,
            "--label",
            label,
            "--id",
            number,
        )
    (directory / "pin").write_text("1234\n")
    (directory / "wrong").write_text("9999\n")
    return directory, env


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

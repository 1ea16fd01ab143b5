# SPDX-License-Identifier: Apache-2.0
"""Tools that know nothing of airlock check what it signs, and sign what it checks: openssl, minisign, signify, cosign 2
and 3, @sigstore/verify. The commands of the documents are run as they are printed."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import termios
import time

import pytest
from conftest import CACHE, PROGRAM, ROOT
from peers import peer
from signers import PIN, SVR, spki, unpack


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


def blocks(document):
    """The indented blocks of a document, each a list of lines, with continued ones joined."""
    text = (ROOT / document).read_text().replace("\\\n", " ")
    found = [[]]
    for line in text.splitlines():
        if line.startswith("    "):
            found[-1].append(line[4:])
        elif found[-1] and line:
            found.append([])
    return [block for block in found if block]


@pytest.fixture
def shell(environment, tmp_path):
    """Runs a document's commands with a cosign of a version ("cosign2") and without a network."""

    def start(cosign=None):
        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "airlock").symlink_to(PROGRAM)
        if cosign:
            (programs / "cosign").symlink_to(peer(cosign))
        nowhere = "http://127.0.0.1:1"
        home = tmp_path / "empty home"
        home.mkdir()
        return {
            **environment,
            "PATH": f"{programs}:{environment['PATH']}",
            "HOME": str(home),
            "COSIGN_PASSWORD": "secret of cosign",
            "HTTPS_PROXY": nowhere,
            "HTTP_PROXY": nowhere,
            "NO_PROXY": "",
        }

    return start


def keys_of_others(directory, env):
    """erin's of minisign, fred's of signify and, where there is cosign, gina's."""
    run = lambda *command: subprocess.run(command, check=True, capture_output=True, cwd=directory, env=env)
    run("minisign", "-G", "-W", "-p", "erin.minisign.pub", "-s", "erin.minisign.key")
    run("signify-openbsd", "-G", "-n", "-p", "fred.pub", "-s", "fred.sec")
    if shutil.which("cosign", path=env["PATH"]):
        run("cosign", "generate-key-pair", "--output-key-prefix", "gina")


@pytest.fixture
def reviewed(airlock, people, make, tmp_path):
    """What docs/verify-without-airlock.md begins with: kubernetes.tar and the keys beside it."""
    bundle = make("kubernetes.tar")
    airlock(0, "sign", bundle, "--key", people / "carol.key")
    airlock(0, "approve", bundle, "--key", people / "bob.key", "--comment", "x")
    for file in people.iterdir():
        shutil.copy(file, tmp_path)
    return bundle


def policy_with(rules, directory, *names):
    """Their keys too, as reviewers."""
    text = rules.read_text()
    keys = "".join(
        f"  {n}: {{file: {directory}/{n}.pub, spki_sha256: {spki(directory / f'{n}.pub')}}}\n" for n in names
    )
    rules.write_text(text.replace("revoked:", keys + "revoked:").replace("keys: [bob]", f"keys: [{', '.join(names)}]"))
    return rules


@pytest.mark.peers
@pytest.mark.parametrize("cosign", [None, "cosign2", "cosign3"])
def test_the_reviewers_commands_pass_as_written(airlock, policy, reviewed, shell, tmp_path, cosign):
    env = shell(cosign)
    keys_of_others(tmp_path, env)
    script = []
    for line in (line for block in blocks("docs/verify-without-airlock.md") for line in block):
        of_cosign = line.startswith("cosign ") or "../gina." in line
        if cosign or not of_cosign:
            script.append(line)
    assert len(script) > 20
    run = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(script)], cwd=tmp_path, capture_output=True, text=True, env=env
    )
    assert run.returncode == 0, run.stderr
    for words in (
        "Signature Verified Successfully",
        "Signature and comment signature verified",
        "quay.io/lab/one:1  sha256:",
        "erin.minisig",
        "fred.sig",
    ):
        assert words in run.stdout
    verified = len(re.findall("^Verified OK$", run.stdout + run.stderr, re.MULTILINE))
    assert verified == (5 if cosign else 2)  # openssl says the same
    # And what the reviewers made is good for airlock.
    airlock(0, "verify", reviewed, "--key", tmp_path / "dave.pub", "--signature", tmp_path / "dave.sig")
    for who in ("dave", "gina") if cosign else ("dave",):
        rules = policy_with(policy(name=f"{who}.yaml"), tmp_path, who)
        approval = ["--signature", tmp_path / f"{who}.approval.sigstore.json"]
        assert f"{who}, SHA256:" in airlock(0, "verify", reviewed, "--policy", rules, *approval).out
    assert not list((tmp_path / "empty home").iterdir())  # nothing was fetched


@pytest.mark.peers
@pytest.mark.parametrize("cosign", ["cosign2", "cosign3"])
@pytest.mark.parametrize("signer", ["alice", "carol", "rita"])
def test_cosign_checks_what_each_kind_of_key_signs(airlock, people, make, shell, tmp_path, cosign, signer):
    """And refuses what another key signed, or other content."""
    env = shell(cosign)
    bundle = make("b.tar", key=signer)
    airlock(0, "approve", bundle, "--key", people / f"{signer}.key", "--name", "reviewer")
    at = unpack(bundle, tmp_path / "unpacked")
    run = lambda *command: subprocess.run(["cosign", *command], cwd=at, env=env, capture_output=True, text=True)
    run("trusted-root", "create", "--out", "root.json")

    def check(verb, key, file, *more, root=("--trusted-root", "root.json")):
        common = ["--insecure-ignore-tlog", *root]
        return run(verb, "--key", people / f"{key}.pub", *common, "--bundle", f"signatures/{file}", *more, "SHA256SUMS")

    statements = ("verify-blob-attestation", "reviewer.approval.sigstore.json", "--type", SVR)
    for verb, file, *more in (("verify-blob", f"{signer}.sigstore.json"), statements):
        good = check(verb, signer, file, *more)
        assert good.returncode == 0, good.stderr
        # Only cosign 2 wants the root.
        assert (check(verb, signer, file, *more, root=()).returncode == 0) == (cosign == "cosign3")
        assert check(verb, "dave", file, *more).returncode != 0
    (at / "SHA256SUMS").write_bytes((at / "SHA256SUMS").read_bytes() + b"\n")
    for verb, file, *more in (("verify-blob", f"{signer}.sigstore.json"), statements):
        assert check(verb, signer, file, *more).returncode != 0


@pytest.mark.peers
@pytest.mark.parametrize("cosign", ["cosign2", "cosign3"])
def test_what_cosign_signs_is_taken_or_named(airlock, people, make, shell, tmp_path, cosign):
    """Its own key, airlock's Ed25519 and RSA keys in its form; bundles of today, base64, and its older bundle."""
    env = shell(cosign)
    bundle = make("b.tar")
    at = unpack(bundle, tmp_path / "unpacked")
    run = lambda *command: subprocess.run(["cosign", *command], cwd=at, env=env, check=True, capture_output=True)
    run("signing-config", "create", "--out", "config.json")
    run("generate-key-pair", "--output-key-prefix", "own")
    for name in ("carol", "rita"):
        run("import-key-pair", "--key", people / f"{name}.key", "--output-key-prefix", name)
        assert spki(at / f"{name}.pub") == spki(people / f"{name}.pub")
    # cosign 2.6 panics with an Ed25519 key.
    for name in ("own", "carol", "rita") if cosign == "cosign3" else ("own", "rita"):
        signing = ["sign-blob", "--yes", "--key", f"{name}.key"]
        run(*signing, "--signing-config", "config.json", "--bundle", f"{name}.sigstore.json", "SHA256SUMS")
        airlock(0, "verify", bundle, "--key", at / f"{name}.pub", "--signature", at / f"{name}.sigstore.json")
    older = [
        "--tlog-upload=false",
        "--new-bundle-format=false",
        *(["--use-signing-config=false"] if cosign[-1] == "3" else []),
    ]
    (at / "text").mkdir()
    run(*signing, *older, "--output-signature", "text/rita.sig", "--bundle", "old.sigstore.json", "SHA256SUMS")
    airlock(0, "verify", bundle, "--key", at / "rita.pub", "--signature", at / "text/rita.sig")
    verify = ["verify", bundle, "--key", at / "rita.pub", "--signature", at / "old.sigstore.json"]
    err = airlock(6, *verify).err
    assert "cosign's older bundle format" in err and "jq -r .base64Signature" in err
    (at / "out").mkdir()
    subprocess.run(["bash", "-c", "jq -r .base64Signature old.sigstore.json > out/rita.sig"], cwd=at, check=True)
    airlock(0, "verify", bundle, "--key", at / "rita.pub", "--signature", at / "out/rita.sig")
    # Its private key, wherever a key is expected.
    for command in (["sign", bundle, "--key"], ["verify", bundle, "--key"], ["pubkey"]):
        err = airlock(7, *command, at / "own.key").err
        assert "cosign's own form" in err and "--signature" in err and "cosign public-key --key" in err
    public = subprocess.run(
        ["cosign", "public-key", "--key", "own.key"], cwd=at, env=env, check=True, capture_output=True
    )
    assert public.stdout == (at / "own.pub").read_bytes()


class Terminal:
    """A shell script with a terminal of its own, whose every question is answered alike."""

    def __init__(self, script, answer, **options):
        ours, theirs = pty.openpty()

        def on_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        process = subprocess.Popen(
            ["bash", "-euxo", "pipefail", "-c", script],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=on_terminal,  # noqa: PLW1509  system calls, no lock
            **options,
        )
        os.close(theirs)
        self.shown, seen, deadline = b"", 0, time.monotonic() + 120
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                part = os.read(ours, 65536)
            except OSError:  # the last one that had the terminal has gone
                break
            self.shown += part
            if re.search(rb"(phrase|password|PIN)[^\n]*: ?$", self.shown[seen:], re.IGNORECASE):
                seen = len(self.shown)
                # What is typed before the program reads without echo is thrown away.
                while termios.tcgetattr(ours)[3] & termios.ECHO and time.monotonic() < deadline:
                    time.sleep(0.01)
                os.write(ours, answer.encode() + b"\n")
        else:
            process.send_signal(signal.SIGKILL)
        self.status = process.wait()
        os.close(ours)  # not earlier: it would hang up on a shell that is about to end


@pytest.mark.peers
@pytest.mark.parametrize("cosign", [None, "cosign2", "cosign3"])
def test_the_commands_about_policies_and_keys_pass_as_written(shell, token, tmp_path, cosign):
    _, token_env = token
    env = {**shell(cosign), **token_env}
    del env["COSIGN_PASSWORD"]
    programs = ("airlock", "openssl", "cosign", "rm")
    found = blocks("docs/policy.md")
    commands = [line for block in found if block[0].split()[0] in programs for line in block]
    [check] = [line for line in commands if line.startswith("airlock policy check")]
    script = [line for line in commands if line != check and (cosign or not line.startswith("cosign "))]
    assert {line.split()[0] for line in script} >= {"airlock", "openssl", "rm"}
    terminal = Terminal("\n".join(["airlock keygen bob", *script]), PIN, cwd=tmp_path, env=env)
    assert terminal.status == 0, terminal.shown.decode()
    if cosign:
        assert spki(tmp_path / "alice.cosign.pub") == spki(tmp_path / "alice.pub")
        assert "ENCRYPTED SIGSTORE PRIVATE KEY" in (tmp_path / "alice.cosign.key").read_text()
    assert f"{spki(tmp_path / 'carol.pub')}  -".encode() in terminal.shown
    # The policy that the document shows, with the fingerprints of these keys.
    [rules] = [block for block in found if block[0].startswith("version:")]
    text = "\n".join(rules) + "\n"
    for name, shortened in (("alice", "7d8e…"), ("bob", "0c41…")):
        assert shortened in text
        text = text.replace(shortened, spki(tmp_path / f"{name}.pub"))
    (tmp_path / "policy.yaml").write_text(text)
    subprocess.run(["bash", "-euc", check], cwd=tmp_path, env=env, check=True, capture_output=True)


def test_keys_and_signatures_of_minisign_and_signify(airlock, make, policy, shell, tmp_path):
    bundle = make("b.tar")
    at = unpack(bundle, tmp_path / "unpacked")
    keys_of_others(at, shell())
    run = lambda *command: subprocess.run(command, check=True, capture_output=True, cwd=at)
    run("minisign", "-S", "-s", "erin.minisign.key", "-m", "SHA256SUMS", "-x", "hashed.minisig")
    run("minisign", "-S", "-l", "-s", "erin.minisign.key", "-m", "SHA256SUMS", "-x", "plain.minisig")
    run("signify-openbsd", "-S", "-s", "fred.sec", "-m", "SHA256SUMS", "-x", "fred.sig")
    run("signify-openbsd", "-S", "-e", "-s", "fred.sec", "-m", "SHA256SUMS", "-x", "whole.sig")
    verify = lambda status, key, file: airlock(status, "verify", bundle, "--key", at / key, "--signature", at / file)
    for key, file in (
        ("erin.minisign.pub", "hashed.minisig"),
        ("erin.minisign.pub", "plain.minisig"),
        ("fred.pub", "fred.sig"),
    ):
        assert str(at / file) in verify(0, key, file).out
    for key, file in (("fred.pub", "hashed.minisig"), ("erin.minisign.pub", "fred.sig")):
        assert "none of the signatures found is theirs" in verify(7, key, file).err
    assert "with the signed text in it" in verify(6, "fred.pub", "whole.sig").err
    for secret in ("erin.minisign.key", "fred.sec"):
        assert "give airlock its file with --signature" in airlock(7, "sign", bundle, "--key", at / secret).err
    # In a policy, by the fingerprint that `airlock pubkey` tells.
    told = {
        name: airlock(0, "pubkey", at / name, "--output", "json").json for name in ("erin.minisign.pub", "fred.pub")
    }
    rules = policy(reviewers=())
    keys = "".join(
        f"  {name.split('.')[0]}: {{file: {at / name}, spki_sha256: {key['fingerprint']}, algorithm: ed25519}}\n"
        for name, key in told.items()
    )
    both = "keys: [erin, fred], threshold: 2"
    rules.write_text(
        rules.read_text().replace("revoked:", keys + "revoked:").replace("keys: [alice, carol], threshold: 1", both)
    )
    beside = [word for file in ("hashed.minisig", "fred.sig") for word in ("--signature", at / file)]
    airlock(0, "verify", bundle, "--policy", rules, *beside)
    assert "1 of 2 required" in airlock(7, "verify", bundle, "--policy", rules, *beside[:2]).err


def test_a_receipt_is_checked_in_any_form(airlock, people, make, plain, tmp_path):
    importing = ["import", make("b.tar"), plain.host, "--insecure", "--key", people / "alice.pub"]
    receipt = tmp_path / "r.json"
    airlock(0, *importing, "--receipt", receipt, "--receipt-key", people / "carol.key")
    check = lambda status, file: airlock(
        status, "verify-receipt", receipt, "--key", people / "carol.minisign.pub", "--signature", file
    )
    (tmp_path / "moved").write_bytes((tmp_path / "r.json.sig").read_bytes())
    for file in ("r.json.sig", "r.json.sigstore.json", "r.json.minisig", "moved"):
        check(0, tmp_path / file)
    hashed = json.loads((tmp_path / "r.json.sigstore.json").read_text())
    hashed["messageSignature"]["signature"] = "A" * 86 + "=="
    (tmp_path / "other.sigstore.json").write_text(json.dumps(hashed))
    assert "is not this key's signature" in check(7, tmp_path / "other.sigstore.json").err


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

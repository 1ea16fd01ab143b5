# SPDX-License-Identifier: Apache-2.0
"""What people see after each verb: what was done, which files, and what comes next."""

import re

import pytest
from conftest import SELECTION
from lab import images


def test_sizes_before_a_download(airlock, upstream):
    command = ["list", *SELECTION, "--mirror", f"registry.k8s.io=http://{upstream.host}", "--sizes"]
    result = airlock(0, *command)
    rows = re.findall(r"^ *([\d.]+ \w+)  (\S+)$", result.out, re.MULTILINE)
    plain = airlock(0, "list", *SELECTION).out.split()
    assert [reference for _, reference in rows] == plain
    data = airlock(0, *command, "--output", "json").json
    # What platforms share is transferred once.
    sizes = [(image["bytes"], list(image["platforms"].values())) for image in data["images"]]
    assert all(0 < max(platforms) <= size <= sum(platforms) for size, platforms in sizes)
    # Shared layers are carried once, and manifests count too.
    assert 0 < data["blobBytes"] < sum(image["bytes"] for image in data["images"]) + 10_000_000
    assert re.search(r"\d+ images, [\d.]+ \w+ in all", result.err)


def test_the_default_selection_says_what_it_is(airlock, upstream):
    """It would be gigabytes. Here it fails, as the registry has few of its images."""
    everything = airlock(0, "list").out.split()
    mirrors = [
        f"--mirror={host}=http://{upstream.host}" for host in sorted({name.split("/")[0] for name in everything})
    ]
    err = airlock(4, "export", "--dry-run", *mirrors).err
    assert re.search(rf"no selection was given: everything of KubeOne v\S+, .*, {len(everything)} images", err)
    err = airlock(4, "export", "--dry-run", *mirrors, "--filter", "base").err
    assert "no selection was given" not in err


def test_volumes_are_listed_with_their_directories_and_sizes(airlock, keys, bundle, tmp_path):
    (tmp_path / "out").mkdir()
    command = ["split", bundle, "-o", tmp_path / "out/k.tar", "--volume-size", "20MB"]
    result = airlock(0, *command)
    files = sorted(str(path) for path in (tmp_path / "out").iterdir())
    listed = re.findall(r"^  (?:files)? +(\S+), ([\d.]+ \w+)$", result.out, re.MULTILINE)
    assert [name for name, _ in listed] == files and len(files) == 4
    assert f"airlock verify {tmp_path}/out/k.tar" in result.err


@pytest.mark.parametrize("verb", ["sign", "approve"])
def test_signers_are_told_what_comes_next_and_quiet_is_obeyed(airlock, make, people, verb):
    bundle = make("b.tar")
    loud = airlock(0, verb, bundle, "--key", people / "bob.key")
    assert "Next: whoever imports" in loud.err
    quiet = airlock(0, verb, bundle, "--key", people / "dave.key", "-q")
    assert not quiet.err and quiet.out


def test_keygen_is_quiet_when_asked(airlock, tmp_path):
    assert "Next:" in airlock(0, "keygen", tmp_path / "a", "--no-passphrase").err
    assert not airlock(0, "keygen", tmp_path / "b", "--no-passphrase", "-q").err


def test_an_import_says_what_it_imported_and_a_command_that_works(airlock, bundle, keys, plain):
    command = ["import", bundle, f"{plain.host}/k8s", "--key", keys / "alice.pub", "--insecure"]
    err = airlock(0, *command).err
    assert re.search(r"stream default, serial \d+, signed by alice; KubeOne", err)
    printed = re.search(r"^  airlock (check .*)$", err, re.MULTILINE)[1]
    assert "complete" in airlock(0, *printed.split()).out


def test_verify_prints_commands_for_what_comes_next(airlock, make, people):
    bundle = make("b.tar")
    err = airlock(0, "verify", bundle, "--key", people / "alice.pub").err
    approve = re.search(r"^  airlock (approve .*)$", err, re.MULTILINE)[1].replace("KEY", str(people / "bob.key"))
    assert "approved by bob" in airlock(0, *approve.split()).out


def test_lists_from_standard_input(airlock):
    assert airlock(0, "list", "--images-file", "-", stdin="\ufeffquay.io/a:1\r\n").out == "quay.io/a:1\n"
    made = airlock(3, "list", "--images-file", "-", stdin="quay.io/a:1\nBad\ndocker://quay.io/b:1\nquay.io/C:1\n")
    assert "standard input:2: " in made.err and "standard input:4: " in made.err and "2 lines are" in made.err
    assert "standard input:3: docker:// is left off" in made.err


def test_what_platforms_share_is_counted_once(airlock, fake_registry):
    factory = images.Factory(packages=None)
    shared = ((), "gzip", (("etc/shared", b"shared " * 400000),))
    top = factory.index(["amd64", "arm64"], [shared], images.OCI)
    server = fake_registry()
    images.fill(server, factory.store, {"quay.io/lab/one:1": top})
    options = ["--platform", "linux/amd64,linux/arm64", "--mirror", f"quay.io=http://{server.host}"]
    data = airlock(0, "list", "--image", "quay.io/lab/one:1", *options, "--sizes", "--output", "json").json
    (one,) = data["images"]
    assert one["bytes"] < min(one["platforms"].values()) * 1.5 and one["bytes"] <= data["blobBytes"]


@pytest.mark.parametrize("option", ["--receipt", "--emit", "--registries-conf", "--hosts-toml"])
def test_files_that_cannot_be_written_are_found_before_anything_is_sent(airlock, keys, bundle, tmp_path, option):
    command = ["import", bundle, "127.0.0.1:1", "--key", keys / "alice.pub"]
    assert "does not exist" in airlock(5, *command, option, tmp_path / "no/file").err
    if option == "--receipt":
        (tmp_path / "r.json.sig").write_text("another's")
        signed = ["--receipt", tmp_path / "r.json", "--receipt-key", keys / "alice.key"]
        assert "r.json.sig exists already" in airlock(5, *command, *signed).err

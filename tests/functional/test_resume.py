# SPDX-License-Identifier: Apache-2.0
"""An export that was cut off goes on where it stood, whatever happened to it."""

import datetime
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import tarfile
import time

import pytest
from conftest import PROGRAM, ROOT, files_in
from lab import images

EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}


def make_images(sizes):
    """One image with layers of these sizes in KiB, their content by chance."""
    factory = images.Factory(packages=None)
    chance = random.Random(7)
    config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
    layers = [factory.store.add(images.OCI["gzip"], chance.randbytes(size << 10)) for size in sizes]
    body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": layers}
    return (
        factory,
        {"quay.io/lab/one:1": factory.store.add_json(images.OCI["manifest"], body)},
        [layer["digest"] for layer in layers],
    )


def command(server, keys, out, *more):
    return [
        PROGRAM,
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--no-referrers",
        "--key",
        str(keys / "alice.key"),
        "-o",
        str(out),
        "--mirror",
        f"quay.io=http://{server.host}",
        *map(str, more),
    ]


def sums(bundle):
    names = sorted(pathlib.Path(bundle.parent).glob(bundle.name + ".[0-9][0-9][0-9]")) or [bundle]
    raw = b"".join(name.read_bytes() for name in names)[:8192]
    size = int(raw[124:136].rstrip(b"\0 "), 8)
    return raw[512 : 512 + size]


@pytest.fixture
def slow(fake_registry):
    """A server of one image, each connection at 20 MB/s."""
    factory, made, layers = make_images([6000, 5000, 4000, 300, 20, 1])
    server = fake_registry("--rate", 20_000_000)
    images.fill(server, factory.store, made)
    server.forget()
    return server, layers


def start(arguments, environment, **more):
    return subprocess.Popen(
        arguments, env={**environment, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run_for(seconds, arguments, environment):
    """Kills the export after so many seconds; its exit status, or None when it was killed."""
    process = start(arguments, environment, **EPOCH)
    try:
        print(process.communicate(timeout=seconds)[1])  # shown when a test fails
        return process.returncode
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return None


def lose_power(chance, folder):
    """What was not flushed is gone: blocks of zeros anywhere in the file, and the end of the journal."""
    for file in folder.glob("*.partial"):
        size = file.stat().st_size
        with open(file, "r+b") as stream:
            for _ in range(chance.randrange(4)):
                stream.seek(chance.randrange(max(1, size // 4096)) * 4096)
                stream.write(bytes(min(4096 * chance.randrange(1, 64), size - stream.tell())))
    for file in folder.glob("*.journal"):
        if chance.random() < 0.5:
            os.truncate(file, chance.randrange(file.stat().st_size + 1))


@pytest.mark.slow
@pytest.mark.parametrize("more, kills", [((), 110), (("--volume-size", "1MiB"), 90)])
def test_killed_again_and_again(airlock, keys, slow, tmp_path, environment, more, kills):
    server, _ = slow
    chance = random.Random(42)
    (tmp_path / "quiet").mkdir()
    airlock(0, *command(server, keys, tmp_path / "quiet/b.tar", *more)[1:], env=EPOCH)
    wanted = sums(tmp_path / "quiet/b.tar")
    killed = finished = number = 0
    while killed < kills:
        folder = tmp_path / f"run{number}"
        number += 1
        folder.mkdir()
        arguments = command(server, keys, folder / "b.tar", *more, "--jobs", chance.choice([1, 2, 8]))
        killed_last = False
        for attempt in range(12):
            ended = run_for(chance.uniform(0.01, 0.25) if attempt < 11 else 60, arguments, environment)
            if ended is not None:
                break
            killed += 1
            if {"b.tar", "b.tar.001"} & set(files_in(folder)):  # killed at the very end: what looks finished is
                airlock(0, "verify", folder / "b.tar", "--key", keys / "alice.pub")
                ended, killed_last = 0, True
                break
            if chance.random() < 0.5:
                lose_power(chance, folder)
        assert ended == 0
        finished += 1
        assert sums(folder / "b.tar") == wanted
        assert killed_last or [name for name in os.listdir(folder) if name.endswith((".partial", ".journal"))] == []
        if finished % 5 == 0:
            airlock(0, "verify", folder / "b.tar", "--key", keys / "alice.pub")
        for file in folder.iterdir():
            file.unlink()
    assert finished >= 5


def interrupted(server, keys, out, environment, *more):
    """Stops an export by Ctrl-C while the first layer is on its way and others are done."""
    process = start(command(server, keys, out, "--jobs", "8", *more), environment)
    journal = pathlib.Path(f"{out}.journal")
    for _ in range(6000):
        time.sleep(0.01)
        if journal.exists() and len(journal.read_text().splitlines()) >= 9:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "the same command resumes from there" in err
    return journal.read_text()


def preload(source, folder):
    """The environment for an airlock with this between it and the system."""
    library = folder / f"{source}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, ROOT / "tests/functional" / source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}


def test_killed_between_the_last_renames(airlock, keys, slow, tmp_path):
    """Some volumes have their final names: the next run takes them back, and fetches nothing again."""
    server, _ = slow
    out = tmp_path / "b.tar"
    arguments = [*command(server, keys, out)[1:], "--volume-size", "4MiB"]
    now = {"SOURCE_DATE_EPOCH": "1790000000"}  # a bundle has the time of the run that finishes it
    deadly = {**preload("die_in_rename.c", tmp_path), **now}
    kept = tmp_path / "b.tar.001.partial"
    # Of 4 volumes, the first one is renamed last. The second time it dies while it takes them back.
    for number, renamed in ((4, 3), (3, 1), (3, 1), (2, 0)):
        airlock(-9, *arguments, env={**deadly, "DIE_AT": str(number)})
        assert len(list(tmp_path.glob("b.tar.00?"))) == renamed and kept.exists()
        server.forget()
    digest = hashlib.sha256(sums(kept)).hexdigest()
    airlock(0, *arguments, env=now)
    assert server.requests("GET", "/blobs/") == [] and sorted(tmp_path.glob("b.tar*")) == [
        tmp_path / f"b.tar.00{i}" for i in (1, 2, 3, 4)
    ]
    assert hashlib.sha256(sums(out)).hexdigest() == digest
    airlock(0, "verify", out, "--key", keys / "alice.pub")


def test_a_file_in_the_way_costs_nothing_of_what_was_downloaded(airlock, keys, slow, tmp_path, environment):
    server, layers = slow
    out = tmp_path / "b.tar"
    interrupted(server, keys, out, environment, "--volume-size", "4MiB")
    before = sorted(tmp_path.glob("*.partial"))
    (tmp_path / "b.tar.003").write_text("precious")
    arguments = [*command(server, keys, out)[1:], "--volume-size", "4MiB"]
    assert "b.tar.003" in airlock(5, *arguments).err
    assert (tmp_path / "b.tar.003").read_text() == "precious" and sorted(tmp_path.glob("*.partial")) == before
    (tmp_path / "b.tar.003").unlink()
    server.forget()
    airlock(0, *arguments)
    assert server.requests("GET", layers[4]) == []


def test_what_is_there_is_not_fetched_again(airlock, keys, slow, tmp_path, environment):
    server, layers = slow
    out = tmp_path / "b.tar"
    journal = interrupted(server, keys, out, environment)
    server.forget()
    result = airlock(0, *command(server, keys, out)[1:])
    assert "are there from an earlier run" in result.err
    small = layers[4]  # 20 KiB: long done
    assert small[7:] in journal and server.requests("GET", small) == []
    ranges = [r["range"] for r in server.requests("GET", layers[0])]
    assert ranges == [] or re.fullmatch(r"bytes=[1-9][0-9]*-", ranges[0])  # unless it was done too
    airlock(0, "verify", out, "--key", keys / "alice.pub")
    assert files_in(tmp_path) == ["b.tar"] and not out.with_name("b.tar.journal").exists()


def test_a_resumed_bundle_has_no_time_from_the_medium(airlock, keys, slow, tmp_path, environment):
    """Who had the stick in the meantime could make a bundle as old, or as new, as he likes."""
    server, _ = slow
    out = tmp_path / "b.tar"
    interrupted(server, keys, out, environment)
    time.sleep(1.1)
    resumed = time.time()
    assert "are there from an earlier run" in airlock(0, *command(server, keys, out)[1:]).err
    with tarfile.open(out) as archive:
        created = json.load(archive.extractfile("bundle.json"))["created"]
    assert datetime.datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp() >= int(resumed)


def test_another_plan_starts_over_and_says_so(airlock, keys, slow, tmp_path, environment):
    server, layers = slow
    out = tmp_path / "b.tar"
    interrupted(server, keys, out, environment)
    server.forget()
    result = airlock(0, *command(server, keys, out, "--stream", "other")[1:])
    assert "starting over" in result.err and len(server.requests("GET", layers[4])) == 1
    airlock(0, "verify", out, "--key", keys / "alice.pub")


def test_leftovers_of_another_cut_go_away(airlock, keys, slow, tmp_path, environment):
    server, _layers = slow
    out = tmp_path / "b.tar"
    interrupted(server, keys, out, environment)
    result = airlock(0, *command(server, keys, out, "--volume-size", "4MiB")[1:])
    assert "starting over" in result.err
    airlock(0, "verify", out, "--key", keys / "alice.pub")
    assert not out.with_name("b.tar.partial").exists() and len(os.listdir(tmp_path)) == 4


def test_a_directory_named_twice_is_one(airlock, keys, slow, tmp_path, environment):
    server, _layers = slow
    out = tmp_path / "b.tar"
    interrupted(server, keys, out, environment, "--volume-size", "4MiB")
    result = airlock(0, *command(server, keys, out, "--volume-size", "3MiB", "--volume-dir", tmp_path / ".")[1:])
    assert "starting over" in result.err
    airlock(0, "verify", out, "--key", keys / "alice.pub")
    assert [file for file in os.listdir(tmp_path) if "partial" in file] == []


@pytest.mark.parametrize(
    "text", ["", "airlock exp", "airlock export journal 1\nplan x\n", "airlock export journal 9\n", "\0" * 4096]
)
def test_a_journal_of_another_kind_is_not_used(airlock, keys, slow, tmp_path, environment, text):
    server, _layers = slow
    out = tmp_path / "b.tar"
    interrupted(server, keys, out, environment)
    out.with_name("b.tar.journal").write_text(text)
    airlock(0, *command(server, keys, out)[1:])
    airlock(0, "verify", out, "--key", keys / "alice.pub")


def test_somebody_elses_file_of_the_journals_name_stays(airlock, keys, slow, tmp_path):
    journal = tmp_path / "b.tar.journal"
    journal.write_text("my diary\n")
    err = airlock(5, *command(slow[0], keys, tmp_path / "b.tar")[1:]).err
    assert "b.tar.journal exists, and is not a journal of airlock" in err and "\n  next: move it away" in err
    assert journal.read_text() == "my diary\n" and os.listdir(tmp_path) == ["b.tar.journal"]


def test_leftovers_of_large_blobs_from_afar(airlock, keys, fake_registry, tmp_path, environment):
    """Blobs in parts: one part is there and right, one is there and wrong."""
    factory, made, layers = make_images([70 << 10, 10])
    server = fake_registry("--delay", 25, "--rate", 60_000_000)
    images.fill(server, factory.store, made)
    out = tmp_path / "b.tar"
    interrupted(server, keys, out, environment)
    raw = out.with_name("b.tar.partial")
    at = raw.read_bytes().index(factory.store.blobs[layers[0]][: 1 << 16])
    with open(raw, "r+b") as stream:
        stream.seek(at + 5)
        stream.write(b"\0\0\0\0")
    result = airlock(0, *command(server, keys, out, "-v")[1:])
    assert "is damaged: it is fetched afresh" in result.err
    airlock(0, "verify", out, "--key", keys / "alice.pub")


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a file system of so many bytes at the same place again and again, and makes it larger."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(size, *options):
        if (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "none", place], capture_output=True
            ).returncode
            != 0
        ):
            pytest.skip("this machine does not let mount")
        return place

    yield mount
    while subprocess.run(["umount", place], capture_output=True).returncode == 0:
        pass


def archive_size(airlock, server, keys, tmp_path):
    return airlock(0, *command(server, keys, tmp_path / "b.tar", "--dry-run", "--output", "json")[1:]).json[
        "archiveSize"
    ]


def test_a_disk_that_is_too_small_by_tenths(airlock, keys, slow, small_disk, tmp_path):
    """The space is reserved first, so that it fails before anything is fetched."""
    server, _ = slow
    size = archive_size(airlock, server, keys, tmp_path)
    for tenth in range(1, 11):
        place = small_disk(size * tenth // 10 - 8192)
        server.forget()
        err = airlock(5, *command(server, keys, place / "b.tar")[1:]).err
        assert "no room for" in err and server.requests("GET", "/blobs/") == [] and os.listdir(place) == []
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("stream, said", [("default", "are there from an earlier run"), ("other", "starting over")])
def test_what_an_earlier_run_reserved_counts_as_room(
    airlock, keys, slow, small_disk, tmp_path, environment, stream, said
):
    """The volumes just fit, once."""
    server, _ = slow
    place = small_disk(archive_size(airlock, server, keys, tmp_path) * 10 // 9)
    interrupted(server, keys, place / "b.tar", environment, "--volume-size", "4MiB")
    arguments = [*command(server, keys, place / "b.tar")[1:], "--volume-size", "4MiB", "--stream", stream]
    airlock(0, *arguments, "--dry-run")
    assert said in airlock(0, *arguments).err
    airlock(0, "verify", place / "b.tar", "--key", keys / "alice.pub")


def test_a_disk_that_fills_up_at_each_tenth_of_the_way(airlock, keys, slow, small_disk, tmp_path):
    """Where nothing can be reserved, as on FAT: what was written is kept, and goes on when there is room."""
    server, _layers = slow
    size = archive_size(airlock, server, keys, tmp_path)
    lying = preload("no_reserve.c", tmp_path)
    for tenth in range(1, 11):
        place = small_disk(size * tenth // 10 - 65536)
        err = airlock(5, *command(server, keys, place / "b.tar")[1:], env=lying).err
        assert "No space left on device" in err and files_in(place) == []
        small_disk(size + (1 << 20), "remount")
        server.forget()
        airlock(0, *command(server, keys, place / "b.tar")[1:])
        airlock(0, "verify", place / "b.tar", "--key", keys / "alice.pub")
        assert files_in(place) == ["b.tar"]
        if tenth == 10:
            assert len(server.requests("GET", "/blobs/")) < 7  # what was there is not fetched again
        subprocess.run(["umount", place], check=True)


def test_read_back(airlock, keys, slow, tmp_path):
    server, _ = slow
    result = airlock(0, *command(server, keys, tmp_path / "b.tar", "--read-back")[1:])
    assert "past the page cache" in result.err or "page cache holds" in result.err
    # Layers; documents and the config are read before, and more than once is not needed.
    assert "verifying: 6 of 6" in result.err
    assert "page cache" in airlock(0, "verify", tmp_path / "b.tar", "--key", keys / "alice.pub").err

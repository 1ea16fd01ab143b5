# SPDX-License-Identifier: Apache-2.0
"""A bundle in several files: written, read, signed and approved as one, and what may be wrong with a set of them."""

import os
import pathlib
import pty
import shutil
import subprocess

import pytest
from conftest import PROGRAM, SELECTION, files_in

SIZE = 4 << 20


@pytest.fixture(scope="module")
def volumes(airlock, keys, upstream, tmp_path_factory):
    """The control plane in volumes of 4 MiB."""
    folder = tmp_path_factory.mktemp("volumes")
    airlock(
        0,
        "export",
        *SELECTION,
        "--key",
        keys / "alice.key",
        "-o",
        folder / "k.tar",
        "--volume-size",
        "4MiB",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
        env={"SOURCE_DATE_EPOCH": "1700000000"},
    )
    return folder / "k.tar"


@pytest.fixture
def copy(volumes, tmp_path):
    for file in volumes.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    return tmp_path / "k.tar"


def volume(bundle, number):
    return pathlib.Path(f"{bundle}.{number:03}")


def count(bundle):
    return len(list(bundle.parent.glob("k.tar.[0-9]*")))


def test_volumes_are_the_same_bytes(airlock, keys, upstream, volumes, tmp_path):
    airlock(
        0,
        "export",
        *SELECTION,
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "one.tar",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
        env={"SOURCE_DATE_EPOCH": "1700000000"},
    )
    joined = b"".join(file.read_bytes() for file in sorted(volumes.parent.iterdir()))
    whole = (tmp_path / "one.tar").read_bytes()
    region = (64 << 10) + 8192  # ECDSA signatures differ from run to run
    assert len(joined) == len(whole) and joined[region:] == whole[region:]
    sizes = [file.stat().st_size for file in sorted(volumes.parent.iterdir())]
    assert set(sizes[:-1]) == {SIZE} and 0 < sizes[-1] <= SIZE
    # Other programs read what cat gives.
    (tmp_path / "joined.tar").write_bytes(joined)
    subprocess.run(
        "mkdir x && tar xf joined.tar -C x && cd x && sha256sum --strict --quiet -c SHA256SUMS",
        shell=True,
        check=True,
        cwd=tmp_path,
    )


def test_every_verb_takes_volumes(airlock, keys, copy, plain):
    key = ["--key", keys / "alice.pub"]
    airlock(0, "verify", copy, *key, "--layers")
    airlock(0, "verify", f"{copy}.001", *key)
    assert "NOT VERIFIED" in airlock(0, "inspect", copy).out
    airlock(0, "sign", copy, "--key", keys / "mallory.key")
    airlock(0, "approve", copy, "--key", keys / "mallory.key", "--name", "reviewer")
    assert "mallory" in airlock(0, "inspect", copy).out
    airlock(0, "verify", copy, "--key", keys / "mallory.pub")
    airlock(0, "import", copy, plain.host, "--insecure", *key)
    airlock(0, "check", plain.host, "--bundle", copy, "--insecure", *key)


def test_volumes_in_several_directories(airlock, keys, copy, tmp_path):
    (tmp_path / "second").mkdir()
    for number in range(2, count(copy) + 1, 2):
        volume(copy, number).rename(tmp_path / "second" / volume(copy, number).name)
    assert "volume k.tar.002 is missing" in airlock(5, "verify", copy, "--key", keys / "alice.pub").err
    airlock(0, "verify", copy, "--key", keys / "alice.pub", "--volume-dir", tmp_path / "second")


def test_a_person_is_asked_for_the_next_medium(keys, copy, tmp_path, environment):
    (tmp_path / "second").mkdir()
    volume(copy, 3).rename(tmp_path / "second" / volume(copy, 3).name)
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("this machine has no pseudo-terminals (is /dev/pts mounted?)")
    command = [PROGRAM, "verify", str(copy), "--key", str(keys / "alice.pub")]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment)
    os.close(theirs)
    seen = ""
    while "press Enter to give up" not in seen:
        seen += os.read(ours, 4096).decode()
    assert "airlock needs the volume k.tar.003" in seen
    os.write(ours, f"{tmp_path}/second\n".encode())
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0 and b"alice" in out


def test_a_medium_that_is_full_goes_on_on_the_next(airlock, keys, upstream, tmp_path):
    """Two small file systems."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        if (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=50m", "none", tmp_path / name], capture_output=True
            ).returncode
            != 0
        ):
            pytest.skip("this machine does not let mount")
    try:
        export = [
            "export",
            *SELECTION,
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / "one/k.tar",
            "--volume-size",
            "8MiB",
            "--no-referrers",
            "--mirror",
            f"registry.k8s.io=http://{upstream.host}",
        ]
        err = airlock(5, *export).err
        assert (
            "no room for k.tar.007 of 10 volumes" in err
            and "--volume-dir" in err
            and os.listdir(tmp_path / "one") == []
        )
        airlock(0, *export, "--volume-dir", tmp_path / "two")
        assert len(os.listdir(tmp_path / "one")) == 6 and len(os.listdir(tmp_path / "two")) == 4
        airlock(0, "verify", tmp_path / "one/k.tar", "--key", keys / "alice.pub", "--volume-dir", tmp_path / "two")
    finally:
        for name in ("one", "two"):
            subprocess.run(["umount", tmp_path / name], check=True)


def first_missing(bundle):
    volume(bundle, 1).unlink()


def middle_missing(bundle):
    volume(bundle, 3).unlink()


def last_missing(bundle):
    volume(bundle, count(bundle)).unlink()


def swapped(bundle):
    spare = bundle.with_suffix(".spare")
    volume(bundle, 2).rename(spare)
    volume(bundle, 3).rename(volume(bundle, 2))
    spare.rename(volume(bundle, 3))


def short(bundle):
    os.truncate(volume(bundle, 2), SIZE - 512)


def last_short(bundle):
    last = volume(bundle, count(bundle))
    os.truncate(last, last.stat().st_size - 512)


def too_long(bundle):
    with open(volume(bundle, count(bundle)), "ab") as file:
        file.write(bytes(2 * SIZE))


def foreign(bundle):
    volume(bundle, 2).write_bytes(bytes(range(256)) * (SIZE // 256))


def flipped(bundle):
    raw = bytearray(volume(bundle, 4).read_bytes())
    raw[1000] ^= 1
    volume(bundle, 4).write_bytes(raw)


@pytest.mark.parametrize(
    "defect, status, words",
    [
        (first_missing, 5, "k.tar.001 is missing"),
        (middle_missing, 5, "volume k.tar.003 is missing"),
        (last_missing, 6, "is missing (--volume-dir names its directory)"),
        (swapped, 6, "k.tar.002"),
        (short, 6, "k.tar.002 is shorter than the volumes before it"),
        (last_short, 6, "did not arrive whole"),
        (too_long, 6, "the first one has"),
        (foreign, 6, "k.tar.002"),
        (flipped, 6, "k.tar.004"),
    ],
)
def test_a_defect_of_one_volume_is_named(airlock, keys, copy, plain, defect, status, words):
    defect(copy)
    for command in (["verify", copy], ["import", copy, plain.host, "--insecure", "--verify-first"]):
        err = airlock(status, *command, "--key", keys / "alice.pub").err
        assert words in err and "\n  next: " in err


@pytest.mark.parametrize(
    "size, words",
    [
        ("4QB", "is not a size"),
        ("1000", "is less than 64 KiB"),
        ("", "is not a size"),
        ("99999999999G", "is not a size"),
    ],
)
def test_sizes_that_are_none(airlock, keys, tmp_path, size, words):
    if size:
        assert (
            words
            in airlock(
                2,
                "export",
                "--image",
                "quay.io/a:1",
                "--key",
                keys / "alice.key",
                "-o",
                tmp_path / "b.tar",
                "--volume-size",
                size,
            ).err
        )


def test_too_many_volumes(airlock, keys, upstream, tmp_path):
    err = airlock(
        2,
        "export",
        *SELECTION,
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--volume-size",
        "64KiB",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    ).err
    assert "999 is the most" in err and files_in(tmp_path) == []


def test_a_limit_of_file_sizes_is_got_around_with_volumes(keys, upstream, tmp_path, environment):
    command = [
        "sh",
        "-c",
        'ulimit -f 20000; exec "$@"',
        "sh",
        PROGRAM,
        "export",
        *SELECTION,
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    ]
    run = lambda *more: subprocess.run([*map(str, command), *more], capture_output=True, text=True, env=environment)
    assert "--volume-size" in run().stderr
    assert run("--volume-size", "4MiB").returncode == 0


def test_an_existing_volume_is_not_overwritten(airlock, keys, upstream, copy):
    before = volume(copy, 1).read_bytes()
    err = airlock(
        5,
        "export",
        *SELECTION,
        "--key",
        keys / "alice.key",
        "-o",
        copy,
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    ).err
    assert "k.tar.001 exists already" in err and volume(copy, 1).read_bytes() == before

# SPDX-License-Identifier: Apache-2.0
"""What tools/package makes: the same bytes twice, programs that run where nothing else is, a Debian package that
Debian's own tools take, an image that others pull, an SBOM that SPDX's tools validate.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import pytest
from conftest import ROOT

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3000)]

MACHINE = os.uname().machine
CHROOT = "/usr/sbin/chroot"  # by its path: some tests run it with an environment that has none
VERSION = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]


def run(*command, **options):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert result.returncode == 0, f"{command}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def package(*arguments):
    process = subprocess.run([ROOT / "tools/package", *map(str, arguments)], capture_output=True, text=True)
    if process.returncode != 0 and "does this machine reach" in process.stderr:
        pytest.skip("Debian's archive of sources cannot be reached here")
    if process.returncode != 0 and "bin/pip install" in process.stderr:
        pytest.skip("there is no ziglang here, as no package index has it")
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-4000:]


@pytest.fixture(scope="session")
def release_key(airlock, tmp_path_factory):
    key = tmp_path_factory.mktemp("release") / "airlock-release"
    airlock(0, "keygen", key, "--no-passphrase", "--algorithm", "ed25519")
    return key


@pytest.fixture(scope="session")
def dist(release_key, tmp_path_factory):
    """Everything for this machine's architecture."""
    if MACHINE not in ("x86_64", "aarch64"):
        pytest.skip(f"no static program is made for {MACHINE}")
    folder = tmp_path_factory.mktemp("dist")
    package("-o", folder, "--arch", MACHINE, "--key", f"{release_key}.key")
    return folder


@pytest.fixture(scope="session")
def static_airlock(dist):
    return dist / f"airlock-{VERSION}-linux-{MACHINE}"


@pytest.fixture(scope="session")
def unpacked(dist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    run("tar", "-xf", dist / f"airlock-{VERSION}.tar.gz", "-C", folder)
    return folder / f"airlock-{VERSION}"


def digests(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_the_same_commit_gives_the_same_bytes(dist, release_key, tmp_path):
    package("-o", tmp_path / "again", "--arch", MACHINE, "--key", f"{release_key}.key")
    assert digests(tmp_path / "again") == digests(dist)


def test_the_program_is_static_and_small(static_airlock):
    kind = run("file", "-b", static_airlock)
    assert "statically linked" in kind and "stripped" in kind
    assert static_airlock.stat().st_size < 12 << 20
    text = static_airlock.read_bytes()
    for path in (str(ROOT), str(pathlib.Path.home() / ".cache")):
        assert path.encode() not in text, "the program notes where it was built"


def test_it_runs_where_there_is_nothing_else(static_airlock, keys, bundle, tmp_path):
    """An empty root; verification needs no file but its own."""
    if os.geteuid() != 0:
        pytest.skip("only root may change its root directory")
    root = tmp_path / "root"
    root.mkdir()
    for file in (static_airlock, bundle, keys / "alice.pub"):
        shutil.copy(file, root)
    verify = ["verify", f"/{bundle.name}", "--key", "/alice.pub", "--layers"]  # unpacks gzip and zstd
    assert "verified" in run(CHROOT, root, f"/{static_airlock.name}", *verify)


AUTHORITIES = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/cert.pem",
]


@pytest.mark.parametrize("place", AUTHORITIES)
def test_it_finds_the_authorities_of_each_distribution(
    static_airlock, keys, bundle, secured, certificates, tmp_path, place
):
    """An import over TLS from a root that has the program and one file of authorities."""
    if os.geteuid() != 0:
        pytest.skip("only root may change its root directory")
    root = tmp_path / "root"
    (root / place).parent.mkdir(parents=True)
    (root / "tmp").mkdir()
    shutil.copy(certificates / "ca.pem", root / place)
    for file in (static_airlock, bundle, keys / "alice.pub"):
        shutil.copy(file, root)
    command = [CHROOT, root, f"/{static_airlock.name}", "import", f"/{bundle.name}", secured.host]
    login = ["--key", "/alice.pub", "--username", "admin", "--password-stdin", "--state-dir", "/tmp/state"]
    out = run(*command, *login, input="correct horse battery\n", env={"PATH": "/"})
    assert "overwriteRegistry" in out


def test_without_any_authorities_it_says_so(static_airlock, keys, bundle, secured, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may change its root directory")
    for file in (static_airlock, bundle, keys / "alice.pub"):
        shutil.copy(file, tmp_path)
    command = [CHROOT, tmp_path, f"/{static_airlock.name}", "import", f"/{bundle.name}", secured.host]
    made = subprocess.run([*command, "--key", "/alice.pub"], capture_output=True, text=True, env={"PATH": "/"})
    assert made.returncode == 4 and "--cacert" in made.stderr, made.stderr


def test_it_says_that_it_cannot_use_tokens(static_airlock, bundle):
    command = [static_airlock, "sign", bundle, "--key", "pkcs11:object=bob", "--name", "bob"]
    made = subprocess.run(command, capture_output=True, text=True, input="")
    assert made.returncode == 7 and "linked statically and cannot load PKCS#11 modules" in made.stderr


def test_it_uses_the_processors_instructions_for_hashing(static_airlock):
    """OpenSSL's assembler for SHA-256, whose instructions a compiler would not write."""
    instruction = {"x86_64": "sha256rnds2", "aarch64": "sha256h"}[MACHINE]
    dump = subprocess.run(["objdump", "-d", static_airlock], capture_output=True, text=True).stdout
    if not dump:
        pytest.skip("there is no objdump here")
    assert dump.count(instruction) > 10


# --- the release


def test_the_release_is_verified_by_the_airlock_in_it(dist, unpacked, release_key):
    program = unpacked / f"bin/airlock-{VERSION}-linux-{MACHINE}"
    assert "as signed by" in run(program, "verify-release", unpacked, "--key", f"{release_key}.pub")
    assert "as signed by" in run(program, "verify-release", dist, "--key", f"{release_key}.pub")
    run("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS", cwd=unpacked)
    signature = ["-in", "SHA256SUMS", "-sigfile", "SHA256SUMS.airlock-release.sig"]
    run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{release_key}.pub", "-rawin", *signature, cwd=unpacked)
    minisign = ["-p", f"{release_key}.minisign.pub", "-x", "SHA256SUMS.airlock-release.minisig", "-m", "SHA256SUMS"]
    run("minisign", "-V", *minisign, cwd=unpacked)


def test_the_release_has_what_people_need_in_the_room(unpacked):
    for name in ("README.md", "LICENSE", "man/man1/airlock-import.1", "completions/airlock.bash", "docs/kubeone.md"):
        assert (unpacked / name).exists(), name
    licenses = {path.stem for path in (unpacked / "third-party-licenses").iterdir()}
    assert {"openssl", "curl", "libarchive", "zlib", "libzstd", "yaml-cpp", "fmtlib", "musl"} <= licenses


def test_members_of_the_tarball_tell_nothing_of_the_machine(dist):
    with tarfile.open(dist / f"airlock-{VERSION}.tar.gz") as archive:
        members = archive.getmembers()
    assert len({member.mtime for member in members}) == 1
    assert all(member.uid == member.gid == 0 and not member.uname for member in members)
    assert [member.name for member in members] == sorted(member.name for member in members)


def test_the_sbom_is_valid_and_names_what_is_linked(dist, tmp_path_factory):
    document = dist / f"airlock-{VERSION}.spdx.json"
    names = {entry["name"] for entry in json.loads(document.read_text())["packages"]}
    assert {"airlock", "openssl", "curl", "libarchive", "musl"} <= names
    folder = tmp_path_factory.mktemp("spdx")
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True)
    install = [folder / "bin/pip", "install", "-q", "spdx-tools"]
    if made.returncode != 0 or subprocess.run(install, capture_output=True).returncode != 0:
        pytest.skip("there are no spdx-tools here")
    out = run(folder / "bin/pyspdxtools", "-i", document)
    assert "valid" in out.lower() or not out


# --- the image


def test_the_image_is_pulled_by_others_and_runs(dist, tmp_path):
    archive = dist / f"airlock-{VERSION}.oci.tar"
    run("skopeo", "copy", "-q", f"oci-archive:{archive}:{VERSION}", f"oci:{tmp_path}/copy:x")
    run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/copy:x", tmp_path / "bundle")
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{tmp_path}/copy:x"))
    assert config["config"]["Entrypoint"] == ["/usr/bin/airlock"] and config["config"]["User"] == "65532:65532"
    root = tmp_path / "bundle/rootfs"
    assert (root / "etc/ssl/certs/ca-certificates.crt").exists() and (root / "tmp").is_dir()
    assert run(root / "usr/bin/airlock", "--version") == f"airlock {VERSION}\n"


# --- the Debian package


@pytest.fixture(scope="session")
def deb(dist):
    return next(dist.glob("*.deb"))


def test_lintian_finds_nothing(deb):
    if not shutil.which("lintian"):
        pytest.skip("there is no lintian here")
    made = subprocess.run(
        ["lintian", "--fail-on", "warning,error", "--allow-root", deb], capture_output=True, text=True
    )
    assert made.returncode == 0 and not made.stdout.strip(), made.stdout + made.stderr


def test_the_package_has_pages_completions_and_documents(deb):
    listed = run("dpkg-deb", "--contents", deb)
    for name in (
        "./usr/bin/airlock",
        "./usr/share/man/man1/airlock-import.1.gz",
        "./usr/share/bash-completion/completions/airlock",
        "./usr/share/zsh/vendor-completions/_airlock",
        "./usr/share/fish/vendor_completions.d/airlock.fish",
        "./usr/share/doc/airlock/copyright",
        "./usr/share/doc/airlock/kubeone.md",
    ):
        assert name in listed, name


def bootstrap(suite, root):
    """A minimal Debian."""
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("a clean Debian root needs root and debootstrap")
    command = ["debootstrap", "--variant=minbase", suite, root, "http://deb.debian.org/debian"]
    made = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"debootstrap {suite}: {made.stdout[-300:]}")
    return root


@pytest.fixture(scope="session")
def clean_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("debian") / "bookworm"
    yield bootstrap("bookworm", root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def newer_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("debian") / "trixie"
    yield bootstrap("trixie", root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.parametrize("which", ["clean_root", "newer_root"])
def test_the_static_program_imports_on_a_bare_debian(which, request, static_airlock, keys, bundle, plain):
    root = request.getfixturevalue(which)
    for file in (static_airlock, bundle, keys / "alice.pub"):
        shutil.copy(file, root / "root")
    command = [CHROOT, root, f"/root/{static_airlock.name}", "import", f"/root/{bundle.name}", plain.host]
    out = run(*command, "--key", "/root/alice.pub", "--insecure")
    assert "overwriteRegistry" in out


def test_the_package_is_installed_run_and_purged(clean_root, deb, keys, bundle):
    inside = lambda *command: run(CHROOT, clean_root, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", *command)
    before = set(inside("dpkg-query", "-W", "-f", "${Package}\n").split())
    for file in (deb, bundle, keys / "alice.pub"):
        shutil.copy(file, clean_root / "root")
    for name in ("/etc/resolv.conf", "/etc/hosts"):
        shutil.copy(name, clean_root / name[1:])
    inside("apt-get", "update", "-qq")
    inside("apt-get", "install", "-y", "-qq", "--no-install-recommends", f"/root/{deb.name}")
    assert "verified" in inside("airlock", "verify", f"/root/{bundle.name}", "--key", "/root/alice.pub")
    assert (clean_root / "usr/share/man/man1").exists()
    inside("apt-get", "purge", "-y", "-qq", "--autoremove", "airlock")
    assert set(inside("dpkg-query", "-W", "-f", "${Package}\n").split()) == before
    # Nothing is left but logs, and what other tests put into the root user's home.
    left = subprocess.run(["find", clean_root, "-xdev", "-name", "*airlock*"], capture_output=True, text=True).stdout
    foreign = ("/root/", "/var/lib/apt/", "/var/log/")
    assert not [path for path in left.split() if not path.removeprefix(str(clean_root)).startswith(foreign)], left

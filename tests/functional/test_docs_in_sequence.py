# SPDX-License-Identifier: Apache-2.0
"""The commands of README.md and docs/, typed one after another as a new user does.

What cannot be here is replaced: upstream's registries by a local one with small images under the real names, the local
registry's name by one on loopback, /media by a folder, and keys have no passphrase, as nobody sits at the terminal.
"""

import re
import shutil
import subprocess

import charts
import pytest
from conftest import PROGRAM, ROOT
from lab import images, registry

LOGIN = ("pusher", "correct horse")
HOSTS = ("registry.k8s.io", "quay.io", "docker.io", "ghcr.io", "gcr.io", "public.ecr.aws", "mcr.microsoft.com")
# What the README says of the last verb is what this shell function does for the first words of a command.
WRAPPER = """
airlock() {
  local more=()
  case $1 in
    export|resolve) more=(MIRRORS) ;;
    keygen) more=(--no-passphrase) ;;
  esac
  command "PROGRAM" "$@" "${more[@]}"
}
"""


def typed(document, first=None, last=None):
    """The indented lines of a document, from one heading to another; those that are typed, not printed."""
    text = (ROOT / document).read_text()
    begin = text.index(first) if first else 0
    text = text[begin : text.index(last, begin) if last else None]
    blocks = re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    starts = ("airlock ", "mkdir ", "(", "cat >", "openssl ", "sha256sum ", "fingerprint()", "printf ", "echo ")
    lines = [
        re.sub(r"^    ", "", line)
        for block in blocks
        if block.strip().startswith(starts)
        for line in block.splitlines()
    ]
    assert not any("…" in line for line in lines), "what has to be filled in cannot be typed"
    return "\n".join(lines)


@pytest.fixture(scope="session")
def upstream_images(airlock, fake_upstream):
    """A small image for each that the documents' selections name, on two platforms."""
    names = set()
    for options in (
        ["--filter", "base", "--kubernetes-versions", "v1.29.4,v1.28.8"],
        ["--filter", "control-plane", "--kubernetes-versions", "v1.29.4"],
    ):
        names |= set(airlock(0, "list", "--kubeone", "1.8", *options).out.split())
    factory = images.Factory(packages=None)
    made = {}
    for name in sorted(names):
        members = []
        for architecture in ("amd64", "arm64"):
            config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": architecture})
            layer = factory.store.add(images.OCI["gzip"], f"{name} {architecture}".encode())
            body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": [layer]}
            member = factory.store.add_json(images.OCI["manifest"], body)
            members.append({**member, "platform": {"os": "linux", "architecture": architecture}})
        top = {"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": members}
        made[name] = factory.store.add_json(images.OCI["index"], top)
    images.fill(fake_upstream, factory.store, made)
    return fake_upstream


@pytest.fixture(scope="session")
def fake_upstream():
    from conftest import TEST_REGISTRY
    from lab import fake

    with fake.FakeRegistry(TEST_REGISTRY) as running:
        yield running


@pytest.fixture
def desk(environment, upstream_images, tmp_path):
    """Where a user types: runs a text as printed, and returns what it said."""
    registry.make_certificates(tmp_path / "certificates")
    (tmp_path / "home/media/usb").mkdir(parents=True)
    for folder in ("a", "b"):
        (tmp_path / f"home/media/{folder}").mkdir()
    shutil.copy(tmp_path / "certificates/ca.pem", tmp_path / "home/ca.pem")
    mirrors = " ".join(f"--mirror {host}=http://{upstream_images.host}" for host in HOSTS)
    wrapper = WRAPPER.replace("MIRRORS", mirrors).replace("PROGRAM", PROGRAM)
    with registry.Registry(tmp_path / "local", tmp_path / "certificates", LOGIN) as local:

        def type_(text, stdin="correct horse\n"):
            text = text.replace("registry.local:5000", local.host).replace("/media/", "media/")
            shell = ["bash", "-euo", "pipefail", "-c", wrapper + text]
            env = {**environment, "HOME": str(tmp_path)}  # what is imported here is nobody else's past
            made = subprocess.run(
                shell, cwd=tmp_path / "home", env=env, input=stdin, capture_output=True, text=True, timeout=280
            )
            assert made.returncode == 0, f"{made.stdout[-3000:]}\n{made.stderr[-3000:]}"
            return made.stdout + made.stderr

        type_.folder = tmp_path / "home"
        yield type_


README_USAGE = ("README.md", "## Usage", "### Registries")


def test_the_readme(desk):
    text = typed(*README_USAGE)
    assert text.count("airlock ") >= 17
    said = desk(text)
    for words in ("Verified OK", "approved by bob", "serves all", "complete:", "june.json", "delta.tar: written"):
        assert words in said, words
    stanza = (desk.folder / "registry.yaml").read_text()
    printed = re.search(r"    registryConfiguration:\n(?: {6}.*\n)+", (ROOT / "README.md").read_text())[0]
    without_host = lambda text: re.sub(r'"\S+/kubernetes"', '"HOST/kubernetes"', text)
    assert without_host(re.sub("^    ", "", printed, flags=re.MULTILINE)) in without_host(stanza)


def test_kubeone_across_the_gap(desk):
    keys = "airlock keygen alice; airlock keygen bob\n"
    policy = re.search(r"fingerprint\(\).*?cat > policy.yaml.*?^END$", typed(*README_USAGE), re.MULTILINE | re.DOTALL)[
        0
    ]
    password = "echo 'correct horse' > password\n"
    said = desk(keys + policy + "\n" + password + typed("docs/kubeone.md"))
    assert "complete:" in said
    manifest = re.search(r"cat > kubeone.yaml <<END\n(.*?)^END$", typed("docs/kubeone.md"), re.MULTILINE | re.DOTALL)[1]
    patched = (desk.folder / "kubeone.yaml").read_text()
    assert patched.startswith(manifest)
    stanza = r'registryConfiguration:\n  overwriteRegistry: "\S+/kubernetes"\n  insecureRegistry: false\n'
    assert re.fullmatch(stanza, patched.removeprefix(manifest)), "--patch changed more than the stanza"
    assert "containerRuntime:" in (desk.folder / "mirrors.yaml").read_text()
    assert (desk.folder / "certs.d/registry.k8s.io/hosts.toml").exists() and (desk.folder / "airlock.conf").exists()


def test_media(desk):
    keys = "airlock keygen alice; airlock keygen site; echo 'correct horse' > password\n"
    said = desk(keys + typed("docs/media.md"))
    assert "Verified OK" in said and "july.tar: written" in said


def test_policies(desk):
    """With the example, whose fingerprints are those of the keys that were just made."""
    text = typed("docs/policy.md", last="airlock pubkey 'pkcs11")
    example = re.search(r"^    version: 1\n(?:    .*\n)+", (ROOT / "docs/policy.md").read_text(), re.MULTILINE)[0]
    desk("airlock keygen alice; airlock keygen bob")
    for name in ("alice", "bob"):
        digest = desk(f"openssl pkey -pubin -in {name}.pub -outform DER | sha256sum").split()[0]
        example = re.sub(rf'({name}:.*spki_sha256: ")[^"]*', rf"\g<1>{digest}", example)
    (desk.folder / "policy.yaml").write_text(re.sub("^    ", "", example, flags=re.MULTILINE))
    first = text.replace("airlock keygen alice", ": airlock keygen alice")
    said = desk(first)
    assert "policy.yaml: valid" in said


def test_sets(desk, airlock, small_images, fake_upstream):
    factory, made = small_images
    manifest = next(iter(made.values()))
    images.fill(fake_upstream, factory.store, {f"quay.io/lab/{name}": manifest for name in ("app:1", "sidecar:2")})
    chart = charts.archive(charts.web_files())
    images.fill(fake_upstream, *charts.artifact(chart, "ghcr.io/lab/charts/web:1.2.3"))
    web = charts.Web({"/stable/index.yaml": charts.index_of({"1.2.3": chart}), "/stable/web-1.2.3.tgz": chart})
    try:
        text = typed("docs/sets.md").replace("https://charts.example", web.url)
        text = text.replace("--fetch-charts", f"--fetch-charts --mirror ghcr.io=http://{fake_upstream.host}")
        said = desk("airlock keygen alice; echo 'correct horse' > password\n" + text)
    finally:
        web.stop()
    for words in ("quay.io/lab/builder:3 (in a text)", "files/kubectl", "keep-host", "quay.io/lab/gone:1", "complete:"):
        assert words in said, words
    assert (desk.folder / "tools/kubectl").read_text() == "not really kubectl\n"
    assert said.count("1 name would be deleted") == 1 and "1 name deleted" in said


def test_review(desk):
    export = "airlock export --kubeone 1.8 --filter control-plane --kubernetes-versions v1.29.4 --key alice.key"
    before = f"airlock keygen alice; airlock keygen bob; {export} -o /media/usb/kubernetes.tar\n"
    said = desk(before + typed("docs/review.md"))
    assert "verified" in said and "approved" in said
    for name in ("review.html", "kubernetes.cdx.json", "kubernetes.spdx.json"):
        assert (desk.folder / name).stat().st_size > 1000

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The story of tools/demo: see there."""

import argparse
import contextlib
import json
import pathlib
import shlex
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import images, registry

ROOT = pathlib.Path(__file__).resolve().parents[2]
AIRLOCK = ROOT / "build/src/airlock"
VERSIONS = "v1.29.4,v1.28.8"
LOGIN = ("demo", "demo password")
CHECKED = "registry.k8s.io/kube-apiserver:v1.29.4"


def title(text):
    print(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def run(*command, cwd, stdin=None, capture=False):
    print("$", shlex.join(str(part).replace(str(AIRLOCK), "airlock") for part in command), flush=True)
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        check=True,
        text=True,
        input=stdin,
        stdout=subprocess.PIPE if capture else None,
    ).stdout


@contextlib.contextmanager
def stand_in(directory):
    """A docker-registry with images under the real names; yields the options that lead airlock to it."""
    print(
        "making images of Debian packages (the first time, packages of three architectures are downloaded)", flush=True
    )
    factory = images.Factory(images.Packages(ROOT / "build/lab"))
    made = images.control_plane(factory, images.KUBEONE_1_8)
    with registry.Registry(directory / "upstream") as server:
        images.fill(server, factory.store, made)
        print(f"{len(made)} images, {sum(map(len, factory.store.blobs.values())) >> 20} MiB, served at {server.url}")
        yield ["--mirror", f"registry.k8s.io={server.url}"]


def export(directory, mirror):
    title("On the connected side: a key, and the images in one signed file")
    run(AIRLOCK, "keygen", "alice", "--no-passphrase", cwd=directory)
    run(AIRLOCK, "list", "--filter", "control-plane", "--kubernetes-versions", VERSIONS, cwd=directory)
    run(
        AIRLOCK,
        "export",
        "--filter",
        "control-plane",
        "--kubernetes-versions",
        VERSIONS,
        "--key",
        "alice.key",
        "-o",
        "kubernetes.tar",
        *mirror,
        cwd=directory,
    )


def review(directory):
    title("The reviewers: with airlock, and with tools that know nothing of it")
    run(AIRLOCK, "verify", "kubernetes.tar", "--key", "alice.pub", "--layers", cwd=directory)
    extracted = directory / "extracted"
    extracted.mkdir()
    run("tar", "xf", directory / "kubernetes.tar", cwd=extracted)
    run(
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        "../alice.pub",
        "-signature",
        "signatures/alice.sig",
        "SHA256SUMS",
        cwd=extracted,
    )
    run("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS", cwd=extracted)
    print("sha256sum: every file is as listed")


def import_and_compare(directory):
    title("Inside: a registry with TLS and a password")
    certificates = directory / "certificates"
    registry.make_certificates(certificates)
    with registry.Registry(directory / "inside", certificates, LOGIN) as inside:
        target = f"{inside.host}/kubernetes"
        command = [
            AIRLOCK,
            "import",
            "kubernetes.tar",
            target,
            "--key",
            "alice.pub",
            "--cacert",
            "certificates/ca.pem",
            "--username",
            LOGIN[0],
            "--password-stdin",
        ]
        run(*command, "--emit", "registry.yaml", cwd=directory, stdin=LOGIN[1] + "\n")
        print("\nwhat goes into the KubeOneCluster manifest:\n" + (directory / "registry.yaml").read_text())
        title("Again: nothing is sent")
        run(*command, "--emit", "registry.yaml", cwd=directory, stdin=LOGIN[1] + "\n")
        title("Another client pulls an image back")
        compare(directory, inside, f"{target}/{CHECKED.split('/', 1)[1]}")


def platform_digest(bundle):
    """The digest of the checked image's linux/amd64 manifest as the bundle holds it."""
    with tarfile.open(bundle) as archive:
        read = lambda name: json.load(archive.extractfile(name))
        names = {m["annotations"]["org.opencontainers.image.ref.name"]: m for m in read("index.json")["manifests"]}
        top = read(f"blobs/sha256/{names[CHECKED]['digest'][7:]}")
    members = [m for m in top.get("manifests", []) if m["platform"] == {"os": "linux", "architecture": "amd64"}]
    return members[0]["digest"] if members else names[CHECKED]["digest"]


def compare(directory, inside, name):
    """The platform's manifest that skopeo gets from inside is the one that upstream served."""
    (directory / "trust").mkdir(exist_ok=True)
    (directory / "trust/ca.crt").write_bytes((directory / "certificates/ca.pem").read_bytes())
    run(
        "skopeo",
        "copy",
        "-q",
        "--src-cert-dir",
        "trust",
        "--src-creds",
        ":".join(LOGIN),
        f"docker://{name}",
        "dir:pulled",
        cwd=directory,
    )
    pulled = images.digest((directory / "pulled/manifest.json").read_bytes())
    expected = platform_digest(directory / "kubernetes.tar")
    print(f"pulled from inside  {pulled}\nin the bundle       {expected}")
    if pulled != expected:
        raise SystemExit("the digests differ")
    print("the same, to the last byte")


def main():
    parser = argparse.ArgumentParser(prog="tools/demo")
    parser.add_argument("--upstream", action="store_true", help="use the real upstream registries")
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    options = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="airlock-demo-"))
    try:
        title("Upstream")
        with contextlib.nullcontext([]) if options.upstream else stand_in(directory) as mirror:
            export(directory, mirror)
        review(directory)
        import_and_compare(directory)
    finally:
        if options.keep:
            print(f"\nleft behind: {directory}")
        else:
            subprocess.run(["rm", "-rf", directory])
    title("Done: everything that was started has been stopped")


if __name__ == "__main__":
    main()

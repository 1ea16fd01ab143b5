# SPDX-License-Identifier: Apache-2.0
"""Real images, made of Debian packages: root file systems and binaries of several architectures, in shared layers."""

import contextlib
import fcntl
import gzip
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

OCI = {
    "index": "application/vnd.oci.image.index.v1+json",
    "manifest": "application/vnd.oci.image.manifest.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
DOCKER = {
    "index": "application/vnd.docker.distribution.manifest.list.v2+json",
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
    "config": "application/vnd.docker.container.image.v1+json",
    "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(media_type: str, data: bytes, **more) -> dict:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


class Packages:
    """Debian packages of any architecture, downloaded with apt into a cache, without touching the machine's own apt."""

    def __init__(self, cache):
        self.cache = pathlib.Path(cache)

    def _apt(self, architecture: str, *arguments: str, cwd=None) -> None:
        state = self.cache / f"apt-{architecture}"
        for name in ("lists/partial", "cache/archives/partial"):
            (state / name).mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        options = {
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "Dir::State::lists": state / "lists",
            "Dir::State::status": state / "status",
            "Dir::Cache": state / "cache",
            "APT::Sandbox::User": "root",
        }
        flags = [f for key, value in options.items() for f in ("-o", f"{key}={value}")]
        command = ["apt-get", "-qq", *flags, *arguments]
        result = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}:\n{result.stderr}")

    @contextlib.contextmanager
    def _alone(self):
        """Tests in several processes share the cache; one of them downloads at a time."""
        with open(self.cache / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def get(self, architecture: str, names: list) -> list:
        """Paths of the .deb files, in the order of the names."""
        directory = self.cache / "debs" / architecture
        directory.mkdir(parents=True, exist_ok=True)
        find = lambda name: sorted(directory.glob(f"{name}_*.deb"))
        with self._alone():
            missing = [name for name in names if not find(name)]
            if missing:
                self._apt(architecture, "update")
                self._apt(architecture, "download", *missing, cwd=directory)
        return [find(name)[0] for name in names]


class Store:
    """Blobs in memory, by digest."""

    def __init__(self):
        self.blobs = {}

    def add(self, media_type: str, data: bytes, **more) -> dict:
        described = descriptor(media_type, data, **more)
        self.blobs[described["digest"]] = data
        return described

    def add_json(self, media_type: str, value: dict, **more) -> dict:
        return self.add(media_type, json.dumps(value, separators=(",", ":")).encode(), **more)


def layer_tar(debs: list, extra: dict) -> bytes:
    """The file systems of the packages and further small files as one tar, the same each time."""
    out = io.BytesIO()
    seen = set()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as layer:
        for deb in debs:
            raw = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], check=True, capture_output=True).stdout
            with tarfile.open(fileobj=io.BytesIO(raw)) as package:
                for member in package:
                    if member.name in seen or member.name == ".":
                        continue
                    seen.add(member.name)
                    member.name = member.name.removeprefix("./")
                    layer.addfile(member, package.extractfile(member) if member.isreg() else None)
        for name, text in extra.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            layer.addfile(info, io.BytesIO(text))
    return out.getvalue()


def compress(data: bytes, form: str) -> bytes:
    if form == "gzip":
        return gzip.compress(data, compresslevel=6, mtime=0)
    return subprocess.run(["zstd", "-q", "-c", "-9"], input=data, check=True, capture_output=True).stdout


class Factory:
    """Makes images and keeps the layers that they share."""

    def __init__(self, packages: Packages):
        self.packages = packages
        self.store = Store()
        self._layers = {}

    def layer(self, architecture: str, names: tuple, form: str, types: dict, extra: tuple = ()) -> tuple:
        """Descriptor and diff id of a layer made of packages."""
        key = (architecture, names, form, extra)
        if key not in self._layers:
            debs = self.packages.get(architecture, list(names)) if names else []
            tar = layer_tar(debs, dict(extra))
            self._layers[key] = (compress(tar, form), digest(tar))
        data, diff_id = self._layers[key]
        return self.store.add(types[form], data), diff_id

    def manifest(self, architecture: str, layers: list, types: dict) -> dict:
        """Layers are (package names, compression, extra files)."""
        made = [self.layer(architecture, names, form, types, extra) for names, form, extra in layers]
        config = {
            "architecture": architecture,
            "os": "linux",
            "created": "2024-04-16T00:00:00Z",
            "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in made]},
            "history": [{"created_by": f"packages {' '.join(names) or 'none'}"} for names, _, _ in layers],
        }
        body = {
            "schemaVersion": 2,
            "mediaType": types["manifest"],
            "config": self.store.add_json(types["config"], config),
            "layers": [layer for layer, _ in made],
        }
        return self.store.add_json(types["manifest"], body)

    def index(self, architectures: list, layers: list, types: dict) -> dict:
        members = []
        for architecture in architectures:
            member = self.manifest(architecture, layers, types)
            members.append({**member, "platform": {"architecture": architecture, "os": "linux"}})
        body = {"schemaVersion": 2, "mediaType": types["index"], "manifests": members}
        return self.store.add_json(types["index"], body)


def control_plane(factory: Factory, versions: dict, architectures=("amd64", "arm64", "s390x")) -> dict:
    """The images of a KubeOne control plane under their real names: reference to descriptor.

    `versions` gives, for each Kubernetes version, the tags of coredns, etcd and pause. The binaries are others than
    upstream's, because these machines cannot reach upstream: real ones from Debian, of about the same kind.
    """
    base = (("base-files", "netbase", "tzdata", "ca-certificates"), "gzip", ())
    programs = {
        "kube-apiserver": ("etcd-client", "runc"),
        "kube-controller-manager": ("etcd-client",),
        "kube-scheduler": ("runc",),
        "kube-proxy": ("iptables", "conntrack", "busybox-static"),
    }
    images = {}
    for version, tags in versions.items():
        mark = (("etc/kubernetes-version", version.encode()),)
        for name, packages in programs.items():
            layers = [base, (packages, "zstd", ()), ((), "gzip", mark)]
            images[f"registry.k8s.io/{name}:{version}"] = factory.index(list(architectures), layers, OCI)
        coredns = [base, (("busybox-static",), "gzip", (("etc/coredns-version", tags["coredns"].encode()),))]
        images[f"registry.k8s.io/coredns/coredns:{tags['coredns']}"] = factory.index(
            ["amd64", "arm64"], coredns, DOCKER
        )
        etcd = [base, (("etcd-server", "etcd-client"), "gzip", ())]
        images[f"registry.k8s.io/etcd:{tags['etcd']}"] = factory.index(["amd64", "arm64"], etcd, OCI)
        pause = [(("busybox-static",), "gzip", ())]
        images[f"registry.k8s.io/pause:{tags['pause']}"] = factory.manifest("amd64", pause, DOCKER)
    return images


KUBEONE_1_8 = {
    "v1.28.8": {"coredns": "v1.10.1", "etcd": "3.5.12-0", "pause": "3.9"},
    "v1.29.4": {"coredns": "v1.11.1", "etcd": "3.5.12-0", "pause": "3.9"},
}


class Pusher:
    """Puts images into a registry over its API: the stand-in's own filling, independent of airlock and skopeo."""

    def __init__(self, registry, store: Store, authorization: str = ""):
        self.connection = registry.connect()
        self.store = store
        self.headers = {"Authorization": authorization} if authorization else {}

    def _call(self, method, path, body=None, **headers):
        self.connection.request(method, path, body, {**self.headers, **headers})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 400 and not (method == "HEAD" and answer.status == 404):
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return answer

    def _push_blob(self, repository, blob_digest):
        if self._call("HEAD", f"/v2/{repository}/blobs/{blob_digest}").status == 200:
            return
        location = self._call("POST", f"/v2/{repository}/blobs/uploads/").getheader("Location")
        path = location.split("://", 1)[-1]
        path = path[path.index("/") :] if "://" in location else location
        separator = "&" if "?" in path else "?"
        self._call(
            "PUT",
            f"{path}{separator}digest={blob_digest}",
            self.store.blobs[blob_digest],
            **{"Content-Type": "application/octet-stream"},
        )

    def push(self, repository: str, tag: str, top: dict) -> None:
        body = self.store.blobs[top["digest"]]
        manifest = json.loads(body)
        for digest, member in {member["digest"]: member for member in manifest.get("manifests", [])}.items():
            self.push(repository, digest, member)
        for blob in [manifest["config"], *manifest["layers"]] if "layers" in manifest else []:
            self._push_blob(repository, blob["digest"])
        self._call("PUT", f"/v2/{repository}/manifests/{tag}", body, **{"Content-Type": top["mediaType"]})


def fill(registry, store: Store, images: dict, authorization: str = "") -> None:
    """Pushes images by their full references, the source host dropped."""
    pusher = Pusher(registry, store, authorization)
    for reference, top in images.items():
        repository, tag = reference.split("/", 1)[1].rsplit(":", 1)
        pusher.push(repository, tag, top)

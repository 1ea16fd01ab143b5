# SPDX-License-Identifier: Apache-2.0
"""What a node's containerd makes of each configuration, as each KubeOne release writes it.

tests/data/kubeone-containerd.json holds what KubeOne's own code generates (tools/update-catalog --goldens). A
containerd of its own gets it here, with a registry on a loopback address, and pulls. Up to 1.12 that is the CRI
plugin's configuration, since 1.13 hosts.toml files, which containerd 1.6 reads too.
"""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from lab import registry

sys.path.insert(0, str(ROOT / "tools"))
import catalog_yaml
from kubeone_goldens import PREFIX, REGISTRY, mirror_registries, mirror_way

FACTS = json.loads((ROOT / "tests/data/kubeone-containerd.json").read_text())
NAME = REGISTRY.partition(":")[0]
IMAGE = "pause:3.9"
CRI = 'plugins."io.containerd.grpc.v1.cri"'


class Node:
    """A containerd with a configuration of KubeOne's; nothing of the machine's is touched."""

    def __init__(self, folder, files):
        self.folder = folder
        self.certs = None
        folder.mkdir(parents=True)
        text = ""
        for path, content in files.items():
            if path.endswith("hosts.toml"):
                self.certs = folder / "certs.d"
                at = self.certs / path.split("/")[-2]
                at.mkdir(parents=True)
                (at / "hosts.toml").write_text(content)
            elif f"[{CRI}.registry]" in content:
                text = content[content.index("[plugins]") :]
        # Version 3 of the configuration is read by containerd 2 only; its registries are the hosts.toml files.
        text = text.replace(f"[{CRI}.containerd]\n", f'[{CRI}.containerd]\nsnapshotter = "native"\n')
        head = f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n[grpc]\naddress = "{folder}/sock"\n'
        (folder / "config.toml").write_text(
            f'{head}{text}\n[plugins."io.containerd.internal.v1.opt"]\npath = "{folder}/opt"\n'
        )

    def named(self, *command):
        """Knows the registry by a name: to a loopback address, containerd speaks plain HTTP without being told."""
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost {NAME}\n")
        return [
            "unshare",
            "--mount",
            "sh",
            "-c",
            'mount --bind "$0" /etc/hosts && exec "$@"',
            self.folder / "hosts",
            *command,
        ]

    def __enter__(self):
        self.log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(
            self.named("containerd", "--config", self.folder / "config.toml"), stdout=self.log, stderr=self.log
        )
        for _ in range(100):
            if (
                subprocess.run(["ctr", "--address", self.folder / "sock", "version"], capture_output=True).returncode
                == 0
            ):
                return self
            time.sleep(0.1)
        self.__exit__()
        pytest.skip("containerd does not start here: " + (self.folder / "log").read_text()[-300:])

    def __exit__(self, *ignored):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()

    def pulls(self, image):
        """Whether the image comes, and what was said."""
        if self.certs:
            fetch = ["content", "fetch", "--hosts-dir", self.certs, "--platform", "linux/amd64", image]
            run = subprocess.run(
                self.named("ctr", "--address", self.folder / "sock", *fetch), capture_output=True, text=True
            )
            return run.returncode == 0, run.stderr
        return self.cri_pulls(image)

    def cri_pulls(self, image):
        """runtime.v1.ImageService/PullImage (k8s.io/cri-api) as gRPC over HTTP/2, which is all that is needed of it."""
        spec = b"\x0a" + bytes([len(image)]) + image.encode()
        message = b"\x0a" + bytes([len(spec)]) + spec
        (self.folder / "request").write_bytes(struct.pack(">BI", 0, len(message)) + message)
        command = [
            "curl",
            "-sS",
            "--http2-prior-knowledge",
            "--unix-socket",
            self.folder / "sock",
            "-D",
            "-",
            "-o",
            os.devnull,
        ]
        command += [
            "-H",
            "content-type: application/grpc",
            "-H",
            "te: trailers",
            "--data-binary",
            f"@{self.folder}/request",
        ]
        run = subprocess.run(
            [*command, "http://localhost/runtime.v1.ImageService/PullImage"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        status = re.search(r"^grpc-status: (\d+)", run.stdout, re.MULTILINE)
        assert status, run.stdout + run.stderr + (self.folder / "log").read_text()[-1000:]
        return status[1] == "0", run.stdout


@pytest.fixture(scope="module")
def registries(airlock, bundle, keys, certificates, module_folder):
    """One with a certificate that no node knows, one without TLS; both have everything with a prefix and without."""
    if os.geteuid() != 0 or not shutil.which("containerd"):
        pytest.skip("containerd runs as root only, or is not installed")
    https_folder, http_folder = module_folder / "https", module_folder / "http"
    with registry.Registry(https_folder, certificates) as https, registry.Registry(http_folder) as http:
        for running in (https, http):
            for below in ("", "/" + PREFIX):
                airlock(0, "import", bundle, running.host + below, "--insecure", "--key", keys / "alice.pub")
        yield {"https": f"{NAME}:{https.port}", "http": f"{NAME}:{http.port}"}


class Measured:
    """Pulls once for each different configuration: most releases write the same."""

    def __init__(self, folder):
        self.folder, self.known = folder, {}

    def __call__(self, files, host, image):
        unneeded = re.compile(r"^(sandbox|device_ownership).*\n", re.MULTILINE)
        files = {
            path.replace(REGISTRY, host): unneeded.sub("", text).replace(REGISTRY, host) for path, text in files.items()
        }
        key = json.dumps([files, image], sort_keys=True)
        if key not in self.known:
            with Node(self.folder / str(len(self.known)), files) as node:
                self.known[key] = node.pulls(image)
        return self.known[key]


@pytest.mark.slow
def test_each_way_in_each_release(airlock, registries, tmp_path, capsys):
    measured = Measured(tmp_path)
    rows, wrong = [], []
    for version, facts in FACTS.items():
        line = version[1:].rpartition(".")[0]
        for scheme, flag in (("https", "--insecure"), ("http", "--plain-http")):
            host = registries[scheme]
            for prefix in ("", PREFIX):
                place = f"{host}/{prefix}" if prefix else host
                told = airlock(0, "config", place, flag, "--kubeone", line)
                works, said = measured(
                    facts["insecureRegistry, prefix" if prefix else "insecureRegistry"], host, f"{place}/{IMAGE}"
                )
                what = ("unverified TLS" if scheme == "https" else "plain HTTP") + (", prefix" if prefix else "")
                rows.append((version, what, "insecureRegistry: true", works))
                # Written exactly where it works; where it does not, the warning says so.
                if ("insecureRegistry: true" in told.out) != works or ("nodes cannot pull" in told.err) == works:
                    wrong.append((version, what, works, told.out, told.err, said))
                form = (
                    "hostsToml"
                    if "/etc/containerd/certs.d/docker.io/hosts.toml" in facts["insecureRegistry"]
                    else "criRegistry"
                )
                stanza = airlock(
                    0, "config", place, flag, "--kubeone", line, "--mirrors", "--source", "registry.k8s.io"
                ).out
                registries_told = catalog_yaml.loads(stanza)["containerRuntime"]["containerd"]["registries"]
                assert json.loads(json.dumps(registries_told).replace(host, REGISTRY)) == mirror_registries(
                    form, scheme, prefix
                )
                works, said = measured(facts[mirror_way(form, scheme, prefix)], host, "registry.k8s.io/" + IMAGE)
                rows.append((version, what, "--mirrors", works))
                if not works:
                    wrong.append((version, what, stanza, said))
    with capsys.disabled():
        print("\n\n| KubeOne | registry | way | containerd pulls |\n|---|---|---|---|")
        for version, what, way, works in rows:
            print(f"| {version} | {what} | {way} | {'yes' if works else 'no'} |")
    assert not wrong, "\n".join(map(str, wrong))
    assert len(rows) == 8 * len(FACTS) and len(FACTS) == 10


def test_releases_refuse_fields_that_they_do_not_know():
    """Why overridePath is left out up to 1.11: their strict decoder does not load a manifest with it."""
    for version, facts in FACTS.items():
        error = facts[mirror_way("hostsToml", "https", PREFIX)].get("error", "")
        assert ("overridePath" in error) == (tuple(map(int, version[1:].split("."))) < (1, 12)), version

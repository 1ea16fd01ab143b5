# SPDX-License-Identifier: Apache-2.0
"""What KubeOne's users do with airlock: clusters, configuration, and the proof that a node finds its images."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from conftest import ROOT
from lab import images

CLUSTER = """apiVersion: kubeone.k8c.io/v1beta2
kind: KubeOneCluster
name: prod   # the one in the cellar
versions:
  kubernetes: "{version}"
cloudProvider:
  openstack: {{}}
  external: true
clusterNetwork:
  cni:
    cilium: {{}}
# registryConfiguration:
#   overwriteRegistry: ""

addons:
  enable: true
  path: ./addons
  addons:
  - name: cluster-autoscaler
"""


@pytest.fixture
def manifest(tmp_path):
    (tmp_path / "addons/ours").mkdir(parents=True)
    (tmp_path / "addons/ours/deployment.yaml").write_text(
        "spec:\n  containers:\n"
        "  - image: quay.io/ours/tool:1.2\n"
        "  - image: '{{ Registry \"docker.io\" }}/library/busybox:1'\n"
        '  - image: "{{ .Params.IMAGE }}"\n'
    )
    (tmp_path / "kubeone.yaml").write_text(CLUSTER.format(version="v1.29.4"))
    return tmp_path / "kubeone.yaml"


def test_a_cluster_gets_exactly_what_it_pulls(airlock, manifest):
    result = airlock(0, "list", "--kubeone", "1.8", "--cluster", manifest)
    listed = result.out.splitlines()
    for image in (
        "registry.k8s.io/kube-proxy:v1.29.4",
        "registry.k8s.io/provider-os/cinder-csi-plugin:v1.29.1",
        "quay.io/ours/tool:1.2",
        "docker.io/library/busybox:1",
        "registry.k8s.io/autoscaling/cluster-autoscaler:v1.29.3",
    ):
        assert image in listed
    assert any(i.startswith("quay.io/cilium/cilium:") for i in listed)
    assert not any("calico" in i or "aws" in i or "azure" in i or "v1.28" in i for i in listed)
    assert "cluster prod: cloudProvider openstack, bundled CSI drivers" in result.err
    assert (
        "addons.path, " in result.err
        and "this image is known only after rendering" in result.err
        and ".Params.IMAGE" in result.err
    )
    optional = airlock(
        0, "list", "--kubeone", "1.8", "--filter", "base,optional", "--kubernetes-versions", "v1.29.4"
    ).out.splitlines()
    assert len(listed) < len(optional) / 2
    why = {
        i["source"]: i["why"]
        for i in airlock(0, "list", "--kubeone", "1.8", "--cluster", manifest, "--output", "json").json["images"]
    }
    assert all(why.values()) and why["registry.k8s.io/etcd:3.5.12-0"] == ["cluster prod: Kubernetes v1.29.4"]


def test_several_clusters_and_contradictions(airlock, manifest, tmp_path):
    (tmp_path / "other.yaml").write_text(CLUSTER.format(version="v1.28.8").replace("name: prod", "name: test"))
    out = airlock(0, "list", "--cluster", manifest, "--cluster", tmp_path / "other.yaml").out
    assert "kube-proxy:v1.29.4" in out and "kube-proxy:v1.28.8" in out
    assert "contradict each other" in airlock(3, "list", "--cluster", manifest, "--filter", "base").err
    assert "contradict each other" in airlock(3, "list", "--cluster", manifest, "--kubernetes-versions", "1.29").err
    (tmp_path / "old.yaml").write_text(CLUSTER.format(version="v1.22.17"))
    assert (
        "no KubeOne release supports all"
        in airlock(3, "list", "--cluster", manifest, "--cluster", tmp_path / "old.yaml").err
    )
    (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\n")
    assert "no KubeOneCluster manifest" in airlock(3, "list", "--cluster", tmp_path / "pod.yaml").err


def test_which_release_was_assumed_and_how_sure_that_is(airlock, manifest, tmp_path):
    err = airlock(0, "list", "--cluster", manifest).err
    assert "warning: no --kubeone given" in err and "KubeOne 1.8" in err and "would do as well" in err
    (tmp_path / "new.yaml").write_text(CLUSTER.format(version="v1.36.1").replace("  path: ./addons\n", ""))
    err = airlock(0, "list", "--cluster", tmp_path / "new.yaml").err
    assert "no other known line supports this Kubernetes version" in err and "warning" not in err
    assert "given" not in airlock(0, "list", "--kubeone", "1.8", "--cluster", manifest).err
    (tmp_path / "v3.yaml").write_text(CLUSTER.format(version="v1.36.1").replace("v1beta2", "v1beta3"))
    assert (
        "no KubeOne release that supports the Kubernetes version loads"
        in airlock(3, "list", "--cluster", tmp_path / "v3.yaml").err
    )


def test_a_patch_release_has_exactly_its_set(airlock):
    select = ["list", "--filter", "base", "--kubernetes-versions", "v1.34.2"]
    newest = airlock(0, *select, "--kubeone", "1.14")
    assert "KubeOne 1.14: v1.14.2 is taken, the newest known patch release of 3" in newest.err
    older = "quay.io/kubermatic/operating-system-manager:v1.11.0"
    assert f"v1.14.1 needs 1 image that the set does not have: {older}" in newest.err and older not in newest.out
    exact = airlock(0, *select, "--kubeone", "1.14.1")
    assert older in exact.out.split() and "is taken" not in exact.err and "KubeOne v1.14.1" in exact.err
    assert len(set(exact.out.split()) - set(newest.out.split())) == 1
    assert "of 1.14 it has v1.14.2, v1.14.1, v1.14.0" in airlock(3, *select, "--kubeone", "1.14.9").err


def test_a_refused_manifest_names_field_and_line(airlock, manifest):
    manifest.write_text(manifest.read_text() + "features:\n  coredns: {}\n")
    err = airlock(3, "list", "--kubeone", "1.8", "--cluster", manifest).err
    assert "kubeone.yaml: line 21: features.coredns is not a known field; KubeOne v1.8.6 refuses it" in err
    manifest.write_text(CLUSTER.format(version="v1.29.4") + "name: again\n")
    assert 'line 20: the key "name" appears twice' in airlock(3, "list", "--kubeone", "1.8", "--cluster", manifest).err


def test_both_ways_of_registries(airlock, manifest):
    text = (
        manifest.read_text()
        + "containerRuntime:\n  containerd:\n    registries:\n      docker.io: {mirrors: [https://m.local]}\n"
    )
    manifest.write_text(text)
    err = airlock(3, "config", "r.local:5000", "--kubeone", "1.12", "--patch", manifest).err
    assert "line 22: KubeOne v1.12.4 refuses containerRuntime.containerd.registries beside registryConfiguration" in err
    assert manifest.read_text() == text
    airlock(0, "config", "r.local:5000", "--kubeone", "1.13", "--patch", manifest)
    assert "overwriteRegistry" in manifest.read_text()


def test_addons_and_providers(airlock):
    select = ["list", "--kubeone", "1.8", "--kubernetes-versions", "v1.29.4"]
    base = set(airlock(0, *select, "--filter", "base").out.splitlines())
    more = set(airlock(0, *select, "--cloud-provider", "hetzner", "--addon", "backups-restic").out.splitlines())
    assert (
        base < more and "docker.io/restic/restic:0.16.4" in more and any("hcloud-cloud-controller" in i for i in more)
    )
    assert len(more - base) < 12
    assert "known addons: " in airlock(3, *select, "--addon", "backup").err
    assert "known providers: aws, azure" in airlock(3, *select, "--cloud-provider", "gcp").err


def test_images_from_manifests(airlock, tmp_path):
    text = (
        "spec:\n  template:\n    spec:\n"
        "      containers:\n      - image: nginx:1.25\n"
        "      initContainers:\n      - image: quay.io/a/init:2\n"
    )
    assert (
        airlock(0, "list", "--from-manifests", "-", stdin=text).out
        == "docker.io/library/nginx:1.25\nquay.io/a/init:2\n"
    )
    (tmp_path / "m").mkdir()
    (tmp_path / "m/x.yaml").write_text(text)
    (tmp_path / "m/readme.md").write_text("image: quay.io/not/this:1\n")
    assert (
        airlock(0, "list", "--from-manifests", tmp_path / "m").out == "docker.io/library/nginx:1.25\nquay.io/a/init:2\n"
    )
    assert "names no image" in airlock(3, "list", "--from-manifests", "-", stdin="kind: Pod\n").err
    assert "standard input:1" in airlock(3, "list", "--from-manifests", "-", stdin="image: quay.io/UPPER/x\n").err


@pytest.fixture
def constants(tmp_path):
    """Serves kubeadm's constants of v1.29.98 on a loopback address."""
    folder = tmp_path / "kubernetes/v1.29.98"
    folder.mkdir(parents=True)
    (folder / "constants.go").write_text(
        'CoreDNSVersion = "v1.11.9"\nPauseVersion = "3.9"\nDefaultEtcdVersion = "3.5.99-0"\n'
    )
    (tmp_path / "kubernetes/v1.29.0-rc.1").mkdir()
    (tmp_path / "kubernetes/v1.29.0-rc.1/constants.go").write_text(
        'CoreDNSVersion = "v1.11.1"\nPauseVersion = "3.9"\nDefaultEtcdVersion = "3.5.90-0"\n'
    )
    (tmp_path / "kubernetes/v1.29.97").mkdir()
    (tmp_path / "kubernetes/v1.29.97/constants.go").write_text("<html>")
    handler = lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory=str(tmp_path / "kubernetes"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{{version}}/constants.go"
    server.shutdown()


def test_a_version_that_the_catalog_does_not_know_is_looked_up(airlock, constants):
    select = ["list", "--filter", "control-plane", "--kubernetes-versions"]
    err = airlock(3, *select, "v1.29.98").err
    assert "the newest known 1.29 release is" in err and "--look-up" in err
    result = airlock(0, *select, "v1.29.98", "--look-up-url", constants)
    assert (
        "registry.k8s.io/etcd:3.5.99-0" in result.out
        and "kube-proxy:v1.29.98" in result.out
        and "looked up" in result.err
    )
    assert "there is no Kubernetes v1.29.96" in airlock(3, *select, "v1.29.96", "--look-up-url", constants).err
    assert "these are not kubeadm's constants" in airlock(3, *select, "v1.29.97", "--look-up-url", constants).err
    early = airlock(0, *select, "v1.29.0-rc.1", "--look-up-url", constants)
    assert "registry.k8s.io/kube-proxy:v1.29.0-rc.1" in early.out and "registry.k8s.io/etcd:3.5.90-0" in early.out
    assert "has no {version}" in airlock(2, *select, "v1.29.98", "--look-up-url", "http://127.0.0.1/x").err
    assert (
        "cannot reach http://127.0.0.1:1:"
        in airlock(4, *select, "v1.29.98", "--look-up-url", "http://127.0.0.1:1/{version}").err
    )


def test_import_patches_the_manifest(airlock, bundle, keys, plain, manifest, tmp_path):
    before = manifest.read_text()
    manifest.chmod(0o640)
    importing = ["import", bundle, plain.host + "/k8s", "--insecure", "--key", keys / "alice.pub"]
    airlock(0, *importing, "--patch", manifest)
    comment = '#   overwriteRegistry: ""\n'
    stanza = f'registryConfiguration:\n  overwriteRegistry: "{plain.host}/k8s"\n  insecureRegistry: false\n'
    assert manifest.read_text() == before.replace(comment, comment + stanza)
    assert manifest.stat().st_mode & 0o777 == 0o640
    other = tmp_path / "other.yaml"
    other.write_text(CLUSTER.format(version="v1.27.3"))
    assert "v1.27.3 is not in the bundle" in airlock(3, *importing, "--patch", other).err
    assert other.read_text() == CLUSTER.format(version="v1.27.3")
    airlock(0, *importing, "--patch", other, "--any-version")
    assert 'overwriteRegistry: "' + plain.host in other.read_text()
    assert "No such file" in airlock(5, *importing, "--patch", tmp_path / "none.yaml").err


def test_config_for_nodes_without_kubeone(airlock, tmp_path):
    airlock(
        0,
        "config",
        "registry.local:5000/k8s",
        "--hosts-toml",
        tmp_path / "certs.d",
        "--registries-conf",
        tmp_path / "r.conf",
        "--emit",
        tmp_path / "m.yaml",
        "--mirrors",
        "--source",
        "registry.k8s.io",
        "--source",
        "quay.io",
    )
    assert (
        'server = "https://registry.local:5000/v2/k8s"' in (tmp_path / "certs.d/registry.k8s.io/hosts.toml").read_text()
    )
    assert sorted(os.listdir(tmp_path / "certs.d")) == ["quay.io", "registry.k8s.io"]
    assert 'prefix = "quay.io"' in (tmp_path / "r.conf").read_text()
    assert "containerRuntime:" in (tmp_path / "m.yaml").read_text()
    assert "exists already" in airlock(5, "config", "r:5000", "--hosts-toml", tmp_path / "certs.d").err


def test_check_reports_all_that_is_missing(airlock, bundle, keys, plain, control_plane):
    target = ["--bundle", bundle, "--key", keys / "alice.pub", "--insecure"]
    assert "the registry does not have it" in airlock(4, "check", plain.host, *target).out
    airlock(0, "import", bundle, plain.host, "--insecure", "--key", keys / "alice.pub")
    out = airlock(0, "check", plain.host, *target).out
    assert "complete: 14 names" in out
    factory, made = control_plane
    layer = next(iter(images_layers(factory, made["registry.k8s.io/pause:3.9"])))
    shutil.rmtree(plain.directory / "data/docker/registry/v2/repositories/pause/_layers/sha256" / layer.split(":")[1])
    result = airlock(4, "check", plain.host, *target)
    assert f"a blob, {layer}, is missing in {plain.host}/pause" in result.out
    # A line for each name that cannot be pulled, though the layer is missing once.
    names = {line.split(": ")[0] for line in result.out.splitlines()}
    assert names == {f"{plain.host}/{name.split('/', 1)[1]}" for name in made if "/pause:" in name}
    assert "delete these names there, and run airlock import again" in result.err
    subprocess.run(
        [
            "skopeo",
            "copy",
            "-q",
            "--dest-tls-verify=false",
            "--src-tls-verify=false",
            f"docker://{plain.host}/kube-proxy:v1.28.8",
            f"docker://{plain.host}/kube-proxy:v1.29.4",
        ],
        check=True,
    )
    assert "kube-proxy:v1.29.4: the registry has sha256:" in airlock(4, "check", plain.host, *target).out


def images_layers(factory, top):
    body = json.loads(factory.store.blobs[top["digest"]])
    for member in body.get("manifests", [top]):
        yield from (layer["digest"] for layer in json.loads(factory.store.blobs[member["digest"]])["layers"])


def test_literal_images_are_warned_about(airlock, keys, fake_registry, plain, tmp_path):
    """KubeOne 1.8's unattended-upgrades names docker.io/library/alpine:3 literally."""
    factory = images.Factory(packages=None)
    made = {"docker.io/library/alpine:3": factory.manifest("amd64", [((), "gzip", (("etc/a", b"a"),))], images.OCI)}
    for image in airlock(
        0, "list", "--kubeone", "1.8", "--filter", "control-plane", "--kubernetes-versions", "v1.29.4"
    ).out.split():
        made[image] = factory.manifest("amd64", [((), "gzip", (("etc/x", image.encode()),))], images.OCI)
    server = fake_registry()
    images.fill(server, factory.store, made)
    airlock(
        0,
        "export",
        "--kubeone",
        "1.8",
        "--filter",
        "control-plane",
        "--kubernetes-versions",
        "v1.29.4",
        "--image",
        "alpine:3",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"registry.k8s.io=http://{server.host}",
        "--mirror",
        f"docker.io=http://{server.host}",
    )
    err = airlock(0, "import", tmp_path / "b.tar", plain.host, "--insecure", "--key", keys / "alice.pub").err
    assert "addon unattended-upgrades names docker.io/library/alpine:3 literally" in err and "--hosts-toml" in err


@pytest.fixture
def containerd(tmp_path):
    """A containerd of its own: nothing of the machine's is touched."""
    if os.geteuid() != 0 or not shutil.which("containerd"):
        pytest.skip("containerd runs as root only, or is not installed")
    (tmp_path / "config.toml").write_text(
        f'version = 2\nroot = "{tmp_path}/root"\nstate = "{tmp_path}/state"\n'
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'[grpc]\n  address = "{tmp_path}/sock"\n'
    )
    log = open(tmp_path / "log", "w")
    process = subprocess.Popen(["containerd", "--config", tmp_path / "config.toml"], stdout=log, stderr=log)
    ctr = ["ctr", "--address", str(tmp_path / "sock")]
    for _ in range(100):
        if subprocess.run([*ctr, "version"], capture_output=True).returncode == 0:
            break
        time.sleep(0.1)
    else:
        process.kill()
        pytest.skip("containerd does not start here: " + (tmp_path / "log").read_text()[-300:])
    yield lambda *arguments: subprocess.run([*ctr, *map(str, arguments)], capture_output=True, text=True)
    process.terminate()
    process.wait(20)


def test_a_real_containerd_finds_every_image(airlock, bundle, keys, secured, certificates, containerd, tmp_path):
    login = ["--username", "admin", "--password-stdin", "--cacert", certificates / "ca.pem"]
    from conftest import LOGIN

    airlock(
        0,
        "import",
        bundle,
        secured.host + "/k8s",
        "--key",
        keys / "alice.pub",
        *login,
        "--hosts-toml",
        tmp_path / "certs.d",
        stdin=LOGIN[1] + "\n",
    )
    toml = tmp_path / "certs.d/registry.k8s.io/hosts.toml"
    toml.write_text(
        toml.read_text().replace('# ca = "/etc/containerd/certs.d/ca.pem"', f'ca = "{certificates}/ca.pem"')
    )
    report = airlock(0, "verify", bundle, "--key", keys / "alice.pub", "--output", "json").json
    for image in report["images"]:
        pulled = containerd(
            "content",
            "fetch",
            "--hosts-dir",
            tmp_path / "certs.d",
            "--user",
            ":".join(LOGIN),
            "--platform",
            "linux/amd64",
            image["source"],
        )
        assert pulled.returncode == 0, image["source"] + pulled.stderr
    present = containerd("images", "list").stdout
    assert all(image["source"] in present for image in report["images"])


def update_catalog(tmp_path, *arguments, checkout=ROOT / "tests/data/kubeone-mini"):
    command = [
        sys.executable,
        ROOT / "tools/update-catalog",
        "--kubeone",
        checkout,
        "--output",
        tmp_path,
        "--rules",
        ROOT / "tests/data/kubeone-mini/rules.json",
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True)


def test_update_catalog_is_stable(tmp_path):
    """A miniature checkout with each form that KubeOne's source has, and rules as KubeOne's code would answer."""
    mini = ROOT / "tests/data/kubeone-mini"
    for _ in range(2):
        assert update_catalog(tmp_path, "--release", "v1.99.1").returncode == 0
        assert (tmp_path / "kubeone-1.99.yaml").read_text() == (mini / "expected.yaml").read_text()
    wrong = update_catalog(tmp_path, "--release", "v1.99.1", checkout=tmp_path)
    assert wrong.returncode == 1 and "is " + str(tmp_path) + " a KubeOne checkout?" in wrong.stderr


def test_update_catalog_keeps_patch_releases_as_differences(tmp_path, airlock):
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "tests/data/kubeone-mini", checkout)
    source = checkout / "pkg/templates/images/images.go"
    assert update_catalog(tmp_path, "--release", "v1.99.1", checkout=checkout).returncode == 0
    source.write_text(source.read_text().replace("quay.io/calico/cni:v1", "quay.io/calico/cni:v2"))
    assert update_catalog(tmp_path, "--release", "v1.99.2", checkout=checkout).returncode == 0
    text = (tmp_path / "kubeone-1.99.yaml").read_text()
    assert text.startswith("# KubeOne v1.99:") and 'kubeone: "v1.99.2"\n' in text
    assert text.endswith(
        '  "v1.99.1":\n    components:\n      CalicoCNI: {images: [{image: "quay.io/calico/cni:v1"}]}\n'
    )
    (tmp_path / "kubeadm.yaml").write_text('v1.99.0: {coredns: "coredns/coredns:v2", etcd: "4", pause: "5"}\n')
    for release, image in (("1.99", "v2"), ("1.99.2", "v2"), ("1.99.1", "v1")):
        assert (
            f"quay.io/calico/cni:{image}\n"
            in airlock(0, "list", "--catalog", tmp_path, "--kubeone", release, "--filter", "base").out
        )


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")
def test_the_kubeadm_table_is_kubeadms(tmp_path):
    """One version of each form that the constants have had; `tools/update-catalog --check-kubeadm all` compares all."""
    run = subprocess.run(
        [sys.executable, ROOT / "tools/update-catalog", "--check-kubeadm", "v1.20.15,v1.31.0,v1.34.2"],
        capture_output=True,
        text=True,
    )
    if "proxy" in run.stderr or "dial" in run.stderr:
        pytest.skip("no module proxy: " + run.stderr[-200:])
    assert run.returncode == 0 and "different: none" in run.stdout, run.stdout + run.stderr

# SPDX-License-Identifier: Apache-2.0
"""What KubeOne's own code renders for made manifests: the facts that tests/golden.py and the functional tests hold.

tests/data/kubeone-goldens.json.xz   release, manifest, files beside it, and the images of the cluster
tests/data/kubeone-containerd.json   release and way to the configuration that the nodes' containerd gets
"""

import json
import lzma
import re

from kubeone_probe import MACHINES, manifest, off, providers_of

REGISTRY = "registry.test:5000"  # the tests put their own in its place
PREFIX = "kube/pre"
WAYS = {
    "insecureRegistry": {"overwriteRegistry": REGISTRY, "insecureRegistry": True},
    "insecureRegistry, prefix": {"overwriteRegistry": f"{REGISTRY}/{PREFIX}", "insecureRegistry": True},
}


def normal(image):
    first, _, rest = image.partition("/")
    if not rest or not ("." in first or ":" in first or first == "localhost"):
        image = "docker.io/" + image
    if image.startswith("docker.io/") and image.count("/") == 1:
        image = image.replace("docker.io/", "docker.io/library/")
    return image.split("@")[0]


def questions(release, found, versions):
    """By name: a manifest's text, or with files beside it."""
    asked = {}
    for api, fields in found["fields"].items():
        rules = found["rules"][api]
        if "migrate" in rules:
            continue
        low, high = versions
        cloud = "hetzner"
        for provider in providers_of(fields):
            for version in {low, high}:
                for external in (None, False, True):
                    more = {} if external is None else {"external": external}
                    asked[f"{api} {provider} {version} {external}"] = manifest(api, version, provider, cloud=more)
            asked[f"{api} {provider} no csi"] = manifest(api, high, provider, cloud={"disableBundledCSIDrivers": True})
        for cni, settings in fields["clusterNetwork"]["cni"].items():
            for setting in [
                None,
                *(s for s, kind in settings.items() if kind == "bool" and s in ("enableHubble", "encrypted")),
            ]:
                spec = {cni: {setting: True} if setting else {}}
                asked[f"{api} cni {cni} {setting}"] = manifest(api, high, cloud, clusterNetwork={"cni": spec})
        for provider in MACHINES:
            for machines in (False, True):
                asked[f"{api} machines {provider} {machines}"] = manifest(
                    api, high, provider, machineController={"deploy": machines}
                )
        if "operatingSystemManager" in fields:
            asked[f"{api} no osm"] = manifest(api, high, cloud, operatingSystemManager={"deploy": False})
        asked[f"{api} off"] = manifest(api, high, "none", **off(api, fields))
        asked[f"{api} empty"] = manifest(api, high, cloud, machineController={}, features={"metricsServer": {}})
        if "imageRepository" in fields["features"].get("coreDNS", {}):
            asked[f"{api} coredns"] = manifest(
                api, high, cloud, features={"coreDNS": {"imageRepository": "dns.test/x"}}
            )
        if "sandboxImage" in fields["containerRuntime"].get("containerd", {}):
            asked[f"{api} sandbox"] = manifest(
                api, high, cloud, containerRuntime={"containerd": {"sandboxImage": "pause.test/p:1"}}
            )
        for addon in release["embeddedAddons"]:
            for provider in ("none", cloud):
                asked[f"{api} declared {addon} {provider}"] = manifest(
                    api, high, provider, addons={"enable": True, "addons": [{"name": addon}]}
                )
        files = {
            f"addons/{name}": f"image: quay.io/x/{name.replace('/', '-').split('.')[0].lower()}:1\n"
            for name in (
                "top.yaml",
                "ours/a.yml",
                "ours/deep/b.yaml",
                "cni-cilium/c.yaml",
                "cni-canal/d.json",
                "machinecontroller/e.yaml",
                "cluster-autoscaler/f.yaml",
                "default-storage-class/g.yaml",
                "ours/h.txt",
            )
        }
        files = {
            name: f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n  - name: x\n    {text}"
            for name, text in files.items()
        }
        files["addons/cni-canal/d.json"] = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {}}'
        for enable in (None, True):
            more = {"enable": True} if enable else {}
            asked[f"{api} path {enable}"] = (manifest(api, high, cloud, addons={"path": "./addons", **more}), files)
            listed = [{"name": "unattended-upgrades"}, {"name": "backups-restic", "delete": True}]
            if enable or rules["addonsEnable"] == "ignored":
                asked[f"{api} path and addons {enable}"] = (
                    manifest(api, high, cloud, addons={"path": "./addons", "addons": listed, **more}),
                    files,
                )
    return asked


def images_of(answer, row):
    version = "v" + answer["kubernetes"]
    images = {image for of in answer["addons"].values() for image in of}
    images |= {
        f"registry.k8s.io/{name}:{version}"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    }
    coredns = f"registry.k8s.io/{row['coredns']}"
    if answer.get("coredns"):
        coredns = answer["coredns"] + "/coredns:" + coredns.rpartition(":")[2]
    images |= {coredns, f"registry.k8s.io/etcd:{row['etcd']}", f"registry.k8s.io/pause:{row['pause']}"}
    images |= set(
        re.findall(r'^sandbox(?:_image)? = "([^"]+)"', "\n".join(answer["containerd"].values()), re.MULTILINE)
    )
    return sorted(set(map(normal, images)))


def update(folder, probe, release, found, kubeadm):
    """Puts this release's facts in the place of those that the files have of its minor release."""
    line = release["kubeone"].rpartition(".")[0]
    known = [
        v for v in kubeadm if release["kubernetes"]["min"] <= v[1:].rpartition(".")[0] <= release["kubernetes"]["max"]
    ]
    known.sort(key=lambda v: tuple(map(int, v[1:].split("."))))
    asked = questions(release, found, (known[0][1:], known[-1][1:]))
    kept = []
    for name, answer in probe.ask(asked, render=True).items():
        if answer["stage"] != "done":
            continue  # KubeOne refuses it, or has no placeholder for what it wants
        text, files = asked[name] if isinstance(asked[name], tuple) else (asked[name], {})
        kept.append(
            {
                "kubeone": release["kubeone"],
                "name": name,
                "manifest": text,
                "files": files,
                "images": images_of(answer, kubeadm["v" + answer["kubernetes"]]),
            }
        )
    target = folder / "kubeone-goldens.json.xz"
    old = json.loads(lzma.decompress(target.read_bytes())) if target.exists() else []
    entries = [e for e in old if e["kubeone"].rpartition(".")[0] != line] + kept
    entries.sort(key=lambda e: (tuple(map(int, e["kubeone"][1:].split("."))), e["name"]))
    target.write_bytes(lzma.compress(json.dumps(entries).encode(), preset=9))
    print(f"{target}: {len(kept)} of {len(asked)} manifests of {release['kubeone']}, {len(entries)} in all")
    update_containerd(folder / "kubeone-containerd.json", probe, release, known[-1][1:])


def mirror_way(form, scheme, prefix):
    return f"mirrors {scheme}{', prefix' if prefix else ''} {form}"


def mirror_registries(form, scheme, prefix):
    """containerRuntime.containerd.registries for a registry with an unverified certificate, or plain HTTP."""
    mirror = {"mirrors": [f"{scheme}://{REGISTRY}" + (f"/v2/{prefix}" if prefix else "")]}
    registries = {"registry.k8s.io": mirror}
    if form == "hostsToml" and prefix:
        mirror["overridePath"] = True
    unverified = {"tlsConfig": {"insecureSkipVerify": True}}
    if scheme == "https" and form == "hostsToml":
        mirror.update(unverified)
    elif scheme == "https":
        registries[REGISTRY] = unverified
    return registries


def update_containerd(target, probe, release, version):
    """Registries by insecureRegistry, and by mirrors as airlock writes them (src/kubeone/mirrors.cpp)."""
    api = "kubeone.k8c.io/v1beta2"
    asked = {way: manifest(api, version, "none", registryConfiguration=value) for way, value in WAYS.items()}
    for prefix in ("", PREFIX):
        for scheme in ("https", "http"):
            for form in ("hostsToml", "criRegistry"):
                mirrors = {"containerd": {"registries": mirror_registries(form, scheme, prefix)}}
                asked[mirror_way(form, scheme, prefix)] = manifest(api, version, "none", containerRuntime=mirrors)
    facts = json.loads(target.read_text()) if target.exists() else {}
    line = release["kubeone"].rpartition(".")[0]
    facts = {v: f for v, f in facts.items() if v.rpartition(".")[0] != line}
    facts[release["kubeone"]] = {
        way: answer.get("containerd") or {"error": answer["error"]} for way, answer in probe.ask(asked).items()
    }
    ordered = {v: facts[v] for v in sorted(facts, key=lambda v: tuple(map(int, v[1:].split("."))))}
    target.write_text(json.dumps(ordered, indent=1) + "\n")

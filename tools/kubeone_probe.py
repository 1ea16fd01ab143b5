# SPDX-License-Identifier: Apache-2.0
"""Asks a KubeOne release's own code what it does: builds tools/kubeone-probe in a checkout and puts manifests to it.

The rules of a release are what its answers to the questions below have in common; where the answers do not fit the form
that a rule has, this fails instead of guessing, and the form (here and in src/kubeone/deployment.cpp) has to grow.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SETTINGS = {"external", "disableBundledCSIDrivers", "cloudConfig", "csiConfig", "secretProviderClassName"}
NOW_CALLED = {"packet": "equinixmetal"}  # v1beta1's word for it
CREDENTIALS = """
    ARM_CLIENT_ID ARM_CLIENT_SECRET ARM_SUBSCRIPTION_ID ARM_TENANT_ID AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    DIGITALOCEAN_TOKEN GOOGLE_CREDENTIALS HCLOUD_TOKEN KUBEVIRT_KUBECONFIG METAL_AUTH_TOKEN METAL_PROJECT_ID
    NUTANIX_CLUSTER_NAME NUTANIX_ENDPOINT NUTANIX_PASSWORD NUTANIX_PE_ENDPOINT NUTANIX_PE_PASSWORD NUTANIX_PE_USERNAME
    NUTANIX_USERNAME OS_AUTH_URL OS_DOMAIN_NAME OS_PASSWORD OS_REGION_NAME OS_TENANT_ID OS_TENANT_NAME OS_USERNAME
    PACKET_API_KEY PACKET_PROJECT_ID VCD_ORG VCD_PASSWORD VCD_URL VCD_USER VCD_VDC VSPHERE_PASSWORD VSPHERE_SERVER
    VSPHERE_USER
""".split()
TERRAFORM = {
    "kubeone_api": {"value": {"endpoint": "192.0.2.1"}},
    "kubeone_hosts": {
        "value": {
            "control_plane": {
                "cluster_name": "demo",
                "cloud_provider": None,
                "private_address": ["192.0.2.2"],
                "public_address": ["192.0.2.3"],
                "ssh_user": "ubuntu",
                "ssh_agent_socket": "env:SSH_AUTH_SOCK",
                "hostnames": ["cp-0"],
            }
        }
    },
}


class ProbeError(Exception):
    pass


def sources_digest(checkout):
    """Over what the rules depend on: a patch release that leaves these alone has its neighbour's rules."""
    total = hashlib.sha256()
    for part in ("pkg/addons", "pkg/apis/kubeone", "pkg/containerruntime", "pkg/templates/resources"):
        for file in sorted((checkout / part).rglob("*.go")):
            if not file.name.endswith("_test.go") and not file.name.startswith("zz_airlock"):
                total.update(f"{file.relative_to(checkout)}\n".encode() + file.read_bytes())
    total.update("\n".join(sorted(p.name for p in (checkout / "addons").iterdir())).encode())
    for file in [HERE / "kubeone_probe.py", *sorted(HERE.glob("kubeone-probe/*.go"))]:  # what is asked, too
        total.update(file.read_bytes())
    return total.hexdigest()


class Probe:
    """The program, built in a copy of the checkout so that the checkout stays as it is."""

    def __init__(self, checkout, machine_controller=None, built=None):
        """`machine_controller`: see replaced(). `built`: the program itself, from an earlier run."""
        self.folder = tempfile.TemporaryDirectory(prefix="kubeone-probe-")
        self.root = pathlib.Path(self.folder.name)
        if built:
            shutil.copy(built, self.root / "probe")
        else:
            self.build(checkout, machine_controller)
        self.make_surroundings()

    def build(self, checkout, machine_controller):
        if not shutil.which("go"):
            raise ProbeError(
                "go is not installed: KubeOne's rules are asked of its own code; give them with --rules instead"
            )
        source = self.root / "source"
        shutil.copytree(checkout, source, ignore=shutil.ignore_patterns(".git", "testdata"))
        shutil.copy(HERE / "kubeone-probe/addons.go", source / "pkg/addons/zz_airlock.go")
        (source / "cmd/probe").mkdir(parents=True)
        shutil.copy(HERE / "kubeone-probe/main.go", source / "cmd/probe/main.go")
        edits = self.replaced(source, machine_controller) if machine_controller else []
        if edits:
            self.go(source, ["mod", "edit", *edits])
        self.go(
            source,
            [
                "build",
                "-mod=mod",
                "-gcflags=all=-N -l",
                "-gcflags=std=",
                "-ldflags=-s -w",
                "-o",
                str(self.root / "probe"),
                "./cmd/probe",
            ],
        )

    @staticmethod
    def replaced(source, checkouts):
        """Some versions of machine-controller are on no module proxy; a folder with checkouts by version stands in."""
        edits = []
        for module, below, version in re.findall(
            r"(\S+/machine-controller)(/sdk)? (v[\d.]+)", (source / "go.mod").read_text()
        ):
            at = pathlib.Path(checkouts) / version / below.lstrip("/")
            if (at / "go.mod").exists():
                edits.append(f"-replace={module}{below}={at}")
        return edits

    @staticmethod
    def go(folder, arguments):
        run = subprocess.run(["go", *arguments], cwd=folder, capture_output=True, text=True)
        if run.returncode:
            raise ProbeError(f"go {' '.join(arguments[:2])}: {run.stderr[-2000:]}")

    def make_surroundings(self):
        ca = self.root / "ca"
        ca.mkdir()
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                ca / "key",
                "-out",
                ca / "ca.crt",
                "-subj",
                "/CN=kubernetes",
                "-days",
                "2",
            ],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            ["openssl", "rsa", "-in", ca / "key", "-traditional", "-out", ca / "ca.key"],
            check=True,
            capture_output=True,
        )
        (self.root / "terraform.json").write_text(json.dumps(TERRAFORM))

    def fields(self):
        """By API version: a mapping for an object, {"[]": item} for a list, {"*": value} for a map, or a type."""
        return plain(
            json.loads(
                subprocess.run([self.root / "probe", "fields"], check=True, capture_output=True, text=True).stdout
            )
        )

    def ask(self, questions, render=False):
        """Questions by name: the manifest's text, or (text, {path: text} beside it). Answers by name."""
        lines = []
        with tempfile.TemporaryDirectory(prefix="kubeone-questions-") as folder:
            for number, (name, question) in enumerate(questions.items()):
                text, files = question if isinstance(question, tuple) else (question, {})
                here = pathlib.Path(folder) / str(number)
                for path, content in {"kubeone.yaml": text, **files}.items():
                    (here / path).parent.mkdir(parents=True, exist_ok=True)
                    (here / path).write_text(content)
                lines.append(json.dumps({"id": name, "file": str(here / "kubeone.yaml"), "render": render}))
            surroundings = dict.fromkeys(CREDENTIALS, "placeholder")
            surroundings |= {"PROBE_CA": str(self.root / "ca"), "PROBE_TERRAFORM": str(self.root / "terraform.json")}
            run = subprocess.run(
                [self.root / "probe", "clusters"],
                input="\n".join(lines) + "\n",
                check=True,
                capture_output=True,
                text=True,
                env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **surroundings},
            )
        answers = [json.loads(line) for line in run.stdout.splitlines()]
        return {answer["id"]: {"addons": {}, "containerd": {}} | answer for answer in answers}


def plain(fields):
    if isinstance(fields, dict):
        return {name: plain(fields[name]) for name in sorted(fields)}
    return {"[]": plain(fields[0])} if isinstance(fields, list) else fields


def manifest(api, version, provider, **more):
    """A manifest in JSON, which is YAML too."""
    cloud = {provider: {"infraNamespace": "infra"} if provider == "kubevirt" else {}, **more.pop("cloud", {})}
    if provider in ("azure", "gce", "openstack", "vsphere"):
        cloud.setdefault("cloudConfig", "[Global]")
    if provider == "vsphere" and not cloud.get("disableBundledCSIDrivers"):
        cloud.setdefault("csiConfig", "[Global]")
    cloud = {name: value for name, value in cloud.items() if value is not None}
    whole = {
        "apiVersion": api,
        "kind": "KubeOneCluster",
        "name": "demo",
        "versions": {"kubernetes": version},
        "cloudProvider": cloud,
    }
    return json.dumps(whole | more) + "\n"


MACHINES = ("none", "hetzner", "digitalocean")
OTHER = "unattended-upgrades"  # an addon that no release deploys by itself
OFF = {
    "machineController": {"deploy": False},
    "clusterNetwork": {"cni": {"external": {}}},
    "features": {"metricsServer": {"enable": False}, "nodeLocalDNS": {"deploy": False}},
}


def off(api, fields):
    settings = json.loads(json.dumps(OFF))
    if "operatingSystemManager" in fields:
        settings["operatingSystemManager"] = {"deploy": False}
    if "nodeLocalDNS" not in fields["features"]:
        del settings["features"]["nodeLocalDNS"]
    if "deployPodDisruptionBudget" in fields["features"].get("coreDNS", {}):
        settings["features"]["coreDNS"] = {"deployPodDisruptionBudget": False}
    return settings


def questions_of(api, fields, minors, addons):
    """What is put to a release for one API version."""
    version = minors[-1] + ".0"
    providers = providers_of(fields)
    bare = {} if "infraNamespace" in fields["cloudProvider"].get("kubevirt", {}) else {"kubevirt": {"kubevirt": {}}}
    asked = {"api": manifest(api, version, "none")}
    for provider in providers:
        for minor in minors:
            for external in (None, True):
                cloud = bare.get(provider, {}) | ({} if external is None else {"external": external})
                asked[f"provider {provider} {minor} {external}"] = manifest(api, minor + ".0", provider, cloud=cloud)
        asked[f"no-csi {provider}"] = manifest(
            api, version, provider, cloud=bare.get(provider, {}) | {"disableBundledCSIDrivers": True}
        )
    for provider in MACHINES:
        for machines in (None, False, True):
            more = {} if machines is None else {"machineController": {"deploy": machines}}
            asked[f"machines {provider} {machines}"] = manifest(api, version, provider, **more)
    for cni in sorted(set(fields["clusterNetwork"]["cni"])):
        asked[f"cni {cni}"] = manifest(
            api, version, "none", **off(api, fields) | {"clusterNetwork": {"cni": {cni: {}}}}
        )
    if "enableLocalRedirectPolicy" in fields["clusterNetwork"]["cni"].get("cilium", {}):
        cni = {"cilium": {"enableLocalRedirectPolicy": True, "kubeProxyReplacement": "strict"}}
        asked["local redirect"] = manifest(
            api,
            version,
            "none",
            **off(api, fields) | {"clusterNetwork": {"cni": cni, "kubeProxy": {"skipInstallation": True}}},
        )
    for enable in (None, False, True):
        setting = {} if enable is None else {"enable": enable}
        listed = {"addons": [{"name": "default-storage-class"}], **setting}
        # v1beta1 looks into ./addons when no path is given.
        asked[f"addons enable {enable}"] = (
            manifest(api, version, "none", **off(api, fields), addons=listed),
            {"addons/top.yaml": ""},
        )
    for addon in addons:
        listed = {"enable": True, "addons": [{"name": addon}]}
        local = {f"addons/{addon}/x.yaml": "", "addons/top.yaml": ""}
        path = {
            "enable": True,
            "path": "./addons",
            "addons": [{"name": OTHER if addon == "default-storage-class" else "default-storage-class"}],
        }
        asked[f"declared {addon}"] = (
            manifest(api, version, "none", **off(api, fields), addons=listed),
            {"addons/top.yaml": ""},
        )
        asked[f"directory {addon}"] = (manifest(api, version, "none", **off(api, fields), addons=path), local)
    path = {"enable": True, "path": "./addons"}
    asked["path alone"] = (manifest(api, version, "none", **off(api, fields), addons=path), {"addons/top.yaml": ""})
    if "helmReleases" in fields:
        charts = [{"chart": "x", "repoURL": "https://charts.test", "namespace": "x"}]
        asked["path and chart"] = (
            manifest(api, version, "none", **off(api, fields), addons=path, helmReleases=charts),
            {"addons/top.yaml": ""},
        )
    registry = {"overwriteRegistry": "registry.test:5000", "insecureRegistry": True}
    asked["insecure"] = manifest(api, version, "none", registryConfiguration=registry)
    mirrors = {"containerd": {"registries": {"docker.io": {"mirrors": ["https://registry.test:5000"]}}}}
    asked["both registries"] = manifest(api, version, "none", registryConfiguration=registry, containerRuntime=mirrors)
    return asked


def providers_of(fields):
    return sorted(set(fields["cloudProvider"]) - SETTINGS)


def need(condition, what):
    if not condition:
        raise ProbeError(f"{what}: the rule has taken a form that airlock does not know")


def loaded(answers, provider, minors):
    """By minor: the answer to a manifest that does not mention external. KubeOne refuses some: those have no answer."""
    found = {m: answers[f"provider {provider} {m} None"] for m in minors}
    return {m: answer for m, answer in found.items() if answer["stage"] == "done"}


def external_rule(answers, providers, minors):
    """From which Kubernetes minor on the provider is external without being told (SetDefaults_CloudProvider)."""
    starts, exempt = set(), []
    for provider in providers:
        by_minor = loaded(answers, provider, minors)
        forced = [m for m, answer in by_minor.items() if answer["external"]]
        need(forced == list(by_minor)[len(by_minor) - len(forced) :], f"external of {provider}")
        if by_minor and not forced:
            exempt.append(provider)
        elif forced and (len(forced) < len(by_minor) or list(by_minor) == minors):
            starts.add(forced[0])
    if not starts:
        return None
    need(len(starts) == 1, "external by default")
    start = starts.pop()
    return ({} if start == minors[0] else {"from": start}) | {"except": exempt}


def csi_rule(answers, cloud_providers, minors):
    """Providers whose CSI drivers need an external cloud provider, always or before a minor (ensureCSIAddons)."""
    rule = {}
    for provider, addons in cloud_providers.items():
        csi = {a for a in addons if a.startswith("csi-")}
        without = {m: set(a["addons"]) for m, a in loaded(answers, provider, minors).items() if not a["external"]}
        bare = [m for m, found in without.items() if csi and not csi & found]
        need(bare == list(without)[: len(bare)], f"CSI of {provider}")
        if bare:
            rule[provider] = {} if len(bare) == len(without) else {"before": list(without)[len(bare)]}
    return rule


def machines_rule(answers):
    """Whether machine-controller and operating-system-manager are deployed without being told (their SetDefaults)."""
    deploys = {p: "machinecontroller" in answers[f"machines {p} None"]["addons"] for p in MACHINES}
    need(all(v for p, v in deploys.items() if p != "none"), "machineController")
    found = {
        m: {"operating-system-manager" in answers[f"machines {p} {m}"]["addons"] for p in MACHINES if p != "none"}
        for m in (None, True, False)
    }
    need(all(len(of) == 1 for of in found.values()) and found[None] == found[True], "operatingSystemManager")
    manager = {(True, True): "always", (False, False): "never", (True, False): "withMachineController"}[
        (max(found[True]), max(found[False]))
    ]
    return {"machineController": "always" if deploys["none"] else "withProvider", "operatingSystemManager": manager}


def api_rules(api, fields, answers, minors, addons, cloud_providers):
    """The rules of one API version, and the proof that they explain every answer about providers."""
    done = {name: a for name, a in answers.items() if a["stage"] == "done"}
    providers = providers_of(fields)
    cloud_providers = {p: cloud_providers.get(NOW_CALLED.get(p, p), []) for p in providers}
    rules = {}
    external = external_rule(answers, providers, minors)
    if external is not None:
        rules["externalByDefault"] = external
    csi = csi_rule(answers, cloud_providers, minors)
    if csi:
        rules["csiNeedsExternal"] = csi
    rules |= machines_rule(answers)
    base = set(done["machines hetzner True"]["addons"])
    for provider in providers:
        for minor in minors:
            for given in (None, True):
                answer = done.get(f"provider {provider} {minor} {given}")
                if answer is None:
                    need("external" in answers[f"provider {provider} {minor} {given}"]["error"], f"{provider} {minor}")
                    continue
                is_external = answer["external"]
                limit = csi.get(provider)
                has_csi = is_external or limit is None or ("before" in limit and key(minor) >= key(limit["before"]))
                expected = {
                    a
                    for a in cloud_providers[provider]
                    if (a.startswith("ccm-") and is_external) or (a.startswith("csi-") and has_csi)
                }
                found = {a for a in answer["addons"] if a.startswith(("ccm-", "csi-"))}
                need(
                    found == expected,
                    f"{provider}, Kubernetes {minor}, external {given}: {sorted(found)}, expected {sorted(expected)}",
                )
        bare = done.get(f"no-csi {provider}")
        need(
            bare is None or not any(a.startswith("csi-") for a in bare["addons"]),
            f"disableBundledCSIDrivers of {provider}",
        )
    rules["default"] = sorted(base & {"metrics-server", "nodelocaldns"})
    deployed = {e: "default-storage-class" in done[f"addons enable {e}"]["addons"] for e in (None, False, True)}
    need(deployed[True] and deployed[None] == deployed[False], "addons.enable")
    rules["addonsEnable"] = "ignored" if deployed[False] else "obeyed"
    if "" in done["addons enable True"]["addons"]:
        rules["defaultAddonsPath"] = "./addons"
    rules["declaringDeploysNot"] = [
        a for a in addons if f"declared {a}" in done and a not in done[f"declared {a}"]["addons"]
    ]
    rules["directoryDeploysNot"] = [a for a in addons if a not in done[f"directory {a}"]["addons"]]
    need(all("" in done[f"directory {a}"]["addons"] for a in addons), "the files at the root of addons.path")
    alone = "" in done["path alone"]["addons"]
    need(alone or "path and chart" not in done or "" in done["path and chart"]["addons"], "addons.path with a chart")
    rules["addonsPath"] = "always" if alone else "withAddons"
    text = "\n".join(done["insecure"]["containerd"].values())
    plain, unverified = "http://registry.test" in text, "skip_verify = true" in text
    need(plain != unverified, "insecureRegistry")
    rules["insecureRegistry"] = "plainHTTP" if plain else "skipVerify"
    both = answers["both registries"]
    known = "registries" in fields["containerRuntime"].get("containerd", {})
    need(both["stage"] == "done" or not known or "can't have both" in both["error"], "both registries")
    rules["registriesTogether"] = both["stage"] == "done"
    need("config_path" in text or "registry.mirrors" in text, "mirrors")
    rules["mirrors"] = "hostsToml" if "config_path" in text else "criRegistry"
    # v1beta1 cannot turn everything off.
    rules["cni"] = {
        c: sorted(set(done[f"cni {c}"]["addons"]) - set(done["cni external"]["addons"]))
        for c in sorted(fields["clusterNetwork"]["cni"])
    }
    if "local redirect" in answers:
        rules["localRedirectPolicy"] = sorted(set(done["local redirect"]["addons"]) - set(rules["cni"]["cilium"]))
    return rules


def key(minor):
    return tuple(map(int, minor.split(".")))


def facts_of(probe, minors, addons, cloud_providers):
    """All that is asked of a release: the fields and rules of each API version that it loads."""
    facts = {"fields": {}, "rules": {}}
    for api, fields in sorted(probe.fields().items()):
        loads = probe.ask({"api": manifest(api, minors[-1] + ".0", "none")})["api"]
        if loads["stage"] == "load" and "apiVersion" in loads["error"]:
            need("not supported" in loads["error"], f"{api}: {loads['error']}")
            continue
        if (
            loads["stage"] == "load"
            and "clusterNetwork.ipFamily" in loads["error"]
            and "ipFamily" not in fields["clusterNetwork"]
        ):
            # 1.6 to 1.8 allow v1beta1, and then miss what it cannot say: kubeone config migrate makes v1beta2 of it.
            facts["fields"][api] = fields
            facts["rules"][api] = {"migrate": "kubeone.k8c.io/v1beta2"}
            continue
        need(loads["stage"] == "done", f"{api}: {loads.get('error')}")
        answers = probe.ask(questions_of(api, fields, minors, addons))
        # Up to 1.5.2 csiConfig is refused where vSphere is not external; later it may, or has to, stand there.
        again = {
            name: manifest(api, name.split()[2] + ".0", "vsphere", cloud={"csiConfig": None})
            for name, answer in answers.items()
            if re.fullmatch(r"provider vsphere \S+ None", name) and "csiConfig" in answer.get("error", "")
        }
        answers |= probe.ask(again)
        facts["fields"][api] = fields
        facts["rules"][api] = api_rules(api, fields, answers, minors, addons, cloud_providers)
    need(facts["rules"], "API versions")
    return facts

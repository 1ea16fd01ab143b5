# SPDX-License-Identifier: Apache-2.0
"""Names inside by rules: for registries with few levels, and for sets whose usual names clash."""

import json
import subprocess

import pytest


@pytest.fixture
def clashing(airlock, keys, fake_registry, small_images):
    """quay.io/lab/one:1 and docker.io/lab/one:1, which are different images of one usual name."""
    from lab import images

    factory, made = small_images
    server = fake_registry()
    other = {"docker.io/lab/one:1": made["quay.io/lab/two:1"]}
    images.fill(server, factory.store, {"quay.io/lab/one:1": made["quay.io/lab/one:1"]})
    second = fake_registry()
    images.fill(second, factory.store, other)
    mirrors = ["--mirror", f"quay.io=http://{server.host}", "--mirror", f"docker.io=http://{second.host}"]
    chosen = ["--image", "quay.io/lab/one:1", "--image", "docker.io/lab/one:1"]

    def export(status, output, *more):
        return airlock(status, "export", *chosen, *mirrors, "--key", keys / "alice.key", "-o", output, *more)

    return export


def names(result):
    return sorted(item["name"].split("/", 1)[1] for item in result.json["published"])


def test_a_clash_is_solved_by_keeping_hosts(airlock, keys, clashing, plain, tmp_path):
    bundle = tmp_path / "b.tar"
    assert "--map" in clashing(3, bundle).err
    clashing(0, bundle, "--map", "keep-host")
    key = ["--key", keys / "alice.pub"]
    airlock(0, "verify", bundle, *key)
    assert "names      keep-host" in airlock(0, "inspect", bundle).out
    target = [bundle, f"{plain.host}/mirror", *key, "--insecure"]
    made = airlock(0, "import", *target, "--output", "json", "--receipt", tmp_path / "r.json")
    assert names(made) == ["mirror/docker.io/lab/one:1", "mirror/quay.io/lab/one:1"]
    receipt = json.loads((tmp_path / "r.json").read_text())
    assert sorted(image["name"].split("/", 1)[1] for image in receipt["images"]) == [
        "mirror/docker.io/lab/one:1",
        "mirror/quay.io/lab/one:1",
    ]
    airlock(0, "check", f"{plain.host}/mirror", "--bundle", bundle, *key, "--insecure")
    # The user's own rules come first; usual names clash in this bundle.
    assert "both become lab/one:1" in airlock(3, "import", *target, "--map", "usual").err
    other = ["--map", "quay.io=q", "--map", "docker.io=d", "--output", "json"]
    assert names(airlock(0, "import", *target, *other)) == ["mirror/d/lab/one:1", "mirror/q/lab/one:1"]


def test_mirrors_fit_the_names(airlock, keys, clashing, plain, tmp_path):
    bundle = tmp_path / "b.tar"
    clashing(0, bundle, "--map", "keep-host")
    common = ["import", bundle, f"{plain.host}/mirror", "--key", keys / "alice.pub", "--insecure"]
    made = airlock(0, *common, "--hosts-toml", tmp_path / "hosts")
    assert "overwriteRegistry cannot express" in made.err and "overwriteRegistry:" not in made.out
    assert f"http://{plain.host}/v2/mirror/quay.io" in made.out
    data = airlock(0, *common, "--output", "json").json
    assert data["registryConfiguration"] is None and "quay.io:" in data["mirrors"]
    usual = airlock(0, *common[:1], *common[1:], "--map", "keep-host", "--map", "flatten:1", "--output", "json").json
    assert usual["registryConfiguration"] is None and usual["mirrors"] is None
    text = (tmp_path / "hosts/docker.io/hosts.toml").read_text()
    assert f'[host."http://{plain.host}/v2/mirror/docker.io"]' in text and "override_path = true" in text
    manifest = tmp_path / "k.yaml"
    manifest.write_text("apiVersion: kubeone.k8c.io/v1beta2\nkind: KubeOneCluster\nversions: {kubernetes: v1.29.4}\n")
    refused = airlock(2, *common, "--patch", manifest, "--any-version")
    assert "--patch writes overwriteRegistry" in refused.err and "registryConfiguration" not in manifest.read_text()


def test_two_levels_are_enough_for_any_name(airlock, keys, bundle, plain):
    common = ["import", bundle, f"{plain.host}/project", "--key", keys / "alice.pub", "--insecure"]
    made = airlock(0, *common, "--map", "flatten:1", "--output", "json")
    flat = names(made)
    assert "project/coredns-coredns:v1.11.1" in flat and all(name.count("/") == 1 for name in flat)
    said = airlock(0, *common, "--map", "flatten:1").err
    assert "no mirror leads to the images of registry.k8s.io" in said


def test_rules_in_a_file(airlock, keys, bundle, plain, tmp_path):
    rules = tmp_path / "rules"
    rules.write_text("# ours\nregistry.k8s.io=k8s\nregistry.k8s.io/coredns=dns  # the longest counts\n")
    common = ["import", bundle, plain.host, "--key", keys / "alice.pub", "--insecure", "--dry-run"]
    out = airlock(0, *common, "--map-file", rules).out
    assert f"{plain.host}/k8s/pause:3.9" in out and f"{plain.host}/dns/coredns:v1.11.1" in out


def test_all_mistakes_of_a_file_at_once(airlock, tmp_path):
    rules = tmp_path / "rules"
    rules.write_text("keep-host\nnonsense\n# fine\nflatten:0\n")
    said = airlock(2, "config", "r.local:5000", "--map-file", rules, "--map", "cilium=net").err
    for words in (f"{rules}:2: nonsense: it is no rule", f"{rules}:4: flatten:0:", "--map cilium=net:"):
        assert words in said


def test_podman_is_told_of_repositories_too(airlock, keys, clashing, plain, tmp_path):
    """What no mirror of containerd can say; skopeo, which reads such files as Podman and CRI-O do, finds the images."""
    bundle = tmp_path / "b.tar"
    clashing(0, bundle, "--map", "quay.io/lab=team/apps", "--map", "docker.io=hub")
    common = ["import", bundle, f"{plain.host}/k", "--key", keys / "alice.pub", "--insecure"]
    made = airlock(0, *common, "--registries-conf", tmp_path / "mirrors.conf")
    assert "no mirror leads to the images of quay.io" in made.err and "--registries-conf" in made.err
    for source, inside in (("quay.io/lab/one:1", "k/team/apps/one:1"), ("docker.io/lab/one:1", "k/hub/lab/one:1")):
        raw = ["skopeo", "--registries-conf", tmp_path / "mirrors.conf", "inspect", "--raw", "--tls-verify=false"]
        found = subprocess.run([*raw, f"docker://{source}"], capture_output=True, text=True)
        assert found.returncode == 0, found.stderr
        there = subprocess.run([*raw, f"docker://{plain.host}/{inside}"], capture_output=True, text=True, check=True)
        assert found.stdout == there.stdout


@pytest.mark.parametrize(
    "rule, words",
    [
        ("keephost", "it is no rule"),
        ("flatten:0", "1 to 16"),
        ("flatten:x", "1 to 16"),
        ("cilium=net", "does not begin with a registry's host"),
        ("quay.io/Cilium=net", "is no path of a repository"),
        ("quay.io=../x", "is no path of a repository"),
    ],
)
def test_what_is_no_rule_is_refused(airlock, rule, words):
    made = airlock(2, "config", "r.local:5000", "--map", rule)
    assert words in made.err and rule in made.err


def test_rules_that_contradict_each_other(airlock):
    assert "another name too" in airlock(2, "config", "r", "--map", "quay.io=a", "--map", "quay.io=b").err
    assert "another number" in airlock(2, "config", "r", "--map", "flatten:1", "--map", "flatten:2").err

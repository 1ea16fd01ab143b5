# SPDX-License-Identifier: Apache-2.0
"""Helm charts: fetched, searched for images, carried as artifacts, and found by KubeOne inside."""

import base64
import pathlib
import subprocess

import charts
import peers
import pytest
from lab import images

ARCHIVE = charts.archive(charts.web_files())
HERE = {"PATH": "/usr/bin:/bin"}  # without helm


@pytest.fixture
def web():
    """An HTTP repository that has chart web 1.2.3, in the folder /stable."""
    running = charts.Web({"/stable/index.yaml": charts.index_of({"1.2.3": ARCHIVE}), "/stable/web-1.2.3.tgz": ARCHIVE})
    yield running
    running.stop()


@pytest.fixture
def chart(web):
    return ["--chart", f"{web.url}/stable/web:1.2.3"]


def listed(airlock, *arguments, env=HERE):
    return airlock(0, "list", "--fetch-charts", *arguments, env=env)


def test_a_chart_and_its_images(airlock, web, chart):
    made = listed(airlock, *chart)
    assert made.out.split() == [
        f"{web.host}/charts/stable/web:1.2.3",
        "quay.io/lab/metrics:9",  # switched off, which only rendering knows
        "quay.io/lab/one:1",
        "quay.io/lab/two:1",
    ]
    assert "quay.io/lab/one:1: chart web 1.2.3: values.yaml:2" in made.err.replace("\n", " ")
    assert "there is no helm here" in made.err
    assert "only rendering tells" in made.err and "templates/deployment.yaml:13" in made.err


def test_list_asks_nobody_unless_it_is_told_to(airlock, web, chart):
    made = airlock(0, "list", "--filter", "control-plane", "--kubernetes-versions", "1.29.4", *chart)
    assert "1 chart travels with an export" in made.err and web.requests == []


def test_values_over_those_of_the_chart(airlock, chart, tmp_path):
    (tmp_path / "v.yaml").write_text("image: {tag: '7'}\nmetrics: null\nreloader: quay.io/lab/other:2\n")
    out = listed(airlock, *chart, "--values", tmp_path / "v.yaml").out.split()
    assert out[1:] == ["quay.io/lab/one:7", "quay.io/lab/other:2"]


def test_a_chart_travels(airlock, keys, web, chart, filled, plain, tmp_path):
    server = filled()
    mirror = ["--mirror", f"quay.io=http://{server.host}", "--allow-missing", "quay.io/lab/metrics:9"]
    web.files["/stable/web-1.2.3.tgz.prov"] = "-----BEGIN PGP SIGNED MESSAGE-----\n"
    bundle, key = tmp_path / "b.tar", ["--key", keys / "alice.pub"]
    airlock(9, "export", *chart, *mirror, "--key", keys / "alice.key", "-o", bundle, env=HERE)
    airlock(0, "verify", bundle, *key, "--layers")
    made = airlock(0, "import", bundle, f"{plain.host}/kube", *key, "--insecure", "--output", "json")
    names = [item["name"] for item in made.json["published"]]
    assert f"{plain.host}/kube/charts/stable/web:1.2.3" in names
    airlock(0, "extract", bundle, "web-1.2.3.tgz", *key, "-o", tmp_path / "out")
    assert (tmp_path / "out/web-1.2.3.tgz").read_bytes() == ARCHIVE
    # Two exports of the same chart are the same artifact.
    airlock(9, "export", *chart, *mirror, "--key", keys / "alice.key", "-o", tmp_path / "c.tar", env=HERE)
    assert airlock(0, "diff", bundle, tmp_path / "c.tar").out.startswith("0 images added, 0 removed")


def manifest_text(web, more="", version="    version: 1.2.3\n"):
    return (
        "apiVersion: kubeone.k8c.io/v1beta2\nkind: KubeOneCluster\nname: c\nversions: {kubernetes: v1.34.1}\n"
        f"cloudProvider: {{none: {{}}}}\nhelmReleases:\n  - chart: web\n    repoURL: {web.url}/stable  # ours\n"
        f"{version}    namespace: web\n{more}"
    )


@pytest.fixture
def cluster_bundle(airlock, keys, web, upstream, filled, tmp_path):
    """cluster_bundle(manifest text): the charts and images of a cluster."""

    def make(text):
        server = filled()
        manifest = tmp_path / "kubeone.yaml"
        manifest.write_text(text)
        made = airlock(
            9,
            *["export", "--cluster", manifest, "--kubeone", "1.13", "--allow-missing", "all"],
            *["--mirror", f"registry.k8s.io=http://{upstream.host}", "--mirror", f"quay.io=http://{server.host}"],
            *["--mirror", f"docker.io=http://{server.host}"],
            *["--key", keys / "alice.key", "-o", tmp_path / "b.tar"],
            env=HERE,
        )
        return made, manifest

    return make


def test_the_charts_of_a_cluster(airlock, keys, web, cluster_bundle, plain, tmp_path):
    _, manifest = cluster_bundle(manifest_text(web))
    before = manifest.read_text()
    common = [tmp_path / "b.tar", f"{plain.host}/kube", "--key", keys / "alice.pub", "--insecure"]
    airlock(0, "import", *common, "--patch", manifest)
    address = f"oci://{plain.host}/kube/charts/stable/web"
    wanted = before.replace(
        f"    repoURL: {web.url}/stable  # ours\n",
        f'    chartURL: "{address}"\n    releaseName: web\n    insecure: true\n',
    )
    assert manifest.read_text().startswith(wanted)
    again = manifest.read_text()
    assert "nothing in it has to change" in airlock(0, "import", *common, "--patch", manifest).err
    assert manifest.read_text() == again


def test_the_charts_of_a_cluster_under_other_names(airlock, keys, web, cluster_bundle, plain, tmp_path):
    """overwriteRegistry cannot say them; the charts' addresses can."""
    _, manifest = cluster_bundle(manifest_text(web))
    common = [tmp_path / "b.tar", plain.host, "--key", keys / "alice.pub", "--insecure", "--patch", manifest]
    made = airlock(0, "import", *common, "--map", "keep-host")
    kept = web.host.replace(":", "-")
    assert f'chartURL: "oci://{plain.host}/{kept}/charts/stable/web"' in manifest.read_text()
    assert "registryConfiguration" not in manifest.read_text() and "is left as it is" in made.err


def test_charts_that_a_bundle_lacks_are_named(airlock, keys, web, bundle, plain, tmp_path):
    manifest = tmp_path / "kubeone.yaml"
    manifest.write_text(manifest_text(web))
    common = [bundle, plain.host, "--key", keys / "alice.pub", "--insecure", "--patch", manifest]
    made = airlock(0, "import", *common, "--any-version")
    assert f"{manifest}: line 7: chart web 1.2.3: it is not in the bundle" in made.err
    assert "repoURL" in manifest.read_text() and "overwriteRegistry" in manifest.read_text()


def test_a_release_in_braces_is_left_to_a_person(airlock, keys, web, cluster_bundle, plain, tmp_path):
    text = manifest_text(web)
    head = text[: text.index("helmReleases:")]
    flow = f"helmReleases: [{{chart: web, repoURL: '{web.url}/stable', version: 1.2.3, namespace: web}}]\n"
    _, manifest = cluster_bundle(head + flow)
    common = [tmp_path / "b.tar", plain.host, "--key", keys / "alice.pub", "--insecure", "--patch", manifest]
    made = airlock(3, "import", *common)
    assert "one key per line" in made.err and "chartURL:" in made.err and manifest.read_text() == head + flow


def test_the_newest_version_is_named(airlock, web):
    newer = charts.archive(charts.web_files(**{"Chart.yaml": charts.CHART.replace("1.2.3", "1.10.0")}))
    web.files["/stable/index.yaml"] = charts.index_of({"1.2.3": ARCHIVE, "1.10.0": newer, "2.0.0-rc.1": newer})
    web.files["/stable/web-1.10.0.tgz"] = newer
    made = listed(airlock, "--chart", f"{web.url}/stable/web")
    assert "the newest is 1.10.0" in made.err and f"{web.host}/charts/stable/web:1.10.0" in made.out


@pytest.mark.parametrize(
    "files, words, status",
    [
        ({"/stable/index.yaml": None}, "index.yaml is not there", 4),
        ({"/stable/index.yaml": "entries: {}"}, "has no chart web", 3),
        ({"/stable/index.yaml": charts.index_of({"1.2.4": ARCHIVE})}, "has no version 1.2.3", 3),
        ({"/stable/web-1.2.3.tgz": ARCHIVE + b"x"}, "has the digest", 6),
        ({"/stable/web-1.2.3.tgz": None}, "web-1.2.3.tgz is not there", 4),
    ],
)
def test_repositories_that_are_broken(airlock, web, chart, files, words, status):
    web.files.update(files)
    made = airlock(status, "list", "--fetch-charts", *chart, env=HERE)
    assert words in made.err and "chart web 1.2.3" in made.err


def test_a_chart_may_not_be_missing(airlock, keys, web, chart, tmp_path):
    """Which images are missing with it, nobody could tell."""
    web.files["/stable/web-1.2.3.tgz"] = None
    allowed = ["--allow-missing", "all", "--key", keys / "alice.key", "-o", tmp_path / "b.tar"]
    assert "web-1.2.3.tgz is not there" in airlock(4, "export", *chart, *allowed).err
    assert not (tmp_path / "b.tar").exists()


@pytest.mark.parametrize(
    "data, words",
    [
        (b"not gzip", "does not unpack"),
        (charts.archive({"values.yaml": ""}), "no Chart.yaml"),
        (charts.archive({"Chart.yaml": "name: web\n"}), "no name or no version"),
        (charts.archive({"../../etc/passwd": "x", "Chart.yaml": charts.CHART}), "leaves it"),
        (charts.archive({"Chart.yaml": charts.CHART, "big": b"\0" * (129 << 20)}), "more than 128 MiB"),
    ],
)
def test_archives_that_are_no_charts(airlock, web, chart, data, words):
    web.files["/stable/index.yaml"] = charts.index_of({"1.2.3": data})
    web.files["/stable/web-1.2.3.tgz"] = data
    assert words in airlock(6, "list", "--fetch-charts", *chart, env=HERE).err


def test_a_range_is_no_version(airlock, web):
    made = airlock(3, "list", "--fetch-charts", "--chart", f"{web.url}/stable/web", "--version", "^1.2", env=HERE)
    assert "name one version, not a range" in made.err and "1.2.3" in made.err


def test_a_repository_with_a_login(airlock, web, tmp_path):
    web.login = "Basic " + base64.b64encode(b"user:secret").decode()
    file = tmp_path / "charts.yaml"
    entry = f"charts:\n- chart: web\n  repoURL: {web.url}/stable\n  version: 1.2.3\n"
    file.write_text(entry)
    airlock(4, "list", "--fetch-charts", "--charts-file", file, env=HERE)
    file.write_text(entry + "  auth: {username: user, password: secret}\n  values:\n  - inline: {image: {tag: 5}}\n")
    assert "quay.io/lab/one:5" in listed(airlock, "--charts-file", file).out
    assert "secret" not in listed(airlock, "--charts-file", file, "-v").err


def test_dependencies_and_the_publishers_own_list(airlock, web, chart):
    redis = {
        "charts/redis/Chart.yaml": "name: redis\nversion: 1.0.0\nappVersion: '7.2'\n",
        "charts/redis/values.yaml": "image: {registry: docker.io, repository: bitnami/redis, tag: ''}\n",
        "charts/off/Chart.yaml": "name: off\nversion: 1.0.0\n",
        "charts/off/values.yaml": "image: {repository: quay.io/lab/off, tag: '1'}\n",
    }
    listed_images = "annotations:\n  artifacthub.io/images: |\n    - name: x\n      image: quay.io/lab/annotated:1\n"
    dependencies = "dependencies:\n- {name: redis, version: 1.0.0}\n- {name: off, condition: off.enabled}\n"
    data = charts.archive(
        charts.web_files(
            **redis,
            **{
                "Chart.yaml": charts.CHART + listed_images + dependencies,
                "values.yaml": charts.VALUES + "off: {enabled: false}\nredis: {image: {registry: quay.io}}\n",
            },
        )
    )
    web.files["/stable/index.yaml"] = charts.index_of({"1.2.3": data})
    web.files["/stable/web-1.2.3.tgz"] = data
    out = listed(airlock, *chart).out
    assert "quay.io/lab/annotated:1" in out and "quay.io/bitnami/redis:7.2" in out and "lab/off" not in out


def test_a_local_chart_gives_its_images(airlock, tmp_path):
    for path, text in charts.web_files().items():
        (tmp_path / "web" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / path).write_text(text)
    made = listed(airlock, "--chart", tmp_path / "web")
    assert made.out.split() == ["quay.io/lab/metrics:9", "quay.io/lab/one:1", "quay.io/lab/two:1"]
    assert "travels with the manifest" in made.err
    assert "is not here" in airlock(3, "list", "--fetch-charts", "--chart", tmp_path / "none", env=HERE).err


def test_a_locked_chart_is_named_again(airlock, keys, web, chart, filled, tmp_path):
    server = filled()
    mirror = ["--mirror", f"quay.io=http://{server.host}"]
    lock = tmp_path / "l.lock"
    airlock(9, "resolve", *chart, *mirror, "--allow-missing", "all", "-o", lock, env=HERE)
    export = ["export", "--lock", lock, *mirror, "--key", keys / "alice.key", "-o", tmp_path / "b.tar"]
    assert "nothing says where to fetch it" in airlock(2, *export, env=HERE).err
    airlock(9, *export, *chart, env=HERE)


def test_a_chart_alone_is_no_selection_of_everything(airlock, chart, tmp_path):
    """Its images are known when it is fetched; KubeOne's are not among them."""
    assert airlock(0, "list", *chart, env=HERE).out == ""
    file = tmp_path / "charts.yaml"
    file.write_text("charts: []\n")
    assert "is empty" in airlock(3, "list", "--charts-file", file).err
    file.write_text("charts:\n- chart: web\n  repoURL: https://c.example\n  verison: 1.2.3\n")
    said = airlock(3, "list", "--charts-file", file).err
    assert 'line 4: unknown key "verison"' in said


def test_a_version_with_a_v(airlock, keys, web, cluster_bundle, plain, tmp_path):
    """A repository takes v1.2.3 for 1.2.3; the registry inside has 1.2.3 only."""
    _, manifest = cluster_bundle(manifest_text(web, version="    version: v1.2.3\n"))
    common = [tmp_path / "b.tar", f"{plain.host}/kube", "--key", keys / "alice.pub", "--insecure"]
    made = airlock(0, "import", *common, "--patch", manifest)
    assert '    version: "1.2.3"\n' in manifest.read_text() and "chartURL" in manifest.read_text()
    assert "it is not in the bundle" not in made.err and "put this into" not in made.err


def test_an_archive_of_another_version_is_refused(airlock, web):
    web.files["/stable/index.yaml"] = charts.index_of({"3.0.0": ARCHIVE})
    web.files["/stable/web-3.0.0.tgz"] = ARCHIVE
    made = airlock(6, "list", "--fetch-charts", "--chart", f"{web.url}/stable/web:3.0.0", env=HERE)
    assert "the repository calls it version 3.0.0, the archive says 1.2.3" in made.err


def test_a_password_in_an_address_is_shown_nowhere(airlock, web):
    web.login = "Basic " + base64.b64encode(b"user:secret").decode()
    address = web.url.replace("http://", "http://user:secret@") + "/stable/web:1.2.3"
    made = listed(airlock, "--chart", address, "-v", "--output", "json")
    assert "secret" not in made.out + made.err and "quay.io/lab/one:1" in made.out
    web.files["/stable/web-1.2.3.tgz"] = None
    assert "secret" not in airlock(4, "list", "--fetch-charts", "--chart", address, env=HERE).err


@pytest.mark.parametrize(
    "answer, status, words",
    [
        (403, 9, "is taken for absent"),
        (500, 4, "cannot get"),  # an error is no absence
        ("<html>not found</html>", 9, "is not carried as the chart's provenance"),
        ("", 9, "is not carried as the chart's provenance"),
    ],
)
def test_what_is_no_provenance_is_not_carried(airlock, keys, web, chart, filled, tmp_path, answer, status, words):
    """S3 answers 403 for what is not there; others have a page for it."""
    path = "/stable/web-1.2.3.tgz.prov"
    if isinstance(answer, int):
        web.statuses[path] = answer
    else:
        web.files[path] = answer
    mirror = ["--mirror", f"quay.io=http://{filled().host}", "--allow-missing", "all"]
    export = ["export", *chart, *mirror, "--key", keys / "alice.key", "-o", tmp_path / "b.tar"]
    assert words in airlock(status, *export, env=HERE).err


@pytest.fixture
def chart_registry(fake_registry, tmp_path):
    """A registry with charts.example/team/web:1.2.3, and the manifest's digest."""
    server = fake_registry()
    store, made = charts.artifact(ARCHIVE, "charts.example/team/web:1.2.3")
    images.fill(server, store, made)
    tags = '{"name":"team/web","tags":["0.9.0","1.2.3","2.0.0-rc.1","sha256-0"]}'
    server.rules({"match": "GET /v2/team/web/tags/list", "status": 200, "body": tags, "times": 0})
    server.mirror = ["--mirror", f"charts.example=http://{server.host}"]
    return server, made["charts.example/team/web:1.2.3"]["digest"]


def test_charts_of_a_registry_by_digest_and_the_newest(airlock, chart_registry):
    server, digest = chart_registry
    for named in (f"@{digest}", f":1.2.3@{digest}"):
        out = listed(airlock, "--chart", f"oci://charts.example/team/web{named}", *server.mirror).out
        assert f"charts.example/team/web{named}" in out.split() and "quay.io/lab/one:1" in out
    made = listed(airlock, "--chart", "oci://charts.example/team/web", *server.mirror)
    assert "charts.example/team/web:1.2.3" in made.out and "the newest is 1.2.3" in made.err
    ranged = ["--chart", "oci://charts.example/team/web", "--version", "^1.2", *server.mirror]
    assert "is a range" in airlock(3, "list", "--fetch-charts", *ranged, env=HERE).err


def test_an_index_over_a_registry(airlock, web, chart_registry):
    server, _ = chart_registry
    web.files["/stable/index.yaml"] = charts.index_of({"1.2.3": ARCHIVE}).replace(
        "web-1.2.3.tgz", "'oci://charts.example/team/web:1.2.3'"
    )
    out = listed(airlock, "--chart", f"{web.url}/stable/web:1.2.3", *server.mirror).out
    assert f"{web.host}/charts/stable/web:1.2.3" in out and "quay.io/lab/one:1" in out


# --- beside helm


@pytest.fixture
def with_helm():
    helm = pathlib.Path(peers.peer("helm"))
    return {"PATH": f"{helm.parent}:/usr/bin:/bin"}


@pytest.mark.peers
def test_helm_renders_where_it_is_there(airlock, chart, with_helm, tmp_path):
    made = listed(airlock, *chart, env=with_helm)
    assert made.out.split()[1:] == ["quay.io/lab/one:1", "quay.io/lab/two:1"]
    assert "helm template" in made.err and "only rendering" not in made.err
    (tmp_path / "v.yaml").write_text("metrics: {enabled: true}\n")
    assert "quay.io/lab/metrics:9" in listed(airlock, *chart, "--values", tmp_path / "v.yaml", env=with_helm).out
    (tmp_path / "v.yaml").write_text("image: none\n")
    made = listed(airlock, *chart, "--values", tmp_path / "v.yaml", env=with_helm)
    assert "helm template failed" in made.err and "are searched instead" in made.err


@pytest.mark.peers
def test_helm_renders_for_each_kubernetes_version(airlock, with_helm, tmp_path):
    version = "{{ .Capabilities.KubeVersion.Major }}.{{ .Capabilities.KubeVersion.Minor }}"
    text = charts.DEPLOYMENT.replace(
        "        args:", f"        env: [{{name: X_IMAGE, value: 'quay.io/lab/kubectl:{version}'}}]\n        args:"
    )
    for path, content in charts.web_files(**{"templates/deployment.yaml": text}).items():
        (tmp_path / "web" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / path).write_text(content)
    named = ["--chart", tmp_path / "web", "--filter", "control-plane", "--kubernetes-versions", "1.33.1,1.34.1"]
    out = listed(airlock, *named, env=with_helm).out
    assert "quay.io/lab/kubectl:1.33" in out and "quay.io/lab/kubectl:1.34" in out and "kubectl:1.20" not in out


@pytest.mark.peers
def test_helm_pulls_what_was_imported(airlock, keys, web, chart, filled, plain, with_helm, tmp_path):
    server = filled()
    web.files["/stable/web-1.2.3.tgz.prov"] = "-----BEGIN PGP SIGNED MESSAGE-----\n"
    mirror = ["--mirror", f"quay.io=http://{server.host}"]
    airlock(0, "export", *chart, *mirror, "--key", keys / "alice.key", "-o", tmp_path / "b.tar", env=with_helm)
    airlock(0, "import", tmp_path / "b.tar", plain.host, "--key", keys / "alice.pub", "--insecure")
    pull = ["helm", "pull", f"oci://{plain.host}/charts/stable/web", "--version", "1.2.3", "--plain-http", "--prov"]
    made = subprocess.run(pull, cwd=tmp_path, env={**with_helm, "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "web-1.2.3.tgz").read_bytes() == ARCHIVE and (tmp_path / "web-1.2.3.tgz.prov").exists()


@pytest.mark.peers
def test_a_chart_that_helm_pushed(airlock, keys, plain, with_helm, fake_registry, tmp_path):
    (tmp_path / "web-1.2.3.tgz").write_bytes(ARCHIVE)
    push = ["helm", "push", "web-1.2.3.tgz", f"oci://{plain.host}/team/charts", "--plain-http"]
    made = subprocess.run(push, cwd=tmp_path, env={**with_helm, "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    mirror = ["--mirror", f"charts.example=http://{plain.host}"]
    named = ["--chart", "oci://charts.example/team/charts/web", "--version", "1.2.3", *mirror]
    out = listed(airlock, *named, env=with_helm).out.split()
    assert out == ["charts.example/team/charts/web:1.2.3", "quay.io/lab/one:1", "quay.io/lab/two:1"]


@pytest.mark.parametrize("name", ["--post-renderer=sh", "-x", "a b", "../a", "a/b"])
def test_a_chart_may_not_call_itself_as_it_likes(airlock, web, chart, name):
    """Its name becomes an argument of helm, a path and a repository."""
    named = charts.archive(charts.web_files(**{"Chart.yaml": charts.CHART.replace("name: web", f'name: "{name}"')}))
    web.files.update({"/stable/web-1.2.3.tgz": named, "/stable/index.yaml": charts.index_of({"1.2.3": named})})
    assert "is no name of a chart" in airlock(6, "list", "--fetch-charts", *chart, env=HERE).err


def test_names_are_no_options_of_helm(airlock, web, chart, tmp_path):
    (tmp_path / "helm").write_text('#!/bin/sh\necho "$@" > "$0.said"\n')
    (tmp_path / "helm").chmod(0o755)
    listed(airlock, *chart, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    said = (tmp_path / "helm.said").read_text().split()
    assert said[0] == "template" and said[-3:-1] == ["--", "web"]


def test_charts_in_charts_have_one_limit(airlock, web, chart):
    inner = {f"charts/s{n}.tgz": charts.archive({**charts.web_files(), "big": b"\0" * (40 << 20)}) for n in range(4)}
    outer = charts.archive(charts.web_files(**inner))
    web.files.update({"/stable/web-1.2.3.tgz": outer, "/stable/index.yaml": charts.index_of({"1.2.3": outer})})
    made = airlock(6, "list", "--fetch-charts", *chart, env=HERE)
    assert "more than 128 MiB, with all charts in it" in made.err


@pytest.mark.parametrize("values", ["- a", "x", "[]", '""'])
def test_values_are_a_mapping(airlock, web, chart, tmp_path, values):
    (tmp_path / "v.yaml").write_text(values)
    made = airlock(3, "list", "--fetch-charts", *chart, "--values", tmp_path / "v.yaml", env=HERE)
    assert "values are a mapping" in made.err
    own = charts.archive(charts.web_files(**{"values.yaml": values}))
    web.files.update({"/stable/web-1.2.3.tgz": own, "/stable/index.yaml": charts.index_of({"1.2.3": own})})
    assert "values.yaml is no mapping" in airlock(6, "list", "--fetch-charts", *chart, env=HERE).err


def test_dependencies_that_are_not_in_the_chart(airlock, web, chart):
    files = charts.web_files(**{"Chart.yaml": charts.CHART + "dependencies: [{name: redis, version: 1.0.0}]\n"})
    alone = charts.archive(files)
    web.files.update({"/stable/web-1.2.3.tgz": alone, "/stable/index.yaml": charts.index_of({"1.2.3": alone})})
    assert 'dependency "redis"' in airlock(6, "list", "--fetch-charts", *chart, env=HERE).err


def test_images_of_crds_and_of_tests_that_are_none(airlock, web, chart):
    more = {"templates/tests/job.yaml": "spec: {containers: [{image: 'quay.io/lab/job:1'}]}\n"}
    more["crds/operator.yaml"] = "kind: Pod\nspec: {containers: [{image: 'quay.io/lab/operator:1'}]}\n"
    made = charts.archive(charts.web_files(**more))
    web.files.update({"/stable/web-1.2.3.tgz": made, "/stable/index.yaml": charts.index_of({"1.2.3": made})})
    out = listed(airlock, *chart).out
    assert "quay.io/lab/job:1" in out and "quay.io/lab/operator:1" in out and "lab/test" not in out


def test_an_archive_of_another_name_is_refused(airlock, web):
    web.files["/stable/index.yaml"] = charts.index_of({"1.2.3": ARCHIVE}, name="other")
    web.files["/stable/other-1.2.3.tgz"] = ARCHIVE
    made = airlock(6, "list", "--fetch-charts", "--chart", f"{web.url}/stable/other:1.2.3", env=HERE)
    assert "calls it other, the archive says web" in made.err

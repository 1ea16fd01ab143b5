// SPDX-License-Identifier: Apache-2.0
// Images out of YAML: what is taken, what is only named.
#include "airlock/base/text.hpp"
#include "airlock/kubeone/image_references.hpp"
#include "catch.hpp"

using namespace airlock;
using kubeone::find_images;
using kubeone::FoundImages;

namespace {

/// The images, each with a line feed.
std::string taken(const FoundImages& found) {
  std::string text;
  for (const auto& [image, where] : found.images) text += image + "\n";
  return text;
}
std::string taken(const std::string& yaml) { return taken(find_images(yaml, "m")); }

std::string suspected(const FoundImages& found) {
  std::string text;
  for (const auto& suspect : found.suspects) text += suspect.where + " " + suspect.text + "\n";
  return text;
}
std::string suspected(const std::string& yaml) { return suspected(find_images(yaml, "m")); }

const std::string digest = "sha256:" + std::string(64, 'a');

}  // namespace

TEST_CASE("containers of every kind of workload") {
  CHECK(taken("kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n"
              "          - image: nginx\n          initContainers: [{image: busybox:1}]\n"
              "          ephemeralContainers: [{image: q.io/e}]\n") == "busybox:1\nnginx\nq.io/e\n");
  // Tekton, Argo, and a list of objects.
  CHECK(taken("kind: Task\nspec: {steps: [{image: q.io/s:1}], sidecars: [{image: redis}]}") == "q.io/s:1\nredis\n");
  CHECK(taken("kind: Workflow\nspec: {templates: [{script: {image: python}}]}") == "python\n");
  CHECK(taken("kind: List\nitems:\n- spec: {containers: [{image: a/b:1}]}\n- spec: {containers: [{image: c/d}]}\n") ==
        "a/b:1\nc/d\n");
}

TEST_CASE("volumes, and scalars in every form of YAML") {
  CHECK(taken("spec: {volumes: [{name: v, image: {reference: 'q.io/m:1', pullPolicy: Always}}]}") == "q.io/m:1\n");
  CHECK(taken("containers:\n- image: >-\n    q.io/b:1\n") == "q.io/b:1\n");
  CHECK(taken("containers:\n- image: |\n    q.io/b:1\n") == "q.io/b:1\n");
  CHECK(taken("x: &x q.io/b:1\ncontainers:\n- image: *x\n") == "q.io/b:1\n");
  CHECK(taken("base: &b {image: q.io/b:1}\ncontainers:\n- <<: *b\n  name: c\n") == "q.io/b:1\n");
  CHECK(taken("containers: [{image: !!str q.io/b:1}]") == "q.io/b:1\n");
  CHECK(taken("{\n\t\"containers\": [\n\t\t{\"image\": \"q.io/b:1\"}]}") == "q.io/b:1\n");
  CHECK(taken("containers:\r\n- image: q.io/b:1\r\n") == "q.io/b:1\n");
  CHECK(taken("containers:\n- image: q.io/b@" + digest) == "q.io/b@" + digest + "\n");
}

TEST_CASE("a document that is no YAML spoils no other") {
  const auto found =
      find_images("a: [\n---\ncontainers: [{image: q.io/b:1}]\n--- # next\n  image: q.io/c:1\n b: }\n", "m");
  CHECK(taken(found) == "q.io/b:1\nq.io/c:1\n");
  CHECK(found.unreadable.size() == 1);  // the first names nothing
  CHECK(found.images.at("q.io/b:1") == "m:3");
  CHECK(found.images.at("q.io/c:1") == "m:5");
}

TEST_CASE("a bare word is named, and not completed to Docker Hub") {
  const auto found = find_images(
      "spec:\n  driver: {image: driver}\n  toolkit: {image: true}\n  x: {image: postgres:15}\n"
      "  y: {image: {}}\n  z: {image: org/name}\n  u: {image: 'http://files.example/x.qcow2'}\n  v: {image: "
      "q.io/UPPER}\n",
      "m");
  CHECK(taken(found).empty());
  CHECK(suspected(found) == "m:2 driver\nm:4 postgres:15\nm:6 org/name\nm:8 q.io/UPPER\n");
}

TEST_CASE("an image in parts") {
  CHECK(taken("a: {repository: nvcr.io/nvidia, image: driver, version: '550.54'}") == "nvcr.io/nvidia/driver:550.54\n");
  CHECK(taken("a: {repository: nvcr.io/nvidia, image: driver, version: '" + digest + "'}") ==
        "nvcr.io/nvidia/driver@" + digest + "\n");
  CHECK(taken("image: {registry: registry.k8s.io, image: ingress-nginx/controller, tag: v1, digest: '" + digest +
              "'}") == "registry.k8s.io/ingress-nginx/controller:v1@" + digest + "\n");
  CHECK(taken("image: {registry: quay.io, repository: a/b, tag: v1}") == "quay.io/a/b:v1\n");
  CHECK(taken("image: {repository: quay.io/a/b, tag: v1, digest: '" + digest + "', useDigest: false}") ==
        "quay.io/a/b:v1\n");
  CHECK(taken("image: {repository: quay.io/a/b, tag: 'v1@" + digest + "'}") == "quay.io/a/b:v1@" + digest + "\n");
  CHECK(taken("spec: {image: quay.io/p/p, version: v2.53.0}") == "quay.io/p/p:v2.53.0\n");
  CHECK(taken("spec: {image: 'quay.io/p/p:v2', version: 2.53.0}") == "quay.io/p/p:v2\n");
  CHECK(taken("spec: {baseImage: quay.io/p/p, tag: v1}") == "quay.io/p/p:v1\n");
  CHECK(taken("image: {repository: grafana/grafana, tag: 11.0.0}") == "grafana/grafana:11.0.0\n");
  CHECK(taken("kind: Kustomization\nimages: [{name: app, newName: quay.io/a/app, newTag: v3}]") ==
        "quay.io/a/app:v3\n");
  // No images: a chart's dependency, a package, a bare word.
  CHECK(taken("dependencies: [{name: x, version: 1.0.0, repository: 'https://charts.example/x'}]").empty());
  CHECK(taken("image: {repository: nginx, tag: 1.25}").empty());
  CHECK(suspected("image: {repository: nginx, tag: 1.25}") == "m:1 nginx:1.25\n");
  // Without a tag only rendering tells, unless somebody knows it.
  CHECK(find_images("image: {repository: quay.io/a/b, tag: ''}", "m").unresolved.size() == 1);
  CHECK(taken(find_images("image: {repository: quay.io/a/b, tag: ''}", "m", {{}, false, "v9"})) == "quay.io/a/b:v9\n");
}

TEST_CASE("arguments and variables") {
  const std::string pod = "spec: {containers: [{image: q.io/o:1, ";
  CHECK(taken(pod + "args: [--engine-image, 'q.io/e:2', '--reloader=q.io/r:3']}]}") ==
        "q.io/e:2\nq.io/o:1\nq.io/r:3\n");
  CHECK(taken(pod + "args: [--engine-image, 'longhornio/e:v2', '--x-image=longhornio/x:v1']}]}") ==
        "longhornio/e:v2\nlonghornio/x:v1\nq.io/o:1\n");
  CHECK(taken(pod + "env: [{name: CSI_IMAGE, value: 'longhornio/c:v1'}, {name: RELATED, value: 'q.io/x:1'}]}]}") ==
        "longhornio/c:v1\nq.io/o:1\nq.io/x:1\n");
  CHECK(taken(pod + "args: ['--taint=node.cilium.io/agent-not-ready:NoExecute', --pull-policy, IfNotPresent]}]}") ==
        "q.io/o:1\n");
  CHECK(suspected(pod + "args: [--sidecar, 'jimmidyson/configmap-reload:v0.5']}]}") ==
        "m:1 jimmidyson/configmap-reload:v0.5\n");
  CHECK(suspected(pod + "command: [sh, -c, 'crictl pull q.io/x:1 && true']}]}") == "m:1 q.io/x:1\n");
}

TEST_CASE("keys that speak of images, and texts that do not") {
  CHECK(taken("kind: Cluster\nspec: {imageName: 'q.io/pg:8'}") == "q.io/pg:8\n");
  CHECK(taken("kind: ConfigMap\ndata: {ROOK_CSI_CEPH_IMAGE: 'quay.io/cephcsi/cephcsi:v3'}") ==
        "quay.io/cephcsi/cephcsi:v3\n");
  CHECK(taken("spec: {registry: {url: 'docker://quay.io/containerdisks/fedora:39'}}") ==
        "quay.io/containerdisks/fedora:39\n");
  CHECK(suspected("metadata: {annotations: {note: 'made from quay.io/a/b:1.2, and image: the name'}}") ==
        "m:1 quay.io/a/b:1.2\n");
  // A schema's examples are no images that somebody pulls.
  const std::string schema =
      "kind: CustomResourceDefinition\nspec: {properties: {image: {type: string, default: 'q.io/d:1'}}}";
  CHECK(taken(schema).empty());
  CHECK(suspected(schema) == "m:2 q.io/d:1\n");
  CHECK(taken("spec: {imagePullSecrets: [{name: regcred}], imagePullPolicy: Always}").empty());
  CHECK(suspected("spec: {imagePullSecrets: [{name: regcred}], imagePullPolicy: Always, url: 'https://a.io/b:1'}")
            .empty());
}

TEST_CASE("templates, and what only rendering tells") {
  const auto found = find_images(
      "{{- if .Values.x }}\nspec:\n  containers:\n  {{- range .Values.list }}\n  - image: {{ .image }}:{{ .tag }}\n  "
      "{{- end }}\n"
      "  - image: \"{{ Registry \"quay.io\" }}/e/f:3\"\n    {{- toYaml .Values.y | nindent 4 }}\n  - image: "
      "$(REGISTRY)/x:1\n{{ end }}\n",
      "m");
  CHECK(taken(found) == "quay.io/e/f:3\n");
  CHECK(found.unresolved == std::vector<std::string>{"m:5: {{ .image }}:{{ .tag }}", "m:9: $(REGISTRY)/x:1"});
  CHECK(found.unreadable.empty());
}

TEST_CASE("manifests inside ConfigMaps, where asked") {
  const std::string map =
      "kind: ConfigMap\ndata:\n  pod.yaml: |\n    spec:\n      containers:\n      - image: redis:7\n"
      "      - image: q.io/x:1\n  run.sh: |\n    echo image: ${IMG}\n";
  CHECK(taken(map).empty());
  CHECK(suspected(map) == "m:7 q.io/x:1\nm:6 redis:7\n");
  CHECK(taken(find_images(map, "m", {{}, true, {}})) == "q.io/x:1\nredis:7\n");
  CHECK(suspected(find_images(map, "m", {{}, true, {}})).empty());
}

TEST_CASE("parts of an image without which it is none have a line") {
  const auto open = [](const std::string& yaml) {
    const auto found = find_images(yaml, "m");
    return taken(found) + suspected(found) + (found.unresolved.size() == 1 ? found.unresolved[0] : "");
  };
  CHECK(open("image: {repository: nginx, pullPolicy: IfNotPresent, tag: ''}") == "m:1: nginx, whose tag is not given");
  CHECK(open("vgpu: {repository: '', image: vgpu-manager, version: ''}") ==
        "m:1: vgpu-manager, whose tag is not given");
  CHECK(open("image: {name: cert-manager-controller, repository: ''}") == "m:1 cert-manager-controller\n");
  CHECK(open("image: {repository: lab/a4}") == "m:1 lab/a4\n");
  CHECK(open("image: {name: lab/z, tag: '1'}") == "m:1 lab/z:1\n");
  CHECK(open("image: {registry: quay.io, path: lab/b5, tag: v5}") == "quay.io/lab/b5:v5\n");
  CHECK(open("image: {registry: quay.io, organization: lab, name: b6, tag: v6}") == "quay.io/lab/b6:v6\n");
  CHECK(open("p: {hub: docker.io/istio, tag: 1.20.0, image: pilot}") == "docker.io/istio/pilot:1.20.0\n");
  CHECK(open("k: {image_name: quay.io/kiali/kiali, image_version: v2}") == "quay.io/kiali/kiali:v2\n");
  // What is replaced is no image.
  CHECK(open("images: [{name: app, newName: quay.io/a/b, newTag: v1}]") == "quay.io/a/b:v1\n");
  CHECK(open("images: [{name: quay.io/a/c, digest: '" + digest + "'}]") == "quay.io/a/c@" + digest + "\n");
  // One tag of several images, a registry elsewhere: only rendering tells.
  CHECK(open("image: {repository: q.io/c/operator, tag: v1, genericDigest: '" + digest + "'}") ==
        "m:1: q.io/c/operator:v1, which stands for several (genericDigest)");
  CHECK(open("global: {image: {registry: q.io}}\nc: {image: {image: lab/controller, tag: v1}}") ==
        "m:2: lab/controller:v1, whose registry stands elsewhere");
  // A chart has a repository and a version, too.
  CHECK(open("c: {repository: ghcr.io/foo/charts, name: bar, version: 1.0.0}") == "m:1 ghcr.io/foo/charts:1.0.0\n");
  CHECK(open("image: {repository: ghcr.io/foo/bar, version: 1.0.0}") == "ghcr.io/foo/bar:1.0.0\n");
}

TEST_CASE("what speaks of an image has a line, whatever its value lacks") {
  const std::string pod = "spec: {containers: [{image: q.io/o:1, ";
  const auto args = [&](const std::string& words) { return pod + "args: [" + words + "]}]}"; };
  const auto env = [&](const std::string& name, const std::string& value) {
    return pod + "env: [{name: " + name + ", value: '" + value + "'}]}]}";
  };
  CHECK(suspected(args("--helper-image=busybox:1.36, --agent-image, 'redis:7', --engine-image=rancher/engine")) ==
        "m:1 busybox:1.36\nm:1 redis:7\nm:1 rancher/engine\n");
  CHECK(suspected(env("RELATED_IMAGE_MEMCACHED", "memcached:1.5")) == "m:1 memcached:1.5\n");
  CHECK(suspected(env("SIDECAR_IMAGE", "lab/sidecar")) == "m:1 lab/sidecar\n");
  CHECK(taken(env("NEXT_IMAGE", "lab/next:master-head")) == "lab/next:master-head\nq.io/o:1\n");
  CHECK(taken(env("WASM_IMAGE", "oci://q.io/shim:v1")) == "q.io/o:1\nq.io/shim:v1\n");
  CHECK(
      taken(
          "spec: {containers: [{image: q.io/o:1, env: [{name: KAFKA_IMAGES, value: \"3.6=q.io/k:3.6\\n3.7=q.io/k:3.7\"}"
          "]}]}") == "q.io/k:3.6\nq.io/k:3.7\nq.io/o:1\n");
  CHECK(suspected(env("IMAGES", "a=q.io/a:1;b=lab/b:2")) == "m:1 lab/b:2\n");
  CHECK(taken(args("'--reloader=q.io/r/reloader:main'")) == "q.io/o:1\nq.io/r/reloader:main\n");
  CHECK(taken("configMapGenerator: [{literals: ['TB_IMAGE=tensorflow/tensorflow:2.5.1']}]") ==
        "tensorflow/tensorflow:2.5.1\n");
  CHECK(taken("kind: ConfigMap\ndata: {queue: 'gcr.io/k/queue@" + digest + "'}") == "gcr.io/k/queue@" + digest + "\n");
  CHECK(taken("apiVersion: pkg.crossplane.io/v1\nkind: Provider\nspec: {package: xpkg.io/c/aws:v1}") ==
        "xpkg.io/c/aws:v1\n");
  CHECK(suspected("images: [redis:8]") == "m:1 redis:8\n");
  CHECK(suspected("metadata: {annotations: {containerImage: quay.io/a/operator}}") == "m:1 quay.io/a/operator\n");
  // Switches, durations, folders, labels and services are none.
  for (const char* none : {"--image=true", "--use-image=always", "--image-age=10m", "--image-pull-policy=IfNotPresent",
                           "--image-gc-high-threshold=80", "--image=300ms"})
    CHECK(suspected(args(none)).empty());
  CHECK(taken(args("'--image-dir=data/images:2', '--label=app.kubernetes.io/name:v1'")) == "q.io/o:1\n");
  CHECK(suspected(env("UPSTREAM", "svc.ns.svc.cluster.local:8080/path:v1")) ==
        "m:1 svc.ns.svc.cluster.local:8080/path:v1\n");
  CHECK(suspected("imageRegistry: ghcr.io/kubeflow/katib").empty());
  CHECK(suspected("relatedImages: [{name: manager, image: 'q.io/m:1'}]").empty());
}

TEST_CASE("images in embedded texts, with their lines") {
  const auto found = find_images(
      "kind: ConfigMap\ndata:\n  inject: |\n    containers:\n    - image: docker.io/lab/proxy:stable\n"
      "    - image: busybox:1.28\n    - image: \"${IMG}\"\n  agent: ghcr.io/lab/agent:main\n"
      "  one.json: '{\"a\": {\"image\" : \"kserve/agent:v0.16.0\"}, \"image\": true}'\n"
      "  folded: >-\n    see\n    quay.io/a/b:1\n",
      "m");
  CHECK(taken(found).empty());
  CHECK(suspected(found) ==
        "m:5 docker.io/lab/proxy:stable\nm:6 busybox:1.28\nm:8 ghcr.io/lab/agent:main\nm:9 kserve/agent:v0.16.0\n"
        "m:11 quay.io/a/b:1\n");
  CHECK(found.unresolved == std::vector<std::string>{"m:7: ${IMG}"});
  CHECK(found.suspects.front().why == "in a text; --in-config-maps reads manifests in it");
  // A sentence is no key.
  CHECK(suspected("metadata: {annotations: {note: 'write image: the name of it'}}").empty());
  // JSON in a string of JSON, as operators carry their examples.
  CHECK(suspected(R"({"annotations": {"examples": "[{\"spec\": {\"image\": \"dellemc/csi:v2.7.0\"}}]"}})") ==
        "m:1 dellemc/csi:v2.7.0\n");
}

TEST_CASE("what is no reference has a line in a text that is no YAML, too") {
  const auto found = find_images("a: [\nimage: ${REG}/app:1\nimage: q.io/UPPER\nimage: q.io/a:1\n", "m");
  CHECK(taken(found) == "q.io/a:1\n");
  CHECK(suspected(found) == "m:3 q.io/UPPER\n");
  CHECK(found.unresolved.size() == 1);
}

TEST_CASE("braces in two strings swallow nothing between them") {
  CHECK(taken("containers:\n- image: q.io/a:1\n  args: [\"echo {{\"]\n- image: q.io/b:1\n- image: q.io/c:1\n"
              "  args: [\"echo }}\"]\n") == "q.io/a:1\nq.io/b:1\nq.io/c:1\n");
  CHECK(taken("{\"items\":[{\"a\":\"{{\",\"image\":\"q.io/x:1\"},{\"image\":\"q.io/y:1\",\"b\":\"}}\"}]}") ==
        "q.io/x:1\nq.io/y:1\n");
  CHECK(taken("containers:\n- {image: 'q.io/a:1', args: ['{{', 'q.io/b:1', '}}']}\n") == "q.io/a:1\nq.io/b:1\n");
  CHECK(taken("containers:\n- image: q.io/a:1\n  args: [\"--fmt={{\"]\n- image: q.io/b:1\n  resources: {limits: {cpu: "
              "1}}\n") == "q.io/a:1\nq.io/b:1\n");
  // Actions are still those of Go: comments, raw strings, several lines, braces in strings.
  CHECK(taken("{{/* image: q.io/no:1 }} */}}\ncontainers:\n- image: q.io/a:1\n") == "q.io/a:1\n");
  CHECK(taken("containers:\n{{- include \"x\" (dict \"a\"\n  `}}`) }}\n- image: q.io/a:1\n") == "q.io/a:1\n");
  CHECK(taken("x: {{ \"{{\" }} .Values.x {{ \"}}\" }}\ncontainers:\n- image: q.io/a:1\n") == "q.io/a:1\n");
  CHECK(taken("containers:\n- image: q.io/a:1 {{- if .x }}-y{{ end }}\n- image: q.io/b:1\n") == "q.io/b:1\n");
}

TEST_CASE("parts beside switches, charts and other addresses") {
  CHECK(taken("a: {repository: q.io/x, tag: v1, image: true}") == "q.io/x:v1\n");
  CHECK(taken("a: {repo: q.io/x, image: q.io/x/y, version: v2}") == "q.io/x/y:v2\n");
  CHECK(taken("a: {repository: org/chart, image: q.io/y, tag: v1}") == "q.io/y:v1\n");
  CHECK(taken("a: {repository: 'https://charts.io/x', image: q.io/y, tag: v2}") == "q.io/y:v2\n");
  CHECK(taken("a: {registry: q.io/, repository: /x/d, tag: v1}") == "q.io/x/d:v1\n");
  CHECK(find_images("image: {registry: {host: q.io}, repository: x/y, tag: v1}", "m").unresolved ==
        std::vector<std::string>{"m:1: x/y:v1, whose registry stands elsewhere"});
  CHECK(find_images("a: {repository: q.io/x, tag: v1, tag: v2}", "m").unresolved ==
        std::vector<std::string>{"m:1: q.io/x:v2, whose tag is given twice"});
  CHECK(suspected("a: {repository: Q.io/X/Y, tag: v1}") == "m:1 Q.io/X/Y:v1\n");
  CHECK(suspected("a: {repository: 'https://github.com/x/y', version: v1}").empty());
}

TEST_CASE("objects in lists are what they are alone") {
  const std::string schema =
      "{kind: CustomResourceDefinition, spec: {image: {example: q.io/s:1}, x: 'docker://q.io/t:1'}}";
  CHECK(taken("kind: List\nitems: [" + schema + "]").empty());
  CHECK(taken("kind: CustomResourceDefinitionList\nitems: [{spec: {image: {default: q.io/s:1}}}]").empty());
  const std::string pod = "spec: {containers: [{image: redis}]}";
  kubeone::ReferenceOptions embedded;
  embedded.embedded = true;
  CHECK(taken(find_images("kind: ConfigMapList\nitems:\n- data:\n    a: |\n      " + pod + "\n", "m", embedded)) ==
        "redis\n");
  CHECK(taken(find_images(
            "kind: List\nitems:\n- kind: ConfigMap\n  data:\n    a: '{\"containers\":[{\"image\":\"redis\"}]}'\n", "m",
            embedded)) == "redis\n");
  const auto secret =
      find_images("kind: Secret\ndata:\n  a.yaml: " + base64_encode("x: 1\n" + pod + "\n"), "m", embedded);
  CHECK(secret.images.at("redis") == "m:3: a.yaml:2");
  CHECK(taken("kind: Pod\nspec: {containers: [{image: ''}]}").empty());
  CHECK(find_images("kind: Pod\nspec: {containers: [{image: ''}]}", "m").unresolved.size() == 1);
}

TEST_CASE("parts in embedded values, patches, artifacts and references without a tag are named") {
  CHECK(
      suspected(
          "kind: HelmChartConfig\nspec:\n  valuesContent: |-\n    image:\n      repository: q.io/v\n      tag: v1\n") ==
      "m:5 q.io/v:v1\n");
  CHECK(suspected("patches:\n- patch: |-\n    - op: replace\n      path: /spec/containers/0/image\n      value: "
                  "nginx:1.25\n") == "m:5 nginx:1.25\n");
  CHECK(taken("- {op: replace, path: /spec/containers/0/image, value: 'nginx:1'}") == "nginx:1\n");
  CHECK(suspected("spec: {url: 'oci://ghcr.io/s/wasm:1'}") == "m:1 ghcr.io/s/wasm:1\n");
  CHECK(taken("proxy: {repo: q.io/p, tag: v1}\nother: {registry: q.io, name: org/o, tag: v1}") ==
        "q.io/org/o:v1\nq.io/p:v1\n");
  CHECK(suspected("args: [--reloader=quay.io/n/r, RELATED_IMG=nginx:1.2, --class=k8s.io/ingress-nginx]\n"
                  "env: [{name: WORKER_IMG, value: ghcr.io/n/w}]\n") ==
        "m:1 quay.io/n/r\nm:1 nginx:1.2\nm:2 ghcr.io/n/w\n");
}

TEST_CASE("what a template leaves of a line, and parts that are of no image") {
  // Lines of nothing but actions leave nothing: deeper spaces before the first line of a block scalar are no YAML.
  const auto escaped = find_images(
      "spec:\n  raw: |\n    {{ `{{- range .x }}` }}\n      {{ `{{- y }}` }}\n    - image: q.io/a:1\n"
      "containers:\n- image: q.io/b:1\n",
      "m");
  CHECK(escaped.unreadable.empty());
  CHECK(taken(escaped) == "q.io/b:1\n");
  CHECK(suspected(escaped) == "m:5 q.io/a:1\n");
  CHECK(find_images("a:\n  repo: naersk\n  sha256: 1lhzx\n  owner: x", "m").suspects.empty());
  CHECK(find_images("{\"repo\": \"actions/checkout\", \"version\": \"v6\", \"sha\": \"de0fac2e\"}", "m")
            .suspects.empty());
  CHECK(find_images("a: {registry: q.io, repository: db, tag: '<<TAG>>'}", "m").unresolved ==
        std::vector<std::string>{"m:1: q.io/db:<<TAG>>, which is filled in elsewhere"});
  CHECK(find_images("apiVersion: meta.pkg.crossplane.io/v1\nspec: {dependsOn: [{provider: x, package: q.io/a/p, "
                    "version: '>=1'}]}",
                    "m")
            .images.empty());
  CHECK(find_images("args: [--prefix=quay.io/mongodb]", "m").suspects.empty());
  CHECK(suspected("metadata:\n  annotations:\n    containerImage: org/op:1.2\n    alm-examples: "
                  "'[{\"dbImage\":\"mysql:8\"}]'\n") == "m:3 org/op:1.2\nm:4 mysql:8\n");
  CHECK(find_images("# as reported\nx: [", "m").unreadable.empty());
}

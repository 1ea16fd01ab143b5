# SPDX-License-Identifier: Apache-2.0
"""Helm charts made of texts, and an HTTP repository that serves them."""

import gzip
import hashlib
import http.server
import io
import tarfile
import threading

from lab import images

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ include "web.name" . }}}
spec:
  template:
    spec:
      containers:
      - name: web
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
        args: ["--reloader={{ .Values.reloader }}"]
      {{- if .Values.metrics.enabled }}
      - name: metrics
        image: {{ include "web.metrics" . }}
      {{- end }}
"""
HELPERS = """\
{{- define "web.name" -}}{{ .Release.Name }}{{- end }}
{{- define "web.metrics" -}}{{ .Values.metrics.image.repository }}:{{ .Values.metrics.image.tag }}{{- end }}
"""
VALUES = """\
image:
  repository: quay.io/lab/one
  tag: ""
reloader: quay.io/lab/two:1
metrics:
  enabled: false
  image: {repository: quay.io/lab/metrics, tag: "9"}
"""
CHART = "apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: '1'\ndescription: A small web\n"


def web_files(**other):
    """The files of a chart `web`, some of them others."""
    files = {
        "Chart.yaml": CHART,
        "values.yaml": VALUES,
        "templates/deployment.yaml": DEPLOYMENT,
        "templates/_helpers.tpl": HELPERS,
        "templates/tests/test.yaml": "kind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n"
        "spec: {containers: [{image: 'quay.io/lab/test:1'}]}\n",
        **other,
    }
    return {path: text for path, text in files.items() if text is not None}


def archive(files, folder="web"):
    """The .tgz that `helm package` would make."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def index_of(versions, name="web", digest=True):
    """index.yaml for archives by version, at NAME-VERSION.tgz."""
    text = f"apiVersion: v1\nentries:\n  {name}:\n"
    for version, data in versions.items():
        text += f"  - name: {name}\n    version: {version}\n    urls: [{name}-{version}.tgz]\n"
        if digest:
            text += f"    digest: {hashlib.sha256(data).hexdigest()}\n"
    return text


def artifact(data, reference):
    """The chart as `helm push` stores it: a store, and the manifest by its reference."""
    store = images.Factory(packages=None).store
    config = store.add_json("application/vnd.cncf.helm.config.v1+json", {"name": "web", "version": "1.2.3"})
    layer = store.add("application/vnd.cncf.helm.chart.content.v1.tar+gzip", data)
    body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": [layer]}
    return store, {reference: store.add_json(images.OCI["manifest"], body)}


class Web:
    """An HTTP server on loopback: `files` by path; `requests` are (path, Authorization)."""

    def __init__(self, files=None):
        self.files, self.requests, self.login = dict(files or {}), [], None
        self.statuses = {}  # other answers, by path
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                authorization = self.headers.get("Authorization")
                web.requests.append((self.path, authorization))
                data = web.files.get(self.path)
                status = web.statuses.get(self.path, 200 if data is not None else 404)
                if web.login and authorization != web.login:
                    status, data = 401, None
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="charts"')
                body = data if isinstance(data, bytes) else (data or "").encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

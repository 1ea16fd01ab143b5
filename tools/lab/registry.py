# SPDX-License-Identifier: Apache-2.0
"""Debian's docker-registry on a free loopback port: plain or TLS, open or with basic auth."""

import contextlib
import http.client
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificates(directory: pathlib.Path) -> None:
    """An authority (ca.pem) and a certificate for localhost and 127.0.0.1 that it signed (cert.pem, key.pem)."""
    directory.mkdir(parents=True, exist_ok=True)
    openssl = lambda *args: subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=lab authority"
    )
    openssl("req", *new_key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    (directory / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl(
        "x509",
        "-req",
        "-in",
        "request.pem",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "30",
        "-extfile",
        "extensions",
        "-out",
        "cert.pem",
    )


class Registry:
    """A docker-registry process. Use it as a context manager: leaving stops the process by its pid."""

    def __init__(
        self,
        directory,
        certificates=None,
        login=None,
        token_auth=None,
        environment=None,
        more=None,
        client_certificates=False,
    ):
        self.directory = pathlib.Path(directory)
        self.certificates = certificates and pathlib.Path(certificates)
        self.login = login  # (user, password)
        self.token_auth = token_auth  # {"realm", "service", "issuer", "rootcertbundle"}
        self.environment = environment
        self.client_certificates = client_certificates  # wants one of the same authority; the server's own will do
        self.more = more or {}  # further sections of the configuration
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.process = None

    @property
    def data(self) -> pathlib.Path:
        return self.directory / "data"

    @property
    def url(self) -> str:
        return f"{'https' if self.certificates else 'http'}://{self.host}"

    @property
    def log(self) -> pathlib.Path:
        return self.directory / "registry.log"

    def requests(self, method: str = "") -> list:
        """Lines of the access log for a method: what a client really did."""
        return [
            line
            for line in self.log.read_text(errors="replace").splitlines()
            if f'"{method}' in line and "HTTP/1" in line
        ]

    def writes(self) -> list:
        """Requests that change something, or begin to."""
        return [line for method in ("POST", "PATCH", "PUT", "DELETE") for line in self.requests(method)]

    def _config(self) -> dict:
        config = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self.data)}, "delete": {"enabled": True}},
            "http": {"addr": self.host},
        }
        if self.certificates:
            config["http"]["tls"] = {
                "certificate": str(self.certificates / "cert.pem"),
                "key": str(self.certificates / "key.pem"),
            }
            if self.client_certificates:
                config["http"]["tls"]["clientcas"] = [str(self.certificates / "ca.pem")]
        if self.login:
            config["auth"] = {"htpasswd": {"realm": "lab", "path": str(self._passwords())}}
        if self.token_auth:
            config["auth"] = {"token": self.token_auth}
        return {**config, **self.more}

    def _passwords(self) -> pathlib.Path:
        hashed = subprocess.run(["htpasswd", "-Bbn", *self.login], check=True, capture_output=True, text=True)
        path = self.directory / "htpasswd"
        path.write_text(hashed.stdout.strip() + "\n")
        return path

    def _command(self) -> list:
        return [shutil.which("docker-registry") or "/usr/bin/docker-registry", "serve", "config.json"]

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "config.json").write_text(json.dumps(self._config()))  # JSON is YAML
        command = self._command()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=log, stderr=log, env=self.environment)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self) -> None:
        for _ in range(200):
            if self.process.poll() is not None:
                raise RuntimeError(f"{self._command()[0]} ended: {self.log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError):
                connection = self.connect()
                connection.request("GET", "/v2/")
                connection.getresponse().read()
                connection.close()
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self._command()[0]} does not answer")

    def connect(self) -> http.client.HTTPConnection:
        if not self.certificates:
            return http.client.HTTPConnection(self.host, timeout=60)
        context = ssl.create_default_context(cafile=str(self.certificates / "ca.pem"))
        if self.client_certificates:
            context.load_cert_chain(self.certificates / "cert.pem", self.certificates / "key.pem")
        return http.client.HTTPSConnection(self.host, timeout=60, context=context)

    def empty(self) -> None:
        """Throws all content away; the process keeps running (it has no cache configured)."""
        shutil.rmtree(self.data, ignore_errors=True)

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

# SPDX-License-Identifier: Apache-2.0
"""A token server for docker-registry (distribution, docs/spec/auth/token.md): JSON Web Tokens, signed by openssl."""

import base64
import http.server
import json
import pathlib
import subprocess
import threading
import time
import urllib.parse


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw_signature(der: bytes) -> bytes:
    """ECDSA's r and s, 32 bytes each, from their DER form, as JWS wants them (RFC 7518, section 3.4)."""
    numbers, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + length], "big").to_bytes(32, "big"))
        at += 2 + length
    return b"".join(numbers)


class TokenServer:
    """Use it as a context manager. `requests` holds (scopes, whether a password came) of each token that was given."""

    def __init__(self, directory: pathlib.Path, login):
        self.directory, self.login, self.requests, self.lifetime = pathlib.Path(directory), login, [], 300
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                given = self.headers.get("Authorization", "")
                expected = "Basic " + base64.b64encode(":".join(outer.login).encode()).decode()
                body = json.dumps({"token": outer.token(query.get("scope", [])), "expires_in": outer.lifetime}).encode()
                self.send_response(200 if given == expected else 401)
                self.send_header("Content-Length", str(len(body) if given == expected else 0))
                self.end_headers()
                if given == expected:
                    outer.requests.append(sorted(query.get("scope", [])))
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"

    def options(self) -> dict:
        """docker-registry's auth.token section."""
        return {
            "realm": self.url,
            "service": "lab",
            "issuer": "lab tokens",
            "rootcertbundle": str(self.directory / "token.pem"),
        }

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "30",
                "-subj",
                "/CN=lab tokens",
                "-keyout",
                "token.key",
                "-out",
                "token.pem",
            ],
            cwd=self.directory,
            check=True,
            capture_output=True,
        )
        pem = (self.directory / "token.pem").read_text()
        self.certificate = "".join(line for line in pem.splitlines() if "-----" not in line)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def token(self, scopes: list) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":", 2)
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {
            "iss": "lab tokens",
            "sub": "user",
            "aud": "lab",
            "nbf": now - 10,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": str(time.monotonic_ns()),
            "access": access,
        }
        header = {"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]}
        text = ".".join(_encode(json.dumps(part).encode()) for part in (header, claims))
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.directory / "token.key")],
            input=text.encode(),
            check=True,
            capture_output=True,
        )
        return f"{text}.{_encode(_raw_signature(signed.stdout))}"

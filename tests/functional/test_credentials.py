# SPDX-License-Identifier: Apache-2.0
"""Where credentials come from, and where they go: files, helpers, identity tokens, proxies, real token servers."""

import base64
import http.client
import http.server
import json
import ssl
import threading
import urllib.parse

import pytest
from conftest import LOGIN
from lab import images, registry, tokens

PAIR = base64.b64encode(b"user:password").decode()


@pytest.fixture
def config(tmp_path):
    """Writes a config.json and gives the environment that names it."""

    def write(content, folder="docker"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config.json").write_text(json.dumps(content))
        return {"DOCKER_CONFIG": str(tmp_path / folder)}

    return write


@pytest.fixture
def helper(tmp_path, environment):
    """Installs docker-credential-lab, a script that notes what it was asked. Gives the environment that finds it."""

    def install(answer, status=0):
        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "answer").write_text(answer)
        script = programs / "docker-credential-lab"
        script.write_text(f'#!/bin/sh\necho "$1 $(cat)" >> {programs}/asked\ncat {programs}/answer\nexit {status}\n')
        script.chmod(0o755)
        return {"PATH": f"{programs}:{environment['PATH']}"}, programs / "asked"

    return install


def secret(name="user", value="password"):
    return json.dumps({"ServerURL": "x", "Username": name, "Secret": value})


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_helper_is_asked_once_by_its_protocol(filled, export_small, config, helper, key):
    server = filled("--auth", "basic")
    environment, asked = helper(secret())
    value = "lab" if key == "credsStore" else {server.host: "lab"}
    export_small(0, server, env={**environment, **config({key: value, "auths": {server.host: {}}})})
    assert asked.read_text() == f"get {server.host}\n"


def test_a_helper_that_has_nothing_leaves_it_to_the_file(filled, export_small, config, helper):
    server = filled("--auth", "basic")
    environment, asked = helper("credentials not found in native keychain\n", status=1)
    export_small(
        0, server, env={**environment, **config({"credsStore": "lab", "auths": {server.host: {"auth": PAIR}}})}
    )
    assert asked.exists()


@pytest.mark.parametrize(
    "answer, status, words",
    [
        ("the keyring is locked\n", 1, "failed with exit status 1: the keyring is locked"),
        ('{"Username": "u", "Secret": SECRETVALUE', 0, "did not answer with the JSON"),
    ],
)
def test_a_helper_that_fails(filled, export_small, config, helper, answer, status, words):
    server = filled("--auth", "basic")
    environment, _ = helper(answer, status)
    err = export_small(2, server, env={**environment, **config({"credsStore": "lab"})}).err
    assert words in err and "docker-credential-lab get" in err and "SECRETVALUE" not in err


def test_a_helper_that_is_missing(filled, export_small, config):
    server = filled("--auth", "basic")
    assert (
        "docker-credential-nowhere for"
        in export_small(2, server, env=config({"credHelpers": {server.host: "nowhere"}})).err
    )
    assert "is no name of a program" in export_small(2, server, env=config({"credsStore": "../x"}, "other")).err


@pytest.mark.parametrize(
    "answer",
    [
        "WARNING: {this} is deprecated\n" + secret(),
        'time="2026" level=warning msg="no"\n' + secret() + "\ndone\n",
        json.dumps({"Username": "user", "Secret": "password", "More": None}),
    ],
)
def test_a_helper_that_warns(filled, export_small, config, helper, answer):
    server = filled("--auth", "basic")
    environment, _ = helper(answer)
    export_small(0, server, env={**environment, **config({"credsStore": "lab"})})


@pytest.mark.parametrize("answer, status", [("locked\n", 1), ("no JSON", 0), ("", 0), (secret("", ""), 0)])
def test_a_helper_is_not_missed_where_anybody_may_read(filled, export_small, config, helper, answer, status):
    server = filled()
    environment, _ = helper(answer, status)
    export_small(0, server, env={**environment, **config({"credsStore": "lab"})})
    export_small(0, server, output="other.tar", env=config({"credsStore": "nowhere"}, "other"))


@pytest.mark.parametrize("key", ["{}/", "https://{}/v1/", "{}/v2/", "{}/lab", "{}/lab/one"])
def test_keys_of_auths(filled, export_small, config, key):
    server = filled("--auth", "basic")
    entries = {key.format(server.host): {"auth": PAIR}, "broken.example.com": {"auth": "%"}, "null.example.com": None}
    if key == "{}/lab/one":
        entries[server.host + "/lab"] = {"auth": PAIR}
        entries[server.host] = {"auth": base64.b64encode(b"user:stale").decode()}
    export_small(0, server, env=config({"auths": entries}))
    assert {r["authorization"] for r in server.requests()} <= {"", f"Basic {PAIR}"}


def test_an_entry_that_cannot_be_read_is_named_once_it_is_missed(filled, export_small, config):
    broken = {"auth": base64.b64encode(b"no pair").decode()}
    err = export_small(
        4, filled("--auth", "basic"), env=config({"auths": {"127.0.0.1": broken, "*.0.0.1": broken}})
    ).err
    assert "there are no credentials" in err
    server = filled("--auth", "basic")
    err = export_small(2, server, env=config({"auths": {server.host: broken}}, "other")).err
    assert "is not base64 of user:password" in err and server.host in err
    export_small(0, filled(), output="public.tar", env=config({"auths": {server.host: broken}}, "third"))


@pytest.mark.parametrize("source", ["file", "helper"])
def test_an_identity_token(filled, export_small, config, helper, source):
    server = filled("--auth", "token", "--identity-token", "s3same")
    server.forget()
    if source == "file":
        environment = config(
            {"auths": {server.host: {"auth": base64.b64encode(b"00000000-0000:").decode(), "identitytoken": "s3same"}}}
        )
    else:
        environment = {**helper(secret("<token>", "s3same"))[0], **config({"credsStore": "lab"})}
    export_small(0, server, env=environment)
    posts = server.requests("POST", "/token")
    assert len(posts) == 2 and server.requests("GET", "/token") == []
    forms = sorted(urllib.parse.parse_qs(post["form"])["scope"] for post in posts)
    assert forms == [["repository:lab/one:pull"], ["repository:lab/two:pull"]]
    assert posts[0]["form"].startswith("grant_type=refresh_token&client_id=airlock&service=test&")
    wrong = {"DOCKER_CONFIG": config({"auths": {server.host: {"identitytoken": "stale"}}}, "stale")["DOCKER_CONFIG"]}
    assert "refused the identity token" in export_small(4, server, output="other.tar", env=wrong).err


def test_podmans_file_comes_before_dockers(filled, export_small, tmp_path):
    server = filled("--auth", "basic")
    wrong = base64.b64encode(b"user:wrong").decode()
    for path, auth in (("run/containers/auth.json", PAIR), ("home/.docker/config.json", wrong)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(json.dumps({"auths": {server.host: {"auth": auth}}}))
    export_small(0, server, env={"XDG_RUNTIME_DIR": str(tmp_path / "run"), "HOME": str(tmp_path / "home")})
    export_small(4, server, output="other.tar", env={"HOME": str(tmp_path / "home")})


def test_several_registries_with_credentials_of_their_own(airlock, keys, fake_registry, small_images, config, tmp_path):
    factory, made = small_images
    one, two = fake_registry("--auth", "basic"), fake_registry("--auth", "token", "--login", "bob:secret")
    images.fill(one, factory.store, {"x/lab/one:1": made["quay.io/lab/one:1"]}, f"Basic {PAIR}")
    connection = two.connect()
    other = base64.b64encode(b"bob:secret").decode()
    connection.request("GET", "/token?scope=push", headers={"Authorization": f"Basic {other}"})
    images.fill(
        two,
        factory.store,
        {"x/lab/two:1": made["quay.io/lab/two:1"]},
        "Bearer " + json.loads(connection.getresponse().read())["token"],
    )
    environment = config({"auths": {one.host: {"auth": PAIR}, two.host: {"username": "bob", "password": "secret"}}})
    airlock(
        0,
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--image",
        "ghcr.io/lab/two:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"quay.io=http://{one.host}",
        "--mirror",
        f"ghcr.io=http://{two.host}",
        env=environment,
    )
    assert {r["authorization"] for r in one.requests("GET", "/v2/lab/one/blobs")} == {f"Basic {PAIR}"}
    assert all(PAIR not in r["authorization"] for r in two.requests())


def test_a_realm_on_another_host_is_asked_with_the_registrys_credentials(fake_registry, small_images, export_small):
    _factory, _made = small_images
    realm = fake_registry("--auth", "token")
    server = fake_registry("--auth", "token", "--realm", realm.url)
    export_small(
        4, server, "--username", "user", "--password-stdin", stdin="password\n"
    )  # it does not know the other's tokens
    asked = realm.requests("GET", "/token")
    assert asked and {r["authorization"] for r in asked} == {f"Basic {PAIR}"}
    assert all(not r["authorization"].startswith("Basic") for r in server.requests())


@pytest.fixture
def proxy():
    """An HTTP proxy that notes what went through it."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            seen.append((self.command, self.path))
            host, path = self.path.removeprefix("http://").split("/", 1)
            connection = http.client.HTTPConnection(host, timeout=30)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "proxy-connection")}
            connection.request(self.command, "/" + path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_proxy_variables(filled, export_small, proxy):
    server = filled()
    url, seen = proxy
    export_small(0, server, env={"http_proxy": url, "no_proxy": ""})
    assert any("/v2/lab/one/blobs/" in path for _, path in seen)
    seen.clear()
    export_small(0, server, output="direct.tar", env={"http_proxy": url, "no_proxy": "127.0.0.1"})
    assert seen == []


def test_a_proxy_that_is_not_there(filled, export_small):
    server = filled()
    err = export_small(4, server, env={"http_proxy": "http://127.0.0.1:1", "no_proxy": ""}).err
    assert "cannot reach" in err and "proxy" in err


class CertificateProxy(http.server.BaseHTTPRequestHandler):
    """Passes on what comes with a client certificate, as nginx before Harbor does it with ssl_verify_client."""

    protocol_version = "HTTP/1.1"
    behind = None

    def do_GET(self):
        status, headers, body = 400, [], b"No required SSL certificate was sent"
        if self.connection.getpeercert():
            connection = self.behind.connect()
            connection.request(self.command, self.path, headers=dict(self.headers.items()))
            answer = connection.getresponse()
            status, headers, body = answer.status, answer.getheaders(), answer.read()
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_the_realm_beside_the_registry_sees_the_client_certificate(
    airlock, fake_registry, certificates, config, small_images, tmp_path
):
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), CertificateProxy)
    proxy.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    proxy.socket = context.wrap_socket(proxy.socket, server_side=True)
    host = f"127.0.0.1:{proxy.server_port}"
    server = fake_registry("--auth", "token", "--realm", f"https://{host}")
    CertificateProxy.behind = server
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        factory, made = small_images
        connection = server.connect()
        connection.request("GET", "/token?scope=push", headers={"Authorization": f"Basic {PAIR}"})
        token = json.loads(connection.getresponse().read())["token"]
        images.fill(server, factory.store, {"x/lab/one:1": made["quay.io/lab/one:1"]}, "Bearer " + token)
        way = ["resolve", "--image", f"{host}/lab/one:1", "--cacert", certificates / "ca.pem"]
        environment = config({"auths": {host: {"auth": PAIR}}})
        airlock(
            0,
            *way,
            "--cert",
            certificates / "cert.pem",
            "--cert-key",
            certificates / "key.pem",
            "-o",
            tmp_path / "l",
            env=environment,
        )
        assert "No required SSL certificate" in airlock(4, *way, "-o", tmp_path / "l2", env=environment).err
    finally:
        proxy.shutdown()


def test_the_whole_way_with_real_tokens(airlock, keys, bundle, tmp_path):
    """docker-registry's own token authentication: scopes are checked, and a token is fetched once for each."""
    with tokens.TokenServer(tmp_path / "tokens", LOGIN) as server:
        with registry.Registry(tmp_path / "registry", token_auth=server.options()) as target:
            command = ["import", bundle, target.host, "--insecure", "--key", keys / "alice.pub"]
            assert "HTTP 401" in airlock(4, *command).err
            login = ["--username", LOGIN[0], "--password-stdin"]
            airlock(0, *command, *login, stdin=LOGIN[1] + "\n")
            assert any("pull,push" in scope for scopes in server.requests for scope in scopes)
            assert len(server.requests) == len({tuple(scopes) for scopes in server.requests})
            server.requests.clear()
            airlock(
                0,
                "export",
                "--image",
                f"{target.host}/kube-apiserver:v1.29.4",
                "--insecure",
                target.host,
                "--key",
                keys / "alice.key",
                "-o",
                tmp_path / "b.tar",
                *login,
                stdin=LOGIN[1] + "\n",
            )
            assert server.requests == [["repository:kube-apiserver:pull"]]

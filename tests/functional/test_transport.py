# SPDX-License-Identifier: Apache-2.0
"""Authentication and failures of registries, against the test registry that can do each of them on demand."""

import json

import pytest
from conftest import files_in, layer_digests
from lab import images

LOGIN = ["--username", "user", "--password-stdin"]


def big_blob(small_images):
    """The digest of the largest layer of the first image."""
    factory, made = small_images
    return max(layer_digests(factory.store, made["quay.io/lab/one:1"]), key=lambda d: len(factory.store.blobs[d]))


def test_a_token_is_fetched_once_per_repository(filled, export_small):
    server = filled("--auth", "token")
    export_small(0, server, *LOGIN, stdin="password\n")
    scopes = [r["scope"] for r in server.requests("GET", "/token")]
    assert sorted(scopes) == ["repository:lab/one:pull", "repository:lab/two:pull"]
    sent = {r["authorization"].split(" ")[0] for r in server.requests("GET", "/blobs/")}
    assert sent == {"Bearer"}  # the password went to the realm only
    assert {r["authorization"].split(" ")[0] for r in server.requests("GET", "/token")} == {"Basic"}


def test_anonymous_tokens(filled, export_small):
    server = filled("--auth", "token", "--anonymous-tokens")
    export_small(0, server)
    assert all(not r["authorization"] for r in server.requests("GET", "/token"))


def test_wrong_password_for_a_token(filled, export_small, tmp_path):
    server = filled("--auth", "token")
    err = export_small(4, server, *LOGIN, stdin="letmein\n").err
    assert "refused the credentials" in err and "letmein" not in err
    assert "refused an anonymous token" in export_small(4, server).err
    assert files_in(tmp_path) == []


def test_an_expired_token_is_renewed(filled, export_small):
    server = filled("--auth", "token")
    server.rules(
        {
            "match": "GET */blobs/*",
            "status": 401,
            "headers": {"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="test"'},
        }
    )
    export_small(0, server, *LOGIN, "--jobs", "1", stdin="password\n")
    assert len(server.requests("GET", "/token")) == 3


def test_a_token_that_ran_out_on_the_way_is_replaced(filled, export_small):
    server = filled("--auth", "token")
    # As if the registry had restarted: it knows none of the tokens that it gave.
    server.rules({"match": "GET /v2/lab/one/blobs/*", "expire": True})
    export_small(0, server, *LOGIN, "--jobs", "1", stdin="password\n")
    refused = [r["path"].split("/blobs/")[0] for r in server.requests("GET", "/blobs/") if r["status"] == 401]
    assert sorted(refused) == ["/v2/lab/one", "/v2/lab/two"] and len(server.requests("GET", "/token")) == 4


def test_a_hiccup_of_the_token_server_is_survived(filled, export_small):
    server = filled("--auth", "token")
    server.rules({"match": "GET /token", "status": 503, "times": 2})
    export_small(0, server, *LOGIN, stdin="password\n")


def test_a_broken_token_answer_is_not_quoted(filled, export_small):
    server = filled("--auth", "token")
    server.rules({"match": "GET /token", "status": 200, "body": '{"token": "SECRETVALUE', "times": 0})
    err = export_small(4, server, *LOGIN, stdin="password\n").err
    assert "without a token that airlock can read" in err and "SECRET" not in err


def test_a_password_for_a_namespace_is_for_nothing_else(filled, export_small, tmp_path):
    import base64

    server = filled("--auth", "basic")
    auth = base64.b64encode(b"user:password").decode()
    for number, (key, status) in enumerate(((f"{server.host}/other", 4), (f"{server.host}/lab", 0), (server.host, 0))):
        (tmp_path / "config.json").write_text(json.dumps({"auths": {key: {"auth": auth}}}))
        environment = {"REGISTRY_AUTH_FILE": str(tmp_path / "config.json")}
        export_small(status, server, output=f"{number}.tar", env=environment)


def test_a_host_in_upper_case_gets_its_password(filled, airlock, keys, tmp_path):
    server = filled("--auth", "basic")
    host = "LOCALHOST:" + server.host.split(":")[1]
    airlock(
        0,
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--mirror",
        f"quay.io=http://{host}",
        *LOGIN,
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        stdin="password\n",
    )


def test_a_401_loop_ends(filled, export_small, tmp_path):
    server = filled()
    server.rules(
        {
            "match": "GET /v2/lab/*",
            "status": 401,
            "times": 0,
            "headers": {"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="t"'},
        }
    )
    err = export_small(4, server, *LOGIN, stdin="password\n").err
    assert "HTTP 401" in err and len(server.requests("GET", "/v2/lab/one")) <= 3 and files_in(tmp_path) == []


def test_push_with_a_token(filled, fake_registry, export_small, airlock, keys, tmp_path):
    export_small(0, filled())
    target = fake_registry("--auth", "token")
    command = ["import", tmp_path / "small.tar", target.host, "--key", keys / "alice.pub", "--insecure"]
    assert "refused an anonymous token" in airlock(4, *command).err
    airlock(0, *command, *LOGIN, stdin="password\n")
    assert any("pull,push" in r["scope"] for r in target.requests("GET", "/token"))


def test_a_broken_transfer_goes_on_where_it_stood(filled, small_images, export_small):
    server = filled()
    server.rules({"match": f"GET */blobs/{big_blob(small_images)}", "cut": 100, "times": 1})
    export_small(0, server, "-v")
    ranges = [r["range"] for r in server.requests("GET", f"blobs/{big_blob(small_images)}")]
    assert ranges == ["", "bytes=100-"]


def test_a_server_that_ignores_ranges_is_asked_for_the_whole_again(
    filled, small_images, export_small, airlock, keys, tmp_path
):
    server = filled()
    match = f"GET */blobs/{big_blob(small_images)}"
    server.rules({"match": match, "cut": 100, "times": 1}, {"match": match, "ignore_range": True, "times": 0})
    export_small(0, server)
    airlock(0, "verify", tmp_path / "small.tar", "--key", keys / "alice.pub")


def test_a_transfer_that_always_breaks(filled, small_images, export_small, tmp_path):
    server = filled()
    server.rules({"match": f"GET */blobs/{big_blob(small_images)}", "cut": 0, "times": 0})
    err = export_small(4, server).err
    assert "source registry" in err and "quay.io/lab/one" in err and files_in(tmp_path) == []
    assert len(server.requests("GET", f"blobs/{big_blob(small_images)}")) == 7


@pytest.mark.parametrize(
    "fault, words", [({"flip": 50}, "the bytes received have the digest"), ({"short": 7}, "ended after")]
)
def test_wrong_bytes_for_a_blob(filled, small_images, export_small, tmp_path, fault, words):
    server = filled()
    server.rules({"match": f"GET */blobs/{big_blob(small_images)}", "times": 0, **fault})
    err = export_small(6, server).err
    assert words in err and big_blob(small_images) in err and files_in(tmp_path) == []


def test_wrong_bytes_for_a_pinned_manifest(airlock, keys, filled, small_images, tmp_path):
    _factory, made = small_images
    server = filled()
    digest = made["quay.io/lab/one:1"]["digest"]
    server.rules({"match": "GET */manifests/*", "flip": 3, "times": 0})
    err = airlock(
        6,
        "export",
        "--image",
        f"quay.io/lab/one:1@{digest}",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"quay.io=http://{server.host}",
    ).err
    assert "the bytes received have the digest" in err and files_in(tmp_path) == []


def test_a_manifest_of_a_type_that_is_not_carried(filled, export_small):
    server = filled()
    schema_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    body = json.dumps({"schemaVersion": 1, "name": "lab/one"})
    server.rules({"match": "GET */manifests/1", "status": 200, "content_type": schema_1, "body": body, "times": 0})
    assert "is not supported" in export_small(6, server).err


@pytest.mark.parametrize("served", [images.DOCKER["manifest"], "application/json", "text/plain; charset=utf-8", ""])
def test_a_manifest_is_what_it_says_of_itself(filled, export_small, served):
    server = filled()
    server.rules({"match": "GET */manifests/*", "content_type": served, "times": 0})
    export_small(0, server)


def test_a_page_is_no_manifest(filled, export_small):
    server = filled()
    server.rules({"match": "GET */manifests/1", "status": 200, "body": "<html>Sign in</html>", "times": 0})
    err = export_small(6, server).err
    assert 'begins with "<html>Sign in</html>"' in err and "a login page answers in the registry's place" in err


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_failures_are_tried_again(filled, export_small, status):
    server = filled()
    server.rules(
        {"match": "GET */manifests/*", "status": status, "headers": {"Retry-After": "1"}, "times": 2},
        {"match": "GET */blobs/*", "status": status, "times": 2},
    )
    result = export_small(0, server, "-v")
    assert f"HTTP {status}" in result.err and "trying again in" in result.err


def test_lasting_failures_end_with_the_registrys_own_words(filled, export_small, tmp_path):
    server = filled()
    body = json.dumps({"errors": [{"code": "UNAVAILABLE", "message": "down for maintenance"}]})
    server.rules({"match": "GET */blobs/*", "status": 500, "body": body, "times": 0})
    err = export_small(4, server).err
    assert "HTTP 500, UNAVAILABLE: down for maintenance" in err and files_in(tmp_path) == []


def test_credentials_do_not_follow_a_redirect_to_another_host(filled, fake_registry, small_images, export_small):
    factory, made = small_images
    server = filled("--auth", "basic")
    elsewhere = fake_registry()
    images.fill(elsewhere, factory.store, made)
    elsewhere.forget()
    digest = big_blob(small_images)
    server.rules(
        {
            "match": f"GET */blobs/{digest}",
            "status": 307,
            "times": 0,
            "headers": {"Location": f"{elsewhere.url}/v2/lab/one/blobs/{digest}"},
        }
    )
    export_small(0, server, *LOGIN, stdin="password\n")
    asked = elsewhere.requests("GET", digest)
    assert len(asked) == 1 and asked[0]["authorization"] == ""
    assert server.requests("GET", digest)[-1]["authorization"].startswith("Basic ")


def test_a_challenge_of_a_redirect_target_gets_no_credentials(filled, fake_registry, small_images, export_small):
    server = filled("--auth", "basic")
    thief = fake_registry("--auth", "basic")
    digest = big_blob(small_images)
    server.rules(
        {
            "match": f"GET */blobs/{digest}",
            "status": 307,
            "times": 0,
            "headers": {"Location": f"{thief.url}/v2/lab/one/blobs/{digest}"},
        }
    )
    assert "HTTP 401" in export_small(4, server, *LOGIN, stdin="password\n").err
    assert all(r["authorization"] == "" for r in thief.requests())


def test_endless_redirects_end(filled, small_images, export_small):
    server = filled()
    digest = big_blob(small_images)
    server.rules(
        {
            "match": f"GET */blobs/{digest}",
            "status": 307,
            "times": 0,
            "headers": {"Location": f"/v2/lab/one/blobs/{digest}"},
        }
    )
    assert "redirects more than 8 times" in export_small(4, server).err


def test_urls_in_a_layer_are_not_followed(airlock, keys, fake_registry, tmp_path):
    factory = images.Factory(packages=None)
    server, elsewhere = fake_registry(), fake_registry()
    config = factory.store.add_json(images.OCI["config"], {"os": "linux", "architecture": "amd64"})
    layer = factory.store.add(images.OCI["gzip"], b"layer")
    foreign = {**layer, "urls": [f"{elsewhere.url}/v2/lab/one/blobs/{layer['digest']}"]}
    body = {"schemaVersion": 2, "mediaType": images.OCI["manifest"], "config": config, "layers": [foreign]}
    images.fill(server, factory.store, {"quay.io/lab/one:1": factory.store.add_json(images.OCI["manifest"], body)})
    airlock(
        0,
        "export",
        "--image",
        "quay.io/lab/one:1",
        "--key",
        keys / "alice.key",
        "-o",
        tmp_path / "b.tar",
        "--mirror",
        f"quay.io=http://{server.host}",
    )
    assert elsewhere.requests() == []


def test_something_that_is_no_registry(filled, export_small):
    server = filled()
    server.rules({"match": "GET /v2/", "status": 404, "times": 0})
    assert "does not answer as a registry" in export_small(4, server).err

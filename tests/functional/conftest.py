# SPDX-License-Identifier: Apache-2.0
"""What the functional tests share. AIRLOCK and TEST_REGISTRY name the programs, LAB_CACHE keeps downloaded packages."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from lab import fake, images, registry  # noqa: E402
from signers import make, people, policy, token  # noqa: E402, F401

PROGRAM = os.environ.get("AIRLOCK", str(ROOT / "build/src/airlock"))
TEST_REGISTRY = os.environ.get("TEST_REGISTRY", str(ROOT / "build/tests/test-registry"))
CACHE = pathlib.Path(os.environ.get("LAB_CACHE", ROOT / "build/lab"))

# A background job of a shell ignores SIGINT, and what it starts inherits that: tests that interrupt airlock would fail.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SELECTION = ["--filter", "control-plane", "--kubernetes-versions", "v1.29.4,v1.28.8"]
LOGIN = ("admin", "correct horse battery")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out by tools/test --quick")
    config.addinivalue_line("markers", "browser: of what Chromium makes of the review page; not in sanitized builds")
    config.addinivalue_line("markers", "packages: of what tools/package makes; tools/test runs them once")
    config.addinivalue_line(
        "markers", "peers: beside programs that tools/peers builds; tools/test runs them last, once"
    )


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True


@pytest.fixture
def tmp_path(request, tmp_path_factory):
    """As pytest's own, and gone after a test that passed: what hundreds of tests write would fill a small disk."""
    path = tmp_path_factory.mktemp(re.sub(r"\W", "_", request.node.name)[:30])
    yield path
    if FAILED not in request.node.stash:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def module_folder(request, tmp_path_factory):
    """For what the tests of a file share; gone after them."""
    path = tmp_path_factory.mktemp(request.module.__name__)
    yield path
    if not request.session.testsfailed:
        shutil.rmtree(path, ignore_errors=True)


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """No credentials and no proxy of the machine's get into the tests."""
    home = tmp_path_factory.mktemp("home")
    kept = {
        k: v
        for k, v in os.environ.items()
        if k in ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")
    }
    return {**kept, "HOME": str(home)}


@pytest.fixture(scope="session")
def airlock(environment):
    """Runs airlock and checks the exit status: airlock(0, "list", …)."""

    def run(status, *arguments, stdin="", env=None, cwd=None):
        process = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            env={**environment, **(env or {})},
            cwd=cwd,
            timeout=300,
        )
        result = Result(process)
        assert result.status == status, f"exit status {result.status}\n{result.out}\n{result.err}"
        if "airlock: error:" in result.err:  # whoever reads it at night must know how to go on
            assert "\n  next: " in result.err, result.err
        return result

    return run


@pytest.fixture(scope="session")
def keys(airlock, tmp_path_factory):
    """alice.key and alice.pub, mallory.key and mallory.pub."""
    directory = tmp_path_factory.mktemp("keys")
    for name in ("alice", "mallory"):
        airlock(0, "keygen", directory / name, "--no-passphrase")
    return directory


@pytest.fixture(scope="session")
def control_plane():
    """Real images of two Kubernetes versions and the factory that holds their blobs."""
    factory = images.Factory(images.Packages(CACHE))
    return factory, images.control_plane(factory, images.KUBEONE_1_8)


@pytest.fixture(scope="session")
def upstream(control_plane, tmp_path_factory):
    """A docker-registry that stands in for registry.k8s.io."""
    factory, made = control_plane
    with registry.Registry(tmp_path_factory.mktemp("upstream")) as running:
        images.fill(running, factory.store, made)
        yield running


@pytest.fixture(scope="session")
def bundle(airlock, keys, upstream, tmp_path_factory):
    """A bundle of the control plane, signed by alice. Tests that change it take a copy."""
    path = tmp_path_factory.mktemp("bundle") / "kubernetes.tar"
    airlock(
        0,
        "export",
        *SELECTION,
        "--key",
        keys / "alice.key",
        "-o",
        path,
        "--mirror",
        f"registry.k8s.io=http://{upstream.host}",
    )
    return path


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    registry.make_certificates(directory)
    return directory


@pytest.fixture
def secured(certificates, tmp_path):
    """An empty docker-registry with TLS and basic authentication."""
    with registry.Registry(tmp_path / "secured", certificates, LOGIN) as running:
        yield running


@pytest.fixture
def plain(tmp_path):
    """An empty docker-registry that speaks plain HTTP."""
    with registry.Registry(tmp_path / "plain") as running:
        yield running


@pytest.fixture
def fake_registry():
    """Starts test registries: fake_registry("--auth", "token")."""
    running = []

    def start(*arguments):
        running.append(fake.FakeRegistry(TEST_REGISTRY, *arguments).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__()


@pytest.fixture
def small_images():
    """Two small images with a shared layer: quay.io/lab/one:1 and quay.io/lab/two:1."""
    factory = images.Factory(packages=None)
    shared = ((), "gzip", (("etc/shared", b"shared " * 40000),))
    made = {
        f"quay.io/lab/{name}:1": factory.manifest(
            "amd64", [shared, ((), "gzip", ((f"etc/{name}", name.encode()),))], images.OCI
        )
        for name in ("one", "two")
    }
    return factory, made


@pytest.fixture
def export_small(airlock, keys, tmp_path):
    """Exports quay.io/lab images from a server: export_small(status, server, …)."""

    def run(status, server, *more, output="small.tar", **options):
        return airlock(
            status,
            "export",
            "--image",
            "quay.io/lab/one:1",
            "--image",
            "quay.io/lab/two:1",
            "--key",
            keys / "alice.key",
            "-o",
            tmp_path / output,
            "--mirror",
            f"quay.io=http://{server.host}",
            *more,
            **options,
        )

    return run


@pytest.fixture
def filled(fake_registry, small_images):
    """A test registry with the small images, filled without authentication in the way."""

    def start(*arguments, authorization=""):
        factory, made = small_images
        server = fake_registry(*arguments)
        if "token" in arguments:
            connection = server.connect()
            basic = "Basic " + base64.b64encode(b"user:password").decode()
            connection.request("GET", "/token?service=test&scope=push", headers={"Authorization": basic})
            authorization = "Bearer " + json.loads(connection.getresponse().read())["token"]
        elif "basic" in arguments:
            authorization = "Basic " + base64.b64encode(b"user:password").decode()
        images.fill(server, factory.store, made, authorization)
        server.forget()
        return server

    return start


def layer_digests(store, top):
    return [layer["digest"] for layer in json.loads(store.blobs[top["digest"]])["layers"]]


def files_in(directory):
    """Without what an export keeps for its next run."""
    return sorted(p.name for p in pathlib.Path(directory).iterdir() if p.suffix not in (".partial", ".journal"))

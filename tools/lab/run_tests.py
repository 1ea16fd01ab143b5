#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test of the project and counts: see tools/test."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import peers

ROOT = pathlib.Path(__file__).resolve().parents[2]
SANITIZED = ROOT / "build-sanitized"
THREADED = ROOT / "build-threads"
TIDY = ROOT / "build-tidy"
# Sources that are compiled as one where each file of its own proves nothing more: more of them cost memory.
UNITY_SIZE = 40
PEERS_MINUTES = 20  # a new machine compiles them from nothing
THREAD_OPTIONS = {"TSAN_OPTIONS": "halt_on_error=0:exitcode=98:second_deadlock_stack=1"}
# What runs many threads at once: transfers, their faults, verification.
THREADED_TESTS = [
    "tests/functional/test_export.py",
    "tests/functional/test_import.py",
    "tests/functional/test_faults.py",
]
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.left_out = []

    def add(self, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def missing(self, names):
        """Names what tests were skipped for; the tests themselves are counted already."""
        self.left_out += [name for name in sorted(set(names)) if name not in self.left_out]

    def skip(self, name, why):
        print(f"SKIPPED: {name}: {why}", flush=True)
        self.add(0, 0, 1)
        self.left_out.append(name)


def say(text):
    print(f"\n== {text}", flush=True)


def run(command, env=None):
    """Runs a command, shows its output as it comes, and returns status and output."""
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **(env or {})},
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()
    return process.wait(), "".join(lines)


def unit_tests(count, build, env=None):
    say(f"unit tests, {build.name}")
    status, text = run([build / "tests/unit", "--order", "rand"], env)
    whole = re.search(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)", text)
    parts = re.search(r"^test cases:\s+\d+ \|(?:\s+(\d+) passed)?(?: \|)?(?:\s+(\d+) failed)?", text, re.MULTILINE)
    if whole and status == 0:
        count.add(int(whole[1]), 0)
    elif parts and parts[2]:
        count.add(int(parts[1] or 0), int(parts[2]))
    else:
        count.add(0, 1)  # it crashed, or a sanitizer spoke after the last test


def functional_tests(count, build, env=None, which=("tests/functional",), marked="not peers and not packages"):
    """Those with a mark, or without: the ones beside programs of others run once, when those are built."""
    say(f"functional tests, {build.name}, {marked}")
    programs = {"AIRLOCK": str(build / "src/airlock"), "TEST_REGISTRY": str(build / "tests/test-registry")}
    cache = os.environ.get("LAB_CACHE", str(ROOT / "build/lab"))
    pytest = ["/usr/bin/python3", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--durations=5"]
    # The tests of a file share fixtures, so they stay in one process. Fixtures may download: they have no limit.
    pytest += ["-n", "2", "--dist", "loadfile", "--timeout=300", "-o", "timeout_func_only=true", "-m", marked]
    pytest += ["-n", "4"] if "not slow" in marked else []
    # What fixtures leave goes when its pass is over: the passes of a run together would fill a small disk.
    folder = tempfile.mkdtemp(prefix="airlock-tests-")
    pytest += ["--basetemp", f"{folder}/pytest"]
    status, text = run([*pytest, *which], {**programs, "LAB_CACHE": cache, **(env or {})})
    if status == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"what the failed tests left: {folder}", flush=True)
    last = text.strip().splitlines()[-1] if text.strip() else ""
    numbers = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", last)}
    failed = numbers.get("failed", 0) + numbers.get("error", 0) + numbers.get("errors", 0)
    if status != 0 and failed == 0:
        failed = 1
    count.add(numbers.get("passed", 0), failed, numbers.get("skipped", 0))
    count.missing(re.findall(r"^SKIPPED .*: no (peer \w+): ", text, re.MULTILINE))


def check(count, name, command, env=None):
    say(name)
    status, _ = run(command, env)
    count.add(status == 0, status != 0)


def sources():
    """Found by walking, because a machine that only unpacked a tarball has no git."""
    return sorted(
        str(path.relative_to(ROOT))
        for folder in ("src", "include", "tests")
        for path in (ROOT / folder).rglob("*.[ch]pp")
    )


def find_ruff():
    """The version that ruff.toml wants. Debian 12 has none: tools/setup installs it where there is a package index."""
    version = re.search(r'^required-version = "==([^"]+)"', (ROOT / "ruff.toml").read_text(), re.MULTILINE)[1]
    for program in (ROOT / "build/python/bin/ruff", "ruff"):
        with contextlib.suppress(OSError):
            shown = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            if shown.split() == ["ruff", version]:
                return program
    return None


def ruff(count):
    """The Python files, by ruff.toml."""
    program = find_ruff()
    if program:
        check(count, "ruff check", [program, "check", "--no-cache", "."])
        check(count, "ruff format", [program, "format", "--no-cache", "--check", "."])
    else:
        say("ruff")
        count.skip("ruff", "the version that ruff.toml wants is neither in build/python nor on the PATH")


class Tidy:
    """clang-tidy over all sources, in the time that the tests leave: they mostly wait for registries.

    A module's sources are read together, as a unity build joins them: most of the time goes into their headers.
    """

    def __init__(self):
        meson_setup(TIDY, "--unity=on", f"--unity-size={UNITY_SIZE}", "-Dtests=false")
        made = ["src/embedded_catalog.cpp", "src/embedded_report.cpp", "src/inventory_revision.cpp"]
        subprocess.run(["ninja", "-C", TIDY, "--quiet", *made], cwd=ROOT, check=True)
        self.files = sorted(TIDY.glob("src/*.p/*-unity*.cpp"))
        joined = {line for file in self.files for line in file.read_text().splitlines()}
        for path in sources():
            if path.startswith("src/") and path.endswith(".cpp") and not any(path in line for line in joined):
                raise SystemExit(f"{path} is in no unity file: clang-tidy would not see it")
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.results = [self.pool.submit(self.one, path) for path in self.files]

    @staticmethod
    def one(path):
        tidy = ["clang-tidy", "--quiet", "--checks=-bugprone-suspicious-include", "-p", TIDY]
        command = ["nice", "-n", "15", *tidy, path]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        return result.returncode == 0, f"{path}:\n{result.stdout}"

    def report(self, count):
        say("clang-tidy")
        outcomes = [result.result() for result in self.results]
        for clean, text in outcomes:
            if not clean:
                print(text, flush=True)
        bad = [clean for clean, _ in outcomes].count(False)
        print(f"{len(outcomes) - bad} of {len(outcomes)} joined sources are clean")
        count.add(not bad, bool(bad))


def meson_setup(folder, *options):
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", folder, *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def build_with(sanitizers, folder, *targets):
    say(f"building with the sanitizers {sanitizers}")
    # GCC 12 warns of uninitialized values inside its own headers when it instruments: warnings are the other build's.
    meson_setup(
        folder,
        "--unity=on",
        f"--unity-size={UNITY_SIZE}",
        f"-Db_sanitize={sanitizers}",
        "-Db_lundef=false",
        "-Doptimization=1",
        "-Ddebug=true",
        "-Dwerror=false",
        "-Dcpp_args=-w -g1 -fno-sanitize-recover=all -fno-omit-frame-pointer",
    )
    return run(["ninja", "-C", folder, "--quiet", *targets])[0] == 0


def main():
    if "--fix-format" in sys.argv:
        if program := find_ruff():
            subprocess.run([program, "format", "."], cwd=ROOT)
        return subprocess.run(["clang-format", "-i", *sources()], cwd=ROOT).returncode
    quick = "--quick" in sys.argv
    others = None if quick else peers.Background(PEERS_MINUTES)
    try:
        return run_all(quick, others)
    finally:
        if others:
            others.stop()


def run_all(quick, others):
    started = time.monotonic()
    count = Count()
    build = ROOT / "build"
    check(count, "layering", ["tests/layering/check.py", "."])
    check(count, "line lengths", ["tests/form/check.py", "."])
    check(count, "formatting", ["clang-format", "--dry-run", "-Werror", *sources()])
    ruff(count)
    tidy = None if quick else Tidy()
    unit_tests(count, build)
    check(count, "image sets of all KubeOne releases", ["tests/golden.py", build / "src/airlock"])
    check(count, "fuzzed inputs", [build / "tests/fuzz-replay", "tests/fuzz/corpus"])
    functional_tests(count, build, marked=f"{'not slow and ' if quick else ''}not peers and not packages")
    if not quick:
        if build_with("address,undefined", SANITIZED):
            unit_tests(count, SANITIZED, SANITIZER_OPTIONS)
            check(
                count,
                "fuzzed inputs, sanitized",
                [SANITIZED / "tests/fuzz-replay", "tests/fuzz/corpus"],
                SANITIZER_OPTIONS,
            )
            functional_tests(count, SANITIZED, SANITIZER_OPTIONS, marked="not peers and not packages and not browser")
        else:
            count.add(0, 1)
        if build_with("thread", THREADED, "src/airlock", "tests/unit", "tests/test-registry"):
            unit_tests(count, THREADED, THREAD_OPTIONS)
            functional_tests(count, THREADED, THREAD_OPTIONS, THREADED_TESTS)
        else:
            count.add(0, 1)
        say("peers")
        print(others.wait(), flush=True)
        functional_tests(count, build, marked="peers")
        functional_tests(count, build, marked="packages")
        tidy.report(count)
    left_out = f", among them {', '.join(count.left_out)}" if count.left_out else ""
    say(f"{time.monotonic() - started:.0f} s, {count.skipped} skipped{left_out}")
    print(f"{count.passed} passed, {count.failed} failed", flush=True)
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())

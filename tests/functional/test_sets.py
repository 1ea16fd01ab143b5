# SPDX-License-Identifier: Apache-2.0
"""airlock.yaml: one declared set."""

import pytest

HEAD = "apiVersion: airlock/v1\nkind: ImageSet\n"


@pytest.fixture
def declare(tmp_path):
    def write(text, name="airlock.yaml"):
        path = tmp_path / name
        path.write_text(HEAD + text)
        return path

    return write


def test_a_set_is_what_its_options_are(airlock, declare):
    path = declare("kubernetesVersions: [v1.29.4]\nfilters: [control-plane]\nimages: ['quay.io/lab/one:1']\n")
    options = ["--kubernetes-versions", "v1.29.4", "--filter", "control-plane", "--image", "quay.io/lab/one:1"]
    assert airlock(0, "list", "-q", "-f", path).out == airlock(0, "list", "-q", *options).out


def test_a_set_is_exported(airlock, keys, declare, filled, tmp_path):
    server = filled()
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "list").write_text("quay.io/lab/two:1\n")
    path = declare(
        "stream: lab\nimages: [quay.io/lab/one:1, quay.io/lab/gone:1]\nimagesFiles: [list]\nplatforms: [linux/amd64]\n"
        "files: [{name: notes.txt, path: notes.txt}]\nmap: [keep-host]\nallowMissing: [quay.io/lab/gone:1]\n"
    )
    checked = airlock(0, "set", "check", path).out
    assert "3 images" in checked and "1 file" in checked and "keep-host" in checked
    common = ["-f", path, "--mirror", f"quay.io=http://{server.host}", "--key", keys / "alice.key"]
    airlock(9, "export", *common, "-o", tmp_path / "b.tar", cwd="/")
    said = airlock(0, "inspect", tmp_path / "b.tar").out
    for words in ("stream     lab", "files/notes-txt", "keep-host", "missing    quay.io/lab/gone:1", "lab/two:1"):
        assert words in said


def test_options_override_and_say_so(airlock, declare):
    path = declare("images: [quay.io/lab/one:1]\nplatforms: [linux/amd64]\n")
    made = airlock(0, "list", "-f", path, "--image", "quay.io/lab/two:1", "--platform", "linux/arm64")
    assert made.out == "quay.io/lab/two:1\n"
    assert f"{path}: overridden on the command line: --image, --platform" in made.err


@pytest.mark.parametrize(
    "text, words",
    [
        ("imges: [a]\n", "imges"),
        ("images: a\n", "images"),
        ("takeSuspects: maybe\n", "takeSuspects"),
        ("pinned: some\n", '"some" is not one of whole, filter, refuse'),
        ("files: [{name: x}]\n", "either path or url"),
        ("images: [a]\nimages: [b]\n", "appears twice"),
        ("charts: [{version: 1}]\n", "names no chart"),
        ("charts: [{chart: web, repoURL: 'https://c.example', verison: 1.2.3}]\n", 'unknown key "verison"'),
        ("charts: []\n", "is empty"),
        ("", "it selects nothing"),
        ("map: [keep-host]\n", "it selects nothing"),
    ],
)
def test_mistakes_are_named(airlock, declare, text, words):
    path = declare(text)
    made = airlock(3 if "charts" in text else 2, "set", "check", path)
    assert words in made.err and str(path) in made.err


def test_another_version_is_refused(airlock, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("apiVersion: airlock/v2\nkind: ImageSet\n")
    assert "expected are apiVersion: airlock/v1" in airlock(2, "set", "check", path).err


def test_all_mistakes_of_a_set_at_once(airlock, declare):
    (path := declare("")).with_name("there").write_text("there")
    path = declare(
        "files: [{name: x, path: nothing}, {name: y, path: there, digest: '" + f"sha256:{'0' * 64}" + "'},\n"
        "  {name: y, path: there}]\nmap: [nonsense]\nplatforms: [linux]\nimages: [UPPER]\nstream: a b\n"
        "charts: [{chart: ./nowhere}]\n"
    )
    said = airlock(5, "set", "check", path).err
    wanted = ("nothing is no file", "nonsense", "linux", "UPPER", "has the digest", "two files are named y")
    for words in (*wanted, '"a b" cannot name a stream', "nowhere is not here"):
        assert words in said
    assert "error: : " not in said and str(path) in said


def test_another_stream_is_said(airlock, keys, declare, filled, tmp_path):
    server = filled()
    path = declare("stream: apps\nimages: [quay.io/lab/one:1]\n")
    common = ["-f", path, "--mirror", f"quay.io=http://{server.host}", "--key", keys / "alice.key"]
    made = airlock(0, "export", *common, "--stream", "other", "-o", tmp_path / "b.tar")
    assert "overridden on the command line: --stream" in made.err


def test_mistakes_of_keys_and_images_at_once_with_their_lines(airlock, declare):
    path = declare("imges: [a]\nflters: [base]\npinned: some\nstream: [a]\nimages: [quay.io/lab/one:1]\n")
    said = airlock(2, "set", "check", path).err
    for words in (f'{path}: line 3: unknown key "imges"', 'line 4: unknown key "flters"', "line 5", "line 6"):
        assert words in said
    files = "manifests: [nope.yaml]\nimagesFiles: [nope.txt]\n"
    path = declare("images: [quay.io/UPPER/a, 'a b', quay.io/lab/one:1]\n" + files)
    said = airlock(3, "set", "check", path).err
    for words in ("UPPER/a", "a b", "nope.yaml is not here", "nope.txt is not here"):
        assert words in said


def test_what_a_set_cannot_mean(airlock, declare):
    path = declare("images: [quay.io/lab/one:1]\nallowMissing: [quay.io/lab/two:1]\n")
    assert "quay.io/lab/two:1 is no image of the set" in airlock(3, "set", "check", path).err
    path = declare("images: [quay.io/lab/one:1, ghcr.io/lab/one:1]\n")
    assert "ghcr.io/lab/one:1 and quay.io/lab/one:1 both become lab/one:1" in airlock(0, "set", "check", path).err
    assert "both become lab/one:1" in airlock(0, "list", "-f", path).err
    assert "both become" not in airlock(0, "list", "-f", path, "--map", "keep-host").err
    for wrong in (["--map", "flatten:0"], ["--map-file", "/nonexistent"], ["--platform", "nonsense"]):
        assert airlock({"/nonexistent": 5, "nonsense": 3}.get(wrong[1], 2), "list", "-f", path, *wrong).err


def test_texts_as_windows_writes_them(airlock, declare, tmp_path):
    path = declare("images: ['docker://quay.io/lab/one:1']\n")
    text = path.read_text()
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"):
        path.write_bytes(text.encode(encoding))
        assert airlock(0, "list", "-q", "-f", path).out == "quay.io/lab/one:1\n"
    assert airlock(0, "set", "check", "-", stdin=text).out.startswith("-: valid")
    assert airlock(0, "list", "-q", "--image", "docker://quay.io/lab/two:1").out == "quay.io/lab/two:1\n"

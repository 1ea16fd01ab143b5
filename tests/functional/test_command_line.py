# SPDX-License-Identifier: Apache-2.0
"""Help, manual pages and completions: one source, and the shells' and man's own programs say that they are right."""

import re
import shutil
import subprocess

import pytest
from conftest import PROGRAM


def verbs_of(airlock):
    return re.findall(r"^  ([a-z-]+) {2,}", airlock(0, "--help").out, re.MULTILINE)


@pytest.fixture(scope="session")
def pages(airlock, tmp_path_factory):
    folder = tmp_path_factory.mktemp("man") / "man1"
    airlock(0, "help", "--man-pages", folder)
    return folder


def test_help_of_a_verb_in_each_spelling(airlock):
    text = airlock(0, "import", "--help").out
    assert text == airlock(0, "help", "import").out == airlock(0, "import", "-h").out
    assert airlock(0, "help", "policy", "check").out == airlock(0, "policy", "check", "--help").out
    assert airlock(0, "help").out == airlock(0, "--help").out
    assert airlock(0, "-V").out == airlock(0, "--version").out
    assert "Usage: airlock import [OPTIONS] BUNDLE REGISTRY" in text
    assert "did you mean airlock export?" in airlock(2, "help", "exprot").err


def test_help_has_no_words_of_the_library(airlock):
    verbs = [verb for verb in verbs_of(airlock) if verb not in ("base", "optional")]
    assert len(verbs) >= 20
    for verb in [*([verb] for verb in verbs), ["policy", "check"], []]:
        text = airlock(0, *verb, "--help").out
        found = re.search(r"UINT|INT in|:FILE|:DIR|Excludes|:TEXT|\.\.\. \.\.\.|REQUIRED", text)
        assert not found, f"{verb}: {found}"
        assert max(map(len, text.splitlines())) <= 100, verb


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["list", "--kubernetes-version", "v1.29.4"], ["has no option --kubernetes-version", "--kubernetes-versions?"]),
        (["list", "--filters=base"], ["has no option --filters", "did you mean --filter?"]),
        (["import", "b.tar", "r:5000", "--password", "x"], ["no option --password", "did you mean --password-stdin?"]),
        (["import", "b.tar"], ["REGISTRY", "usage: airlock import [OPTIONS] BUNDLE REGISTRY", "airlock import --help"]),
        (["policy", "chek", "x"], ['airlock policy has no verb "chek"', "did you mean airlock policy check?"]),
        (["policy"], ["airlock policy needs a verb: check"]),
        ([], ["airlock needs a verb: list, resolve, set, export"]),
        (["exprot"], ['airlock has no verb "exprot"', "did you mean airlock export?"]),
        (["export", "-x"], ["airlock export has no option -x", "see airlock export --help"]),
        (["--outptu", "json", "list"], ["airlock has no option --outptu", "did you mean --output?"]),
        (["list", "--nope"], ["airlock list has no option --nope", "see airlock list --help"]),
        (["list", "zzz"], ["zzz", "usage: airlock list [OPTIONS]"]),
    ],
)
def test_what_was_meant(airlock, arguments, words):
    err = airlock(2, *arguments).err
    assert all(word in err for word in words), err
    assert "VERB" not in err


def test_the_general_options_may_stand_before_the_verb(airlock):
    plain = airlock(0, "list", "--image", "alpine:3", "--output", "json").out
    assert airlock(0, "--output", "json", "list", "--image", "alpine:3").out == plain


def test_what_is_refused_before_options_are_read_is_json_too(airlock):
    for words in (["--output", "json", "nope"], ["policy", "--output=json", "chek"]):
        result = airlock(2, *words)
        assert result.json["error"]["code"] == "usage" and '"event":"error"' in result.err.replace(" ", "")


def test_there_is_a_page_for_each_verb(airlock, pages):
    names = {page.name for page in pages.iterdir()}
    assert names == {
        "airlock.1",
        "airlock-policy-check.1",
        "airlock-set-check.1",
        *(f"airlock-{verb}.1" for verb in verbs_of(airlock)),
    }
    page = (pages / "airlock-import.1").read_text()
    for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", airlock(0, "import", "--help").out, re.MULTILINE):
        assert option.replace("-", "\\-") in page, option


@pytest.mark.skipif(not shutil.which("man"), reason="there is no man here")
def test_man_formats_the_pages_without_a_warning(pages):
    for page in sorted(pages.iterdir()):
        environment = {"MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        command = ["man", "--warnings", "-l", str(page)]
        made = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        assert made.returncode == 0 and not made.stderr, made.stderr
        assert "NAME" in made.stdout and "EXIT STATUS" in made.stdout


# --- completions

COMPLETED = [
    ("airlock ex", {"export", "extract"}),
    ("airlock policy ", {"check"}),
    ("airlock import --key", {"--key"}),
    ("airlock list --filter con", {"control-plane"}),
    ("airlock list --output ", {"text", "json"}),
    ("airlock export --no-ref", {"--no-referrers"}),
    ("airlock --output json li", {"list"}),
    ("airlock help imp", {"import"}),
    ("airlock completion z", {"zsh"}),
    ("airlock export --name check --no-ref", {"--no-referrers"}),
    ("airlock policy check --quie", {"--quiet"}),
]


@pytest.mark.parametrize("line, expected", COMPLETED)
def test_bash_completes(line, expected, tmp_path):
    words = line.split(" ")
    script = """
        source <("$0" completion bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _airlock
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    command = ["bash", "--norc", "-uc", script, PROGRAM, *words]
    made = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert set(made.stdout.split()) == expected and not made.stderr, made.stderr


def test_bash_completes_items_of_a_list_and_files(tmp_path):
    (tmp_path / "alice.pub").touch()
    (tmp_path / "database").mkdir()
    (tmp_path / "data.txt").touch()
    script = (
        'source <("$0" completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _airlock; echo "${COMPREPLY[*]}"'
    )
    for words, expected in [
        (["airlock", "list", "--filter", "base,opt"], "base,optional"),
        (["airlock", "verify", "--key", "al"], "alice.pub"),
        (["airlock", "verify", "ali"], "alice.pub"),
        (["airlock", "list", "--filter", "=", "base,opt"], "base,optional"),  # as bash cuts --filter=base,opt
        (["airlock", "list", "--output", "="], "text json"),
        (["airlock", "list", "--catalog", "data"], "database"),
    ]:
        command = ["bash", "--norc", "-c", script, PROGRAM, *words]
        made = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
        assert made.stdout.strip() == expected, made.stderr


@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish here")
@pytest.mark.parametrize("line, expected", COMPLETED)
def test_fish_completes(line, expected, tmp_path):
    script = f"{PROGRAM} completion fish | source; complete -C '{line}'"
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = ["fish", "--no-config", "-c", script]
    made = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60)
    found = {row.split("\t")[0] for row in made.stdout.splitlines()}
    assert expected <= found and not made.stderr, made.stderr


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh here")
@pytest.mark.parametrize("line, expected", COMPLETED)
def test_zsh_completes(line, expected, tmp_path):
    """Typed into a real zsh on a terminal of its own: it has no other way to ask for completions.

    Keys are typed when its prompt is there, and its answer is waited for: on a busy machine both take seconds.
    """
    script = f"""
        zmodload zsh/zpty
        await() {{
            for round in {{1..400}}; do
                while zpty -rt z row; do seen+=$row; done
                for word in "$@"; do [[ $seen == *"$word"* ]] || {{ sleep 0.1; continue 2 }}; done
                return
            done
        }}
        zpty z zsh -f -i
        zpty -w z 'autoload -Uz compinit; compinit -u -d {tmp_path}/dump; LISTMAX=1000'
        zpty -w z "zstyle ':completion:*' list-colors ''"
        zpty -w z 'source <({PROGRAM} completion zsh); bindkey "^X" list-choices; PROMPT=re''ady'
        await ready
        seen=
        zpty -w -n z $'{line}\\C-X'
        await {" ".join(sorted(expected))}
        print -r -- $seen
    """
    command = ["zsh", "-f", "-c", script]
    made = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert all(word in made.stdout for word in expected), made.stdout + made.stderr

# SPDX-License-Identifier: Apache-2.0
"""What the documents tell people to type exists."""

import re

from conftest import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands():
    for document in DOCUMENTS:
        text = document.read_text().replace("\\\n", " ")
        for line in re.findall(r"^ {4}(airlock .*)$", text, re.MULTILINE):
            yield document.name, line


def test_commands_and_their_options_exist(airlock):
    found = list(commands())
    assert len(found) >= 5
    help_of = {}
    for document, line in found:
        words = re.split("[<|>]", line)[0].split()
        verb = " ".join(words[1:3]) if words[1] == "policy" else words[1]
        if verb not in help_of:
            help_of[verb] = airlock(0, *verb.split(), "--help").out
        for word in words[2:]:
            if word.startswith("-"):
                assert re.search(rf"(^|[\s,]){re.escape(word)}([\s,]|$)", help_of[verb], re.MULTILINE), (
                    f"{document}: {line}: {word}"
                )


def test_links_between_documents_lead_somewhere():
    for document in [*DOCUMENTS, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_exit_status_is_documented():
    table = (ROOT / "docs/exit-status.md").read_text()
    for number, word in re.findall(
        r"^\s+(\w+) = (\d+),? ", (ROOT / "include/airlock/base/error.hpp").read_text(), re.MULTILINE
    ):
        assert f"| {word} | `{number}` |" in table


def test_help_names_every_exit_status(airlock):
    table = re.findall(r"^\| (\d+) \|", (ROOT / "docs/exit-status.md").read_text(), re.MULTILINE)
    shown = re.findall(r"^  (\d+) +\S", airlock(0, "--help").out.partition("Exit status:")[2], re.MULTILINE)
    assert table == shown and len(table) >= 10

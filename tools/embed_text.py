#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a C++ source that holds texts: embed_text.py OUTPUT NAME=FILE... ; src/review/embedded.hpp declares them."""

import pathlib
import sys

from embed_files import literal


def main() -> None:
    output, *named = sys.argv[1:]
    rows = []
    for one in named:
        name, file = one.split("=", 1)
        text = pathlib.Path(file).read_text(encoding="utf-8")
        rows.append(f"std::string_view {name}() {{\n  return {literal(text)};\n}}\n")
    pathlib.Path(output).write_text(
        "// Made by tools/embed_text.py; do not edit.\n"
        '#include "review/embedded.hpp"\n\n'
        "// NOLINTBEGIN(readability-function-size): the texts are the functions\n"
        "namespace airlock::review {\n\nusing namespace std::string_view_literals;\n\n"
        + "\n".join(rows)
        + "\n}  // namespace airlock::review\n// NOLINTEND(readability-function-size)\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

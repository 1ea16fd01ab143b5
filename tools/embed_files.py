#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a C++ source that holds the given data files: embed_files.py OUTPUT FILE..."""

import pathlib
import sys

CHUNK = 8000  # compilers need to take string literals of 65536 characters only, and readers tire sooner


def literal(text: str) -> str:
    chunks = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)]
    return "\n".join(f'R"airlock({chunk})airlock"' for chunk in chunks)


def main() -> None:
    output, *inputs = sys.argv[1:]
    rows = []
    for path in sorted(map(pathlib.Path, inputs)):
        rows.append(f'    {{"{path.name}",\n{literal(path.read_text(encoding="utf-8"))}}},')
    pathlib.Path(output).write_text(
        "// Made by tools/embed_files.py; do not edit.\n"
        '#include "catalog/embedded.hpp"\n\n'
        "namespace airlock::catalog {\n\n"
        "namespace {\nconstexpr EmbeddedFile files[] = {\n" + "\n".join(rows) + "\n};\n}  // namespace\n\n"
        "std::span<const EmbeddedFile> embedded_files() { return files; }\n\n"
        "}  // namespace airlock::catalog\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

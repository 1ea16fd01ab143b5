#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that lines end by column 120, where no formatter does: documents, Meson files, shell scripts, and Python.

An address may make a line longer. So may text between ``` fences in a document, which shows another program's lines.
"""

import os
import pathlib
import re
import sys

WIDTH = 120
ADDRESS = re.compile(r"https?://[^\s)>\"'`]+")


def checked(path: pathlib.Path) -> bool:
    if path.suffix in (".md", ".py") or path.name in ("meson.build", "meson_options.txt"):
        return True
    if path.parent.name not in ("tools", ".ci"):
        return False
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def files_below(root: pathlib.Path) -> list:
    """Found by walking, because a machine that only unpacked a tarball has no git."""
    found = []
    for folder, below, names in os.walk(root):
        at = pathlib.Path(folder)
        if at == root:
            below[:] = [name for name in below if not name.startswith(("build", ".git"))]
        elif at == root / "subprojects":
            below[:] = [name for name in below if name == "packagefiles"]
        found += [at / name for name in names if checked(at / name)]
    return sorted(found)


def too_long(text: str, fences: bool):
    """Numbers and widths of the lines that are too long."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if fences and line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and len(line) > WIDTH and len(ADDRESS.sub("", line)) > WIDTH:
            yield number, len(line)


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    files = files_below(root)
    problems = [] if len(files) > 50 else [f"only {len(files)} files found below {root}: wrong folder?"]
    for path in files:
        for number, width in too_long(path.read_text(encoding="utf-8"), path.suffix == ".md"):
            problems.append(f"{path.relative_to(root)}:{number}: {width} columns, at most {WIDTH}")
    print("\n".join(problems) or f"form: {len(files)} files are clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

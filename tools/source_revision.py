#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a C++ source with a digest of sources: source_revision.py OUTPUT DEPFILE NAME PATH...

What one build remembered of layers is of no use to one that reads them differently. A PATH is a file or a folder.
"""

import hashlib
import pathlib
import sys


def main() -> None:
    output, depfile, name, *paths = sys.argv[1:]
    folders = [pathlib.Path(path) for path in paths if pathlib.Path(path).is_dir()]
    files = [pathlib.Path(path) for path in paths if pathlib.Path(path).is_file()]
    files += [file for folder in folders for file in folder.glob("*.[ch]pp")]
    if len(files) < len(paths):
        sys.exit(f"source_revision.py: some of {paths} are not there")
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    # A folder itself changes when a file is added or removed.
    dependencies = " ".join(str(path).replace(" ", r"\ ") for path in [*folders, *sorted(files)])
    pathlib.Path(depfile).write_text(f"{output}: {dependencies}\n", encoding="utf-8")
    pathlib.Path(output).write_text(
        "// Made by tools/source_revision.py; do not edit.\n"
        '#include "review/embedded.hpp"\n\n'
        f'std::string_view airlock::review::{name}() {{ return "{digest.hexdigest()[:16]}"; }}\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

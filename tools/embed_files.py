#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a C++ source that holds the catalog: embed_files.py OUTPUT DEPFILE FOLDER

Each file becomes JSON, one text for each of its top-level keys, so that the program reads at its start what it needs
and no more: YAML takes ten times as long, and the fields of manifests and the patches of a release are rarely asked
for.
"""

import hashlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import catalog_yaml

CHUNK = 8000  # compilers need to take string literals of 65536 characters only, and readers tire sooner


def literal(text: str) -> str:
    chunks = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)]
    # As a string view with its length: clang counts no further than a million steps in a constant.
    return "\n".join(f'R"airlock({chunk})airlock"' for chunk in chunks) + "sv"


def canonical(value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    output, depfile, folder = sys.argv[1:]
    inputs = sorted(pathlib.Path(folder).glob("*.yaml"))
    if not inputs:
        sys.exit(f"{folder}: no catalog files")
    # The folder itself changes when a file is added or removed.
    dependencies = " ".join(str(path).replace(" ", r"\ ") for path in [pathlib.Path(folder), *inputs])
    pathlib.Path(depfile).write_text(f"{output}: {dependencies}\n", encoding="utf-8")
    rows, sums = [], ""
    for path in inputs:
        try:
            content = catalog_yaml.loads(path.read_text(encoding="utf-8"))
        except catalog_yaml.CatalogError as error:
            sys.exit(f"{path}: {error}")
        sums += hashlib.sha256(canonical(content).encode()).hexdigest() + f"  {path.name}\n"
        rows += [f'    {{"{path.name}", "{key}",\n{literal(canonical(content[key]))}}},' for key in sorted(content)]
    digest = hashlib.sha256(sums.encode()).hexdigest()
    parts = "constexpr EmbeddedPart compiled_in[] = {\n" + "\n".join(rows) + "\n};\n"
    pathlib.Path(output).write_text(
        "// Made by tools/embed_files.py; do not edit.\n"
        '#include "kubeone/embedded.hpp"\n\n'
        "namespace airlock::kubeone {\n\n"
        "namespace {\nusing namespace std::string_view_literals;\n\n" + parts + "}  // namespace\n\n"
        "std::span<const EmbeddedPart> embedded_parts() { return compiled_in; }\n\n"
        f'std::string_view embedded_digest() {{ return "sha256:{digest}"; }}\n\n'
        "}  // namespace airlock::kubeone\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

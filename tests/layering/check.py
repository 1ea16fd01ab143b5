#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks who includes whom (docs/architecture.md): modules use modules above them, only wrappers use C libraries."""

import pathlib
import re
import sys

MODULES = [
    "base",
    "oci",
    "trust",
    "kubeone",
    "helm",
    "registry",
    "records",
    "bundle",
    "transfer",
    "review",
    "flow",
    "cli",
]
# A library's header, and where it may appear: modules or single files.
LIBRARIES = {
    r"curl/": ["registry/handle_pool.hpp", "registry/url.cpp", "registry/trust_anchors.cpp"],
    r"archive(_entry)?\.h": [
        "bundle/layer_stream.cpp",
        "bundle/layer_files.cpp",
        "helm/chart_archive.cpp",
        "review/java_archive.cpp",
    ],
    r"zstd\.h": ["bundle/layer_stream.cpp"],
    r"zlib\.h": ["review/package_finder.cpp"],
    r"openssl/": ["trust", "oci/digest.cpp", "registry/trust_anchors.cpp"],
    r"yaml-cpp/": ["base/yaml_nodes.cpp"],
    r"CLI/": ["cli"],
}
# What only these files do, so that a rule for all of it can stand in them.
ROOMS = {
    # Output is made safe at the sink (base/output.hpp); the terminal's prompt is written by the one who turns its echo
    # off.
    r"std::(cout|cerr|clog|puts|printf|fprintf)\b|(?<!sn)(?<!\w)f?printf\(|STD(OUT|ERR)_FILENO": [
        "base/output.cpp",
        "base/reporter.cpp",
        "base/process.cpp",
        "cli/volume_options.cpp",
    ],
    r"#include <iostream>": [],
    # Files are made by NewFile, beside bundles by create_own_file(), and the record's lock: none through a link.
    r"\bO_CREAT\b|\bO_TRUNC\b|std::(o|f)fstream|\bfopen\(|mkstemp": [
        "base/file.cpp",
        "base/own_file.cpp",
        "records/import_state.cpp",
    ],
    # Waiting that the user can end.
    r"std::this_thread::sleep_|std::condition_variable\b": [],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def check(root: pathlib.Path) -> list:
    problems = []
    files = [p for top in ("src", "include/airlock") for p in sorted((root / top).rglob("*.[ch]pp"))]
    if len(files) < 40:
        problems.append(f"only {len(files)} sources found below {root}: wrong folder?")
    for path in files:
        relative = path.relative_to(root / ("src" if path.is_relative_to(root / "src") else "include/airlock"))
        module = relative.parts[0]
        if module not in MODULES:
            problems.append(f"{path}: {module} is no module of the design")
            continue
        text = path.read_text(encoding="utf-8")
        for header in INCLUDE.findall(text):
            used = re.match(r"(?:airlock/)?(\w+)/", header)
            if used and used[1] in MODULES and (header.startswith("airlock/") or (root / "src" / header).exists()):
                allowed = MODULES[: MODULES.index(module) + 1]
                if used[1] not in allowed:
                    problems.append(f"{path}: {module} must not include {header}")
                if not header.startswith("airlock/") and used[1] != module:
                    problems.append(f"{path}: {header} is private to {used[1]}")
            for pattern, places in LIBRARIES.items():
                if re.match(pattern, header) and module not in places and str(relative) not in places:
                    problems.append(f"{path}: {header} belongs into {', '.join(places)} only")
        for number, line in enumerate(text.splitlines(), 1):
            code = re.sub(r'//.*|"(\\.|[^"\\])*"', '""', line)
            for pattern, places in ROOMS.items():
                if re.search(pattern, code) and str(relative) not in places:
                    problems.append(f"{path}:{number}: only {', '.join(places) or 'nobody'} may have: {line.strip()}")
    return problems


def main() -> int:
    problems = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(problems) or "layering: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

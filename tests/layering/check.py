#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks who includes whom (docs/architecture.md): modules only use modules above them, C libraries only their wrapper."""

import pathlib
import re
import sys

MODULES = ["base", "oci", "trust", "catalog", "registry", "bundle", "transfer", "kubeone", "flow", "cli"]
FREE = {"flow", "cli"}  # these may use every module, each other excepted: cli is the top
# A library's header, and where it may appear: modules or single files.
LIBRARIES = {
    r"curl/": ["registry/http.cpp", "registry/url.cpp"],
    r"archive(_entry)?\.h": ["bundle/layers.cpp"],
    r"zstd\.h": ["bundle/layers.cpp"],
    r"openssl/": ["trust", "oci/digest.cpp"],
    r"yaml-cpp/": ["base/yaml.cpp"],
    r"CLI/": ["cli"],
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
    return problems


def main() -> int:
    problems = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(problems) or "layering: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

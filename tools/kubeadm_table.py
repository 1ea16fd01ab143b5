# SPDX-License-Identifier: Apache-2.0
"""The table of what kubeadm adds (data/catalog/kubeadm.yaml), made from kubeadm's constants and held against them."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def fail(text):
    sys.exit(f"tools/update-catalog: {text}")


def number(version):
    return tuple(map(int, version[1:].split(".")))


ROW = re.compile(r'v(\d+)\.(\d+)\.(\d+): \{coredns: "([^"]+)", etcd: "([^"]+)", pause: "([^"]+)"\}')


def kubeadm_row(version):
    """The row of a Kubernetes version, out of kubeadm's constants in the module k8s.io/kubernetes.

    As kubeadm's images.GetDNSImage and GetEtcdImage: etcd is the one of SupportedEtcdVersion for the minor, else the
    default; since 1.21 CoreDNS lies one level deeper.
    """
    with tempfile.TemporaryDirectory(prefix="kubeadm-") as cache:
        run = subprocess.run(
            ["go", "mod", "download", "-json", f"k8s.io/kubernetes@{version}"],
            cwd=cache,
            capture_output=True,
            text=True,
            env={**os.environ, "GOMODCACHE": cache, "GOFLAGS": "-modcacherw"},
        )
        if run.returncode:
            fail(f"k8s.io/kubernetes {version}: {run.stderr.strip() or run.stdout.strip()}")
        folder = pathlib.Path(json.loads(run.stdout)["Dir"]) / "cmd/kubeadm/app/constants"
        files = [p for p in (folder / "constants.go", folder / "constants_unix.go") if p.exists()]  # 1.20 has two
        source = "\n".join(p.read_text() for p in files)
    return kubeadm_row_of(version, source)


def kubeadm_row_of(version, source):
    def constant(name):
        found = re.search(rf'^\s*{name}\s*=\s*"([^"]+)"', source, re.MULTILINE)
        return found[1] if found else fail(f"{version}: kubeadm's constants have no {name}")

    minor = int(version.split(".")[1])
    table = re.search(r"SupportedEtcdVersion = map\[uint8\]string\{(.*?)\}", source, re.DOTALL)
    supported_etcd = dict(re.findall(r'(\d+):\s*"([^"]+)"', table[1])) if table else {}
    etcd = supported_etcd.get(str(minor)) or constant("DefaultEtcdVersion")
    path = "coredns" if minor < 21 else "coredns/coredns"
    coredns, pause = constant("CoreDNSVersion"), constant("PauseVersion")
    return f'{version}: {{coredns: "{path}:{coredns}", etcd: "{etcd}", pause: "{pause}"}}'


def read_kubeadm(target):
    header, rows = [], {}
    for line_number, line in enumerate(target.read_text().splitlines() if target.exists() else [], 1):
        if line.startswith("#") or not line.strip():
            header.append(line)
            continue
        if not ROW.fullmatch(line):
            fail(f'{target}:{line_number}: not a row such as v1.29.4: {{coredns: "...", etcd: "...", pause: "..."}}')
        rows[line.split(":")[0]] = line
    return header, rows


def update_kubeadm(target, versions):
    header, rows = read_kubeadm(target)
    for version in versions:
        rows[version] = kubeadm_row(version)
    target.write_text("\n".join(header + [rows[key] for key in sorted(rows, key=number)]) + "\n")
    print(f"{target}: {len(rows)} versions")


def check_kubeadm(target, versions):
    _, rows = read_kubeadm(target)
    compared = list(rows) if versions == ["all"] else versions
    wrong = [version for version in compared if rows.get(version) != kubeadm_row(version)]
    print(f"{target}: {len(compared)} versions compared, different: {', '.join(wrong) or 'none'}")
    return 1 if wrong else 0

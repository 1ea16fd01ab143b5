# SPDX-License-Identifier: Apache-2.0
"""airlock as one static program: the toolchain's compiler, the libraries from Debian's sources."""

import fcntl
import os
import pathlib

from packages.basics import ROOT, cache, run
from packages.libraries import Libraries
from packages.toolchain import Toolchain

ARCHITECTURES = ("x86_64", "aarch64")


def build(architecture, build_folder) -> pathlib.Path:
    """Builds airlock in `build_folder`, and returns the program in it."""
    toolchain = Toolchain(architecture)
    print(f"libraries for {architecture}:", flush=True)
    with open(cache() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may build them in the same place
        prefix = Libraries(toolchain).build()
    build_folder.mkdir(parents=True, exist_ok=True)
    cross = build_folder / "cross.ini"
    folder = build_folder / "build"
    # The compiler is given paths relative to its folder; none of them is to be noted in the program.
    relative = os.path.relpath(ROOT, folder)
    maps = [f"-ffile-prefix-map={path}/=" for path in (f"{folder}/{relative}", relative, ROOT)]
    cross.write_text(f"""[binaries]
c = 'airlock-cc'
cpp = 'airlock-c++'
ar = 'airlock-ar'
pkgconfig = 'pkg-config'
[properties]
pkg_config_libdir = '{prefix}/lib/pkgconfig'
needs_exe_wrapper = {"false" if architecture == os.uname().machine else "true"}
[built-in options]
cpp_args = {maps}
cpp_link_args = ['-static', '-s']
[host_machine]
system = 'linux'
cpu_family = '{architecture}'
cpu = '{architecture}'
endian = 'little'
""")
    environment = {
        name: value for name, value in toolchain.environment.items() if name not in ("CFLAGS", "CXXFLAGS", "AR", "CC")
    }
    options = ["--buildtype=release", "-Doptimization=2", "-Dtests=false", "-Dprefer_static=true"]
    options += ["--unity=on", "--unity-size=40"]
    if not (folder / "build.ninja").exists():
        command = ["meson", "setup", folder, ROOT, f"--cross-file={cross}", *options]
        run(command, env=environment)
    print(f"airlock for {architecture}", flush=True)
    run(["ninja", "-C", folder, "src/airlock"], env=environment)
    return folder / "src/airlock"

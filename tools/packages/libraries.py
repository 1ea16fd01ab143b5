# SPDX-License-Identifier: Apache-2.0
"""The libraries that are linked into the static programs, and how each is built."""

import hashlib
import shutil

from packages.basics import HERE, JOBS, cache, run
from packages.sources import Sources, pins

OPENSSL_TARGETS = {"x86_64": "linux-x86_64", "aarch64": "linux-aarch64"}


class Libraries:
    """All libraries, static, below one prefix."""

    def __init__(self, toolchain):
        self.toolchain = toolchain
        recipe = [(HERE / name).read_bytes() for name in ("libraries.py", "toolchain.py", "sources.json")]
        recipe += [(HERE / "requirements.txt").read_bytes(), toolchain.architecture.encode()]
        key = hashlib.sha256(b"\0".join(recipe)).hexdigest()[:16]
        self.prefix = cache() / "libraries" / f"{toolchain.architecture}-{key}"

    def build(self):
        if (self.prefix / "done").exists():
            return self.prefix
        shutil.rmtree(self.prefix, ignore_errors=True)
        for folder in ("include", "lib/pkgconfig", "licenses"):
            (self.prefix / folder).mkdir(parents=True)
        self.log = self.prefix / "log"
        for package, pin in pins().items():
            source = cache() / "build" / self.toolchain.architecture / package
            print(f"  {package} {pin['version']}", flush=True)
            Sources().unpack(package, pin, source)
            getattr(self, package.replace("-", "_"))(source)
            shutil.copy(source / "debian/copyright", self.prefix / "licenses" / package)
            shutil.rmtree(source)
        (self.prefix / "done").touch()
        return self.prefix

    def run(self, command, source, **environment):
        run(command, source, {**self.toolchain.environment, **environment}, self.log)

    def pkg_config(self, name, version, flags="", libs=""):
        text = f"Name: {name}\nDescription: {name}\nVersion: {version}\n"
        text += f"Cflags: -I{self.prefix}/include {flags}\nLibs: -L{self.prefix}/lib {libs}\n"
        (self.prefix / f"lib/pkgconfig/{name}.pc").write_text(text)

    def archive(self, name, source, files, flags):
        """A library of C++ sources without a build of their own that would be worth running."""
        for file in files:
            self.run(["airlock-c++", "-std=c++20", "-O2", "-fPIC", *flags, "-c", file, "-o", f"{file.stem}.o"], source)
        objects = sorted(source.glob("*.o"))
        self.run(["airlock-ar", "rcsD", self.prefix / f"lib/{name}.a", *(file.name for file in objects)], source)

    def zlib(self, source):
        self.run(["./configure", "--static", f"--prefix={self.prefix}"], source)
        self.run(["make", JOBS, "libz.a"], source)
        self.run(["make", "install"], source)

    def openssl(self, source):
        without = ("shared", "tests", "dso", "module", "legacy", "engine")
        target = OPENSSL_TARGETS[self.toolchain.architecture]
        options = [*(f"no-{name}" for name in without), "--openssldir=/etc/ssl", "--libdir=lib"]
        # The prefix becomes a part of the library; this one is the same on every machine.
        self.run(["./Configure", target, *options, "--prefix=/usr"], source)
        self.run(["make", JOBS, "build_libs"], source)
        self.run(["make", "install_dev", f"DESTDIR={source}/installed"], source)
        shutil.copytree(source / "installed/usr", self.prefix, dirs_exist_ok=True)
        for name in ("openssl", "libssl", "libcrypto"):
            file = self.prefix / f"lib/pkgconfig/{name}.pc"
            file.write_text(file.read_text().replace("prefix=/usr", f"prefix={self.prefix}"))

    def libzstd(self, source):
        self.run(["make", JOBS, "-C", "lib", "libzstd.a"], source)
        install = ("install-static", "install-includes", "install-pc")
        self.run(["make", "-C", "lib", *install, f"PREFIX={self.prefix}"], source)

    def curl(self, source):
        without = ("ca-bundle", "ca-path", "libpsl", "libidn2", "nghttp2", "brotli", "zstd", "librtmp", "libssh2")
        protocols = ("ftp", "file", "ldap", "ldaps", "rtsp", "dict", "telnet", "tftp", "pop3", "imap", "smb", "smtp")
        disabled = (*protocols, "gopher", "mqtt", "manual", "shared", "docs")
        options = [*(f"--without-{name}" for name in without), *(f"--disable-{name}" for name in disabled)]
        options += [f"--with-openssl={self.prefix}", f"--with-zlib={self.prefix}", f"--prefix={self.prefix}"]
        found = {"PKG_CONFIG_LIBDIR": f"{self.prefix}/lib/pkgconfig"}
        self.run(["./configure", f"--host={self.toolchain.target}", *options], source, **found)
        self.run(["make", JOBS, "-C", "lib", "libcurl.la"], source, **found)
        self.run(["make", "-C", "lib", "install-libLTLIBRARIES"], source, **found)
        self.run(["make", "-C", "include", "install"], source, **found)
        self.run(["make", "install-pkgconfigDATA"], source, **found)

    def libarchive(self, source):
        without = ("xml2", "expat", "lzma", "bz2lib", "lz4", "openssl", "nettle", "iconv", "libb2", "lzo2", "mbedtls")
        disabled = ("shared", "acl", "xattr", "bsdtar", "bsdcpio", "bsdcat")
        options = [*(f"--without-{name}" for name in without), *(f"--disable-{name}" for name in disabled)]
        flags = {"CPPFLAGS": f"-I{self.prefix}/include", "LDFLAGS": f"-L{self.prefix}/lib"}
        configure = ["./configure", f"--host={self.toolchain.target}", *options, f"--prefix={self.prefix}"]
        if not (source / "configure").exists():
            self.run(["autoreconf", "-fi"], source)
        self.run(configure, source, **flags)
        self.run(["make", JOBS, "libarchive.la"], source)
        install = ("install-libLTLIBRARIES", "install-includeHEADERS", "install-pkgconfigDATA")
        self.run(["make", *install], source)

    def yaml_cpp(self, source):
        files = sorted(source.glob("src/*.cpp"))
        self.archive("libyaml-cpp", source, files, ["-Iinclude", "-DYAML_CPP_STATIC_DEFINE"])
        shutil.copytree(source / "include/yaml-cpp", self.prefix / "include/yaml-cpp")
        self.pkg_config("yaml-cpp", upstream_version("yaml-cpp"), "-DYAML_CPP_STATIC_DEFINE", "-lyaml-cpp")

    def fmtlib(self, source):
        self.archive("libfmt", source, [source / "src/format.cc"], ["-Iinclude"])
        shutil.copytree(source / "include/fmt", self.prefix / "include/fmt")
        self.pkg_config("fmt", upstream_version("fmtlib"), "", "-lfmt")

    def nlohmann_json3(self, source):
        shutil.copytree(source / "include/nlohmann", self.prefix / "include/nlohmann")
        self.pkg_config("nlohmann_json", upstream_version("nlohmann-json3"))

    def cli11(self, source):
        shutil.copytree(source / "include/CLI", self.prefix / "include/CLI")
        self.pkg_config("CLI11", upstream_version("cli11"))


def upstream_version(package) -> str:
    """Without Debian's epoch and revision."""
    return pins()[package]["version"].split(":")[-1].split("-")[0].split("+")[0]

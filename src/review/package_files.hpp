// SPDX-License-Identifier: Apache-2.0
// The files that tell of installed software, one reader for each. They are an attacker's: every reader is bounded, and
// takes what it can read of a damaged file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "airlock/review/package.hpp"

namespace airlock::review {

using Packages = std::vector<Package>;

/// /var/lib/dpkg/status, and files in status.d as distroless images have them (dpkg-query(1)): what is installed.
Packages read_dpkg_status(std::string_view text);
/// /lib/apk/db/installed (wiki.alpinelinux.org, "Apk spec", installed database).
Packages read_apk_installed(std::string_view text);
/// rpmdb.sqlite (sqlite.org/fileformat2.html): headers (rpm.org, "RPM V4 format") in its table Packages.
Packages read_rpm_sqlite(std::string_view file);
/// Packages.db of the NDB backend (rpm, lib/backend/ndb/rpmpkg.c).
Packages read_rpm_ndb(std::string_view file);
/// container-manifest-2 of CBL-Mariner's distroless images: columns between tabs, as `rpm -qa --qf` wrote them.
Packages read_rpm_manifest(std::string_view text);
/// One header: NAME, VERSION, RELEASE, EPOCH, ARCH, LICENSE, SOURCERPM.
Packages read_rpm_header(std::string_view blob);
/// METADATA of a dist-info folder, PKG-INFO of an egg (packaging.python.org, "Core metadata").
Packages read_python_metadata(std::string_view text);
/// package.json of an installed module, as JavaScript reads it. An Error (code `format`) for what is no JSON.
Packages read_npm_package(std::string_view text);
/// NAME.gemspec below specifications/, as RubyGems writes it.
Packages read_gemspec(std::string_view text);
/// pom.properties in an archive; else its MANIFEST.MF.
Packages read_pom_properties(std::string_view text);
Packages read_jar_manifest(std::string_view text, std::string_view file_name);
/// Behind "\xff Go buildinf:" (Go's debug/buildinfo): the main module, its dependencies and the toolchain.
Packages read_go_buildinfo(std::string_view from_magic);
/// The JSON that cargo-auditable puts into `.dep-v0`, unpacked.
Packages read_cargo_audit(std::string_view text);
/// The bytes of the section `.dep-v0` of an ELF file; empty where it has none.
std::string_view elf_section(std::string_view file, std::string_view name);

Distribution read_os_release(std::string_view text);

/// The value of `Key: value` lines, continued by lines that begin with white space; `take` gets each paragraph.
template <typename Take>
void read_paragraphs(std::string_view text, Take&& take);

}  // namespace airlock::review

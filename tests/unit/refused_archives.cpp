// SPDX-License-Identifier: Apache-2.0
// The malformed bundles: each has exactly one defect, and everything else, sums and signature included, fits it.
#include <algorithm>

#include "catch.hpp"
#include "test_bundle.hpp"

using namespace airlock;
using namespace airlock::test;

TEST_CASE("archives that are not as airlock writes them") {
  TestBundle bundle = good_bundle();
  const auto type = [&](char flag) {
    bundle.patch = [flag](const std::string& name, bundle::tar::Block& header) {
      if (name == "index.json") header.at(156) = flag;
    };
    return bundle.bytes();
  };
  const auto bytes_at = [&](std::size_t offset, std::string text) {
    bundle.patch = [=](const std::string& name, bundle::tar::Block& header) {
      if (name == "index.json")
        std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(offset));
    };
    return bundle.bytes();
  };
  SECTION("entry types") {
    CHECK_ERROR(verify(type('2')), format, "a symbolic link");
    CHECK_ERROR(verify(type('1')), format, "a hard link");
    CHECK_ERROR(verify(type('5')), format, "a directory");
    CHECK_ERROR(verify(type('3')), format, "a device");
    CHECK_ERROR(verify(type('6')), format, "a FIFO");
    CHECK_ERROR(verify(type('x')), format, "a pax extended header");
    CHECK_ERROR(verify(type('g')), format, "a pax extended header");
    CHECK_ERROR(verify(type('L')), format, "a GNU long name");
    CHECK_ERROR(verify(type('S')), format, "a GNU sparse file");
    CHECK_ERROR(verify(type('\0')), format, "old V7 type");
    CHECK_ERROR(verify(type('7')), format, "an unknown type");
  }
  SECTION("names") {
    CHECK_ERROR(verify(bytes_at(0, "/ndex.json")), format, "an absolute name");
    CHECK_ERROR(verify(bytes_at(0, "../ex.json")), format, "..");
    CHECK_ERROR(verify(bytes_at(0, "a//ex.json")), format, "empty, . or .. components");
    CHECK_ERROR(verify(bytes_at(345, "prefix")), format, "a name prefix");
    CHECK_ERROR(verify(bytes_at(0, std::string(10, '\0'))), format, "an empty name");
    CHECK_ERROR(verify(bytes_at(20, "hidden")), format, "differ from the one form");
    CHECK_ERROR(verify(bytes_at(0, "INDEX.json")), format, "INDEX.json is not listed");
  }
  SECTION("fields") {
    CHECK_ERROR(verify(bytes_at(100, "0000755")), format, "differ from the one form");
    CHECK_ERROR(verify(bytes_at(108, "0001750")), format, "differ from the one form");
    CHECK_ERROR(verify(bytes_at(136, "14000000000")), format, "differ from the one form");
    CHECK_ERROR(verify(bytes_at(265, "root")), format, "differ from the one form");
    CHECK_ERROR(verify(bytes_at(157, "target")), format, "differ from the one form");
    CHECK_ERROR(verify(bytes_at(257, "ustar  ")), format, "a GNU header");
    CHECK_ERROR(verify(bytes_at(257, "nope!")), format, "no ustar header");
    CHECK_ERROR(verify(bytes_at(124, "+0000000012")), format, "a malformed size");
    CHECK_ERROR(verify(bytes_at(124, std::string("\x80\0\0\0\0\0\0\0\0\0\0\x0A", 12))), format,
                "differ from the one form");
    CHECK_ERROR(verify(bytes_at(124, "77777777777")), format, "is cut short");
    bundle.fix_checksums = false;
    CHECK_ERROR(verify(bytes_at(148, "000000")), format, "a wrong checksum");
  }
  SECTION("entries") {
    bundle.entries.emplace_back("index.json", bundle.content("index.json"));
    CHECK_ERROR(verify(bundle.bytes()), format, "index.json appears twice");
  }
  SECTION("the first entry") {
    bundle.patch = [](const std::string& name, bundle::tar::Block& header) {
      if (name == "SHA256SUMS") header.at(0) = 'X';
    };
    CHECK_ERROR(verify(bundle.bytes()), format, "the first entry is not SHA256SUMS");
  }
  SECTION("padding") {
    std::string bytes = bundle.bytes();
    bytes.at(bytes.size() - 1025) = 'x';
    CHECK_ERROR(verify(bytes), format, "bytes other than zero after its content");
  }
  SECTION("the end") {
    const std::string bytes = bundle.bytes();
    CHECK_ERROR(verify(bytes.substr(0, bytes.size() - 512)), format, "the end mark is not whole");
    CHECK_ERROR(verify(bytes.substr(0, bytes.size() - 1024)), format, "cut short");
    CHECK_ERROR(verify(bytes.substr(0, bytes.size() - 1500)), format, "cut short");
    CHECK_ERROR(verify(bytes.substr(0, 100)), format, "cut short");
    CHECK_ERROR(verify(""), format, "cut short");
    CHECK_ERROR(verify("\x1F\x8B" + bytes), format, "it is compressed; unpack it first: gunzip");
    CHECK_ERROR(verify(bytes + "x"), format, "data after the end");
    CHECK_ERROR(verify(bytes + bytes), format, "data after the end");
    CHECK_ERROR(verify(bytes + std::string(2U << 20, '\0')), format, "after the end");
    CHECK_NOTHROW(verify(bytes + std::string(9216, '\0')));
  }
  SECTION("every cut is noticed") {
    const std::string bytes = bundle.bytes();
    for (std::size_t size = 0; size < bytes.size(); size += 997) CHECK_ERROR(verify(bytes.substr(0, size)), format, "");
  }
}

TEST_CASE("the signature region") {
  TestBundle bundle = good_bundle();
  const std::string signature = alice().sign(bundle.right_sums());
  SECTION("unsigned") {
    bundle.signatures = std::vector<trust::SignatureFile>{};
    CHECK_ERROR(verify(bundle.bytes()), trust, "the bundle has no signature");
  }
  SECTION("signed by another key") {
    bundle.signatures = {{{"signatures/alice.sig", mallory().sign(bundle.right_sums())}}};
    CHECK_ERROR(verify(bundle.bytes()), trust, "0 of 1");
  }
  SECTION("a signature over another list") {
    bundle.signatures = {{{"signatures/alice.sig", alice().sign(bundle.right_sums() + " ")}}};
    CHECK_ERROR(verify(bundle.bytes()), trust, "0 of 1");
  }
  SECTION("an entry that is no signature") {
    bundle.signatures = {{{"signatures/alice.sig", signature}, {"signatures/note.txt", "x"}}};
    CHECK_ERROR(verify(bundle.bytes()), format, "not a signature that airlock knows");
  }
  SECTION("a name that two forms could have") {
    bundle.signatures = {{{"signatures/alice.sig", signature}, {"signatures/alice.approval.sig", "x"}}};
    CHECK_ERROR(verify(bundle.bytes()), format, "not a signature that airlock knows");
  }
  SECTION("the same entry twice") {
    bundle.signatures = {{{"signatures/alice.sig", signature}, {"signatures/alice.sig", signature}}};
    CHECK_ERROR(verify(bundle.bytes()), format, "appears twice");
  }
  SECTION("something in the filler") {
    bundle.patch_region = [](std::string region) {
      region.back() = 'x';
      return region;
    };
    CHECK_NOTHROW(verify(bundle.bytes()));  // what an interrupted signing leaves; nobody reads it
  }
  SECTION("no filler") {
    bundle.patch_region = [](const std::string&) { return std::string(); };
    CHECK_ERROR(verify(bundle.bytes()), format, "does not end with signatures/.reserved");
  }
  SECTION("another size") {
    bundle.patch_region = [](const std::string&) {
      const auto header = bundle::tar::make_header({"signatures/.reserved", 512});
      return std::string(header.data(), header.size()) + std::string(512, '\0');
    };
    CHECK_ERROR(verify(bundle.bytes()), format, "is not 64 KiB long");
  }
  SECTION("a signature outside it") {
    bundle.entries.emplace_back("signatures/bob.sig", "x");
    CHECK_ERROR(verify(bundle.bytes()), format, "stands outside the signature region");
  }
  SECTION("it is full at last") {
    std::vector<trust::SignatureFile> files;
    for (int i = 0; i < 63; ++i) files.push_back({bundle::signature_stem("s" + std::to_string(i)) + ".sig", signature});
    CHECK(bundle::format_region(files).size() == bundle::region_size);
    files.push_back({bundle::signature_stem("one-more") + ".sig", signature});
    CHECK_ERROR(bundle::format_region(files), media, "no room for a further signature");
  }
  CHECK_ERROR(bundle::signature_stem("../x"), usage, "cannot name a signature");
  CHECK_ERROR(bundle::signature_stem("bob.approval"), usage, "cannot name a signature");
  CHECK_ERROR(bundle::signature_stem(""), usage, "cannot name a signature");
}

TEST_CASE("lists that do not fit the content") {
  TestBundle bundle = good_bundle();
  std::string sums = bundle.right_sums();
  const auto refused = [&](const std::string& text) {
    bundle.sums = text;
    return verify(bundle.bytes());
  };
  const std::string line = sums.substr(0, sums.find('\n') + 1);
  SECTION("form") {
    CHECK_ERROR(refused(sums.substr(0, sums.size() - 1)), format, "no line feed at the end");
    CHECK_ERROR(refused(line + sums), format, "line 2");
    CHECK_ERROR(refused(sums.substr(line.size()) + line), format, "not in bytewise order");
    CHECK_ERROR(refused("A" + sums.substr(1)), format, "64 lower-case");
    CHECK_ERROR(refused(sums + "\n"), format, "not \"<64 hexadecimal digits>");
    CHECK_ERROR(refused(std::string(sums).replace(64, 2, " *")), format, "not \"<64");
    CHECK_ERROR(refused(line.substr(0, line.size() - 1) + "\r\n" + sums.substr(line.size())), format,
                "carriage return");
  }
  SECTION("an entry that is not listed") {
    CHECK_ERROR(refused(sums.substr(line.size())), format, "is not listed in SHA256SUMS");
  }
  SECTION("a listed entry that is missing") {
    CHECK_ERROR(refused(sums + std::string(64, 'f') + "  zz\n"), format, "zz is listed in SHA256SUMS but missing");
  }
  SECTION("an entry that does not belong") {
    bundle.entries.emplace_back("readme", "x");
    CHECK_ERROR(verify(bundle.bytes()), format, "readme does not belong into a bundle");
  }
  SECTION("a blob under another digest") {
    bundle.entries.back().second += "x";
    CHECK_ERROR(verify(bundle.bytes()), format, "is listed with another digest");
  }
  SECTION("a blob's byte changed after signing") {
    std::string bytes = bundle.bytes();
    bytes.at(bytes.find("amd64 layer")) = 'A';
    CHECK_ERROR(verify(bytes), format, "its content has the digest");
  }
  SECTION("metadata changed after signing") {
    std::string bytes = bundle.bytes();
    bytes.at(bytes.find("\"serial\":7") + 9) = '9';
    CHECK_ERROR(verify(bytes), format, "bundle.json: its content differs from SHA256SUMS");
  }
  SECTION("a list changed after signing") {
    std::string bytes = bundle.bytes();
    bytes.at(600) = bytes.at(600) == '0' ? '1' : '0';
    CHECK_ERROR(verify(bytes), trust, "0 of 1");
  }
}

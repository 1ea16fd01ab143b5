// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

/// In the order of a bundle's life.
constexpr Verb all[] = {
    {"list", "Choose images", "Print the image set; with --sizes, ask the registries how large it is", add_list},
    {"resolve", "Choose images", "Record what upstream serves for a selection in a lock file", add_resolve},
    {"set", "Choose images", "Work with a declared set, airlock.yaml", add_set},
    {"export", "Make bundles", "Pull images into one signed bundle", add_export},
    {"sign", "Review bundles", "Check a bundle's content and add a signature to it, in place", add_sign},
    {"approve", "Review bundles", "Check a bundle's content and add a reviewer's approval to it, in place",
     add_approve},
    {"reject", "Review bundles", "Add a reviewer's signed no to a bundle, in place: policies that name him refuse it",
     add_reject},
    {"verify", "Review bundles", "Check signatures, structure and every byte of a bundle, offline", add_verify},
    {"inspect", "Review bundles", "Show what a bundle holds: images, layers, files; with --key, verified first",
     add_inspect},
    {"sbom", "Review bundles", "List the software in a bundle's images, as SPDX, CycloneDX or a table", add_sbom},
    {"report", "Review bundles", "Write a page for reviewers: verdict, changes, hints, images, software", add_report},
    {"diff", "Review bundles", "Compare bundles, lock files, receipts or a registry, without verifying them", add_diff},
    {"merge", "Make bundles", "Make one bundle of several verified ones, and sign it", add_merge},
    {"split", "Make bundles", "Copy a bundle into volumes; its signatures remain valid", add_split},
    {"stick", "Make bundles", "Lay airlock and a page of instructions beside a bundle", add_stick},
    {"import", "Serve a cluster", "Verify a bundle, push it to the local registry, print the KubeOne configuration",
     add_import},
    {"extract", "Serve a cluster", "Verify a bundle, and write files and charts that it carries to a directory",
     add_extract},
    {"check", "Serve a cluster", "Check that a registry has everything that clusters need from a bundle", add_check},
    {"prune", "Serve a cluster", "Find names that no bundle in use needs, and delete them where asked", add_prune},
    {"verify-receipt", "Serve a cluster", "Verify a receipt's signature, and show what the registry held",
     add_verify_receipt},
    {"config", "Serve a cluster", "Print the KubeOne configuration for a registry, without contacting it", add_config},
    {"keygen", "Keys", "Make a key pair for signing: NAME.key and NAME.pub; for Ed25519 also NAME.minisign.pub",
     add_keygen},
    {"pubkey", "Keys", "Print the public key of a key file or of a key in a token", add_pubkey},
    {"policy", "Review bundles", "Work with a verifier's policy", add_policy},
    {"verify-release", "This program", "Verify an unpacked release of airlock", add_verify_release},
    {"sign-release", "This program", "Sign a release of airlock", add_sign_release},
    {"help", "This program", "Explain a verb", add_help},
    {"completion", "This program", "Print a script that lets a shell complete verbs and options", add_completion},
};

}  // namespace

std::span<const Verb> verbs() { return all; }

}  // namespace airlock::cli

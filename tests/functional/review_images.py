# SPDX-License-Identifier: Apache-2.0
"""Images whose layers are made file by file, for what reviewers look into."""

import gzip
import io
import tarfile

from lab import images


def entry(path, content=b"", mode=0o644, kind=tarfile.REGTYPE, target="", uid=0):
    return {"path": path, "content": content, "mode": mode, "kind": kind, "target": target, "uid": uid}


def link(path, target):
    return entry(path, kind=tarfile.SYMTYPE, target=target, mode=0o777)


def hard_link(path, target):
    return entry(path, kind=tarfile.LNKTYPE, target=target)


def folder(path, mode=0o755):
    return entry(path, kind=tarfile.DIRTYPE, mode=mode)


def layer(*entries):
    """A tar; entries are made by the functions above, or (path, content)."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for one in [entry(*one) if isinstance(one, tuple) else one for one in entries]:
            content = one["content"].encode() if isinstance(one["content"], str) else one["content"]
            member = tarfile.TarInfo(one["path"])
            member.mode, member.type, member.linkname, member.uid = one["mode"], one["kind"], one["target"], one["uid"]
            member.pax_headers = one.get("headers", {})
            member.devminor = one.get("device", 0)
            member.size = len(content) if one["kind"] == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(content) if member.size else None)
    return raw.getvalue()


class Gallery:
    """Images by their reference, and the blobs that they consist of."""

    def __init__(self):
        self.store = images.Store()
        self.made = {}

    def add(self, reference, *tars, config=None, history=None, raw_layers=None):
        layers = raw_layers or [gzip.compress(tar, mtime=0) for tar in tars]
        described = {
            "architecture": "amd64",
            "os": "linux",
            "created": "2024-04-16T00:00:00Z",
            "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [images.digest(tar) for tar in tars]},
        }
        if history is not None:
            described["history"] = history
        body = {
            "schemaVersion": 2,
            "mediaType": images.OCI["manifest"],
            "config": self.store.add_json(images.OCI["config"], described),
            "layers": [self.store.add(images.OCI["gzip"], data) for data in layers],
        }
        self.made[reference] = self.store.add_json(images.OCI["manifest"], body)
        return self

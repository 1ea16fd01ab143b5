# SPDX-License-Identifier: Apache-2.0
"""The form of a release's file in data/catalog: the newest patch release, and the others as differences to it."""

import catalog_yaml


class FormError(Exception):
    pass


def difference(newest, other):
    """The JSON Merge Patch that makes `other` out of `newest`."""
    patch = {name: None for name in newest if name not in other}
    for name, value in other.items():
        if name not in newest:
            patch[name] = value
        elif isinstance(value, dict) and isinstance(newest[name], dict):
            inner = difference(newest[name], value)
            if inner:
                patch[name] = inner
        elif value != newest[name]:
            patch[name] = value
    return patch


def merged(target, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


COMMENTS = {
    "components": "what is deployed, by KubeOne's name for it",
    "sandboxImages": "the pause image containerd is configured with (may differ from kubeadm's)",
    "cloudProviders": "addons deployed for a provider with external CCM and bundled CSI",
    "embeddedAddons": "all that are embedded in the release, with or without images of their own",
    "addonImages": "written in an addon's manifest with the Registry function, and not in KubeOne's list of images",
    "literalImages": "written literally in an embedded addon: overwriteRegistry does not rewrite these",
    "rules": "by API version that the release loads; asked of its code (tools/kubeone_probe.py says what each means)",
    "fields": 'of the manifest, by API version: {"[]": item} is a list, {"*": value} a map',
    "patches": "the other patch releases, as differences to the newest (RFC 7396)",
}


def lines_of(document):
    flow = catalog_yaml.flow
    for name, value in document.items():
        comment = f"   # {COMMENTS[name]}" if name in COMMENTS else ""
        if not isinstance(value, dict) and not (value and isinstance(value[0], dict)):
            yield f"{name}: {flow(value)}{comment}"
            continue
        if name == "kubernetes":
            yield f"{name}: {flow(value)}   # inclusive minors the release supports"
            continue
        yield f"{name}:{comment}"
        if isinstance(value, list):
            yield from (f"  - {flow(item)}" for item in value)
            continue
        for key, item in value.items():
            if name == "components":
                yield f"  {key}:"
                yield from (f"    {part}: {flow(item[part])}" for part in item if part != "images")
                yield "    images:"
                yield from (f"      - {flow(image)}" for image in item["images"])
            elif name in ("rules", "fields", "patches") and item:
                yield f"  {flow(key)}:"
                for part, inner in item.items():
                    if name == "patches" and isinstance(inner, dict) and part != "kubernetes":
                        yield f"    {flow(part)}:"
                        yield from (f"      {flow(k)}: {flow(v)}" for k, v in inner.items())
                    else:
                        yield f"    {flow(part)}: {flow(inner)}"
            else:
                yield f"  {flow(key)}: {flow(item)}"


def number(version):
    return tuple(map(int, version[1:].split(".")))


def release_file(document, target):
    """The text of a release file with this release in it, beside those that it has."""
    known = {document["kubeone"]: document}
    if target.exists():
        newest = catalog_yaml.loads(target.read_text())
        patches = newest.pop("patches", None) or {}
        known = (
            {newest["kubeone"]: newest} | {v: merged(newest, p) | {"kubeone": v} for v, p in patches.items()} | known
        )
    versions = sorted(known, key=number)
    newest = known[versions[-1]]
    patches = {}
    for version in reversed(versions[:-1]):
        patch = difference(newest, known[version])
        patch.pop("kubeone")
        patches[version] = patch
    whole = newest | ({"patches": patches} if patches else {})
    line = newest["kubeone"].rpartition(".")[0]
    text = (
        f"# KubeOne {line}: the images it deploys and the rules by which. "
        "Facts from each release's source: tools/update-catalog.\n"
    )
    text += "\n".join(lines_of(whole)) + "\n"
    if catalog_yaml.loads(text) != whole:
        raise FormError(f"{target} would not say what it should: tools/catalog_yaml.py is wrong")
    return text

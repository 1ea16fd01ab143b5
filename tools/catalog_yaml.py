# SPDX-License-Identifier: Apache-2.0
"""Reads and writes the YAML that data/catalog is written in: block mappings, sequences of one-line items, flow values.

It is a subset that every YAML reader understands in the same way; whatever is outside it is refused with its line. So
neither the build nor the tools need more than Python itself. A unit test holds it against the program's own reader.
"""

import json
import re

PLAIN = re.compile(r"[^\s,\[\]{}:#\"'&*!|>%@`-](?:[^,\[\]{}:#\n]|:(?=[^\s,\[\]{}])|(?<=\S)#)*|-(?=\S)[^,\[\]{}:#\n]*")
KEY = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^\s"\'#\[\]{},&*!|>%@`-](?:[^\s:#,\[\]{}]|:(?=\S))*)):(?=\s|$)')


class CatalogError(Exception):
    pass


def scalar(word):
    if word in ("true", "false"):
        return word == "true"
    if word in ("null", "~"):
        return None
    return int(word) if re.fullmatch(r"0|[1-9]\d*", word) else word


class Flow:
    """One flow value; what follows it may only be a comment."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def skip(self):
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        return self.text[self.at : self.at + 1]

    def whole(self):
        value = self.value()
        if self.skip() not in ("", "#"):
            raise CatalogError(f"unexpected {self.text[self.at :]!r}")
        return value

    def value(self):
        first = self.skip()
        if first == "{":
            return self.items("}", {})
        if first == "[":
            return self.items("]", [])
        if first == '"':
            found = re.compile(r'"(?:[^"\\]|\\.)*"').match(self.text, self.at)
            if not found:
                raise CatalogError("a quote that does not end")
            self.at = found.end()
            return json.loads(found[0])
        found = PLAIN.match(self.text, self.at)
        if not found:
            raise CatalogError(f"unexpected {self.text[self.at :]!r}")
        self.at = found.end()
        return scalar(found[0].strip())

    def items(self, end, into):
        self.at += 1
        while self.skip() != end:
            if end == "}":
                found = KEY.match(self.text, self.at)
                if not found:
                    raise CatalogError(f"no key at {self.text[self.at :]!r}")
                self.at = found.end()
                key = json.loads(f'"{found[1]}"') if found[1] is not None else found[2]
                if key in into:
                    raise CatalogError(f"the key {key!r} appears twice")
                into[key] = self.value()
            else:
                into.append(self.value())
            if self.skip() == ",":
                self.at += 1
            elif self.text[self.at : self.at + 1] != end:
                raise CatalogError(f"{end} is missing at {self.text[self.at :]!r}")
        self.at += 1
        return into


def block(lines, at, indent):
    """The mapping or sequence whose lines have this indentation, and where it ends."""
    into = [] if lines[at][2].startswith("- ") else {}
    while at < len(lines) and lines[at][1] == indent:
        number, _, text = lines[at]
        try:
            if isinstance(into, list):
                if not text.startswith("- "):
                    raise CatalogError("not an item")
                into.append(Flow(text[2:]).whole())
                at += 1
                continue
            found = KEY.match(text)
            if not found:
                raise CatalogError("not a key")
            key = json.loads(f'"{found[1]}"') if found[1] is not None else found[2]
            if key in into:
                raise CatalogError(f"the key {key!r} appears twice")
            rest = text[found.end() :].strip()
            at += 1
            if rest and not rest.startswith("#"):
                into[key] = Flow(rest).whole()
            elif at < len(lines) and lines[at][1] > indent:
                into[key], at = block(lines, at, lines[at][1])
            else:
                into[key] = None
        except CatalogError as error:
            raise CatalogError(f"line {number}: {error}") from None
    return into, at


def loads(text):
    lines = [(n, len(line) - len(line.lstrip(" ")), line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [line for line in lines if line[2] and not line[2].startswith("#")]
    if not lines:
        return {}
    value, at = block(lines, 0, lines[0][1])
    if at < len(lines):
        raise CatalogError(f"line {lines[at][0]}: indented in an unexpected way")
    return value


def flow(value):
    """A value on one line. Texts are bare where no YAML reader could take them for something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        bare = re.fullmatch(r"[A-Za-z][\w./-]*", value) and value.lower() not in (
            "true",
            "false",
            "null",
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
        )
        return value if bare and not re.fullmatch(r"v\d.*", value) else json.dumps(value)
    return {None: "~", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)

"""Read an entry of the configuration by the fields that a channel declares."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from engine.document import MapNode, Node, Reader, ScalarNode
from notifiers.fields import Field, Kind, Secret

SEVERAL_MAX = 1_000


class FieldReader:
    """Turns nodes into values by fields, and remembers which nodes are secrets."""

    def __init__(self, reader: Reader, base: Path) -> None:
        self.reader = reader
        self.secrets: set[int] = set()  # id() of nodes whose text nobody may see
        self._base = base
        self._by_kind: Mapping[Kind, Callable[[Node, str, Field], object]] = {
            "string": self._string,
            "secret": lambda node, where, _: self._secret(node, where),
            "url": self._url,
            "secret_url": self._secret_url,
            "bool": lambda node, where, _: reader.boolean(node, where),
            "int": lambda node, where, _: reader.integer(node, where, 0, 2**53),
            "float": self._float,
            "duration": lambda node, where, _: reader.duration(node, where),
            "strings": self._strings,
            "string_map": self._string_map,
            "map": self._map,
            "maps": self._maps,
        }

    def read(
        self,
        node: MapNode,
        where: str,
        fields: Mapping[str, Field],
        refused: Mapping[str, str],
        known: tuple[str, ...] = (),
    ) -> dict[str, object]:
        """Return the values of an entry with defaults; `known` names are read by the caller."""
        files = tuple(f"{n}_file" for n, f in fields.items() if f.kind in ("secret", "secret_url"))
        later = {name: f"`{name}` is not supported yet: {way}" for name, way in refused.items()}
        self.reader.keys(node, where, (*fields, *files, *known), later)
        values: dict[str, object] = {}
        for name, spec in fields.items():
            found = self._field(node, where, name, spec)
            if found is not None:
                values[name] = found
            elif spec.default is not None:
                values[name] = spec.default
            elif spec.required and name not in node and f"{name}_file" not in node:
                self.reader.require(node, where, name, f"set {name}")
        return values

    def _field(self, node: MapNode, where: str, name: str, spec: Field) -> object:
        value = node.get(name)
        file = node.get(f"{name}_file") if spec.kind in ("secret", "secret_url") else None
        if file is not None:
            if value is not None:
                key = node.key(f"{name}_file")
                assert key is not None, f"{name}_file has a value and no key"
                self._mark(value)
                self.reader.add(key, "secret-twice", f"{where} has {name} and {name}_file",
                                "keep one of them")  # fmt: skip
                return None
            text = self.reader.text(file, f"{name}_file")
            return None if text is None else Secret(path=self._base / text)
        if value is None or _is_null(value):
            return None
        return self._by_kind[spec.kind](value, f"{where}.{name}", spec)

    def _mark(self, node: Node) -> None:
        self.secrets.add(id(node))

    def _string(self, node: Node, where: str, spec: Field) -> object:
        if spec.choices:
            return self.reader.choice(node, where, spec.choices)
        if isinstance(node, ScalarNode):
            return node.text
        return self.reader.text(node, where)

    def _secret(self, node: Node, where: str) -> Secret | None:
        self._mark(node)
        text = self.reader.text(node, where)
        return None if text is None else Secret(text)

    def _url(self, node: Node, where: str, spec: Field) -> object:
        del spec
        text = self.reader.text(node, where)
        if text is not None and "{{" not in text and not is_url(text):
            self.reader.add(node, "url", f"{where} is no URL", "write https://host/path")
            return None
        return text

    def _secret_url(self, node: Node, where: str, spec: Field) -> object:
        secret = self._secret(node, where)
        if secret is None or self._url(node, where, spec) is None:
            return None
        return secret

    def _float(self, node: Node, where: str, spec: Field) -> object:
        del spec
        value = node.value if isinstance(node, ScalarNode) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        self.reader.add(node, "value-type", f"{where} must be a number", "write a number here")
        return None

    def _strings(self, node: Node, where: str, spec: Field) -> object:
        del spec
        nodes = self.reader.sequence(node, where)
        if nodes is None:
            return None
        texts = [self.reader.text(each, where) for each in nodes]
        return tuple(text for text in texts if text is not None)

    def _string_map(self, node: Node, where: str, spec: Field) -> object:
        del spec
        entries = self.reader.mapping(node, where)
        if entries is None:
            return None
        texts = {
            entry.name: entry.value.text
            if isinstance(entry.value, ScalarNode)
            else self.reader.text(entry.value, f"{where}.{entry.name}")
            for entry in entries
        }
        return {name: text for name, text in texts.items() if text is not None}

    def _map(self, node: Node, where: str, spec: Field) -> object:
        entries = self.reader.mapping(node, where)
        return None if entries is None else self.read(entries, where, spec.fields, spec.refused)

    def _maps(self, node: Node, where: str, spec: Field) -> object:
        nodes = self.reader.sequence(node, where)
        if nodes is None:
            return None
        return tuple(self._map(each, where, spec) for each in nodes)


def is_url(text: str) -> bool:
    """Say whether a text is an http or https URL with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None

"""Digests: of what a rule means, and of the files of a rule set."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from engine.rules.model import NativeRule

_NOT_MEANING = {"file", "line", "version"}
_ORDER_IS_NO_MEANING = {"selector", "compute", "by"}


def version(rule: NativeRule) -> str:
    """Return a digest of everything about a rule but where it stands.

    Two rules with one version decide alike on every stream, so a reader may compare versions.
    """
    canonical = {
        field.name: _canonical(field.name, getattr(rule, field.name))
        for field in fields(rule)
        if field.name not in _NOT_MEANING
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _canonical(name: str, value: Any) -> Any:
    if is_dataclass(value):
        inner = {f.name: _canonical(f.name, getattr(value, f.name)) for f in fields(value)}
        return {"type": type(value).__name__, **inner}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        parts = [_canonical("", part) for part in value]
        if name in _ORDER_IS_NO_MEANING:
            parts.sort(key=lambda part: json.dumps(part, sort_keys=True))
        return parts
    return value


def digest(files: Mapping[str, str], interval_ms: int) -> str:
    """Return a digest over the paths and texts of a rule set and its default interval."""
    state = hashlib.sha256(interval_ms.to_bytes(8, "big"))
    for path in sorted(files):
        for part in (path, files[path]):
            encoded = part.encode("utf-8", errors="surrogateescape")
            state.update(len(encoded).to_bytes(8, "big"))
            state.update(encoded)
    return state.hexdigest()

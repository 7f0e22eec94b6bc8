"""Label sets as bytes: one canonical form, and the keyed 128-bit key that names it across hops."""

import hashlib
from collections.abc import Iterable, Mapping

METRIC_NAME = "__name__"
KEY_BYTES = 16
_PAIR = "\x1e"
_END = "\x1f"


def canonical(tenant: str, labels: Mapping[str, str]) -> bytes:
    """Return the one byte form of a label set: tenant, then name and value, sorted by name.

    Empty values are left out: in Prometheus' model they mean "no such label". Control characters
    that separate the parts are escaped, so different label sets never share a form.
    """
    parts = [_escape(tenant)]
    parts += [
        f"{_escape(name)}{_PAIR}{_escape(labels[name])}" for name in sorted(labels) if labels[name]
    ]
    return _END.join(parts).encode("utf-8", "surrogatepass")


def parse(raw: bytes) -> tuple[str, dict[str, str]]:
    """Return the tenant and the labels of a canonical form."""
    tenant, *pairs = raw.decode("utf-8", "surrogatepass").split(_END)
    labels: dict[str, str] = {}
    for pair in pairs:
        name, _, value = pair.partition(_PAIR)
        labels[_unescape(name)] = _unescape(value)
    return _unescape(tenant), labels


def series_key(secret: bytes, raw: bytes) -> bytes:
    """Return the 128-bit series key of a canonical form, keyed so that senders cannot aim at it."""
    return hashlib.blake2b(raw, digest_size=KEY_BYTES, key=secret[:64]).digest()


def group_hash(tenant: str, by: Iterable[str], values: Iterable[str]) -> int:
    """Return the 64-bit hash that decides which shard owns a group of `by` labels."""
    pairs = zip(by, values, strict=True)
    text = _END.join([tenant, *(f"{name}{_PAIR}{value}" for name, value in pairs)])
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def series_hash(tenant: str, labels: Mapping[str, str]) -> int:
    """Return the 64-bit hash that decides which shard owns a series: of its whole label set."""
    names = sorted(name for name, value in labels.items() if value)
    return group_hash(tenant, names, (labels[name] for name in names))


def text_hash(text: str) -> int:
    """Return the 64-bit hash of a value for `distinct`; 0 means that there is none."""
    if not text:
        return 0
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def _escape(text: str) -> str:
    if "\x1b" in text or _PAIR in text or _END in text:
        return text.replace("\x1b", "\x1b0").replace(_PAIR, "\x1b1").replace(_END, "\x1b2")
    return text


def _unescape(text: str) -> str:
    if "\x1b" in text:
        return text.replace("\x1b2", _END).replace("\x1b1", _PAIR).replace("\x1b0", "\x1b")
    return text

"""Bearer tokens: who may do what, read from `auth.tokens_file`.

    tokens:
    - {name: grafana, token: "…at least 16 characters…", role: read}
    - {name: oncall, token_sha256: "64 hex digits", role: silence}

A plain list is read as well. Roles: `read` sees everything; `silence` also adds and expires
silences; `ingest` only sends records and alerts (a Prometheus needs no more); `admin` may do all.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.document import Finding, MapNode, Node, Reader, ScalarNode, load_yaml

Role = Literal["read", "silence", "ingest", "admin"]

ROLES: Mapping[Role, frozenset[Role]] = {
    "read": frozenset({"read"}),
    "silence": frozenset({"read", "silence"}),
    "ingest": frozenset({"ingest"}),
    "admin": frozenset({"read", "silence", "ingest", "admin"}),
}
"""What a role may do, in terms of what a route asks for."""

TOKEN_CODES: Mapping[str, str] = {
    "token-missing": "A token entry needs either `token` or `token_sha256`.",
    "token-short": "A token is shorter than 16 characters: it can be guessed.",
    "token-hash": "`token_sha256` is not 64 hex digits.",
    "token-repeated": "Two entries have the same name or the same token.",
    "token-none": "The file holds no token, so nobody could get in.",
}
_LENGTH_MIN = 16
_TOKENS_MAX = 1_000


class Token(msgspec.Struct, frozen=True):
    """A caller: its name for the audit log, the hash of its secret, its role."""

    name: str
    sha256: bytes
    role: Role


def find(tokens: tuple[Token, ...], secret: str) -> Token | None:
    """Return whose secret that is. Compares all in constant time, so timing tells nothing."""
    digest = hashlib.sha256(secret.encode()).digest()
    found = None
    for token in tokens:
        if hmac.compare_digest(token.sha256, digest):
            found = token
    return found


def load(text: str, file: str) -> tuple[tuple[Token, ...] | None, list[Finding]]:
    """Read a tokens file. Render its findings without its text: the lines hold secrets."""
    tree, findings = load_yaml(text, file)
    reader = Reader(file, TOKEN_CODES)
    tokens: list[Token] = []
    for node in _entries(tree, reader):
        token = _token(node, reader)
        if token is None:
            continue
        if any(token.name == other.name or token.sha256 == other.sha256 for other in tokens):
            reader.add(node, "token-repeated", "name or token is the same as in an entry above")
        tokens.append(token)
    if not tokens and reader.clean and not findings:
        findings.append(
            Finding(file, 1, 1, 1, "token-none", "no tokens in this file",
                    "add `- {name: admin, token: …, role: admin}`")
        )  # fmt: skip
    findings = [*findings, *reader.findings]
    return (tuple(tokens) if not findings else None), findings


def _entries(tree: Node | None, reader: Reader) -> list[Node]:
    if isinstance(tree, MapNode):
        reader.keys(tree, "the tokens file", ("tokens",))
        tree = tree.get("tokens")
    if isinstance(tree, ScalarNode) and tree.value is None:
        return []
    listed = reader.sequence(tree, "tokens")
    if listed is None:
        return []
    return list(listed)[:_TOKENS_MAX]


def _token(node: Node, reader: Reader) -> Token | None:
    entry = reader.mapping(node, "a token")
    if entry is None:
        return None
    reader.keys(entry, "a token", ("name", "token", "token_sha256", "role"))
    name_node = reader.require(entry, "a token", "name", "name it, for the audit log")
    name = reader.text(name_node, "name")
    role_node = reader.require(entry, "a token", "role", f"use one of {', '.join(ROLES)}")
    role = reader.choice(role_node, "role", tuple(ROLES))
    digest = _digest(entry, reader)
    if name is None or role is None or digest is None:
        return None
    return Token(name, digest, msgspec.convert(role, Role))


def _digest(entry: MapNode, reader: Reader) -> bytes | None:
    plain, hashed = entry.get("token"), entry.get("token_sha256")
    if (plain is None) == (hashed is None):
        reader.add(entry, "token-missing", "either `token` or `token_sha256` must be there")
        return None
    if hashed is not None:
        written = reader.text(hashed, "token_sha256")
        try:
            digest = bytes.fromhex(written or "")
        except ValueError:
            digest = b""
        if len(digest) != hashlib.sha256().digest_size:
            reader.add(hashed, "token-hash", "token_sha256 is not 64 hex digits",
                       "printf %s TOKEN | sha256sum")  # fmt: skip
            return None
        return digest
    secret = reader.text(plain, "token")
    if secret is None:
        return None
    if len(secret) < _LENGTH_MIN:
        reader.add(entry, "token-short", f"a token has fewer than {_LENGTH_MIN} characters",
                   "openssl rand -hex 24")  # fmt: skip
        return None
    return hashlib.sha256(secret.encode()).digest()

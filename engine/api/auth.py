"""Who asks, and may they: bearer tokens against what a route asks for.

A browser has no field for a bearer token, so the password of basic authentication is one too.
"""

import base64
from typing import Literal

from starlette.requests import Request

from engine.api.body import Refusal
from engine.api.tokens import ROLES, Role, Token, find
from engine.metrics import counter

Need = Role | Literal["open", "any"]
"""What a route asks for: a permission, any valid token, or nothing."""

_TOKEN_BYTES_MAX = 4_096
REFUSED = counter(
    "tocsin_http_refused_total", "Requests without a right to what they asked for.", ["reason"]
)


def authorize(request: Request, tokens: tuple[Token, ...] | None, need: Need) -> None:
    """Let a request pass or raise Refusal (401, 403)."""
    if tokens is None or need == "open":
        return
    secret = _secret(request.headers.get("authorization", ""))
    token = find(tokens, secret) if secret else None
    if token is None:
        REFUSED.labels("unauthenticated").inc()
        raise Refusal(
            401, "a token is needed: Authorization: Bearer TOKEN (a browser: as the password)",
            {"WWW-Authenticate": 'Bearer realm="tocsin", Basic realm="tocsin"'},
        )  # fmt: skip
    request.state.caller = token.name
    if need != "any" and need not in ROLES[token.role]:
        REFUSED.labels("forbidden").inc()
        raise Refusal(403, f"token {token.name!r} has role {token.role}, this needs {need}")


def _secret(header: str) -> str:
    """Return the token of a header, "" where there is none."""
    scheme, _, rest = header.partition(" ")
    rest = rest.strip()
    if len(rest) > _TOKEN_BYTES_MAX:
        return ""
    if scheme.lower() == "bearer":
        return rest
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except (ValueError, UnicodeDecodeError):
        return ""


def caller(request: Request) -> str:
    """Return the name of the token that was used, for the audit log."""
    name: str = getattr(request.state, "caller", "")
    return name or "anonymous"

"""What a value of the configuration means to Alertmanager: Go's YAML library, URLs, durations.

Sources: gopkg.in/yaml.v2 (YAML 1.1 where a truth value or a number is wanted), Go's net/url,
net.SplitHostPort and time.ParseDuration; checked against amtool's verdicts.
"""

import math
import re
from collections.abc import Mapping

from engine.document import ListNode, Node, ScalarNode

HIDDEN = "<secret>"
"""What stands for a secret where a configuration is shown."""

_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))", re.ASCII
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_DIGITS_MAX = 64  # what is longer is no number that anybody means
_GO_UNITS_NS: Mapping[str, int] = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 1_000_000_000,
    "m": 60_000_000_000, "h": 3_600_000_000_000,
}  # fmt: skip
_GO_PART = re.compile(r"([0-9]{0,18})(?:\.([0-9]{0,18}))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)


def is_plain(node: ScalarNode) -> bool:
    """Say whether a value stands there without quotes: only then may it be no text."""
    return not node.source.startswith(("'", '"', "|", ">", "!"))


def boolean(node: Node) -> bool | None:
    """Return a truth value as YAML 1.1 has it."""
    if not isinstance(node, ScalarNode) or not is_plain(node):
        return None
    return True if node.text in _TRUE else False if node.text in _FALSE else None


def integer(node: Node) -> int | None:
    """Return a whole number; a fraction is cut off as Go's library does."""
    found = number_or_none(node)
    return int(found) if found is not None and math.isfinite(found) else None


def number(node: Node) -> float | None:
    """Return a finite number."""
    found = number_or_none(node)
    return float(found) if found is not None and math.isfinite(found) else None


def number_or_none(node: Node) -> int | float | None:
    """Return what is a number in YAML 1.1."""
    if not isinstance(node, ScalarNode) or not is_plain(node) or len(node.text) > _DIGITS_MAX:
        return None
    # Underscores may stand within digits; a fraction that begins with its point has none.
    text = node.text if node.text[:1] in (".", "_") else node.text.replace("_", "")
    if found := _INTEGER.fullmatch(text):
        sign, sixteen, two, eight, ten = found.groups()
        value = (
            int(sixteen, 16) if sixteen
            else int(two, 2) if two
            else int(eight, 8) if eight
            else int(ten)
        )  # fmt: skip
        return -value if sign == "-" else value
    fraction = float(text) if _FLOAT.fullmatch(text) else math.inf
    return fraction if math.isfinite(fraction) else None


def plain(node: Node) -> object:
    """Return a tree as plain values, scalars as YAML 1.1 has them."""
    if isinstance(node, ListNode):
        return [plain(each) for each in node]
    if not isinstance(node, ScalarNode):
        return {entry.name: plain(entry.value) for entry in node}
    truth = boolean(node)
    if truth is not None:
        return truth
    found = number_or_none(node)
    if found is not None:
        return found
    return None if node.value is None else node.text


def go_duration_ms(node: Node, *, bare: bool = True) -> int | None:
    """Return milliseconds of Go's duration, or of a `bare` number of nanoseconds; None if neither.

    Less than a millisecond is one: nothing that was written means "no limit" by rounding.
    """
    count_ns = integer(node) if bare else None
    total_ns = count_ns if count_ns is not None else _go_duration_ns(node)
    if total_ns is None or abs(total_ns) >= 2**63:
        return None
    return max(total_ns // 1_000_000, 1) if total_ns > 0 else 0


def _go_duration_ns(node: Node) -> int | None:
    if not isinstance(node, ScalarNode):
        return None
    text = node.text.removeprefix("-").removeprefix("+") if node.text[:2] not in ("-+",) else ""
    if text == "0":
        return 0
    total = 0.0
    position = 0
    while position < len(text):
        found = _GO_PART.match(text, position)
        if found is None or not (found[1] or found[2]):
            return None
        whole = int(found[1] or "0") + (int(found[2]) / 10 ** len(found[2]) if found[2] else 0)
        total += whole * _GO_UNITS_NS[found[3]]
        position = found.end()
    if not text:
        return None
    return -int(total) if node.text.startswith("-") else int(total)


_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", re.ASCII)
_HOST = re.compile(r"[^\s\\^`{|}#?%/\x00-\x1f\x7f]*")
_PORT = re.compile(r"(?::[0-9]*)?", re.ASCII)


def url_problem(text: str) -> str:
    """Return why a text is no URL that something can be sent to, or ""."""
    scheme, _, rest = text.partition(":")
    why = _parse_problem(text)
    if why:
        return why
    if not _SCHEME.fullmatch(scheme) or scheme.lower() not in ("http", "https"):
        return "it begins with http:// or https://"
    if not rest.startswith("//") or not _authority(rest)[1]:
        return "there is no host"
    return ""


def proxy_problem(text: str) -> str:
    """Return why a text is no URL at all, or ""; an empty one is."""
    return _parse_problem(text)


def _parse_problem(text: str) -> str:
    """Return what Go's url.Parse says against a text, or ""."""
    if _CONTROL.search(text):
        return "it has control characters"
    text, _, fragment = text.partition("#")
    if _BAD_ESCAPE.search(fragment):
        return "a % without two hexadecimal digits"
    if text.startswith(":"):
        return "there is no scheme"
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        first = text.partition("?")[0].partition("/")[0]
        if ":" in first:
            return "there is no scheme"
        rest = text
    rest = rest.partition("?")[0]
    if not rest.startswith("//"):
        return "a % without two hexadecimal digits" if _BAD_ESCAPE.search(rest) else ""
    user, host = _authority(rest)
    path = rest[2:].partition("/")[2]
    if _BAD_ESCAPE.search(path):
        return "a % without two hexadecimal digits"
    if user is not None and (not _USER.fullmatch(user) or _BAD_ESCAPE.search(user)):
        return "its user or password has characters that must be written as %XX"
    return _host_problem(host)


def _authority(rest: str) -> tuple[str | None, str]:
    """Split `//user@host:port/path` into user and host with port."""
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    return (user if at else None), host


def _host_problem(host: str) -> str:
    if host.startswith("["):
        address, bracket, port = host.rpartition("]")
        inside = address[1:].partition("%25")[0]
        if not bracket or not _PORT.fullmatch(port):
            return "an IPv6 address ends in ], and then :port"
        return "" if re.fullmatch(r"[0-9A-Za-z:.]*", inside) else "this is no IPv6 address"
    colon = host.find(":")
    if colon >= 0 and not _PORT.fullmatch(host[colon:]):
        return "its port is no number"
    return "" if _HOST.fullmatch(host) else "its host has characters that no host has"


def is_host_port(text: str) -> bool:
    """Say whether Go's net.SplitHostPort takes it, and the port is not empty."""
    host, colon, port = text.rpartition(":")
    if not colon or not port:
        return False
    if text.startswith("["):
        inner = host[1:-1]
        return host.endswith("]") and "[" not in inner and "]" not in inner + port
    return ":" not in host and not set("[]") & set(text)


def is_glob(text: str) -> bool:
    """Say whether Go's filepath.Match takes a pattern: brackets are closed and not empty."""
    position = 0
    while position < len(text):
        letter = text[position]
        position += 1
        if letter == "\\":
            position += 1
            if position > len(text):
                return False
        elif letter == "[":
            end = _class_end(text, position + (text[position : position + 1] == "^"))
            if end is None:
                return False
            position = end
    return True


_CLASS_MEMBER = re.compile(r"(?:\\.|[^\]\-\\])(?:-(?:\\.|[^\]\-\\]))?", re.DOTALL)


def _class_end(text: str, position: int) -> int | None:
    first = position
    while position < len(text):
        if text[position] == "]" and position > first:
            return position + 1
        found = _CLASS_MEMBER.match(text, position)
        if found is None:
            return None
        position = found.end()
    return None

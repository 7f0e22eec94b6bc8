"""URLs: how values are written into them."""

import re

from engine.template.go.html.styles import FAILSAFE
from engine.template.go.html.values import content
from engine.template.go.run import Run
from engine.template.go.values import URL, Value, as_bytes

_SCHEME = re.compile(r"([^:/]*):")
_SCHEMES = frozenset({"http", "https", "mailto"})
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|[^%A-Za-z0-9._~!#$&*+,/:;=?@\[\]-]")
_NO_COMPONENT = re.compile(rb"[^A-Za-z0-9._~-]")
_IMAGE = re.compile(r"([\t\n\f\r ]*)([^\t\n\f\r ]*)(.*)", re.DOTALL)
_METADATA = re.compile(r"[\t\n\f\r A-Za-z0-9]*")


def is_safe(text: str) -> bool:
    """Say whether a URL is relative, or of a scheme that only goes somewhere."""
    scheme = _SCHEME.match(text)
    return scheme is None or scheme.group(1).lower() in _SCHEMES


def filtered(run: Run, value: Value) -> Value:
    """Refuse a URL of another scheme, unless its author vouches for it."""
    text, kind = content(run, value)
    if kind is URL:
        return text
    return text if is_safe(text) else f"#{FAILSAFE}"


def normalized(run: Run, value: Value) -> str:
    """Write a URL, or a part of its path."""
    return normal(content(run, value)[0])


def normal(text: str) -> str:
    """Escape what may not stand in a URL."""
    return _NO_ESCAPE.sub(_percent, as_bytes(text)).decode("ascii")


def component(run: Run, value: Value) -> str:
    """Write a part of a URL's query; one that is a URL already stays one."""
    text, kind = content(run, value)
    if kind is URL:
        return normal(text)
    return _NO_COMPONENT.sub(_percent, as_bytes(text)).decode("ascii")


def _percent(match: re.Match[bytes]) -> bytes:
    return b"%%%02x" % match.group()[0]


def image_set(run: Run, value: Value) -> str:
    """Write the images of a srcset."""
    text, kind = content(run, value)
    if kind is URL:
        return normal(text).replace(",", "%2c")
    return ",".join(map(_image, text.split(",")))


def _image(text: str) -> str:
    match = _IMAGE.fullmatch(text)
    assert match is not None, "three parts that may be empty match everything"
    spaces, url, rest = match.groups()
    if is_safe(url) and _METADATA.fullmatch(rest):
        return f"{spaces}{normal(url)}{rest}"
    return f"#{FAILSAFE}"

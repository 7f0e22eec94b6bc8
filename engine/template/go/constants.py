"""Constants of templates: quoted texts, characters, numbers. Go's syntax of each."""

import re

from engine.template.go.lexer import Kind, Token
from engine.template.go.nodes import Number

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
                     r"|([0-3][0-7]{2})|([abfnrtv\\'\"]))")  # fmt: skip
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
           "\\": "\\", "'": "'", '"': '"'}  # fmt: skip
_INTEGER = re.compile(
    r"([+-]?)(?:0[xX](_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|0[bB](_?[01]+(?:_[01]+)*)"
    r"|0[oO]?(_?[0-7]+(?:_[0-7]+)*)|(0|[1-9][0-9]*(?:_[0-9]+)*))"
)
_BASES = ((2, 16), (3, 2), (4, 8), (5, 10))
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEX = re.compile(
    r"([+-]?)0[xX](_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)?(?:\.([0-9a-fA-F]*(?:_[0-9a-fA-F]+)*))?"
    r"[pP]([+-]?[0-9]+)"
)
_INT_MIN, _INT_MAX, _UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1


def unquote(text: str) -> str:
    """Return what a quoted text means. Raises ValueError.

    Bytes that are no UTF-8 (`"\\xff"`) become lone surrogates, as in PEP 383.
    """
    quote, inner = text[0], text[1:-1]
    if quote == "`":
        return inner.replace("\r", "")
    if "\\" not in inner:
        return inner
    parts: list[bytes] = []
    at = 0
    while (found := inner.find("\\", at)) >= 0:
        parts.append(_bytes(inner[at:found]))
        match = _ESCAPE.match(inner, found)
        if match is None or match.group(5) == ("'" if quote == '"' else '"'):
            raise ValueError(f"unknown escape {inner[found : found + 2]}")
        parts.append(_escaped(match))
        at = match.end()
    parts.append(_bytes(inner[at:]))
    return b"".join(parts).decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _escaped(match: re.Match[str]) -> bytes:
    byte, short, long, octal, simple = match.groups()
    if simple:
        return _SIMPLE[simple].encode()
    if byte or octal:
        return bytes([int(byte, 16) if byte else int(octal, 8)])
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"{match.group()} is no character")
    return chr(code).encode()


def number(token: Token) -> Number:
    """Read a number token. Raises ValueError."""
    text = token.text
    if text in ("+", "-"):
        raise ValueError("there is no arithmetic in templates")
    if token.kind is Kind.CHARACTER:
        code = _character(text)
        return Number(token.start, token.end, text, code, code, code, float(code))
    if token.kind is Kind.COMPLEX or text.endswith("i"):
        return _complex(token)
    whole = _integer(text)
    if whole is not None:
        as_int = whole if _INT_MIN <= whole <= _INT_MAX else None
        # Go's ParseUint takes no sign.
        as_uint = whole if 0 <= whole <= _UINT_MAX and (text[0] not in "+-" or not whole) else None
        if as_int is None and as_uint is None:
            raise ValueError(f"{text} overflows every integer")
        return Number(token.start, token.end, text, as_int, as_int, as_uint, float(whole))
    value = _float(text)
    if not any(mark in text for mark in ".eEpP"):
        raise ValueError(f"{text} is no number")
    exact = int(value) if abs(value) < 2.0**63 and value == int(value) else None
    unsigned = exact if exact is not None and exact >= 0 else None
    return Number(token.start, token.end, text, value, exact, unsigned, value)


def _character(text: str) -> int:
    inner = unquote(text)
    if len(inner) != 1:
        raise ValueError(f"{text} is not one character")
    code = ord(inner)
    # A byte escape means the byte; a lone surrogate of PEP 383 stands for it.
    return code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    for group, base in _BASES:
        digits = match.group(group)
        if digits is not None:
            value = int(digits.replace("_", ""), base)
            return -value if match.group(1) == "-" else value
    return None


def _float(text: str) -> float:
    if _DECIMAL.fullmatch(text):
        value = float(text)
    elif (match := _HEX.fullmatch(text)) and (match.group(2) or match.group(3)):
        try:
            value = float.fromhex(text.replace("_", ""))
        except OverflowError:
            value = float("inf")
    else:
        raise ValueError(f"{text} is no number")
    if abs(value) == float("inf"):
        raise ValueError(f"{text} is out of range")
    return value


def _complex(token: Token) -> Number:
    body = token.text[:-1]
    split = max(body.rfind("+", 1), body.rfind("-", 1))
    while split > 0 and body[split - 1] in "eEpP":
        split = max(body.rfind("+", 1, split), body.rfind("-", 1, split))
    if token.kind is not Kind.COMPLEX:
        split = 0
    real = _part(body[:split]) if split > 0 else 0.0
    value = complex(real, _part(body[max(split, 0) :]))
    if value.imag:
        return Number(token.start, token.end, token.text, value)
    exact = int(real) if real == int(real) and abs(real) < 2.0**63 else None
    unsigned = exact if exact is not None and exact >= 0 else None
    return Number(token.start, token.end, token.text, value, exact, unsigned, real)


def _part(text: str) -> float:
    whole = _integer(text) if text[1:2] in "xXbBoO" or text[2:3] in "xXbBoO" else None
    return float(whole) if whole is not None else _float(text)

"""Read a list of matchers as Alertmanager does: the UTF-8 grammar, the older one as fallback.

    {foo="bar", "weird name"!~"a|b"}   foo=bar,baz=~qux

Where both grammars read a text and differ, the older one decides (Alertmanager's default mode).
"""

import re
from collections.abc import Iterator

from engine.series import Matcher, Selector, compiled

_CLASSIC = re.compile(
    r"\s*([a-zA-Z_:][a-zA-Z0-9_:-]*)\s*(=~|=|!=|!~)\s*(.*?)\s*", re.DOTALL | re.ASCII
)
_WORD = re.compile(
    r"""\s*(?:(?P<operator>=~|!=|!~|=)|(?P<sign>[{},])|"(?P<quoted>(?:[^"\\\n]|\\.)*)\""""
    r"""|(?P<bare>[^\s{}!=~,\\"'`]+))"""
)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"])|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
_SIMPLE = {
    "a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
    "\\": b"\\", '"': b'"',
}  # fmt: skip


class MatchersError(ValueError):
    """A text that is no list of matchers."""


def parse_matchers(text: str) -> Selector:
    """Read a text. Raises MatchersError."""
    try:
        modern: Selector | None = tuple(_modern(text))
        problem = ""
    except MatchersError as error:
        modern, problem = None, str(error)
    try:
        classic = tuple(_classic(part) for part in _parts(text))
    except MatchersError:
        if modern is None:
            raise MatchersError(problem) from None
        return modern
    return classic


def _matcher(name: str, operator: str, value: str) -> Matcher:
    if operator in ("=~", "!~"):
        try:
            compiled(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise MatchersError(f"{value!r} is no regular expression: {error}") from error
    return Matcher(name, operator, value)  # type: ignore[arg-type]  # the grammars allow four


def _modern(text: str) -> Iterator[Matcher]:
    words = list(_words(text))
    if words[:1] == [("{", "sign")]:
        if words[-1] != ("}", "sign") or len(words) < 2:
            raise MatchersError("the brace is not closed")
        words = words[1:-1]
    while words:
        if len(words) < 3:
            raise MatchersError(f"{text!r} ends within a matcher")
        (name, name_kind), (operator, operator_kind), (value, value_kind) = words[:3]
        if (name_kind, operator_kind, value_kind) != ("text", "operator", "text") or not name:
            raise MatchersError(f"expected name, operator and value, got {name}{operator}{value}")
        yield _matcher(name, operator, value)
        words = words[3:]
        if words and words.pop(0) != (",", "sign"):
            raise MatchersError(f"expected a comma after {name}{operator}{value}")


def _words(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while text[position:].strip():
        found = _WORD.match(text, position)
        if found is None:
            raise MatchersError(f"cannot read {text[position:]!r}")
        position = found.end()
        kind = found.lastgroup
        if kind == "quoted":
            yield _unquoted(found["quoted"]), "text"
        else:
            assert kind is not None, f"{text!r} gave no word"
            yield found[kind], "text" if kind == "bare" else kind


def _unquoted(text: str) -> str:
    """Undo Go's escapes; bytes must add up to UTF-8."""
    made = bytearray()
    position = 0
    while position < len(text):
        if text[position] != "\\":
            made += text[position].encode(errors="replace")
            position += 1
            continue
        found = _ESCAPE.match(text, position)
        if found is None:
            raise MatchersError(f"cannot read the escape {text[position : position + 2]!r}")
        simple, hexadecimal, octal, *points = found.groups()
        if simple:
            made += _SIMPLE[simple]
        elif hexadecimal or octal:
            made.append(int(hexadecimal, 16) if hexadecimal else int(octal, 8))
        else:
            made += _point(int(points[0] or points[1], 16))
        position = found.end()
    try:
        return made.decode()
    except UnicodeDecodeError as error:
        raise MatchersError(f"{text!r} is not UTF-8") from error


def _point(number: int) -> bytes:
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise MatchersError(f"U+{number:X} is no character")
    return chr(number).encode()


def _parts(text: str) -> list[str]:
    """Split at the commas outside of quotes, as the older grammar does."""
    body = text.removeprefix("{").removesuffix("}")
    parts, start, quoted, escaped = [], 0, False, False
    for position, letter in enumerate(body):
        if letter == "," and not quoted:
            parts.append(body[start:position])
            start = position + 1
        elif letter == '"' and not escaped:
            quoted = not quoted
        escaped = letter == "\\" and not escaped
    parts.append(body[start:])
    return parts if parts[-1].strip() else parts[:-1]


def _classic(text: str) -> Matcher:
    found = _CLASSIC.fullmatch(text)
    if found is None:
        raise MatchersError(f"bad matcher format: {text}")
    name, operator, raw = found.groups()
    quoted = raw.startswith('"')
    body = raw[1:] if quoted else raw
    if quoted:
        body, closed = body[:-1], body.endswith('"')
        if not closed or _is_escaped_end(body):
            raise MatchersError(f"matcher value contains unescaped double quote: {raw}")
    if re.search(r'(?<!\\)(?:\\\\)*"', body):
        raise MatchersError(f"matcher value contains unescaped double quote: {raw}")
    value = re.sub(r'\\([n"\\])', lambda m: "\n" if m[1] == "n" else m[1], body)
    return _matcher(name, operator, value)


def _is_escaped_end(body: str) -> bool:
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1

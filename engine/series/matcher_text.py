"""Read matchers as Alertmanager 0.34 reads them: the UTF-8 grammar, the older one as fallback.

    foo="bar"   foo=bar   "weird name"!~"a|b"        one: in filters, in commands
    {foo="bar", "weird name"!~"a|b"}   foo=bar,baz=~qux      several: in routes, in links

Where both grammars read a text and differ, the older one decides (Alertmanager's default mode);
its classic mode knows the older one alone, its strict UTF-8 mode the newer.
What a rule reads is PromQL's selector: that is engine.rules.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

from engine.series.anchored import compiled
from engine.series.matcher import Matcher, Selector

MatcherMode = Literal["fallback", "classic", "utf8"]
"""Alertmanager's modes: both grammars, the older one deciding; that one alone; the newer alone."""
Kind = Literal["text", "operator", "sign"]
_Word = tuple[str, Kind]

_BLANKS = r"[\t\n\f\r ]*"
_CLASSIC = re.compile(
    f"{_BLANKS}([a-zA-Z_:][a-zA-Z0-9_:]*){_BLANKS}(=~|=|!=|!~){_BLANKS}(.*?){_BLANKS}", re.DOTALL
)
_SPACE = " \t\n\v\f\r\x85\xa0"
_RESERVED = "{}!=~,\\\"'`"
_OPERATOR = re.compile(r"=~|!=|!~|=")
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"])|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
_SIMPLE = {
    "a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
    "\\": b"\\", '"': b'"',
}  # fmt: skip


class MatcherTextError(ValueError):
    """A text that is no matcher, or no list of them; the message is for who wrote it."""


def parse_matcher(text: str, mode: MatcherMode = "fallback") -> Matcher:
    """Read one matcher; braces belong to lists. Raises MatcherTextError."""
    if mode == "classic":
        return _classic(text)
    if text.startswith("{") or text.endswith("}"):
        raise MatcherTextError(f"unexpected open or close brace: {text}")
    if mode == "utf8":
        return _only(text)
    try:
        return _classic(text)
    except MatcherTextError as problem:
        try:
            return _only(text)
        except MatcherTextError:
            raise problem from None


def _only(text: str) -> Matcher:
    found = tuple(_modern(text))
    if len(found) != 1:
        raise MatcherTextError(f"expected 1 matcher, found {len(found)}: {text}")
    return found[0]


def parse_matchers(text: str, mode: MatcherMode = "fallback") -> Selector:
    """Read a list of matchers, with or without braces. Raises MatcherTextError."""
    if mode == "utf8":
        return tuple(_modern(text))
    if mode == "classic":
        return tuple(_classic(part) for part in _parts(text))
    try:
        modern = tuple(_modern(text))
        problem = None
    except MatcherTextError as error:
        modern, problem = (), error
    try:
        return tuple(_classic(part) for part in _parts(text))
    except MatcherTextError:
        if problem is not None:
            raise problem from None
        return modern


def _matcher(name: str, operator: str, value: str) -> Matcher:
    if operator in ("=~", "!~"):
        try:
            compiled(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise MatcherTextError(f"invalid regular expression {value!r}: {error}") from error
    return Matcher(name, operator, value)  # type: ignore[arg-type]  # the grammars allow four


def _modern(text: str) -> Iterator[Matcher]:
    words = list(_words(text))
    if words[:1] == [("{", "sign")]:
        if words[-1] != ("}", "sign") or len(words) < 2:
            raise MatcherTextError("the brace is not closed")
        words = words[1:-1]
    while words:
        if len(words) < 3:
            raise MatcherTextError(f"{text!r} ends within a matcher")
        (name, name_kind), (operator, operator_kind), (value, value_kind) = words[:3]
        if (name_kind, operator_kind, value_kind) != ("text", "operator", "text") or not name:
            raise MatcherTextError(
                f"expected name, operator and value, got {name}{operator}{value}"
            )
        yield _matcher(name, operator, value)
        words = words[3:]
        if words and words.pop(0) != (",", "sign"):
            raise MatcherTextError(f"expected a comma after {name}{operator}{value}")


def _words(text: str) -> Iterator[_Word]:
    """Split into words and what they are; quotes are undone."""
    position = 0
    while position < len(text):
        character = text[position]
        if _is_space(character):
            position += 1
        elif sign := _OPERATOR.match(text, position):
            yield sign.group(), "operator"
            position = sign.end()
        elif character in "{},":
            yield character, "sign"
            position += 1
        elif character == '"':
            value, position = _quoted(text, position + 1)
            yield value, "text"
        elif character in _RESERVED:
            raise MatcherTextError(f"{position}: {character}: invalid input")
        else:
            start = position
            while position < len(text) and not _is_reserved(text[position]):
                position += 1
            yield text[start:position], "text"


def _quoted(text: str, position: int) -> tuple[str, int]:
    """Undo Go's double quotes; return the value and where it ends. Bytes must add up to UTF-8."""
    made = bytearray()
    while position < len(text) and text[position] != "\n":
        character = text[position]
        if character == '"':
            try:
                return made.decode(), position + 1
            except UnicodeDecodeError:
                break
        if character == "\\":
            piece, position = _escape(text, position)
            made += piece
        else:
            made += character.encode(errors="replace")
            position += 1
    raise MatcherTextError(f"{text}: invalid input")


def _escape(text: str, position: int) -> tuple[bytes, int]:
    found = _ESCAPE.match(text, position)
    if found is None:
        raise MatcherTextError(f"{text}: cannot read the escape {text[position : position + 2]!r}")
    simple, hexadecimal, octal, *points = found.groups()
    if simple:
        return _SIMPLE[simple], found.end()
    if hexadecimal or octal:
        return bytes([int(hexadecimal, 16) if hexadecimal else int(octal, 8)]), found.end()
    number = int(points[0] or points[1], 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise MatcherTextError(f"U+{number:X} is no character")
    return chr(number).encode(), found.end()


def _is_space(character: str) -> bool:
    return character in _SPACE or unicodedata.category(character) in ("Zs", "Zl", "Zp")


def _is_reserved(character: str) -> bool:
    return character in _RESERVED or _is_space(character)


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
    last = _trimmed(body[start:])
    return [*parts, last] if last else parts


def _trimmed(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_space(text[start]):
        start += 1
    while start < end and _is_space(text[end - 1]):
        end -= 1
    return text[start:end]


def _classic(text: str) -> Matcher:
    found = _CLASSIC.fullmatch(text)
    if found is None:
        raise MatcherTextError(f"bad matcher format: {text}")
    name, operator, raw = found.groups()
    quoted = raw.startswith('"')
    body = raw[1:] if quoted else raw
    closed = not quoted or _closes(body)
    body = body[:-1] if quoted else body
    if not closed or re.search(r'(?<!\\)(?:\\\\)*"', body):
        raise MatcherTextError(f"matcher value contains unescaped double quote: {raw}")
    value = re.sub(r'\\([n"\\])', lambda m: "\n" if m[1] == "n" else m[1], body)
    return _matcher(name, operator, value)


def _closes(body: str) -> bool:
    """Say whether a text ends in a double quote that no backslash escapes."""
    before = body.removesuffix('"')
    return before != body and (len(before) - len(before.rstrip("\\"))) % 2 == 0

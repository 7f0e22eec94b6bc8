"""Read a matcher as Alertmanager 0.34 reads one: the UTF-8 grammar, the older one as fallback.

    foo="bar"   foo=bar   "weird name"!~"a|b"

Where both grammars read the text and differ, the older one decides, as there.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence

from engine.series import Matcher, compiled

MATCHER_BYTES_MAX = 4_096
MATCHERS_MAX = 64

_CLASSIC = re.compile(
    r"\A\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*(.*?)\s*\Z", re.DOTALL | re.ASCII
)
_SPACE = " \t\n\v\f\r\x85\xa0"
_RESERVED = "{}!=~,\\\"'`"
_TOKEN = re.compile(r"=~|!=|!~|=|,")
_SIMPLE_ESCAPES = {
    "a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
    "\\": b"\\", '"': b'"',
}  # fmt: skip
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}


class MatcherTextError(ValueError):
    """A text that is no matcher; the message is for the client."""


def parse_matchers(texts: Sequence[str]) -> tuple[Matcher, ...]:
    """Read the `filter` parameters of a request. Raises MatcherTextError."""
    if len(texts) > MATCHERS_MAX:
        raise MatcherTextError(f"too many matchers: {len(texts)} (limit: {MATCHERS_MAX})")
    return tuple(parse_matcher(text) for text in texts)


def parse_matcher(text: str) -> Matcher:
    """Read one matcher. Raises MatcherTextError."""
    if len(text.encode(errors="surrogatepass")) > MATCHER_BYTES_MAX:
        raise MatcherTextError(f"matcher is longer than {MATCHER_BYTES_MAX} bytes")
    if text.startswith("{") or text.endswith("}"):
        raise MatcherTextError(f"unexpected open or close brace: {text}")
    modern = _attempt(_modern, text)
    classic = _attempt(_classic, text)
    if isinstance(classic, Matcher):
        return classic
    if isinstance(modern, Matcher):
        return modern
    raise classic


def _attempt(grammar: Callable[[str], Matcher], text: str) -> Matcher | MatcherTextError:
    try:
        return grammar(text)
    except MatcherTextError as error:
        return error


def _checked(name: str, operator: str, value: str) -> Matcher:
    if operator in ("=~", "!~"):
        try:
            compiled(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise MatcherTextError(f"invalid regular expression {value!r}: {error}") from error
    return Matcher(name, operator, value)  # type: ignore[arg-type]  # the grammar allows four


def _classic(text: str) -> Matcher:
    found = _CLASSIC.match(text)
    if found is None:
        raise MatcherTextError(f"bad matcher format: {text}")
    name, operator, raw = found.groups()
    quoted = raw.startswith('"')
    body = raw[1:] if quoted else raw
    if quoted and not _closes(body):
        raise MatcherTextError(f"matcher value contains unescaped double quote: {raw}")
    if quoted:
        body = body[:-1]
    if re.search(r'(?<!\\)(?:\\\\)*"', body):
        raise MatcherTextError(f"matcher value contains unescaped double quote: {raw}")
    value = re.sub(r'\\([n"\\])', lambda m: "\n" if m[1] == "n" else m[1], body)
    return _checked(name, operator, value)


def _closes(body: str) -> bool:
    """Say whether a text ends in a double quote that no backslash escapes."""
    if not body.endswith('"'):
        return False
    slashes = len(body) - 1 - len(body[:-1].rstrip("\\"))
    return slashes % 2 == 0


def _modern(text: str) -> Matcher:
    words = _words(text)
    if words and words[-1] == (",", False):
        words.pop()  # one trailing comma is allowed
    if len(words) != 3:
        raise MatcherTextError(f"expected 1 matcher: {text}")
    (name, name_is_text), (operator, operator_is_text), (value, value_is_text) = words
    if not name_is_text or operator_is_text or operator == "," or not value_is_text:
        raise MatcherTextError(f"bad matcher format: {text}")
    return _checked(name, operator, value)


def _words(text: str) -> list[tuple[str, bool]]:
    """Split into (word, is text); quotes are undone, operators and commas are not text."""
    words: list[tuple[str, bool]] = []
    position = 0
    while position < len(text):
        character = text[position]
        if _is_space(character):
            position += 1
            continue
        sign = _TOKEN.match(text, position)
        if sign is not None:
            words.append((sign.group(), False))
            position = sign.end()
        elif character == '"':
            value, position = _quoted(text, position + 1)
            words.append((value, True))
        elif character in _RESERVED:
            raise MatcherTextError(f"{position}: {character}: invalid input")
        else:
            start = position
            while position < len(text) and not _is_reserved(text[position]):
                position += 1
            words.append((text[start:position], True))
    return words


def _quoted(text: str, position: int) -> tuple[str, int]:
    """Undo Go's double quotes; return the value and where it ends."""
    value = bytearray()
    while position < len(text):
        character = text[position]
        position += 1
        if character == '"':
            try:
                return value.decode(), position
            except UnicodeDecodeError:
                break
        if character == "\n":
            break
        if character != "\\":
            value += character.encode(errors="replace")
            continue
        piece, position = _escape(text, position)
        value += piece
    raise MatcherTextError(f"{text}: invalid input")


def _escape(text: str, position: int) -> tuple[bytes, int]:
    kind = text[position : position + 1]
    if kind in _SIMPLE_ESCAPES and kind:
        return _SIMPLE_ESCAPES[kind], position + 1
    octal = re.compile(r"[0-3][0-7]{2}").match(text, position)
    if octal is not None:
        return bytes([int(octal.group(), 8)]), octal.end()
    length = _HEX_ESCAPES.get(kind, 0)
    digits = text[position + 1 : position + 1 + length]
    if not length or not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", digits):
        raise MatcherTextError(f"{text}: invalid input")
    number = int(digits, 16)
    if kind == "x":
        return bytes([number]), position + 3
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise MatcherTextError(f"{text}: invalid input")
    return chr(number).encode(), position + 1 + length


def _is_space(character: str) -> bool:
    return character in _SPACE or unicodedata.category(character) in ("Zs", "Zl", "Zp")


def _is_reserved(character: str) -> bool:
    return character in _RESERVED or _is_space(character)

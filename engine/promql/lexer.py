"""Text to tokens, by one compiled pattern."""

import re
from typing import Final

from engine.promql.durations import parse_duration_ms, parse_number
from engine.promql.errors import PromQLError

WORD: Final = 1
TEXT: Final = 2
NUMBER: Final = 3
RANGE: Final = 4  # everything between brackets: only durations may stand there
OPERATOR: Final = 5
BAD: Final = 6
END: Final = 7

NUMBER_PATTERN: Final = r"0[xX][0-9A-Za-z_.]*|\.?[0-9](?:[eE][+-](?=[0-9])|[0-9A-Za-z_.])*"

# Blanks and comments have no group: they are skipped. The rest is ordered as the kinds above.
_TOKENS: Final = re.compile(
    r"[ \t\r\n]+|\#[^\r\n]*"
    r"|([A-Za-z_:][A-Za-z0-9_:]*)"
    r'|("(?:[^"\\\n]|\\[^\n])*"|\'(?:[^\'\\\n]|\\[^\n])*\'|`[^`]*`)'
    rf"|({NUMBER_PATTERN})"
    r"|(\[[^\]]*\])"
    r"|(==|=~|!=|!~|<=|>=|[-+*/%^<>=(){},@])"
    r"|(.)",
    re.DOTALL,
)

_UNFINISHED: Final = {
    '"': "unterminated quoted string", "'": "unterminated quoted string",
    "`": "unterminated raw string", "[": "unclosed left bracket",
    "]": "unexpected right bracket", "!": "unexpected character after '!'",
}  # fmt: skip

_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))|[^\\]+", re.DOTALL
)
_SIMPLE: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
}  # fmt: skip


class Tokens:
    """The tokens of a text as parallel lists, closed by one END."""

    __slots__ = ("kinds", "starts", "text", "values")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[int] = []
        self.values: list[str] = []
        self.starts: list[int] = []
        for match in _TOKENS.finditer(text):
            if (kind := match.lastindex) is not None:
                if kind == BAD:
                    raise _bad(match.group(), match.start(), len(text))
                self.kinds.append(kind)
                self.values.append(match.group())
                self.starts.append(match.start())
        self.kinds.append(END)
        self.values.append("")
        self.starts.append(len(text))


def _bad(character: str, start: int, length: int) -> PromQLError:
    if found := _UNFINISHED.get(character):
        return PromQLError(found, start, start + 1 if character in "]!" else length)
    return PromQLError(f"unexpected character: {character!r}", start, start + 1)


def literal(text: str, start: int) -> tuple[float, bool]:
    """Return the value of a number and whether it was written as a duration, in seconds.

    Raises: PromQLError.
    """
    value = parse_number(text)
    if value is not None:
        return value, False
    duration_ms = parse_duration_ms(text)
    if duration_ms is None:
        raise PromQLError(f'bad number or duration: "{text}"', start, start + len(text))
    return duration_ms / 1000, True


def unquote(quoted: str, start: int) -> str:
    """Return what a string literal says. Raises PromQLError.

    Escaped bytes that are no UTF-8 become U+FFFD: no label value ever has them.
    """
    quote, inner = quoted[0], quoted[1:-1]
    if quote == "`":
        return inner.replace("\r", "")
    if "\\" not in inner:
        return inner
    parts: list[bytes] = []
    for match in _ESCAPE.finditer(inner):
        try:
            parts.append(_escaped(match, quote))
        except ValueError:
            at = start + 1 + match.start()
            message = f"unknown escape sequence {match.group()}"
            raise PromQLError(message, at, at + len(match.group())) from None
    return b"".join(parts).decode(errors="replace")


def _escaped(match: re.Match[str], quote: str) -> bytes:
    byte, short, long, octal, simple = match.groups()
    if byte or octal:
        return bytes((int(byte, 16) if byte else int(octal, 8),))
    if short or long:
        return chr(int(short or long, 16)).encode()  # ValueError: a surrogate, or too large
    if simple is None:
        return match.group().encode()
    if simple == quote:
        return simple.encode()
    if simple not in _SIMPLE:
        raise ValueError(simple)
    return _SIMPLE[simple].encode()

"""Classes of characters as ranges of code points."""

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

Ranges = tuple[tuple[int, int], ...]
"""First and last code point, inclusive."""


def _of(text: str) -> Ranges:
    """Return ranges from pairs: `09az` is 0-9 and a-z."""
    return tuple((ord(text[at]), ord(text[at + 1])) for at in range(0, len(text), 2))


def negated(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return what is in none of the ranges."""
    gaps, following = [], 0
    for low, high in sorted(ranges):
        if low > following:
            gaps.append((following, low - 1))
        following = max(following, high + 1)
    if following <= sys.maxunicode:
        gaps.append((following, sys.maxunicode))
    return tuple(gaps)


_DIGIT, _SPACE, _WORD = _of("09"), _of("\t\n\f\r  "), _of("09AZ__az")
PERL: Final[Mapping[str, Ranges]] = {
    "d": _DIGIT, "s": _SPACE, "w": _WORD,
    "D": negated(_DIGIT), "S": negated(_SPACE), "W": negated(_WORD),
}  # fmt: skip
_POSIX: Final[Mapping[str, Ranges]] = {
    "alnum": _of("09AZaz"), "alpha": _of("AZaz"), "ascii": _of("\x00\x7f"), "blank": _of("\t\t  "),
    "cntrl": _of("\x00\x1f\x7f\x7f"), "digit": _DIGIT, "graph": _of("!~"), "lower": _of("az"),
    "print": _of(" ~"), "punct": _of("!/:@[`{~"), "space": _of("\t\r  "), "upper": _of("AZ"),
    "word": _WORD, "xdigit": _of("09AFaf"),
}  # fmt: skip
ESCAPES: Final = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
NOT_NEWLINE: Final = r"[^\n]"


def posix(name: str) -> Ranges | None:
    """Return the class `[:name:]`, `[:^name:]`; None where there is none of that name."""
    found = _POSIX.get(name.removeprefix("^"))
    return negated(found) if found is not None and name.startswith("^") else found


@lru_cache(maxsize=64)
def category(name: str) -> Ranges | None:
    """Return the code points of a general category (`L`, `Lu`, `Any`); None for another name."""
    if name == "Any":
        return ((0, sys.maxunicode),)
    if not re.fullmatch("[A-Z][a-z]?", name):
        return None
    ranges: list[tuple[int, int]] = []
    for code in range(sys.maxunicode + 1):
        have = unicodedata.category(chr(code))
        if have.startswith(name) and have != "Cn":  # Go knows no class of unassigned ones
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1] = (ranges[-1][0], code)
            else:
                ranges.append((code, code))
    return tuple(ranges) or None


def character_class(ranges: Ranges, negative: bool) -> str:
    """Return the class as `re` writes it; an empty one matches nothing."""
    if not ranges:
        return r"[\s\S]" if negative else r"[^\s\S]"
    inner = "".join(
        re.escape(chr(low)) if low == high else f"{_end(low)}-{_end(high)}" for low, high in ranges
    )
    return f"[{'^' if negative else ''}{inner}]"


def _end(code: int) -> str:
    return re.escape(chr(code))

"""Upper case, lower case, titles: one character at a time, as Go maps them."""

import re

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What Go takes for white space."""

# Letters, digits and marks make a word; so do ' . : · between letters, and . , ; ' between digits.
_WORD = re.compile(r"(?:[^\W_]|(?<=[^\W\d_])['’.:·](?=[^\W\d_])|(?<=\d)['’.,;](?=\d)|_|[̀-ͯ])+")


def _mapped(text: str, upper: bool) -> str:
    parts = []
    for each in text:
        mapped = each.upper() if upper else each.lower()
        if len(mapped) > 1:
            # Go knows mappings of one character to one only: ß stays, İ loses its dot.
            mapped = each if upper else mapped[0]
        parts.append(mapped)
    return "".join(parts)


def upper(text: str) -> str:
    """WEB for web."""
    return text.upper() if text.isascii() else _mapped(text, upper=True)


def lower(text: str) -> str:
    """Return web for WEB."""
    return text.lower() if text.isascii() else _mapped(text, upper=False)


def title(text: str) -> str:
    """Return every word with a capital; the rest of it as it is."""
    return _WORD.sub(lambda match: _capital(match.group()), text)


def _capital(word: str) -> str:
    for at, each in enumerate(word):
        if each.isalpha():
            capital = each.title()
            return word[:at] + capital + word[at + 1 :]
    return word


def cased_title(text: str) -> str:
    """Return every word with a capital, and the rest of it in lower case."""
    return _WORD.sub(lambda match: _capital(lower(match.group())), text)

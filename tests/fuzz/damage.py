"""Damage to texts that people wrote: pieces left out, doubled, swapped, replaced."""

import random

from hypothesis import strategies as st

PIECES = (
    "", " ", "\n", "\t", "  ", "-", ":", ": ", "- ", "'", '"', "[", "]", "{", "}", "(", ")", ",",
    "#", "|", ">", "&a", "*a", "!!python/object:os.system", "<<", "%", "@", "`", "\\", "\0", "\x1f",
    "\ufeff", "\udcff", "é", "0", "-1", "1e999", "NaN", "null", "~", "true", "9" * 30, "{{", "}}",
    "{{ $value }}", "{{ range }}", "$labels", "alert", "expr", "record", "for", "groups", "rules",
    "labels", "annotations", "interval", "limit", "1m", "1y1y", "5m offset -1d", "rate(", "[5m]",
    "by", "on", "group_left", "bool", "__name__", "=~", "(a+)+$", "x" * 300,
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, texts: list[str]) -> str:
    """One of some texts with a few things wrong in it, at most a few kilobytes of it."""
    text = draw(st.sampled_from(texts))
    dice = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 6))):
        text = hurt(text, dice)
    return text


def hurt(text: str, dice: random.Random) -> str:
    """Do one thing to a text."""
    at = dice.randrange(len(text) + 1)
    end = min(len(text), at + dice.choice((0, 1, 1, 2, 5, 20, 80)))
    kind = dice.randrange(5)
    if kind == 0:
        return text[:at] + text[end:]
    if kind == 1:
        return text[:at] + text[at:end] * 2 + text[end:]
    if kind == 2:
        other = dice.randrange(len(text) + 1)
        return text[:at] + text[other : other + 12] + text[end:]
    if kind == 3:
        lines = text.split("\n")
        one, two = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[one], lines[two] = lines[two], lines[one]
        return "\n".join(lines)
    return text[:at] + dice.choice(PIECES) + text[end:]

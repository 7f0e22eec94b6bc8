"""Anchored RE2 patterns, in bounded time whatever the pattern and the text are.

Python's `re` where that is quick for sure, else a machine that does not backtrack: a label value
of a kilobyte must not hold a worker for hours because somebody wrote `(a+)+`.
"""

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Any

from engine.series.machine import Machine, Spans, TooLargeError, parsed, ways
from engine.series.regex import translate

_LONG = 1 << 20
_EFFORT_MAX = 2_000_000
"""Steps that a backtracking matcher may need for one text: some 40 ms. Above it: the machine."""


class Matched:
    """What a pattern's groups took of a text."""

    __slots__ = ("_names", "_spans", "_text")

    def __init__(self, text: str, spans: Spans, names: dict[str, int]) -> None:
        self._text, self._spans, self._names = text, spans, names

    def __getitem__(self, group: int | str) -> str | None:
        """Return a group's text, None where it took no part. Raises IndexError."""
        number = self._names.get(group) if isinstance(group, str) else group
        if number is None or not 0 <= number < len(self._spans) // 2:
            raise IndexError(f"no such group: {group!r}")
        start, end = self._spans[2 * number], self._spans[2 * number + 1]
        return None if start < 0 else self._text[start:end]

    def groups(self) -> tuple[str | None, ...]:
        """Return the texts of all groups from 1 on."""
        return tuple(self[number] for number in range(1, len(self._spans) // 2))


class Anchored:
    """A compiled pattern that must take a text whole."""

    __slots__ = ("_machine", "_pattern", "_plain_max", "_tree")

    def __init__(self, pattern: re.Pattern[str], tree: Any) -> None:
        self._pattern, self._tree = pattern, tree
        self._machine: Machine | None = None
        self._plain_max = _LONG  # characters of a text that `re` is quick with for sure

    @property
    def pattern(self) -> str:
        """Return the pattern as Python's `re` reads it."""
        return self._pattern.pattern

    def prepare(self) -> None:
        """Make the machine where some text would need it. Raises TooLargeError."""
        if ways(self._tree, _LONG) > 1:
            self._machine = Machine.of(self._tree)
            # A longer text never has fewer ways.
            self._plain_max = bisect_right(range(_LONG), False, key=self._is_hard) - 1

    def _is_hard(self, length: int) -> bool:
        return ways(self._tree, length) * (length + 1) > _EFFORT_MAX

    def accepts(self, text: str) -> bool:
        """Say whether it takes the whole text; the same as `match`, without the groups."""
        if self._machine is None or len(text) <= self._plain_max:
            return self._pattern.match(text) is not None
        return self.match(text) is not None

    def match(self, text: str) -> Matched | None:
        """Match the whole text; None where it does not."""
        machine = self._machine
        if machine is None or len(text) <= self._plain_max:
            found = self._pattern.match(text)
            spans = None if found is None else tuple(at for span in found.regs for at in span)
        else:
            # It looks for the leftmost match: one that begins later is none of the whole text.
            spans = machine.search(text, 0, _free)
            if spans is not None and spans[0] != 0:
                spans = None
        return None if spans is None else Matched(text, spans, dict(self._pattern.groupindex))


def _free(_steps: int) -> None:
    """Charge nothing: texts and patterns are bounded where they come in."""


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Anchored:
    """Compile a pattern, anchored as Prometheus anchors it. Raises re.error."""
    text = rf"\A(?:{translate(pattern)})\Z"
    anchored = Anchored(re.compile(text, re.DOTALL), parsed(f"(?s:{text})"))
    try:
        anchored.prepare()
    except TooLargeError:
        raise re.error("the pattern is too large") from None
    return anchored

"""`match` and `reReplaceAll`: RE2, in bounded time."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.series import Machine, Spans, TooLargeError, parsed, translate, ways
from engine.template.budget import Budget
from engine.template.go.errors import Failure

_PATTERN_CHARS_MAX = 4_096
_EFFORT_MAX = 2_000_000
_EFFORT_PER_STEP = 512
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")


@dataclass(slots=True)
class Expression:
    """A compiled expression: Python's `re` where that is quick for sure, else the machine."""

    pattern: re.Pattern[str]
    tree: Any
    machine: Machine | None = None

    def search(self, text: str, start: int, budget: Budget) -> Spans | None:
        """Return start and end of the first match and of its groups. Raises Failure."""
        left = len(text) - start
        effort = ways(self.tree, left) * (left + 1) ** 2
        if effort > _EFFORT_MAX:
            return self.slow().search(text, start, budget.spend)
        budget.spend(1 + int(effort) // _EFFORT_PER_STEP)
        found = self.pattern.search(text, start)
        if found is None:
            return None
        return tuple(at for span in found.regs for at in span)

    def slow(self) -> Machine:
        """Return the machine, made once. Raises Failure."""
        if self.machine is None:
            try:
                self.machine = Machine.of(self.tree)
            except TooLargeError:
                raise Failure("this expression is too large") from None
        return self.machine


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Expression | str:
    if len(pattern) > _PATTERN_CHARS_MAX:
        return f"longer than {_PATTERN_CHARS_MAX:,} characters"
    try:
        # Here, unlike in matchers, a point is no newline.
        text = translate(f"(?-s){pattern}")
        return Expression(re.compile(text, re.DOTALL), parsed(f"(?s:{text})"))
    except re.error as error:
        return error.msg
    except (RecursionError, OverflowError, ValueError, MemoryError):
        return "too large"


def compiled(pattern: str) -> Expression:
    """Compile RE2. Raises Failure."""
    found = _compiled(pattern)
    if isinstance(found, str):
        raise Failure(f"bad regular expression: {found}")
    return found


def find(pattern: str, text: str, budget: Budget) -> bool:
    """Say whether the expression matches anywhere."""
    return compiled(pattern).search(text, 0, budget) is not None


def replace(pattern: str, by: str, text: str, budget: Budget) -> str:
    """Replace every match; `$1`, `${1}`, `${name}` stand for groups, `$$` for a dollar."""
    expression = compiled(pattern)
    budget.fits(len(text) + len(by))
    parts: list[str] = []
    size, done, at = 0, 0, 0
    while at <= len(text):
        spans = expression.search(text, at, budget)
        if spans is None:
            break
        start, end = spans[0], spans[1]
        parts.append(text[done:start])
        # An empty match right behind a match is none.
        if end > done or start == 0:
            parts.append(_filled(by, expression.pattern, spans, text))
        size += len(parts[-1]) + start - done
        budget.fits(size)
        done = end
        at = end if end > at else at + 1
    parts.append(text[done:])
    budget.fits(size + len(text) - done)
    return "".join(parts)


def _filled(by: str, pattern: re.Pattern[str], spans: Spans, text: str) -> str:
    """Put groups into the replacement."""
    if "$" not in by:
        return by

    def group(match: re.Match[str]) -> str:
        if match.group(1):
            return "$"
        name = match.group(2) or match.group(3)
        at = int(name) if name.isascii() and name.isdigit() and len(name) < 5 else \
            pattern.groupindex.get(name, -1)  # fmt: skip
        if not 0 <= at <= pattern.groups or spans[2 * at] < 0:
            return ""
        return text[spans[2 * at] : spans[2 * at + 1]]

    return _REFERENCE.sub(group, by)

"""The budget of one rendering: steps and sizes, the same on every machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jinja2.exceptions import SecurityError

STEPS_MAX = 100_000
TEXT_CHARS_MAX = 65_536
INTEGER_BITS_MAX = 256


class Budget:
    """What one rendering may still spend."""

    __slots__ = ("chars_max", "steps")

    def __init__(self, steps: int = STEPS_MAX, chars_max: int = TEXT_CHARS_MAX) -> None:
        self.steps = steps
        self.chars_max = chars_max

    def spend(self, steps: int) -> None:
        """Take steps. Raises SecurityError when there are none left."""
        self.steps -= steps
        if self.steps < 0:
            raise SecurityError("this template takes too many steps")

    def fits(self, chars: int) -> None:
        """Charge for a text before it is made. Raises SecurityError where it would be too long."""
        if chars > self.chars_max:
            raise SecurityError(f"a text of {chars:,} characters, the limit is {self.chars_max:,}")
        self.spend(1 + chars // 64)


_current: ContextVar[Budget | None] = ContextVar("template_budget", default=None)


def current() -> Budget:
    """Return the budget of the rendering that runs, a fresh one outside of any."""
    return _current.get() or Budget()


def start() -> Budget:
    """Begin a new rendering."""
    budget = Budget()
    _current.set(budget)
    return budget


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """Let a rendering spend from a budget that somebody else began."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


def fits(chars: int) -> None:
    """Charge for a text before it is made. Raises SecurityError where it would be too long."""
    current().fits(chars)

"""One expansion: what it has written, its variables, what it may still spend."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2.exceptions import SecurityError

from engine.template.budget import Budget
from engine.template.go.errors import TemplateError
from engine.template.go.values import Value

CALLS_MAX = 40
"""How deep templates may call templates."""

Body = Callable[["Run", Value], int]
"""A compiled body: run it with the cursor; 0, or how it left: BREAK or CONTINUE."""

BREAK, CONTINUE = 1, 2


class Full(Exception):  # noqa: N818 - no error: the output has reached its limit
    """The output is as long as it may be."""


class Run:
    """The state of one expansion; functions of templates get it as their first argument."""

    __slots__ = (
        "bodies", "budget", "calls", "context", "left", "missing_fails", "missing_is_zero", "parts",
        "undo", "variables",
    )  # fmt: skip

    def __init__(
        self,
        bodies: Mapping[str, Body],
        context: Any,
        output_max: int,
        missing: str,
        budget: Budget,
    ) -> None:
        self.bodies = bodies
        self.context = context
        self.budget = budget
        self.calls = 0
        self.left = output_max
        self.missing_fails = missing == "error"
        self.missing_is_zero = missing == "zero"
        self.parts: list[str] = []
        self.variables: dict[str, Value] = {}
        self.undo: list[tuple[str, Value]] = []

    def write(self, text: str) -> None:
        """Add to the output. Raises Full when nothing more fits."""
        self.parts.append(text)
        self.left -= len(text)
        if self.left < 0:
            raise Full

    def write_all(self, texts: list[str]) -> None:
        """Add to the output. Raises Full when nothing more fits."""
        size = sum(map(len, texts))
        if size > self.left:
            for text in texts:
                self.write(text)
        self.parts += texts
        self.left -= size

    def declare(self, name: str, value: Value) -> None:
        """Make a variable; `restore` brings back what it hides."""
        self.undo.append((name, self.variables.get(name, _ABSENT)))
        self.variables[name] = value

    def restore(self, mark: int) -> None:
        """End a scope that began when `len(undo)` was `mark`."""
        undo = self.undo
        while len(undo) > mark:
            name, value = undo.pop()
            if value is _ABSENT:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value

    def call(self, name: str, dot: Value, start: int, end: int) -> None:
        """Run another template into the same output. Raises TemplateError."""
        body = self.bodies.get(name)
        if body is None:
            raise TemplateError(f"there is no template {name!r}", start, end)
        if self.calls >= CALLS_MAX:
            raise TemplateError(f"templates call each other deeper than {CALLS_MAX}", start, end)
        outer = self.variables, self.undo
        self.variables, self.undo = {"$": dot}, []
        self.calls += 1
        try:
            body(self, dot)
        finally:
            self.calls -= 1
            self.variables, self.undo = outer

    def captured(self, name: str, dot: Value) -> str:
        """Run another template and return what it writes. Raises TemplateError."""
        outer, self.parts = self.parts, []
        try:
            self.call(name, dot, 0, 1)
            return "".join(self.parts)
        finally:
            self.parts = outer


class _Absent:
    """Marks a variable that did not exist before."""


_ABSENT: Any = _Absent()

__all__ = [
    "BREAK", "CALLS_MAX", "CONTINUE", "Body", "Full", "Run", "SecurityError",
]  # fmt: skip

"""The series notation of Prometheus' rule tests: `a+bxn`, `axn`, `_xn`, `stale`.

Source: Prometheus, configuration/unit_testing_rules and the grammar of series descriptions. Steps
are added one after the other, as Prometheus adds them, so that the last bits are the same.
"""

import re
from typing import NoReturn

from engine.errors import TocsinError
from engine.promql import PromQLError, VectorSelector, parse
from engine.ruletests.model import StepValue
from engine.vector import LabelSet, label_set

VALUES_MAX = 1_000_000  # of one series

_NUMBER = re.compile(
    r"(?P<number>[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9_]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<word>[a-zA-Z]+)"
)
_COUNT = re.compile(r"[0-9]+")
_FILLER_NAME = "__filler__"
_FILLER = f'{_FILLER_NAME}="x",'


class NotationError(TocsinError):
    """A text in no series notation; `offset` and `length` say where, `code` which finding it is."""

    def __init__(
        self, message: str, offset: int, length: int = 1, code: str = "test-series"
    ) -> None:
        super().__init__(message)
        self.offset, self.length, self.code = offset, length, code


def parse_metric(text: str) -> LabelSet:
    """Read `name{label="value"}`; an empty text has no labels. Raises NotationError."""
    lead = len(text) - len(text.lstrip())
    body = text.strip()
    if not body:
        return ()
    shift = lead
    if body.startswith("{"):  # an expression must select something, a label set need not
        body = "{" + _FILLER + body[1:]
        shift -= len(_FILLER)
    try:
        found = parse(body)
    except PromQLError as error:
        start = max(error.start + shift, 0)
        raise NotationError(str(error), start, max(error.end - error.start, 1)) from error
    if not isinstance(found, VectorSelector) or found.offset_ms or found.at is not None:
        raise NotationError(f"{text!r} is an expression, not a series", lead, len(text.strip()))
    labels: dict[str, str] = {}
    for name, operator, value in ((m.name, m.operator, m.value) for m in found.selector):
        if name == _FILLER_NAME:
            continue
        if operator != "=":
            raise NotationError(f"a series has labels: {name}{operator} is a matcher", lead)
        if name in labels:
            raise NotationError(f"the label {name} is here twice", lead)
        labels[name] = value
    return label_set(labels)


def parse_values(text: str) -> tuple[StepValue, ...]:
    """Read values, one a step. Raises NotationError."""
    values: list[StepValue] = []
    for word in re.finditer(r"\S+", text):
        if word[0].startswith("{{") or "{{" in word[0]:
            raise NotationError(
                "a native histogram; Tocsin evaluates float series only", word.start(), 2,
                "test-histogram",
            )  # fmt: skip
        values += _Word(word[0], word.start()).read()
        if len(values) > VALUES_MAX:
            raise NotationError(
                f"more than {VALUES_MAX:,} values in one series", word.start(), len(word[0]),
                "test-limit",
            )  # fmt: skip
    return tuple(values)


class _Word:
    """One item between spaces."""

    def __init__(self, text: str, offset: int) -> None:
        self.text, self.offset, self.at = text, offset, 0

    def read(self) -> list[StepValue]:
        if self.text.startswith("_"):
            self.at = 1
            # A missing sample repeats n times; a value is there once and repeats n times more.
            return ["missing"] * (1 if self._end() else self._count())
        value = self._value()
        if self._end():
            return [value]
        step = 0.0
        if self.text[self.at] in "+-":
            found = self._value()
            if found == "stale":
                self._wrong("a number must follow + and -")
            assert isinstance(found, float)
            step = found
        count = self._count() + 1
        if isinstance(value, str) or not step:
            return [value] * count
        values: list[StepValue] = []
        for _ in range(count):
            values.append(value)
            value += step
        return values

    def _value(self) -> StepValue:
        sign = 1.0
        signed = self.text[self.at : self.at + 1] in ("+", "-")
        if signed:
            sign = -1.0 if self.text[self.at] == "-" else 1.0
            self.at += 1
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            self._wrong("a number, `stale` or `_` must stand here")
        self.at = found.end()
        word = found["word"]
        if word is None:
            return sign * self._number(found["number"], found.start())
        if word == "stale" and not signed:
            return "stale"
        if word.lower() in ("nan", "inf"):
            return sign * float(word)
        self.at = found.start()
        return self._wrong(f"{word!r} is neither a number nor `stale`")

    def _number(self, written: str, at: int) -> float:
        try:
            if re.fullmatch(r"0_?[0-7_]+", written):
                return float(int("0o" + written[1:].lstrip("_"), 8))  # as Go reads it
            if re.fullmatch(r"[0-9_]+", written):
                return float(int(written))
            if "_" in written:
                raise ValueError(written)
            return float(written)
        except (ValueError, OverflowError):
            if re.fullmatch(r"[0-9]+", written):
                return float(written)  # 08: no octal number, but a decimal one
            self.at = at
            return self._wrong(f"{written!r} is no number")

    def _count(self) -> int:
        if self.text[self.at : self.at + 1] != "x":
            self._wrong("`x` and a number of repetitions must follow, or a space")
        found = _COUNT.match(self.text, self.at + 1)
        if found is None:
            self.at += 1
            self._wrong("a number of repetitions must follow `x`")
        self.at = found.end()
        if not self._end():
            self._wrong("a space must follow")
        count = int(found[0]) if len(found[0]) < 10 else VALUES_MAX + 1
        if count > VALUES_MAX:
            raise NotationError(
                f"more than {VALUES_MAX:,} values in one series", self.offset, len(self.text),
                "test-limit",
            )  # fmt: skip
        return count

    def _end(self) -> bool:
        return self.at >= len(self.text)

    def _wrong(self, message: str) -> NoReturn:
        at = min(self.at, max(len(self.text) - 1, 0))
        raise NotationError(message, self.offset + at, max(len(self.text) - at, 1))

"""Matchers and selectors: which series a rule reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.series.anchored import compiled

MatchOperator = Literal["=", "!=", "=~", "!~"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a missing label counts as the empty string (Prometheus)."""

    name: str
    operator: MatchOperator
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether a label set passes."""
        have = labels.get(self.name, "")
        if self.operator == "=":
            return have == self.value
        if self.operator == "!=":
            return have != self.value
        return compiled(self.value).accepts(have) == (self.operator == "=~")

    def __str__(self) -> str:
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.operator}"{quoted}"'


Selector = tuple[Matcher, ...]
"""All must match. The metric name is the label `__name__`."""


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Say whether every matcher of a selector passes."""
    return all(matcher.matches(labels) for matcher in selector)

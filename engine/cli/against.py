"""Ask a running Tocsin about rules, and show what it says of each: `check rules --against`."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from typing import Any, Final

import msgspec

from engine.api import Inspected
from engine.cli.client import ApiError, ask, print_table
from engine.cli.live_rules import (
    Answers,
    Cost,
    asked_expressions,
    costs,
    findings,
    readings,
    state_bytes,
)
from engine.document import Finding, format_duration
from engine.rules import RuleSet

_INSPECT: Final = "/api/v1/rules/inspect"
_AT_ONCE: Final = 100  # of both kinds; a worker takes 200


class Asking:
    """A rule set beside what a running Tocsin says of it."""

    def __init__(self, rules: RuleSet, url: str, token_file: str | None) -> None:
        """Ask. Raises ApiError."""
        self.rules = rules
        self._to = argparse.Namespace(url=url, token_file=token_file)
        self.incomplete: dict[str, None] = {}  # why, in order
        self.answers = self._ask()

    def _ask(self) -> Answers:
        answers = Answers({}, {})
        read = dict.fromkeys((r.group.tenant, r.text) for r in readings(self.rules))
        rows = dict.fromkeys((g.tenant, text) for g, _, text in asked_expressions(self.rules))
        for tenant in dict.fromkeys(tenant for tenant, _ in (*read, *rows)):
            selectors = _batches(text for of, text in read if of == tenant)
            expressions = _batches(text for of, text in rows if of == tenant)
            for some, more in zip_longest(selectors, expressions, fillvalue=()):
                said = self._said(tenant, some, more)
                answers.selectors.update({(tenant, s.selector): s for s in said.selectors})
                answers.expressions.update({(tenant, e.expression): e for e in said.expressions})
        return answers

    def _said(self, tenant: str, selectors: Sequence[str], expressions: Sequence[str]) -> Inspected:
        body = {"tenant": tenant, "selectors": selectors, "expressions": expressions}
        answer = ask(self._to, "POST", _INSPECT, body=body)
        try:
            said = msgspec.convert(answer["data"], Inspected)
        except (TypeError, KeyError, msgspec.ValidationError) as error:
            raise ApiError(f"{self._to.url} does not answer as Tocsin does: {error}") from error
        if said.silent:
            self.incomplete[f"no answer from {', '.join(said.silent)}"] = None
        elif not said.whole:
            self.incomplete["there was no time to look at every series"] = None
        return said

    def findings(self) -> list[Finding]:
        """Return what is odd."""
        return list(findings(self.rules, self.answers))

    def costs(self) -> list[Cost]:
        """Return what each rule reads and gives."""
        return costs(self.rules, self.answers)

    def as_json(self) -> dict[str, Any]:
        """Return costs for programs."""
        return {
            "against": [
                {
                    "file": cost.rule.file, "line": cost.rule.line, "group": cost.group.name,
                    "rule": cost.rule.name, "series": cost.series, "interval_ms": cost.gap_ms,
                    "alerts": cost.alerts, "alerts_unknown": cost.why,
                    "state_bytes": cost.state_bytes,
                }
                for cost in self.costs()
            ],
            "state_bytes": state_bytes(self.rules, self.answers),
            "incomplete": list(self.incomplete),
        }  # fmt: skip

    def show(self) -> None:
        """Print costs for people."""
        found = self.costs()
        head = ("RULE", "SERIES", "EVERY", "ALERTS NOW", "STATE")
        print_table(head, [_row(cost) for cost in found])
        for why in sorted({cost.why for cost in found if cost.why}):
            number = sum(cost.why == why for cost in found)
            print(f"ALERTS NOW is not known of {number}: {why}")
        for why in self.incomplete:
            print(f"incomplete: {why}")
        print(f"state of all: {_bytes(state_bytes(self.rules, self.answers))}")


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _row(cost: Cost) -> tuple[str, ...]:
    return (
        f"{cost.group.name}/{cost.rule.name}",
        f"{cost.series:,}",
        "" if cost.gap_ms is None else format_duration(cost.gap_ms),
        "" if cost.alerts is None else f"{cost.alerts:,}",
        "" if cost.state_bytes is None else _bytes(cost.state_bytes),
    )


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1_000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} GB"

"""Prometheus' PromQL engine tests: cases of class float_core."""

import json
import math
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from engine.groups import QueryResult
from engine.promql import Expr, PromQLError, parse
from engine.ruletests import Sample, bits_of, query_group
from engine.vector import LabelSet, label_set
from tests.conformance.corpora import ROOT, Part, Tally
from tests.conformance.drive import Feed, Flow
from tests.conformance.reach import latest, of_a_range, pinned

MINUTE_MS = 60_000
PARTS = 8
SMALLEST_NORMAL = 2.2250738585072014e-308
Case = Mapping[str, Any]
Check = Callable[[Sequence[QueryResult | None]], str]


@dataclass(frozen=True)
class Ask:
    """One evaluation of a case: an expression at some ticks, and what is expected of them."""

    case: str
    variant: str
    text: str
    expr: Expr
    every_ms: int
    ticks: tuple[int, ...]
    fed_until: tuple[int, ...]  # by tick
    check: Check


def parts(seed: int, only: str = "") -> list[Part]:
    """Return the corpus in parts."""
    return [(run, (seed, only, number)) for number in range(PARTS)]


def run(
    seed: int, only: str = "", part: int | None = None, shards: Sequence[int] = (1, 3)
) -> Tally:
    """Evaluate cases (all, or one part of PARTS) on so many shards each."""
    cases = json.loads((ROOT / "promqltest/cases.json").read_text())
    cases = [c for c in cases if c["class"] == "float_core" and only in c["id"]]
    if part is not None:
        cases = [c for c in cases if crc32(_load(c).encode()) % PARTS == part]
    problems: dict[str, list[str]] = {case["id"]: [] for case in cases}
    portions: dict[tuple[str, tuple[int, ...], tuple[int, ...]], list[Ask]] = defaultdict(list)
    loads = {_load(case): case["load"] for case in cases}
    for case in cases:
        try:
            for ask in asks(case):
                portions[_load(case), ask.ticks, ask.fed_until].append(ask)
        except PromQLError as error:
            problems[case["id"]] += [_refused(case, str(error))]
    for (load, ticks, fed), together in portions.items():
        samples = list(_samples(loads[load]))
        for count in shards:
            rng = random.Random(f"{seed} {load} {ticks} {count}")
            for ask, problem in evaluate(together, samples, ticks, fed, count, rng):
                if problem:
                    problems[ask.case].append(f"[{ask.variant}, {count} shards] {problem}")
    tally = Tally("promqltest")
    for case in cases:
        told = [problem for problem in problems[case["id"]] if problem]
        tally.add(case["id"], f"{case['eval']['expr']}: {told[0]}" if told else "")
    return tally


def _load(case: Case) -> str:
    return json.dumps([one["id"] for one in case["load"]])


def evaluate(
    asks: Sequence[Ask],
    samples: Sequence[Sample],
    ticks: Sequence[int],
    fed: Sequence[int],
    shards: int,
    rng: random.Random,
) -> Iterator[tuple[Ask, str]]:
    """Run evaluations that have their times in common; yields what is wrong with each."""
    groups = [query_group(i, ask.text, ask.expr, ask.every_ms) for i, ask in enumerate(asks)]
    try:
        flow = Flow(groups, shards, rng)
        feed = Feed(samples)
        for tick, until in zip(ticks, fed, strict=True):
            flow.send(feed.until(until), tick)
            flow.advance(tick)
        results = flow.results()
    except Exception as error:  # noqa: BLE001 - one broken case must not hide the others
        if len(asks) > 1:
            for ask in asks:
                yield from evaluate([ask], samples, ticks, fed, shards, rng)
        else:
            yield asks[0], f"raised {error!r}"
        return
    for number, ask in enumerate(asks):
        yield ask, ask.check([results.get((str(number), tick)) for tick in ticks])


def asks(case: Case) -> Iterator[Ask]:
    """Yield a case and its variants. Raises PromQLError."""
    asked = case["eval"]
    expr = parse(asked["expr"])
    name = case["id"]
    if asked["kind"] == "range":
        start, end, step = asked["start_ms"], asked["end_ms"], asked["step_ms"]
        fixed = of_a_range(expr, start, end)
        ticks = tuple(range(start, end + 1, step))
        yield Ask(
            name, "range", asked["expr"], fixed, math.gcd(start, step), ticks,
            tuple(latest(fixed, tick) for tick in ticks), lambda got: _check_range(case, got),
        )  # fmt: skip
        return
    at_ms = asked["at_ms"]
    yield _instant(case, "instant", expr, at_ms)
    if not re.search(r"(start|end|range|step)\(\)", asked["expr"]):
        yield _middle(case, expr, at_ms)
    fixed_one = pinned(expr, at_ms)
    if fixed_one is not None:
        for other in {0, at_ms // 5, at_ms, 10 * at_ms} if at_ms else {0, 1000}:
            yield _instant(case, f"@ {at_ms} at {other}", fixed_one, other)


def _instant(case: Case, variant: str, expr: Expr, at_ms: int) -> Ask:
    return Ask(
        case["id"], variant, case["eval"]["expr"], expr, at_ms or MINUTE_MS, (at_ms,), (latest(expr, at_ms),),
        lambda got: _check_instant(case, got[0]),
    )  # fmt: skip


def _middle(case: Case, expr: Expr, at_ms: int) -> Ask:
    ticks = (at_ms - MINUTE_MS, at_ms, at_ms + MINUTE_MS)
    return Ask(
        case["id"], "middle of a range", case["eval"]["expr"], expr, math.gcd(at_ms, MINUTE_MS), ticks,
        tuple(latest(expr, tick) for tick in ticks),
        lambda got: _check_instant(case, got[1], sorted_rows=True),
    )  # fmt: skip


def _samples(load: Sequence[Case]) -> Iterator[Sample]:
    """Yield the float samples of a load; a later one of the same series and time wins."""
    found: dict[tuple[int, LabelSet], Sample] = {}
    for block in load:
        for series in block["series"]:
            labels = label_set(series["labels"])
            for step, value in enumerate(series["values"]):
                if value is None or isinstance(value, dict):
                    continue
                time_ms = step * block["interval_ms"]
                found[time_ms, labels] = Sample(time_ms, labels, _bits(value))
    return iter(found.values())


def _bits(value: float | str) -> int:
    return 0x7FF0000000000002 if value == "stale" else bits_of(float(value))


# -- what is expected -------------------------------------------------------------------------


def _refused(case: Case, error: str) -> str:
    """Judge an expression that is not even read."""
    fail = case["eval"]["expect"]["fail"]
    if fail is None:
        return f"refused: {error}"
    return "" if _said(fail, [error]) else f"refused: {error}, expected {fail}"


def _said(wanted: Mapping[str, Any], texts: Sequence[str]) -> bool:
    """Whether one of the texts is as wanted: any, msg (in it), regex."""
    if wanted.get("any"):
        return bool(texts)
    if "msg" in wanted:
        return any(wanted["msg"] in text for text in texts)
    return any(re.search(wanted["regex"], text) for text in texts)


def _check_annotations(expect: Case, result: QueryResult) -> str:
    for kind, texts in (("warn", result.warnings), ("info", result.infos)):
        if expect[f"no_{kind}"] and texts:
            return f"unexpected {kind}: {texts}"
        for wanted in expect[kind]:
            if not _said(wanted, texts):
                return f"expected {kind} {wanted}, got {texts}"
        for text in texts if expect[kind] else ():
            if not any(_said(wanted, [text]) for wanted in expect[kind]):
                return f"unexpected {kind}: {text}"
    return ""


def _check_instant(case: Case, result: QueryResult | None, sorted_rows: bool = False) -> str:
    asked = case["eval"]
    if result is None:
        return "not evaluated"
    fail = asked["expect"]["fail"]
    if fail is not None:
        return (
            ""
            if result.error and _said(fail, [result.error])
            else (f"expected it to fail ({fail}), got {result.error or result.rows}")
        )
    if result.error:
        return f"failed: {result.error}"
    problem = _check_annotations(asked["expect"], result)
    if problem:
        return problem
    wanted = asked["result"]
    if wanted["type"] == "string":
        return "" if result.text == wanted["value"] else f"expected a text, got {result}"
    if wanted["type"] != result.type:
        return f"expected a {wanted['type']}, got a {result.type}"
    if wanted["type"] == "scalar":
        value = _number(result.rows[0][1])
        same = _almost(value, float(wanted["value"]))
        return "" if same else f"expected {wanted['value']}, got {value}"
    expected = {label_set(s["labels"]): [s["values"][0]] for s in wanted["series"]}
    got = {label_set(labels): [_number(value)] for labels, value in result.rows}
    if len(got) < len(result.rows):
        return f"two rows of the same labels: {result.rows}"
    if asked["expect"]["ordered"] and not sorted_rows and list(expected) != list(got):
        return f"expected the order {list(expected)}, got {list(got)}"
    return _differences(expected, got)


def _check_range(case: Case, results: Sequence[QueryResult | None]) -> str:
    asked = case["eval"]
    fail = asked["expect"]["fail"]
    errors = [result.error for result in results if result is not None and result.error]
    if fail is not None:
        return "" if _said(fail, errors) else f"expected it to fail ({fail})"
    got: dict[LabelSet, list[float | None]] = {}
    warnings: list[str] = []
    infos: list[str] = []
    for step, result in enumerate(results):
        if result is None:
            return f"step {step} was not evaluated"
        if result.error:
            return f"step {step} failed: {result.error}"
        warnings += result.warnings
        infos += result.infos
        for labels, value in result.rows:
            row = got.setdefault(label_set(labels), [None] * len(results))
            row[step] = _number(value)
    whole = QueryResult(query="", at_ms=0, type="matrix", warnings=warnings, infos=infos)
    problem = _check_annotations(asked["expect"], whole)
    if problem:
        return problem
    expected = {}
    for series in asked["result"]["series"]:
        values = series["values"] + [None] * (len(results) - len(series["values"]))
        expected[label_set(series["labels"])] = values
    return _differences(expected, got)


def _differences(expected: Mapping[LabelSet, Any], got: Mapping[LabelSet, Any]) -> str:
    if expected.keys() != got.keys():
        missing = [dict(one) for one in expected if one not in got]
        extra = [dict(one) for one in got if one not in expected]
        return f"missing {missing}, extra {extra}"
    for labels, values in expected.items():
        for step, (a, b) in enumerate(zip(values, got[labels], strict=True)):
            if (a is None) != (b is None) or (a is not None and not _almost(float(a), float(b))):
                return f"{dict(labels)}: expected {a}, got {b} (step {step})"
    return ""


def _number(value: object) -> float:
    assert isinstance(value, int | float | str), value
    return float(value)


def _almost(a: float, b: float) -> bool:
    """Prometheus' own tolerance: 1e-6 relative, NaN equal to NaN."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if a == b:
        return True
    if math.isinf(a) or math.isinf(b):
        return False
    total, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < SMALLEST_NORMAL:
        return difference < 1e-6 * SMALLEST_NORMAL
    return difference / total < 1e-6

"""Range functions over rows of a subquery, and over cases that Prometheus' own tests state."""

import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.limits import DEFAULT_LIMITS
from engine.window import RingStore, over_columns
from tests.reference import ranges as twin
from tests.reference.ranges import STALE
from tests.window.samples import FUNCTIONS, close, columns

CORPUS = Path(os.environ.get("TOCSIN_CORPORA", "../shared/corpora")) / "promqltest/cases.json"
WIDE_MS = 1 << 31


@pytest.mark.parametrize("function", list(FUNCTIONS))
@given(data=st.data(), step_ms=st.integers(1, 90_000), first_ms=st.integers(-10**6, 10**6),
       width=st.integers(0, 20), range_ms=st.integers(1, 10**6))  # fmt: skip
@settings(max_examples=25)
def test_columns_are_what_the_twin_says(function, data, step_ms, first_ms, width, range_ms):
    cell = st.one_of(st.integers(-9, 9).map(float), st.none())
    table = data.draw(
        st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=3)
    )
    steps = first_ms + step_ms * np.arange(width)
    values = np.array([[v or 0.0 for v in row] for row in table]).reshape(len(table), width)
    mask = np.array([[v is not None for v in row] for row in table]).reshape(len(table), width)
    ends = first_ms + np.array([-1, width * step_ms // 2, width * step_ms])
    parameters = (np.array([0.1, 0.5, 0.9]),) * FUNCTIONS[function]
    got, found = over_columns(function, steps, values, mask, ends, range_ms, parameters)
    for i, row in enumerate(table):
        samples = [(int(t), v) for t, v in zip(steps, row) if v is not None]
        for j, end in enumerate(ends):
            wanted = twin.over(function, samples, int(end), range_ms, (0.1, 0.5, 0.9)[j])
            assert found[i, j] == (wanted is not None)
            assert wanted is None or close(got[i, j], wanted, 1e3)


def test_steps_further_apart_than_32_bits():
    steps = np.arange(4) * 100 * 86_400_000
    ones = np.ones((1, 4), bool)
    got, _ = over_columns("changes", steps, np.arange(4.0)[None], ones, steps[-1:], 1 << 50)
    assert got[0, 0] == 3.0


# The expressions whose whole work is one range function over one selector.
SIMPLE = re.compile(
    r"(\w+)\((?:([-\d.]+), ?)?([\w:]*)(\{[^}]*\})?\[(\w+)\](?: offset (\w+))?(?:, ?([-\d.]+))?\)"
)
UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SPECIAL = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf, "Inf": math.inf, "stale": STALE}


def duration_ms(text):
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhd])", text or ""))


def number(value):
    return SPECIAL[value] if isinstance(value, str) else float(value)


def matching(name, matchers):
    pairs = re.findall(r'([\w]+) *(!=|=) *"([^"]*)"', matchers or "")
    pairs += [("__name__", "=", name)] if name else []
    return lambda labels: all(
        (labels.get(key, "") == want) == (op == "=") for key, op, want in pairs
    )


def stated():
    """(case id, function, [(labels, samples)], ends, range, parameter, expected rows)."""
    if not CORPUS.exists():
        return
    for case in json.loads(CORPUS.read_text()):
        told, made = case["eval"], SIMPLE.fullmatch(case["eval"]["expr"])
        if case["class"] != "float_core" or not made or made[1] not in FUNCTIONS:
            continue
        if told["expect"]["fail"] is not None or "~" in (made[4] or ""):
            continue
        match = matching(made[3], made[4])
        series = [
            (s["labels"], [(k * load["interval_ms"], number(v))
             for k, v in enumerate(s["values"]) if v is not None])
            for load in case["load"] for s in load["series"] if match(s["labels"])
        ]  # fmt: skip
        if told["kind"] == "instant":
            ends = [told["at_ms"]]
        else:
            ends = list(range(told["start_ms"], told["end_ms"] + 1, told["step_ms"]))
        shift = duration_ms(made[6])
        parameter = float(made[2] or made[7] or 0) + (
            shift / 1000 if made[1] == "predict_linear" else 0
        )
        yield (
            case["id"], made[1], series, [end - shift for end in ends], duration_ms(made[5]),
            parameter, told["result"]["series"],
        )  # fmt: skip


def rows_of(found):
    """Rows without names: {labels: values}, None for no value."""
    return {tuple(sorted(labels.items())): row for labels, row in found if any(
        value is not None for value in row
    )}  # fmt: skip


def bare(function, labels):
    drop = () if function in ("first_over_time", "last_over_time") else ("__name__",)
    return {name: value for name, value in labels.items() if name not in drop}


def through_rings(function, series, ends, range_ms, parameter):
    made = RingStore(DEFAULT_LIMITS)
    made.need(np.arange(len(series)), WIDE_MS)
    made.append(*columns([(s, t, v) for s, (_, some) in enumerate(series) for t, v in some]))
    parameters = (np.full(len(ends), parameter),) * FUNCTIONS[function]
    values, mask = made.over(function, np.arange(len(series)), np.array(ends), range_ms, parameters)
    return [
        [float(v) if there else None for v, there in zip(values[s], mask[s])]
        for s in range(len(series))
    ]


def through_the_twin(function, series, ends, range_ms, parameter):
    return [
        [twin.over(function, some, end, range_ms, parameter) for end in ends] for _, some in series
    ]


@pytest.mark.skipif(not CORPUS.exists(), reason="corpus promqltest is not here")
@pytest.mark.parametrize("how", [through_rings, through_the_twin])
@pytest.mark.parametrize("case", list(stated()), ids=lambda case: case[0])
def test_a_stated_case(case, how):
    _, function, series, ends, range_ms, parameter, expected = case
    rows = how(function, series, ends, range_ms, parameter)
    got = rows_of((bare(function, labels), row) for (labels, _), row in zip(series, rows))
    wanted = rows_of(
        (row["labels"], [None if v is None else number(v) for v in row["values"]])
        for row in expected
    )
    # The twin is exact where Prometheus cancels 1e220 against itself in floats.
    scale = 1e-300 if how is through_rings else max(
        (abs(v) for _, some in series for _, v in some if v is not STALE and math.isfinite(v)),
        default=0.0,
    )  # fmt: skip
    assert got.keys() == wanted.keys()
    for labels, row in wanted.items():
        for a, b in zip(got[labels], row):
            assert (a is None) == (b is None)
            assert b is None or close(a, b, scale, relative=1e-6)

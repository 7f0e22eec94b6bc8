"""A naive twin of native rules: one loop over all rows for every tick. Imports nothing of ours.

Obviously right and slow: at each tick it takes the rows in (tick - width, tick], groups them with
dicts, computes with plain Python and walks the states one alert at a time.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Row:
    kind: str  # metrics or logs
    time_ms: int
    labels: dict  # with __name__ for metrics
    value: float = math.nan
    message: str = ""
    fields: dict = field(default_factory=dict)


@dataclass
class TwinRule:
    name: str
    kind: str
    select: Callable[[Row], bool]
    by: tuple
    width_ms: int
    every_ms: int
    compute: dict  # name -> (function, field or None, parameter)
    levels: list  # (name, condition(values) -> bool), rising
    recover: Callable | None = None
    for_ms: int = 0
    keep_ms: int = 0
    keep_without_data: bool = False


def quantile(values, q):
    values = sorted(values)
    rank = q * (len(values) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(values) - 1)
    if rank == low:
        return values[low]
    return values[low] * (1 - (rank - low)) + values[high] * (rank - low)


def aggregate(function, where, parameter, rows, rule, tick_ms, all_rows, group):
    numbers = []
    for row in rows:
        number = row.value if where is None else row.fields.get(where, math.nan)
        if isinstance(number, int | float) and not math.isnan(number):
            numbers.append((row.time_ms, float(number)))
    plain = [number for _, number in numbers]
    if function == "count":
        return float(len(rows))
    if function == "distinct":
        found = {row.fields.get(where, row.labels.get(where)) for row in rows}
        return float(len({str(v) for v in found if v is not None and v != ""}))
    if function in ("rate", "increase"):
        total = increase(rule, tick_ms, all_rows, group)
        return total / (rule.width_ms / 1000) if function == "rate" else total
    if not plain:
        return math.nan
    if function == "sum":
        return math.fsum(plain)
    if function == "avg":
        return math.fsum(plain) / len(plain)
    if function == "min":
        return min(plain)
    if function == "max":
        return max(plain)
    if function == "last":
        return max(numbers)[1]
    if function == "quantile":
        return quantile(plain, parameter)
    raise AssertionError(function)


def increase(rule, tick_ms, all_rows, group):
    """Sum over series: from the last sample before the window (within look-back) to the last in it."""
    lookback = -(-min(max(rule.width_ms, 60_000), 300_000) // rule.every_ms) * rule.every_ms
    series = defaultdict(dict)
    for row in all_rows:
        if (
            tick_ms - rule.width_ms - lookback < row.time_ms <= tick_ms
            and not math.isnan(row.value)
            and tuple(row.labels.get(n, "") for n in rule.by) == group
        ):
            seen = series[tuple(sorted(row.labels.items()))]
            seen[row.time_ms] = max(row.value, seen.get(row.time_ms, -math.inf))
    total, known = [], False
    for samples in series.values():
        before, inside = None, []
        for time_ms in sorted(samples):
            if time_ms <= tick_ms - rule.width_ms:
                before = samples[time_ms]
            else:
                inside.append(samples[time_ms])
        if not inside:
            continue
        chain = ([before] if before is not None else []) + inside
        if len(chain) < 2:
            continue
        known = True
        for a, b in itertools.pairwise(chain):
            total.append(b - a if b >= a else b)
    return math.fsum(total) if known else math.nan


def alerts(rules, rows, first_ms, last_ms):
    """Return (rule, labels, state, level, tick, values) in order of ticks for each rule."""
    out = []
    for rule in rules:
        mine = [row for row in rows if row.kind == rule.kind and rule.select(row)]
        groups = sorted({tuple(row.labels.get(n, "") for n in rule.by) for row in mine})
        states = {}
        tick_ms = -(-first_ms // rule.every_ms) * rule.every_ms
        while tick_ms <= last_ms:
            window = defaultdict(list)
            for row in mine:
                if tick_ms - rule.width_ms < row.time_ms <= tick_ms:
                    window[tuple(row.labels.get(n, "") for n in rule.by)].append(row)
            for group in groups:
                one(rule, group, window.get(group, []), mine, tick_ms, states, out)
            tick_ms += rule.every_ms
    return out


def one(rule, group, rows, mine, tick_ms, states, out):
    values = {
        name: aggregate(function, where, parameter, rows, rule, tick_ms, mine, group)
        for name, (function, where, parameter) in rule.compute.items()
    }
    level = -1
    if rows:
        for number, (_, condition) in enumerate(rule.levels):
            if condition(values):
                level = number
    state = states.setdefault(group, {"state": "inactive", "level": -1})

    def say(what, at_level):
        labels = {n: v for n, v in zip(rule.by, group) if v}
        out.append(
            (
                rule.name,
                tuple(sorted(labels.items())),
                what,
                rule.levels[at_level][0],
                tick_ms,
                values,
            )
        )

    if state["state"] == "inactive":
        if level >= 0:
            state.update(level=level, since=tick_ms, fade=None)
            state["state"] = "pending" if rule.for_ms else "firing"
            say(state["state"], level)
        return
    if not rows and rule.keep_without_data:
        return
    if state["state"] == "pending":
        if level < 0:
            state["state"] = "inactive"
            say("inactive", state["level"])
        else:
            state["level"] = level
            if tick_ms - state["since"] >= rule.for_ms:
                state["state"], state["fade"] = "firing", None
                say("firing", level)
        return
    if level >= 0:
        state["fade"] = None
        if level != state["level"]:
            state["level"] = level
            say("firing", level)
        return
    if rule.recover is not None and rows and not rule.recover(values):
        state["fade"] = None
        return
    if state["fade"] is None:
        state["fade"] = tick_ms
    if tick_ms - state["fade"] >= rule.keep_ms:
        state["state"] = "inactive"
        say("resolved", state["level"])

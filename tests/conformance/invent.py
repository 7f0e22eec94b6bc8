"""Made-up series and expressions, to compare two evaluators by."""

import random

RANGES = ("59s", "1m", "61s", "2m", "3m30s", "5m", "10m", "15m", "20m")
MATCHERS = (
    'job="a"', 'job!="a"', 'job=~"a|b"', 'instance=~"1|2"', 'instance!~"3"', 'zone=""',
    'zone!=""', 'job=~".+"', 'instance="9"',
)  # fmt: skip
METRICS = ("c_total", "c_total", "g", "g", "s", "up", "meta", "h_bucket")
LABELS = ("job", "instance", "zone", "le", "version", "nope")
OVER = (
    "avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time",
    "stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time", "rate", "irate",
    "increase", "delta", "idelta", "deriv", "changes", "resets", "absent_over_time",
)  # fmt: skip
# Without timestamp(): of `x @ t offset d` Prometheus 3.15 forgets the offset.
EACH = (
    "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "deg", "rad", "absent", "sort",
)  # fmt: skip
AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
SPECIAL = ("NaN", "Inf", "-Inf", "0", "-0", "1", "2.5", "1e300", "3")
STEPS = 41


class Inventor:
    """Draws from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def pick(self, *choices: str) -> str:
        """Return one of several texts."""
        return self.rng.choice(choices)

    def chance(self, share: float) -> bool:
        """Return True in so many of all cases."""
        return self.rng.random() < share

    # -- series ---------------------------------------------------------------------------------

    def series(self) -> list[tuple[str, str]]:
        """Return series and their values in the notation of rule tests."""
        found = []
        for job in "ab":
            for instance in "123":
                labels = f'job="{job}",instance="{instance}"'
                zone = f'zone="z{int(instance) % 2}"'
                found.append((f"c_total{{{labels}}}", self._values("counter")))
                found.append((f"g{{{labels},{zone}}}", self._values("gauge")))
                found.append((f"s{{{labels}}}", self._values("special")))
                found.append((f"up{{{labels}}}", self._values("up")))
            version = self.rng.randrange(3)
            found.append((f'meta{{job="{job}",version="v{version}"}}', f"1x{STEPS}"))
            below = [0] * STEPS
            for le in ("0.1", "0.5", "1", "5", "+Inf"):
                grown = 0
                for step in range(STEPS):
                    grown += self.rng.choice((0, 1, 2, 5))
                    below[step] += grown
                found.append((f'h_bucket{{job="{job}",le="{le}"}}', " ".join(map(str, below))))
        return found

    def _values(self, kind: str) -> str:
        values: list[str] = []
        total = float(self.rng.randrange(100))
        for _ in range(STEPS):
            dice = self.rng.random()
            if dice < 0.07:
                values.append("_" if dice < 0.05 else "stale")
            elif kind == "counter":
                total = float(self.rng.randrange(3)) if self.chance(0.04) else (
                    total + self.rng.choice((0, 1, 5, 7.5, 100))
                )  # fmt: skip
                values.append(repr(total))
            elif kind == "gauge":
                values.append(repr(round(self.rng.uniform(-50, 50), self.rng.choice((0, 1, 3)))))
            else:
                values.append(
                    self.pick(*SPECIAL) if kind == "special" else self.pick("0", "1", "1")
                )
        return " ".join(values)

    # -- expressions ----------------------------------------------------------------------------

    def vector(self, depth: int) -> str:
        """Return an expression that gives a vector; it may be one that cannot be read."""
        if depth <= 0 or self.chance(0.12):
            return self._selector() + self._moved()
        below = depth - 1
        kind = self.rng.choices(
            (self._over, self._aggregated, self._joined, self._each, self._odd),
            (20, 18, 22, 16, 12),
        )[0]
        return kind(below)

    def _selector(self) -> str:
        some = [self.pick(*MATCHERS)] if self.chance(0.35) else []
        if self.chance(0.08):
            name = self.pick("g|up", "c_.*", "u.|g", "(?i)UP")
            return "{" + ",".join([f'__name__=~"{name}"', *some]) + "}"
        return self.pick(*METRICS) + (f"{{{some[0]}}}" if some else "")

    def _moved(self) -> str:
        if self.chance(0.75):
            return ""
        offset = f" offset {self.pick('1m', '5m', '30s', '2m30s', '-1m')}"
        at = f" @ {self.pick('600', '1200', '900.5', 'start()', 'end()', '300')}"
        return self.pick(offset, at, at + offset)

    def _ranged(self, depth: int) -> str:
        if depth <= 0 or self.chance(0.7):
            return f"{self._selector()}[{self.pick(*RANGES)}]{self._moved()}"
        step = self.pick("", "1m", "30s", "45s", "2m")
        return f"({self.vector(depth - 1)})[{self.pick(*RANGES)}:{step}]{self._moved()}"

    def _over(self, depth: int) -> str:
        ranged = self._ranged(depth)
        if self.chance(0.08):
            share = self.pick("0.5", "0", "1", "0.9", "-1", "2", 'scalar(up{job="a",instance="1"})')
            return f"quantile_over_time({share}, {ranged})"
        return f"{self.pick(*OVER)}({ranged})"

    def _number(self, depth: int) -> str:
        if depth > 0 and self.chance(0.25):
            return f"scalar({self.vector(depth - 1)})"
        return self.pick(
            "0", "1", "2", "0.5", "-3", "10", "1e3", "NaN", "Inf", "0x10", "5m", "time()"
        )

    def _labels(self) -> str:
        return ", ".join(sorted({self.pick(*LABELS) for _ in range(self.rng.randrange(4))}))

    def _aggregated(self, depth: int) -> str:
        by = self.pick("", f" by ({self._labels()})", f" without ({self._labels()})", " by (job)")
        inner = self.vector(depth)
        if self.chance(0.15):
            return f"quantile{by}({self.pick('0.5', '0.9', '0', '1', '-1', '2')}, {inner})"
        if self.chance(0.1):
            # Of a selector: the last bit of a logarithm would be another label.
            return f'count_values{by}("{self.pick("v", "job", "x_y")}", {self._selector()})'
        return f"{self.pick(*AGGREGATIONS)}{by}({inner})"

    def _joined(self, depth: int) -> str:
        left, right = self.vector(depth), self.vector(depth)
        if self.chance(0.2):
            on = self.pick("", "on (job)", "ignoring (instance)", "on ()")
            return f"({left} {self.pick('and', 'or', 'unless')} {on} {right})"
        operator = self.pick("+", "-", "*", "/", "%", "^", "atan2", *COMPARISONS)
        with_bool = " bool" if operator in COMPARISONS and self.chance(0.4) else ""
        if self.chance(0.35):
            sides = (left, self._number(depth))
            left, right = sides if self.chance(0.7) else sides[::-1]
            return f"({left} {operator}{with_bool} {right})"
        matching = ""
        if self.chance(0.7):
            matching = f" {self.pick('on', 'ignoring')} ({self._labels()})"
            if self.chance(0.5):
                include = self.pick(" ()", " (version)", " (zone)")
                matching += f" {self.pick('group_left', 'group_right')}{include}"
        return f"({left} {operator}{with_bool}{matching} {right})"

    def _each(self, depth: int) -> str:
        inner = self.vector(depth)
        if self.chance(0.15):
            return f"clamp({inner}, {self.pick('0', '-3', '1')}, {self.pick('2', '10', 'Inf')})"
        return f"{self.pick(*EACH)}({inner})"

    def _odd(self, depth: int) -> str:
        if self.chance(0.3):
            buckets = ("h_bucket", "rate(h_bucket[5m])", "sum by (le) (rate(h_bucket[5m]))")
            share = self.pick("0.5", "0.9", "0", "1")
            return f"histogram_quantile({share}, {self.pick(*buckets, self.vector(depth))})"
        if self.chance(0.4):
            target, source = self.pick("x", "job", "__name__"), self.pick(*LABELS)
            text, regex = self.pick("$1", "a-$1", "", "k"), self.pick("(.*)", "(.)", "z(.+)", "a|b")
            return (
                f'label_replace({self.vector(depth)}, "{target}", "{text}", "{source}", "{regex}")'
            )
        if self.chance(0.3):
            return f'label_join({self.vector(depth)}, "x", "-", "job", "instance")'
        return self.pick(f"-{self.vector(depth)}", f"vector({self._number(depth)})")

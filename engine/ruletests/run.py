"""Run rule tests: files in, outcomes out.

As promtool: every group is evaluated at `evaluation_interval`, whatever its own interval; alerts
are asked about at the last evaluation before `eval_time`; a rule that fails ends its test.
"""

import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.document import Finding, Span, failed, format_duration, ordered
from engine.errors import FileError
from engine.groups import External, QueryResult
from engine.limits import DEFAULT_LIMITS, Limits
from engine.plan import PromGroup
from engine.promql import with_default_step
from engine.rules import RuleSet, load, read_paths
from engine.ruletests.encode import STALE_BITS, Sample, bits_of, log_record
from engine.ruletests.model import ExpectedAlert, ExpectedSample, TestFile, TestGroup
from engine.ruletests.needed import needed
from engine.ruletests.outcome import Kind, Outcome, Pair, compare_alerts, compare_samples
from engine.ruletests.read import read_tests
from engine.ruletests.trial import Trial, lifted, number_of, query_group

TICKS_MAX = 1_000_000
SHARDS = 3
TICKS_TOGETHER = 20  # that the owners read at once, where nothing is asked in between
_TESTS = re.compile(r"^tests\s*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file of tests."""

    path: str
    findings: tuple[Finding, ...]
    outcomes: tuple[Outcome, ...]
    texts: Mapping[str, str]  # of the files that findings are about

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not failed(self.findings) and all(outcome.passed for outcome in self.outcomes)


def find_tests(paths: Sequence[str]) -> dict[str, str]:
    """Return path -> text of test files; of a directory those that have `tests:`.

    Raises FileError where a path does not exist or cannot be read.
    """
    named = {Path(path).as_posix() for path in paths if not Path(path).is_dir()}
    texts = read_paths(paths)
    shown = {path: os.path.abspath(path) for path in texts}
    wanted = {os.path.abspath(path) for path in named}
    return {
        path: text
        for path, text in texts.items()
        if shown[path] in wanted or _TESTS.search(text)
    }  # fmt: skip


def run_tests(
    path: str, text: str, only: re.Pattern[str] | None = None, limits: Limits = DEFAULT_LIMITS
) -> FileReport:
    """Run one file of tests; `only` is searched in the names of its tests."""
    tests, findings = read_tests(text, path)
    texts = {path: text}
    if tests is None:
        return FileReport(path, tuple(findings), (), texts)
    files, missing = _rule_files(tests)
    findings += missing
    rules, broken = load(files, limits=lifted(limits))
    findings += [finding for finding in broken if finding.severity == "error"]
    texts.update(files)
    if rules is None:
        return FileReport(path, tuple(ordered(findings)), (), texts)
    outcomes: list[Outcome] = []
    for group in tests.groups:
        if only is None or only.search(group.name):
            outcomes += _Run(tests, group, rules, limits).run()
    return FileReport(path, tuple(ordered(findings)), tuple(outcomes), texts)


def _rule_files(tests: TestFile) -> tuple[dict[str, str], list[Finding]]:
    """Return the rule files that the patterns name, and a warning where there is none."""
    base = os.path.dirname(tests.path)
    files: dict[str, str] = {}
    findings = []
    for pattern, span in tests.rule_files:
        found = sorted(glob.glob(os.path.join(base, pattern)))
        try:
            files.update(read_paths(found) if found else {})
        except FileError as error:
            findings.append(_finding(tests, span.line, span.column, span.length, str(error)))
        if not found:
            warning = _finding(tests, span.line, span.column, span.length,
                               f"no file matches {pattern!r}")  # fmt: skip
            findings.append(replace(warning, severity="warning"))
    return files, findings


def _finding(tests: TestFile, line: int, column: int, length: int, message: str) -> Finding:
    help_text = "paths are relative to the test file"
    return Finding(tests.path, line, column, length, "test-file-missing", message, help_text)


class _Run:
    """One test: a group of series, and what the rules say of them."""

    def __init__(self, tests: TestFile, group: TestGroup, rules: RuleSet, limits: Limits) -> None:
        self.tests, self.group, self.rules, self.limits = tests, group, rules, limits
        self.every_ms = tests.evaluation_interval_ms
        self.outcomes: list[Outcome] = []

    def run(self) -> list[Outcome]:
        group, start_ms = self.group, self.group.start_ms
        problem = self._refused()
        if problem:
            return [self._outcome(group.span, "rules", "this test", message=problem)]
        judged = self._groups()
        ticks = range(0, group.end_ms + 1, self.every_ms) if judged or self.rules.rules else ()
        end_ms = start_ms + group.end_ms
        # All expressions are evaluated at the end, when all samples are there, as promtool does.
        queries = [
            query_group(
                number, one.text, with_default_step(one.expr, self.every_ms),
                end_ms or self.every_ms, group.end_ms - one.at_ms,
            )
            for number, one in enumerate(group.expressions)
        ]  # fmt: skip
        external = External(group.external_labels, group.external_url)
        trial = Trial(self.rules, [*judged, *queries], self.limits, SHARDS, external)
        if self._drive(trial, sorted({*(start_ms + tick for tick in ticks), end_ms}), set(ticks)):
            results = {r.query: r for r in trial.results() if r.at_ms == end_ms}
            for number in range(len(queries)):
                self._expression(number, results.get(str(number)))
        return self.outcomes

    def _refused(self) -> str:
        group = self.group
        if group.start_ms % self.every_ms:
            every = format_duration(self.every_ms)
            return f"start_timestamp must be a multiple of evaluation_interval ({every})"
        if group.end_ms // self.every_ms > TICKS_MAX:
            return f"more than {TICKS_MAX:,} evaluations: ask at earlier times"
        return ""

    def _groups(self) -> list[PromGroup]:
        """Return the groups that matter, in the order asked for, at the test's interval."""
        place = {name: number for number, name in enumerate(self.tests.group_order)}
        ordered_ones = sorted(self.rules.prom, key=lambda one: place.get(one.name, 0))
        return [
            replace(
                one, interval_ms=self.every_ms,
                rules=tuple(
                    replace(rule, expr=with_default_step(rule.expr, self.every_ms))
                    for rule in one.rules
                ),
            )
            for one in needed(ordered_ones, self.group)
        ]  # fmt: skip

    def _drive(self, trial: Trial, times: Sequence[int], ticks: set[int]) -> bool:
        """Feed and tick to the end; returns whether no rule failed."""
        start_ms = self.group.start_ms
        # What comes after the last evaluation is never loaded, whatever is asked later.
        last_ms = start_ms + self.group.end_ms // self.every_ms * self.every_ms
        samples = _Queue(self.group)
        pending = list(enumerate(self.group.alerts))
        for number, at_ms in enumerate(times, 1):
            trial.feed(*samples.until(min(at_ms, last_ms)), at_ms)
            trial.mark(at_ms)
            tick = at_ms - start_ms
            due = [o for o in pending if tick <= o[1].at_ms < tick + self.every_ms]
            asked = tick in ticks and bool(due)
            together = trial.at_once and number % TICKS_TOGETHER and 1 < number < len(times)
            if asked or not together:
                trial.judge()
                if self._failed(trial):
                    return False
            if asked:
                self._alerts(trial, [place for place, _ in due])
        if not ticks:  # no rule can make a difference: nothing fires
            for place, _ in pending:
                self._alert(place, {})
        return True

    def _failed(self, trial: Trial) -> bool:
        bad = [health for health in trial.failures() if not health.rule_id.startswith("query ")]
        first_ms = min((health.at_ms for health in bad), default=0)
        for health in bad:
            if health.at_ms == first_ms:
                at = format_duration(max(first_ms - self.group.start_ms, 0))
                title = f"rule {health.rule} at {at}"
                self.outcomes.append(
                    self._outcome(self.group.span, "rules", title, message=health.error)
                )
        return bool(bad)

    def _alerts(self, trial: Trial, numbers: Sequence[int]) -> None:
        firing = trial.firing()
        for number in numbers:
            self._alert(number, firing)

    def _alert(self, number: int, firing: Mapping[str, Sequence[ExpectedAlert]]) -> None:
        test = self.group.alerts[number]
        got = firing.get(test.name, ())
        pairs = compare_alerts(test.alerts, got)
        title = f"{test.name} at {format_duration(test.at_ms)}"
        message = _counts(len(test.alerts), len(got), "alert", "firing") if pairs else ""
        self.outcomes.append(
            self._outcome(test.span, "alert", title, message, pairs, passed=not pairs)
        )

    def _expression(self, number: int, result: QueryResult | None) -> None:
        test = self.group.expressions[number]
        title = f"{test.text} at {format_duration(test.at_ms)}"
        problem = ""
        if result is None:
            problem = "it was not evaluated"
        elif result.error:
            problem = result.error
        elif result.type == "string":
            problem = "the result is a text, not a vector or a number"
        if problem or result is None:
            self.outcomes.append(self._outcome(test.span, "expression", title, problem))
            return
        got = [
            ExpectedSample(tuple(sorted(labels.items())), number_of(value))
            for labels, value in result.rows
        ]
        pairs = compare_samples(test.samples, got, self.tests.fuzzy_compare)
        message = _counts(len(test.samples), len(got), "row", "in the result") if pairs else ""
        self.outcomes.append(
            self._outcome(test.span, "expression", title, message, pairs, passed=not pairs)
        )

    def _outcome(
        self,
        span: Span,
        kind: Kind,
        title: str,
        message: str = "",
        pairs: Sequence[Pair] = (),
        *,
        passed: bool = False,
    ) -> Outcome:
        return Outcome(
            self.tests.path, span.line, span.column, self.group.name, kind, title, passed,
            message, tuple(pairs),
        )  # fmt: skip


def _counts(expected: int, got: int, noun: str, what: str) -> str:
    if expected == got:
        return f"the {noun}s differ" if got != 1 else f"the {noun} differs"
    return f"expected {expected} {noun}{'' if expected == 1 else 's'} {what}, got {got}"


class _Queue:
    """The samples and lines of a test, by time."""

    def __init__(self, group: TestGroup) -> None:
        self._samples = sorted(_samples(group), key=lambda one: one.time_ms)
        self._lines = sorted(_lines(group))
        self._sample = self._line = 0

    def until(self, time_ms: int) -> tuple[list[Sample], list[bytes]]:
        """Take what is due by a time."""
        first, line = self._sample, self._line
        while self._sample < len(self._samples) and self._samples[self._sample].time_ms <= time_ms:
            self._sample += 1
        while self._line < len(self._lines) and self._lines[self._line][0] <= time_ms:
            self._line += 1
        return (
            self._samples[first : self._sample],
            [raw for _, raw in self._lines[line : self._line]],
        )


def _samples(group: TestGroup) -> list[Sample]:
    found = []
    for series in group.series:
        for step, value in enumerate(series.values):
            if value != "missing":
                bits = STALE_BITS if value == "stale" else bits_of(float(value))
                found.append(Sample(group.start_ms + step * group.interval_ms, series.labels, bits))
    return found


def _lines(group: TestGroup) -> list[tuple[int, bytes]]:
    found = []
    for log in group.logs:
        for step in range(log.count):
            at_ms = group.start_ms + log.at_ms + step * log.every_ms
            found.append((at_ms, log_record(at_ms, dict(log.labels), log.message, log.fields)))
    return found

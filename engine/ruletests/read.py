"""Read a rule test file: Prometheus' unit-test format, and our `input_logs`.

Every finding of the file at once; a file with an error gives no tests.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from engine.document import (
    Finding,
    ListNode,
    MapNode,
    Node,
    Reader,
    ScalarNode,
    Span,
    failed,
    load_yaml,
    ordered,
)
from engine.promql import PromQLError, parse
from engine.ruletests.codes import TEST_CODES
from engine.ruletests.model import (
    AlertTest,
    ExpectedAlert,
    ExpectedSample,
    ExpressionTest,
    InputLog,
    InputSeries,
    TestFile,
    TestGroup,
)
from engine.ruletests.notation import VALUES_MAX, NotationError, parse_metric, parse_values

_FILE_KEYS = ("rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare")
_GROUP_KEYS = (
    "interval", "input_series", "input_logs", "alert_rule_test", "promql_expr_test",
    "external_labels", "external_url", "name", "start_timestamp",
)  # fmt: skip
_TRUE = {"true", "yes", "on", "y"}  # YAML 1.1, as promtool reads it
_FALSE = {"false", "no", "off", "n"}
_SECONDS = re.compile(r"-?[0-9]+(\.[0-9]*)?")
_MINUTE_MS = 60_000

T = TypeVar("T")


def read_tests(text: str, path: str) -> tuple[TestFile | None, list[Finding]]:
    """Return the tests of a file, or None, and findings. Raises nothing on what a user wrote."""
    reader = Reader(path, TEST_CODES)
    root, broken = load_yaml(text, path)
    found: TestFile | None = TestFile(path, (), _MINUTE_MS, (), False, ())
    if root is not None:
        found = _File(reader).read(root)
    findings = ordered([*broken, *reader.findings])
    return (None if failed(findings) else found), findings


class _File:
    """One file's walk."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def read(self, root: Node) -> TestFile | None:
        reader = self.reader
        top = reader.mapping(root, "a file of rule tests")
        if top is None:
            return None
        reader.keys(top, "a file of rule tests", _FILE_KEYS)
        interval_ms = self.duration(top, "evaluation_interval") or _MINUTE_MS
        order = [(e.text, e.span) for e in self.each(top, "group_eval_order", self.scalar)]
        for place, (name, span) in enumerate(order):
            if any(name == other for other, _ in order[:place]):
                reader.add(span, "test-group-order", f"the group {name!r} is here twice",
                           "name each group once")  # fmt: skip
        files = tuple((e.text, e.span) for e in self.each(top, "rule_files", self.scalar))
        groups = self.each(top, "tests", lambda node: self.group(node, interval_ms))
        fuzzy = self.flag(top, "fuzzy_compare")
        names = tuple(name for name, _ in order)
        return TestFile(reader.file, files, interval_ms, names, fuzzy, tuple(groups))

    # -- a group of tests -----------------------------------------------------------------------

    def group(self, node: Node, interval_ms: int) -> TestGroup | None:
        top = self.mapping(node, "a test", _GROUP_KEYS)
        if top is None:
            return None
        own_ms = self.duration(top, "interval") or interval_ms
        series = {one.labels: one for one in self.each(top, "input_series", self.series)}
        return TestGroup(
            name=self.text(top, "name"),
            span=node.span,
            interval_ms=own_ms,
            start_ms=self.start(top.get("start_timestamp")),
            series=tuple(series.values()),
            logs=tuple(self.each(top, "input_logs", self.log)),
            alerts=tuple(self.each(top, "alert_rule_test", self.alert_test)),
            expressions=tuple(self.each(top, "promql_expr_test", self.expression_test)),
            external_labels=self.words(top.get("external_labels"), "external_labels"),
            external_url=self.text(top, "external_url"),
        )

    def series(self, node: Node) -> InputSeries | None:
        top = self.mapping(node, "an input series", ("series", "values"))
        if top is None:
            return None
        name = self.reader.require(top, "this series", "series", "write series: 'up{job=\"x\"}'")
        labels = self.notation(name, "series", parse_metric)
        values = self.notation(top.get("values"), "values", parse_values)
        if labels is None:
            return None
        return InputSeries(labels, values or (), top.span)

    def log(self, node: Node) -> InputLog | None:
        keys = ("stream", "message", "at", "every", "count", "fields")
        top = self.mapping(node, "an input log", keys)
        if top is None:
            return None
        labels = self.notation(top.get("stream"), "stream", parse_metric) or ()
        message = top.get("message")
        if not isinstance(message, ScalarNode):
            self.reader.add(top, "test-log", "this log has no `message`", "write message: 'text'")
            return None
        count = 1
        if top.get("count") is not None:
            count = self.reader.integer(top.get("count"), "count", 1, VALUES_MAX) or 1
        every_ms = self.duration(top, "every")
        if count > 1 and not every_ms:
            self.reader.add(top, "test-log", "`count` without `every`", "write every: 1s")
        fields = self.reader.mapping(top.get("fields"), "fields") or ()
        return InputLog(
            labels, message.text, self.duration(top, "at"), every_ms, count,
            {e.name: e.value.value for e in fields if isinstance(e.value, ScalarNode)}, top.span,
        )  # fmt: skip

    def alert_test(self, node: Node) -> AlertTest | None:
        top = self.mapping(node, "an alert test", ("eval_time", "alertname", "exp_alerts"))
        if top is None:
            return None
        name = self.text(top, "alertname")
        if not name:
            self.reader.add(top, "key-missing", "this test has no `alertname`",
                            "write alertname: and the alert's name")  # fmt: skip
        alerts = self.each(top, "exp_alerts", lambda one: self.alert(one, name))
        return AlertTest(self.duration(top, "eval_time"), name, tuple(alerts), top.span)

    def alert(self, node: Node, name: str) -> ExpectedAlert | None:
        top = self.mapping(node, "an expected alert", ("exp_labels", "exp_annotations"))
        if top is None:
            return None
        labels = dict(self.words(top.get("exp_labels"), "exp_labels")) | {"alertname": name}
        notes = self.words(top.get("exp_annotations"), "exp_annotations")
        # An empty label is kept: no alert has one, so such a test cannot pass, as with promtool.
        return ExpectedAlert(tuple(sorted(labels.items())), tuple(sorted(notes.items())))

    def expression_test(self, node: Node) -> ExpressionTest | None:
        top = self.mapping(node, "an expression test", ("expr", "eval_time", "exp_samples"))
        if top is None:
            return None
        at = self.reader.require(top, "this test", "expr", "write expr: and an expression")
        samples = tuple(self.each(top, "exp_samples", self.sample))
        at_ms = self.duration(top, "eval_time")
        if not isinstance(at, ScalarNode):
            return None
        try:
            expr = parse(at.text)
        except PromQLError as error:
            span = at.at(error.start, max(error.end - error.start, 1))
            self.reader.add(span, "test-expression", str(error))
            return None
        return ExpressionTest(at_ms, at.text, expr, samples, at.span)

    def sample(self, node: Node) -> ExpectedSample | None:
        top = self.mapping(node, "an expected sample", ("labels", "value", "histogram"))
        if top is None:
            return None
        histogram = top.get("histogram")
        if isinstance(histogram, ScalarNode) and histogram.text:
            self.reader.add(histogram, "test-histogram",
                            "a native histogram; Tocsin evaluates float series only")  # fmt: skip
        labels = self.notation(top.get("labels"), "labels", parse_metric)
        value = top.get("value")
        number = value.value if isinstance(value, ScalarNode) else 0.0
        if isinstance(number, bool) or not isinstance(number, int | float):
            assert value is not None
            self.reader.add(value, "value-type", "value must be a number", "write .inf or .nan so")
            number = math.nan
        return ExpectedSample(labels or (), float(number))

    # -- small readers --------------------------------------------------------------------------

    def mapping(self, node: Node, where: str, keys: tuple[str, ...]) -> MapNode | None:
        if isinstance(node, ScalarNode) and node.value is None:
            return MapNode(node.span, ())
        top = self.reader.mapping(node, where)
        if top is not None:
            self.reader.keys(top, where, keys)
        return top

    def each(self, top: MapNode, key: str, read: Callable[[Node], T | None]) -> list[T]:
        """Read the elements of a list; absent and empty are the same."""
        node = top.get(key)
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            return []
        elements = self.reader.sequence(node, key) or ListNode(node.span, ())
        read_ones = (read(element) for element in elements)
        return [one for one in read_ones if one is not None]

    def scalar(self, node: Node) -> ScalarNode | None:
        return self.reader.scalar(node, "a name")

    def text(self, top: MapNode, key: str) -> str:
        node = top.get(key)
        if node is None or (isinstance(node, ScalarNode) and not node.text):
            return ""
        return self.reader.text(node, key) or ""

    def duration(self, top: MapNode, key: str) -> int:
        node = top.get(key)
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            return 0
        return self.reader.duration(node, key) or 0

    def flag(self, top: MapNode, key: str) -> bool:
        node = top.get(key)
        if isinstance(node, ScalarNode) and node.text.lower() in _TRUE:
            return True
        if node is None or (isinstance(node, ScalarNode) and node.text.lower() in _FALSE):
            return False
        return bool(self.reader.boolean(node, key))

    def words(self, node: Node | None, where: str) -> Mapping[str, str]:
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            return {}
        found = {}
        for entry in self.reader.mapping(node, where) or ():
            if isinstance(entry.value, ScalarNode):
                empty = entry.value.value is None
                found[entry.name] = "" if empty else entry.value.text
            else:
                self.reader.scalar(entry.value, f"{where}.{entry.name}")
        return found

    def notation(self, node: Node | None, where: str, read: Callable[[str], T]) -> T | None:
        if node is None or (isinstance(node, ScalarNode) and not node.text):
            return None
        if not isinstance(node, ScalarNode):
            self.reader.scalar(node, where)
            return None
        try:
            return read(node.text)
        except NotationError as error:
            span: Span = node.at(error.offset, error.length)
            self.reader.add(span, error.code, f"{where}: {error}")
            return None

    def start(self, node: Node | None) -> int:
        if not isinstance(node, ScalarNode) or node.value is None:
            return 0
        if _SECONDS.fullmatch(node.text):
            return round(float(node.text) * 1000)
        try:
            found = datetime.fromisoformat(node.text)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            self.reader.add(node, "test-start", f"{node.text!r} is no time",
                            "write Unix seconds or 2026-01-31T12:00:00Z")  # fmt: skip
            return 0
        return round((found - datetime.fromtimestamp(0, UTC)).total_seconds() * 1000)

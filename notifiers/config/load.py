"""Read a configuration file as a whole.

What Tocsin has not is refused by name with the way round, never ignored: a route that does not
inhibit what its author meant to inhibit is worse than a file that does not load.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from engine.document import (
    Finding,
    MapNode,
    Node,
    Reader,
    Span,
    load_documents,
    ordered,
)
from engine.limits import DEFAULT_LIMITS
from engine.series import MatcherMode
from notifiers import scalars
from notifiers.config.inhibit_rules import INHIBIT_CODES, read_inhibit_rules
from notifiers.config.intervals import INTERVAL_CODES, IntervalReader
from notifiers.config.matchers import MatcherReader, is_null, scalar_text
from notifiers.config.reading import FIELD_CODES, FieldReader
from notifiers.config.receivers import RECEIVER_CODES, ReceiverReader
from notifiers.config.routes import ROUTE_CODES, RouteReader
from notifiers.config.shown import shown
from notifiers.egress import EGRESS_DEFAULT, Egress
from notifiers.fields import Field, Given
from notifiers.inhibit import InhibitRule
from notifiers.notification import Channel, Global
from notifiers.receiver import Receiver
from notifiers.receiver_types import GLOBAL_FIELDS, GLOBAL_RULES, IGNORED
from notifiers.route import Route
from notifiers.templating import TEMPLATE_CODES, TemplateSet
from notifiers.time_intervals import TimeInterval

CONFIG_CODES: Mapping[str, str] = {
    **ROUTE_CODES,
    **INHIBIT_CODES,
    **INTERVAL_CODES,
    **RECEIVER_CODES,
    **FIELD_CODES,
    **TEMPLATE_CODES,
    "ignored": "A part of Alertmanager's file that has no effect here.",
}
"""The codes of findings in a notification configuration; channels have more of their own."""

_KEYS = (
    "global", "templates", "route", "inhibit_rules", "receivers", "time_intervals",
    "mute_time_intervals", *IGNORED,
)  # fmt: skip
_ELSEWHERE: Mapping[str, str] = {
    "silences": "files of silences are named in tocsin.yaml, not here",
}
TEMPLATE_PATTERNS_MAX = 1_000
"""How many patterns `templates:` may have."""
_NOWHERE = MapNode(Span(1, 1, 1), ())


@dataclass(frozen=True, slots=True)
class NotifierConfig:
    """A notification configuration without mistakes."""

    route: Route
    receivers: Mapping[str, Receiver]  # in the order of the file
    global_: Global = field(default_factory=Global)
    external_url: str = ""
    text: str = ""  # as YAML, secrets replaced by <secret>: GET /api/v2/status
    inhibit_rules: tuple[InhibitRule, ...] = ()
    time_intervals: Mapping[str, tuple[TimeInterval, ...]] = field(default_factory=dict)


def installed_channels() -> dict[str, type[Channel]]:
    """Return the channels that are installed, by their short names."""
    return {point.name: point.load() for point in entry_points(group="tocsin.channels")}


def load(
    text: str,
    file: str,
    *,
    external_url: str = "",
    base: Path | None = None,
    channels: Mapping[str, type[Channel]] | None = None,
    matchers: MatcherMode = "fallback",
    egress: Egress = EGRESS_DEFAULT,
) -> tuple[NotifierConfig | None, list[Finding]]:
    """Read a configuration file; None where it has an error.

    `base` is where relative paths of secrets and templates begin (default: beside the file),
    `channels` what is installed, `matchers` Alertmanager's mode of reading matchers, `egress` where
    channels may send to.
    """
    trees, findings = load_documents(
        text, file, DEFAULT_LIMITS.rule_file_bytes_max, lambda _: False
    )
    broken = any(finding.severity == "error" for finding in findings)
    if not trees or broken:
        if not broken:
            remedy = "write at least `route:` with a receiver, and `receivers:`"
            findings = [Finding(file, 1, 1, 1, "key-missing", "the file is empty", remedy)]
        return None, findings
    known = installed_channels() if channels is None else channels
    loader = _Loader(file, base or Path(file).parent, known, matchers, egress)
    loader.reader.findings.extend(findings)
    config = loader.config(trees[0], external_url)
    return config, ordered(loader.reader.findings)


class _Loader:
    """Reads one file."""

    def __init__(
        self,
        file: str,
        base: Path,
        channels: Mapping[str, type[Channel]],
        mode: MatcherMode,
        egress: Egress,
    ) -> None:
        self.reader = Reader(file, CONFIG_CODES)
        self._base, self._egress = base, egress
        self._fields = FieldReader(self.reader, base)
        self._channels = channels
        self._matchers = MatcherReader(self.reader, mode)

    def config(self, tree: Node, external_url: str) -> NotifierConfig | None:
        top = self.reader.mapping(tree, "the configuration")
        if top is None:
            return None
        self.reader.keys(top, "the configuration", _KEYS, _ELSEWHERE)
        self._fields.templates = self._templates(top.get("templates"))
        global_ = self._global(top.get("global"))
        receivers = ReceiverReader(self._fields, self._channels, global_)
        built = receivers.read(top.get("receivers"))
        intervals = IntervalReader(self.reader)
        for name in ("mute_time_intervals", "time_intervals"):
            intervals.read(top.get(name), name)
        inhibit = read_inhibit_rules(self.reader, self._matchers, top.get("inhibit_rules"))
        routes = RouteReader(
            self.reader, self._matchers, self._fields.templates, receivers.names, intervals.names
        )
        route = self._route(top, routes)
        for name, (spec, instead) in IGNORED.items():
            self._ignored(top, name, spec, instead)
        if route is None or not self.reader.clean:
            return None
        text = shown(top, self._fields.secrets)
        return NotifierConfig(
            route, built, global_, external_url.rstrip("/"), text, inhibit, intervals.named
        )

    def _route(self, top: MapNode, routes: RouteReader) -> Route | None:
        node = top.get("route")
        if node is None or is_null(node):
            self.reader.add(top, "key-missing", "the configuration has no `route`",
                            "write `route: {receiver: NAME}`")  # fmt: skip
            return None
        return routes.root(node)

    def _ignored(self, top: MapNode, name: str, spec: Field, instead: str) -> None:
        """Check a part by Alertmanager's rules and say that it does nothing."""
        node = top.get(name)
        if node is None or is_null(node):
            return
        self._fields.value(node, name, spec)
        self.reader.add(top.key(name) or node, "ignored", f"`{name}` has no effect here",
                        instead, severity="warning")  # fmt: skip

    def _templates(self, node: Node | None) -> TemplateSet:
        patterns: list[tuple[str, Span | Node]] = []
        if node is not None and not is_null(node):
            for each in self.reader.sequence(node, "templates") or ():
                text = scalar_text(self.reader, each, "templates")
                if text and not scalars.is_glob(text):
                    self.reader.add(each, "template-file", f"{text!r} is no pattern",
                                    "close the bracket, or escape it with a backslash")  # fmt: skip
                elif text:  # an empty one matches nothing
                    patterns.append((text, each))
        if len(patterns) > TEMPLATE_PATTERNS_MAX and node is not None:
            self.reader.add(node, "value-range", f"more than {TEMPLATE_PATTERNS_MAX:,} patterns",
                            "use wildcards")  # fmt: skip
            patterns.clear()
        templates, findings = TemplateSet.load(patterns, self._base, file=self.reader.file)
        self.reader.findings.extend(findings)
        return templates

    def _global(self, node: Node | None) -> Global:
        entries = None
        if node is not None and not is_null(node):
            entries = self.reader.mapping(node, "global")
        entries = entries or _NOWHERE
        self._fields.global_ = Given(entries)
        values: dict[str, Any] = self._fields.read(entries, "global", GLOBAL_FIELDS, {})
        self._fields.rules(entries, "global", Field("map", rules=GLOBAL_RULES))
        values["resolve_timeout_ms"] = values.pop("resolve_timeout")
        kept = {one.name for one in dataclasses.fields(Global)}
        values = {name: value for name, value in values.items() if name in kept}
        return Global(**values, templates=self._fields.templates, egress=self._egress)

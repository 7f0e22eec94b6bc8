"""What a lint looks at: one rule with its place in the file, and the set it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.document import Finding, MapNode, ScalarNode, Span
from engine.plan import PromGroup, PromRule
from engine.promql import Expr
from engine.promql import Span as Offsets


@dataclass(frozen=True, slots=True)
class Options:
    """What a project asks of its rules beyond what is right anywhere; empty: nothing."""

    annotations_required: tuple[str, ...] = ()
    labels_required: tuple[str, ...] = ()
    external_labels: frozenset[str] | None = None  # None: not known
    alert_name: str = ""  # a regular expression (RE2), anchored
    record_name: str = ""
    for_ms_min: int = 0
    for_ms_max: int = 0  # 0: none
    interval_ms_min: int = 0
    interval_ms_max: int = 0


@dataclass(frozen=True, slots=True)
class RuleSetFacts:
    """What is known of the whole set."""

    recorded: Mapping[str, tuple[PromRule, ...]]  # rules by the name they record
    options: Options = field(default_factory=Options)

    def recording(self, name: str | None) -> PromRule | None:
        """Return the rule that records a name, where exactly one does."""
        rules = self.recorded.get(name or "", ())
        return rules[0] if len(rules) == 1 else None


@dataclass(frozen=True, slots=True)
class Subject:
    """One rule; its YAML, where that was found."""

    group: PromGroup
    rule: PromRule
    node: MapNode | None
    group_node: MapNode | None
    facts: RuleSetFacts
    nodes: tuple[Expr, ...]  # of the expression, each before what is below it

    @property
    def is_alert(self) -> bool:
        """Say whether this is an alerting rule."""
        return self.rule.kind == "alert"

    def finding(self, at: Span, code: str, message: str, help_text: str = "") -> Finding:
        """Make a warning at a place of the rule's file."""
        return Finding(self.rule.file, at.line, at.column, at.length, code, message, help_text,
                       "warning")  # fmt: skip

    def of_key(self, key: str, code: str, message: str, help_text: str = "") -> Finding:
        """Make a warning at a key of the rule, or at the rule where it has none."""
        found = self.node.key(key) if self.node is not None else None
        return self.finding(found.span if found else self.place, code, message, help_text)

    def of_expr(self, offsets: Offsets, code: str, message: str, help_text: str = "") -> Finding:
        """Make a warning at a part of the expression."""
        found = self.node.get("expr") if self.node is not None else None
        at = self.place
        if isinstance(found, ScalarNode):
            at = found.at(offsets[0], max(offsets[1] - offsets[0], 1))
        return self.finding(at, code, message, help_text)

    def of_text(
        self, texts: str, name: str, offsets: Offsets, code: str, message: str, help_text: str = ""
    ) -> Finding:
        """Make a warning inside an entry of `labels` or `annotations`."""
        found = self.node.get(texts) if self.node is not None else None
        entry = found.get(name) if isinstance(found, MapNode) else None
        at = self.place
        if isinstance(entry, ScalarNode):
            at = entry.at(offsets[0], max(offsets[1] - offsets[0], 1))
        return self.finding(at, code, message, help_text)

    @property
    def place(self) -> Span:
        """Return where the rule begins."""
        return self.node.span if self.node is not None else Span(self.rule.line, 1, 1)

"""Every lint: its code, what it finds, and the function that looks for it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from engine.document import Finding
from engine.rules.lint import alerts, impossible, matching, rates, selectors, sets, templates
from engine.rules.lint.subject import Subject

Check = Callable[[Subject], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Lint:
    """One lint. `pint` is the name of pint's check of the same thing."""

    code: str
    pint: str
    says: str
    check: Check


LINTS: tuple[Lint, ...] = (
    Lint("alerts-absent", "alerts/absent", "absent() in an alert without `for`.", alerts.absent),
    Lint("alerts-annotation", "alerts/annotation",
         "An annotation that the project asks for is missing.", alerts.annotation),
    Lint("alerts-comparison", "alerts/comparison",
         "An alert without a condition, or with one that always holds.", alerts.comparison),
    Lint("alerts-external-labels", "alerts/external_labels",
         "A template reads an external label that is not set.", alerts.external_labels),
    Lint("alerts-for", "alerts/for", "`for: 0s`, or a `for` shorter than the interval.",
         alerts.redundant_for),
    Lint("alerts-template", "alerts/template",
         "A template reads a label that the query removes, a label changes with the value, or a "
         "query in a template is broken.", templates.template),
    Lint("group-interval", "group/interval", "An interval outside of what the project allows.",
         sets.interval),
    Lint("labels-conflict", "labels/conflict", "A rule sets a label that is an external label.",
         sets.conflict),
    Lint("promql-counter", "promql/counter", "The value of a counter is used without rate().",
         rates.counter),
    Lint("promql-fragile", "promql/fragile", "without() beside another vector; topk in an alert.",
         matching.fragile),
    Lint("promql-impossible", "promql/impossible",
         "A comparison that never holds, matchers that exclude each other, a grouping by a label "
         "that is gone, an `or` never reached.",
         impossible.impossible),
    Lint("promql-nan", "promql/nan",
         "A comparison with NaN; a division by what may be 0 inside of a sum.", selectors.nan),
    Lint("promql-offset", "promql/offset", "A negative offset: it reads the future.",
         selectors.offset),
    Lint("promql-rate", "promql/rate",
         "rate() of a sum or of a rate, also by way of a recorded name; delta() of a counter; a "
         "range shorter than the interval.", rates.rate),
    Lint("promql-regexp", "promql/regexp",
         "A regular expression that is an equality, matches everything, or repeats the anchors.",
         selectors.regexp),
    Lint("promql-vector-matching", "promql/vector_matching",
         "Two sides of an operator that never have the same labels.", matching.vector_matching),
    Lint("rule-duplicate-record", "rule/duplicate", "Two rules record the same series.",
         sets.duplicate),
    Lint("rule-for", "rule/for", "`for` outside of what the project allows.", sets.time_of_for),
    Lint("rule-label", "rule/label", "A label that the project asks for is missing.", sets.label),
    Lint("rule-name", "rule/name", "A name that the project does not allow.", sets.name_of_rule),
)  # fmt: skip

LINT_CODES: Mapping[str, str] = {each.code: each.says for each in LINTS} | {
    "lint-comment": "A `# tocsin …` comment that names no lint."
}
"""Every code with its sentence; all are warnings."""

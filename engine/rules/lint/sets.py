"""Lints of rules as a whole: names, labels, times, repetitions."""

import re
from collections.abc import Iterator

from engine.document import Finding, format_duration
from engine.rules.lint.subject import Subject
from engine.series import translate


def duplicate(subject: Subject) -> Iterator[Finding]:
    """rule/duplicate: two rules record the same series."""
    rule = subject.rule
    if rule.kind != "record":
        return
    for other in subject.facts.recorded.get(rule.name, ()):
        if other is rule or (other.file, other.line) >= (rule.file, rule.line):
            continue
        if dict(other.labels) != dict(rule.labels):
            continue
        if other.expr == rule.expr:
            yield subject.of_key("record", "rule-duplicate-record",
                                 f"{rule.name} is recorded by {other.file}:{other.line} already",
                                 "remove one of the two")  # fmt: skip
            return


def time_of_for(subject: Subject) -> Iterator[Finding]:
    """rule/for: `for` is outside of what the project allows."""
    options, length_ms = subject.facts.options, subject.rule.for_ms
    if not subject.is_alert:
        return
    if length_ms < options.for_ms_min:
        yield subject.of_key("for", "rule-for", f"`for` is {format_duration(length_ms)}",
                             f"use {format_duration(options.for_ms_min)} or more")  # fmt: skip
    if options.for_ms_max and length_ms > options.for_ms_max:
        yield subject.of_key("for", "rule-for", f"`for` is {format_duration(length_ms)}",
                             f"use {format_duration(options.for_ms_max)} or less")  # fmt: skip


def interval(subject: Subject) -> Iterator[Finding]:
    """group/interval: the interval is outside of what the project allows."""
    options, length_ms = subject.facts.options, subject.group.interval_ms
    if subject.group.rules[0] is not subject.rule:
        return
    too_short = length_ms < options.interval_ms_min
    if too_short or (options.interval_ms_max and length_ms > options.interval_ms_max):
        node = subject.group_node.key("interval") if subject.group_node is not None else None
        bound = options.interval_ms_min if too_short else options.interval_ms_max
        yield subject.finding(
            node.span if node is not None else subject.place, "group-interval",
            f"the interval of {subject.group.name} is {format_duration(length_ms)}",
            f"use {format_duration(bound)} or {'more' if too_short else 'less'}",
        )  # fmt: skip


def label(subject: Subject) -> Iterator[Finding]:
    """rule/label: a label that the project asks for is missing."""
    if not subject.is_alert:
        return
    for name in subject.facts.options.labels_required:
        if not subject.rule.labels.get(name, "").strip():
            message = f"{subject.rule.name} has no label {name!r}"
            yield subject.of_key("alert", "rule-label", message, f"add `{name}:` under labels:")


def name_of_rule(subject: Subject) -> Iterator[Finding]:
    """rule/name: the name is none of those that the project allows."""
    options, rule = subject.facts.options, subject.rule
    wanted = options.alert_name if subject.is_alert else options.record_name
    if wanted and not re.fullmatch(translate(wanted), rule.name):
        key = "alert" if subject.is_alert else "record"
        yield subject.of_key(key, "rule-name", f"{rule.name} does not match {wanted}",
                             "rename it")  # fmt: skip


def conflict(subject: Subject) -> Iterator[Finding]:
    """labels/conflict: a rule sets a label that is an external label too."""
    known = subject.facts.options.external_labels or frozenset()
    for name in subject.rule.labels:
        if name in known:
            yield subject.of_text(
                "labels", name, (0, 1), "labels-conflict",
                f"{name!r} is an external label: one of the two values is lost",
                "use another name",
            )  # fmt: skip

"""Run every lint over every rule."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.document import Finding, ListNode, MapNode, Reader, ScalarNode, load_documents, ordered
from engine.limits import DEFAULT_LIMITS
from engine.plan import PromGroup, PromRule
from engine.promql import walk
from engine.rules.codes import RULE_CODES
from engine.rules.kinds import is_object, rule_files_in
from engine.rules.lint.comments import Switch, kept, switches
from engine.rules.lint.subject import Options, RuleSetFacts, Subject
from engine.rules.lint.table import LINT_CODES, LINTS

_NO_OPTIONS = Options()


@dataclass(slots=True)
class _Place:
    """Where a rule stands: its node, its group's, and the lines up to the next rule."""

    node: MapNode
    group: MapNode
    first_line: int
    last_line: int


@dataclass(slots=True)
class _File:
    """One file's rules by line, and its comments."""

    places: dict[int, list[_Place]] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)


def lint(
    groups: Iterable[PromGroup], files: Mapping[str, str], options: Options = _NO_OPTIONS
) -> list[Finding]:
    """Return the warnings of every rule, in reading order.

    `groups` are what `load` made of `files` (path -> text). A `# tocsin disable CODE` in the lines
    of a rule, or right above it, switches a lint off for it; `file/disable` does for the file.
    """
    groups = tuple(groups)
    facts = RuleSetFacts(_recorded(groups), options)
    read: dict[str, _File] = {}
    findings: list[Finding] = []
    for file in {group.file: None for group in groups}:
        read[file], found = _file(file, files.get(file, ""))
        findings += found
    for group in groups:
        for rule in group.rules:
            findings += _linted(group, rule, read[group.file], facts)
    return ordered(findings)


def _linted(
    group: PromGroup, rule: PromRule, file: _File, facts: RuleSetFacts
) -> Iterator[Finding]:
    place = _place(rule, file)
    subject = Subject(group, rule, place.node if place else None, place.group if place else None,
                      facts, tuple(walk(rule.expr)))  # fmt: skip
    first, last = (place.first_line, place.last_line) if place else (rule.line, rule.line)
    every = (finding for each in LINTS for finding in each.check(subject))
    return kept(every, file.switches, first, last)


def _recorded(groups: Iterable[PromGroup]) -> dict[str, tuple[PromRule, ...]]:
    found: dict[str, list[PromRule]] = {}
    for group in groups:
        for rule in group.rules:
            if rule.kind == "record":
                found.setdefault(rule.name, []).append(rule)
    return {name: tuple(rules) for name, rules in found.items()}


def _place(rule: PromRule, file: _File) -> _Place | None:
    """Return the place of a rule; several on one line are told apart by name."""
    places = file.places.get(rule.line, [])
    for place in places:
        name = place.node.get("record" if rule.kind == "record" else "alert")
        expr = place.node.get("expr")
        if (
            isinstance(name, ScalarNode)
            and name.text == rule.name
            and (len(places) == 1 or (isinstance(expr, ScalarNode) and expr.text == rule.text))
        ):
            return place
    return None


def _file(file: str, text: str) -> tuple[_File, list[Finding]]:
    found = _File()
    roots, _ = load_documents(text, file, DEFAULT_LIMITS.rule_file_bytes_max * 16, is_object)
    reader = Reader(file, RULE_CODES)
    placed: list[_Place] = []
    for root in roots:
        for top in rule_files_in(root, reader):
            placed += _places(top)
    total = text.count("\n") + 1
    ends = [each.first_line - 1 for each in placed[1:]] + [total]
    for place, end in zip(placed, ends, strict=False):
        place.last_line = end
        found.places.setdefault(place.node.span.line, []).append(place)
    found.switches, findings = switches(file, text, LINT_CODES)
    _raise_to_comments(placed, text)
    return found, findings


def _places(top: MapNode) -> Iterator[_Place]:
    groups = top.get("groups")
    for group in groups if isinstance(groups, ListNode) else ():
        rules = group.get("rules") if isinstance(group, MapNode) else None
        for rule in rules if isinstance(rules, ListNode) else ():
            if isinstance(rule, MapNode) and isinstance(group, MapNode):
                yield _Place(rule, group, rule.span.line, rule.span.line)


def _raise_to_comments(placed: list[_Place], text: str) -> None:
    """Let comments right above a rule belong to it, and not to the rule before."""
    lines = text.split("\n")
    for index, place in enumerate(placed):
        first = place.first_line
        while first >= 2 and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        place.first_line = first
        if index:
            before = placed[index - 1]
            before.last_line = max(min(before.last_line, first - 1), before.node.span.line)

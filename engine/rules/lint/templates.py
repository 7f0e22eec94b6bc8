"""alerts/template: what labels and annotations read, and whether the query has it."""

from collections.abc import Iterator, Mapping

from engine.document import Finding
from engine.promql import Expr, PromQLError, parse, type_of
from engine.rules.lint.shape import Shape, shape_of
from engine.rules.lint.subject import Subject
from engine.series import METRIC_NAME
from engine.template import go

_CODE = "alerts-template"
_CHANGING = ("now",)


def template(subject: Subject) -> Iterator[Finding]:
    """alerts/template: labels that the query removes, values in labels, broken queries."""
    if not subject.is_alert:
        return
    shape = shape_of(subject.rule.expr, subject.facts)
    for place, texts in (
        ("labels", subject.rule.labels),
        ("annotations", subject.rule.annotations),
    ):
        for name, text in texts.items():
            if "{{" not in text:
                continue
            found = go.references(text)
            yield from _labels(subject, shape, place, name, text, found)
            yield from _queries(subject, place, name, found)
            if place == "labels":
                yield from _values(subject, name, found)


def _labels(
    subject: Subject, shape: Shape, place: str, name: str, text: str, found: go.References
) -> Iterator[Finding]:
    told = set()
    for use in found.labels:
        if use.name in told or shape.has(use.name) or _is_guarded(text, use):
            continue
        told.add(use.name)
        if use.name == METRIC_NAME:
            continue
        reason = f": {shape.reason}" if shape.reason else ""
        yield subject.of_text(
            place, name, (use.start, use.end), _CODE,
            f"the query's result has no label {use.name!r}{reason}",
            "keep the label in the query, or do not use it here",
        )  # fmt: skip


def _is_guarded(text: str, use: go.Use) -> bool:
    """Say whether the label stands in a condition: `{{ if $labels.x }}` knows it may be empty."""
    action = text.rfind("{{", 0, use.start)
    words = text[action + 2 : use.start].lstrip("- ").split()
    return bool(words) and words[0] in ("if", "with", "else")


def _values(subject: Subject, name: str, found: go.References) -> Iterator[Finding]:
    """A label that changes with the value makes another alert of it at every evaluation."""
    for use in found.value[:1]:
        yield subject.of_text(
            "labels", name, (use.start, use.end), _CODE,
            f"the label {name!r} changes with the value: each change is another alert, and `for` "
            "begins again",
            "move it to annotations:",
        )  # fmt: skip
    for use in found.functions:
        if use.name in _CHANGING:
            yield subject.of_text(
                "labels", name, (use.start, use.end), _CODE,
                f"the label {name!r} changes with the time: the alert never lasts",
                "move it to annotations:",
            )  # fmt: skip


def _queries(subject: Subject, place: str, name: str, found: go.References) -> Iterator[Finding]:
    for query in found.queries:
        if query.text is None:
            continue
        tree, problem = _parsed(query.text if query.is_literal else _filled(query.text))
        if problem:
            yield subject.of_text(
                place, name, (query.start, query.end), _CODE, f"this query is broken: {problem}",
                "correct its PromQL",
            )  # fmt: skip
        elif tree is not None:
            yield from _of_rows(subject, place, name, query, tree)


def _of_rows(
    subject: Subject, place: str, name: str, query: go.QueryUse, tree: Expr
) -> Iterator[Finding]:
    shape = shape_of(tree, subject.facts)
    for use in query.labels:
        if not shape.has(use.name):
            reason = f": {shape.reason}" if shape.reason else ""
            yield subject.of_text(
                place, name, (use.start, use.end), _CODE,
                f"the rows of this query have no label {use.name!r}{reason}",
                "keep the label in the query",
            )  # fmt: skip


def _filled(form: str) -> str:
    """Put something into a printf's format that parses where the real thing would."""
    for verb, text in _STAND_INS.items():
        form = form.replace(verb, text)
    return form


_STAND_INS: Mapping[str, str] = {"%q": '"x"', "%s": "x", "%v": "x", "%d": "1", "%%": "%"}


def _parsed(text: str) -> tuple[Expr | None, str]:
    """Return the query, and what is wrong with it; neither where only the run can tell."""
    try:
        tree: Expr = parse(text)
    except PromQLError as error:
        return None, "" if "%" in text else str(error)
    return tree, "it gives a range of samples" if type_of(tree) == "matrix" else ""

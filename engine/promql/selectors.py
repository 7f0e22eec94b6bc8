"""Selectors and what may follow them: ranges, subqueries, offset and @."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from engine.promql import duration_arithmetic
from engine.promql.ast import At, Expr, MatrixSelector, Subquery, VectorSelector
from engine.promql.checking import check_selector, check_subquery, refuse
from engine.promql.cursor import Cursor
from engine.promql.durations import milliseconds
from engine.promql.errors import PromQLError
from engine.promql.lexer import NUMBER_PATTERN, OPERATOR, RANGE, TEXT, WORD, literal
from engine.series import METRIC_NAME, Matcher, MatchOperator, Selector, compiled

_OPERATORS: Final[Mapping[str, MatchOperator]] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_BRACKETS: Final = re.compile(
    rf"\[\s*(?P<range>[-+]?\s*(?:{NUMBER_PATTERN}))\s*"
    rf"(?::\s*(?P<step>[-+]?\s*(?:{NUMBER_PATTERN}))?\s*(?P<end>))?\]"
)
_ARITHMETIC: Final = re.compile(r"[-+*/%^(),]")


def vector_selector(cursor: Cursor) -> VectorSelector:
    """Take a name, matchers in braces, or both."""
    start = cursor.start
    matchers: list[Matcher] = []
    named = cursor.kind == WORD
    if named:
        matchers.append(Matcher(METRIC_NAME, "=", cursor.take()))
    if cursor.accept("{"):
        while not cursor.accept("}"):
            matchers.append(_matcher(cursor))
            if not cursor.accept(",") and not (cursor.kind == OPERATOR and cursor.value == "}"):
                cursor.unexpected("label matching", '"," or "}"')
    selector = VectorSelector(tuple(matchers), span=(start, cursor.end))
    check_selector(selector, named)
    return replace(selector, selector=canonical(matchers)) if len(matchers) > 1 else selector


def canonical(matchers: list[Matcher]) -> Selector:
    """Return matchers in the one order that makes equal selectors equal values.

    The fixed name is first, the rest is in Prometheus's printed order. Where a label has several
    matchers their order stays: absent() takes its labels from the first.
    """
    if len({matcher.name for matcher in matchers}) < len(matchers):
        return tuple(matchers)
    return tuple(sorted(matchers, key=_order))


def _order(matcher: Matcher) -> tuple[bool, str, str]:
    fixed = matcher.name == METRIC_NAME and matcher.operator == "="
    return not fixed, matcher.name + matcher.operator, matcher.value


def _matcher(cursor: Cursor) -> Matcher:
    where = "label matching"
    start = cursor.start
    if cursor.kind == TEXT:
        name = cursor.string()
        if cursor.kind == OPERATOR and cursor.value in (",", "}"):
            return Matcher(METRIC_NAME, "=", name)
        if not name:
            raise PromQLError('invalid label name ""', start, cursor.end)
    elif cursor.kind == WORD and ":" not in cursor.value:
        name = cursor.take()
    else:
        cursor.unexpected(where, 'identifier or "}"')
    operator = _OPERATORS.get(cursor.value) if cursor.kind == OPERATOR else None
    if operator is None:
        cursor.unexpected(where, "label matching operator")
    cursor.take()
    if cursor.kind != TEXT:
        cursor.unexpected(where, "string")
    value = cursor.string()
    if operator in ("=~", "!~"):
        try:
            compiled(value)
        except re.error as problem:
            refuse(f"error parsing regexp: {problem}: `{value}`", (start, cursor.end))
    return Matcher(name, operator, value)


def postfix(cursor: Cursor, expr: Expr) -> Expr:
    """Take every range, offset and @ that follows an expression."""
    while True:
        if cursor.kind == RANGE:
            expr = _brackets(cursor, expr)
        elif cursor.kind == OPERATOR and cursor.value == "@":
            expr = _at(cursor, expr)
        elif cursor.is_word("offset"):
            expr = _offset(cursor, expr)
        elif cursor.is_word("anchored") or cursor.is_word("smoothed"):
            span = (cursor.start, cursor.start + len(cursor.value))
            word = cursor.value.lower()
            refuse(f"modifier {word} is experimental in Prometheus and unsupported", span)
        else:
            return expr


def _brackets(cursor: Cursor, expr: Expr) -> MatrixSelector | Subquery:
    start = cursor.start
    text = cursor.take()
    found = _BRACKETS.fullmatch(text)
    if found is not None:
        range_ms = _positive(found, "range", start)
        step_ms = _positive(found, "step", start) if found["step"] else 0
        is_subquery = found["end"] is not None
    else:
        range_ms, step_ms, is_subquery = _worked_out(text, start)
    span = (expr.span[0], cursor.end)
    if is_subquery:
        subquery = Subquery(expr, range_ms, step_ms, span=span)
        check_subquery(subquery)
        return subquery
    if not isinstance(expr, VectorSelector):
        refuse("ranges only allowed for vector selectors", (start, cursor.end))
    if expr.offset_ms:
        refuse("no offset modifiers allowed before range", (start, cursor.end))
    if expr.at is not None:
        refuse("no @ modifiers allowed before range", (start, cursor.end))
    return MatrixSelector(expr, range_ms, span)


def _positive(found: re.Match[str], group: str, start: int) -> int:
    text = found[group]
    span = (start + found.start(group), start + found.end(group))
    number = text.lstrip("-+ \t\r\n")
    seconds, _ = literal(number, span[1] - len(number))
    if text[0] == "-" or seconds <= 0:
        refuse("duration must be greater than 0", span)
    duration_ms = milliseconds(seconds)
    if duration_ms is None:
        refuse("duration out of range", span)
    if not duration_ms:
        refuse("duration must be at least a millisecond", span)
    return duration_ms


def _worked_out(text: str, start: int) -> tuple[int, int, bool]:
    """Return range and step of brackets with arithmetic, and whether there is a colon.

    A range that is not positive is 0: such an expression is read, and no evaluation succeeds.
    """
    inner = text[1:-1].strip()
    span = (start, start + len(text))
    if not inner:
        refuse('unexpected "]" in subquery or range selector, expected duration', span)
    if not _ARITHMETIC.search(inner):
        refuse(f'bad duration in brackets: "{inner}"', span)
    range_text, colon, step_text = text[1:-1].partition(":")
    range_ms = _whole_ms(range_text, start + 1)
    step_ms = 0
    if step_text.strip():
        step_ms = _whole_ms(step_text, start + 2 + len(range_text))
        if not step_ms:
            refuse("duration must be greater than 0", span)
    return range_ms, step_ms, bool(colon)


def _whole_ms(text: str, start: int) -> int:
    seconds = duration_arithmetic.whole(text, start)
    return (milliseconds(seconds) or 0) if seconds > 0 else 0


def _offset(cursor: Cursor, expr: Expr) -> Expr:
    cursor.take()
    start = cursor.start
    if duration_arithmetic.begins(cursor):
        seconds = duration_arithmetic.offset(cursor)
    else:
        seconds = cursor.signed_number("offset", "duration")
    offset_ms = milliseconds(seconds)
    if offset_ms is None:
        refuse("duration out of range", (start, cursor.end))
    return _modified(cursor, expr, "offset", {"offset_ms": offset_ms})


def _at(cursor: Cursor, expr: Expr) -> Expr:
    cursor.take()
    return _modified(cursor, expr, "@", {"at": _time(cursor)})


def _modified(cursor: Cursor, expr: Expr, modifier: str, change: dict[str, Any]) -> Expr:
    selector = expr.vector if isinstance(expr, MatrixSelector) else expr
    if not isinstance(selector, VectorSelector | Subquery):
        refuse(
            f"{modifier} modifier must be preceded by an instant vector selector"
            " or range vector selector or a subquery",
            expr.span,
        )
    span = (expr.span[0], cursor.end)
    ((name, _),) = change.items()
    if selector.at is not None if name == "at" else selector.offset_ms:
        refuse(f"{modifier} modifier may not be set multiple times", span)
    selector = replace(selector, **change)
    if isinstance(expr, MatrixSelector):
        assert isinstance(selector, VectorSelector), "a range is of a selector"
        return replace(expr, vector=selector, span=span)
    return replace(selector, span=span)


def _time(cursor: Cursor) -> At:
    word = cursor.value.lower()
    if cursor.kind == WORD and (word == "start" or word == "end"):
        cursor.take()
        cursor.expect("(", "@")
        cursor.expect(")", "@")
        return "start" if word == "start" else "end"
    start = cursor.start
    seconds = cursor.signed_number("@", "timestamp")
    if not abs(seconds) < 2**63:
        text = cursor.text[start : cursor.end]
        refuse(f"timestamp out of bounds for @ modifier: {text}", (start, cursor.end))
    # Go rounds halves away from zero.
    return int(math.copysign(math.floor(abs(seconds) * 1000 + 0.5), seconds))

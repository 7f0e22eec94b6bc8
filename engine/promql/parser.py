"""PromQL by precedence climbing, with exact spans.

The grammar and its precedences are Prometheus's: a sign binds as `*` does (`-1^2` is -1), offset
and @ bind tightest, keywords are names wherever they cannot be anything else.
"""

import math
from typing import Final, NoReturn

from engine.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    Matching,
    Number,
    Paren,
    Span,
    String,
    Unary,
)
from engine.promql.checking import (
    check_aggregation,
    check_binary,
    check_call,
    check_unary,
    refuse,
)
from engine.promql.cursor import Cursor
from engine.promql.errors import PromQLError
from engine.promql.functions import (
    AGGREGATIONS,
    EXPERIMENTAL,
    FUNCTIONS,
    RENAMED,
    SET_OPERATORS,
)
from engine.promql.lexer import END, OPERATOR, TEXT, WORD
from engine.promql.selectors import postfix, vector_selector
from engine.promql.tree import type_of

# Python's stack holds 1,000 frames: a call takes this parser six, a level of a tree takes whoever
# walks or compares it three.
NESTING_MAX: Final = 100
HEIGHT_MAX: Final = 200

_POWERS: Final = {
    "or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
_ABOVE_SIGN: Final = 6
_WORD_OPERATORS: Final = frozenset({"or", "and", "unless", "atan2"})
_NEVER_NAMES: Final = frozenset(
    {"atan2", "bool", "group_left", "group_right", "ignoring", "on"}
)  # fmt: skip
_FILLS: Final = frozenset({"fill", "fill_left", "fill_right"})
_NATIVE_TRIM: Final = ("<", ">")  # `</` and `>/` cut native histograms


def parse(text: str) -> Expr:
    """Return the checked tree of an expression.

    Accepts what Prometheus 3.15 accepts without feature flags. Raises PromQLError for the first
    mistake; what needs a feature flag is refused by name.
    """
    if not text.isascii():
        _check_unicode(text)
    parser = _Parser(text)
    if parser.cursor.kind == END:
        refuse("no expression found in input", (0, len(text)))
    expr = parser.expression(0)
    if parser.cursor.kind != END:
        parser.cursor.unexpected()
    return expr


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise PromQLError("a lone surrogate is no character", problem.start, problem.end) from None


class _Parser:
    """One run over one text. `height` is that of the tree returned last."""

    __slots__ = ("cursor", "height", "nesting")

    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.height = 0
        self.nesting = 0

    def expression(self, floor: int) -> Expr:
        """Take an expression whose operators bind at least as tightly as the floor."""
        self.nesting += 1
        self._bound(self.nesting, NESTING_MAX)
        left = self._signed()
        while (operator := self._operator()) is not None:
            power = _POWERS[operator]
            if power < floor:
                break
            left = self._binary(left, operator, power)
        self.nesting -= 1
        return left

    def _bound(self, height: int, most: int) -> None:
        if height > most:
            start = self.cursor.start
            message = f"an expression may be nested {most} levels deep"
            raise PromQLError(message, start, start + max(len(self.cursor.value), 1))

    def _operator(self) -> str | None:
        cursor = self.cursor
        if cursor.kind == OPERATOR:
            return cursor.value if cursor.value in _POWERS else None
        if cursor.kind == WORD and (word := cursor.value.lower()) in _WORD_OPERATORS:
            return word
        return None

    def _binary(self, left: Expr, operator: str, power: int) -> Expr:
        cursor, height = self.cursor, self.height
        operator_span = (cursor.start, cursor.start + len(cursor.value))
        cursor.take()
        if operator in _NATIVE_TRIM and cursor.value == "/" and cursor.start == operator_span[1]:
            refuse("native histograms are unsupported", (operator_span[0], cursor.start + 1))
        returns_bool = cursor.is_word("bool")
        if returns_bool:
            cursor.take()
        matching = self._matching(operator)
        right = self.expression(power if operator == "^" else power + 1)
        self.height = max(height, self.height) + 1
        self._bound(self.height, HEIGHT_MAX)
        left_type, right_type = type_of(left), type_of(right)
        span = (left.span[0], right.span[1])
        binary = Binary(operator, left, right, returns_bool, matching, span, operator_span)
        check_binary(binary, left_type, right_type)
        if left_type == right_type == "vector":
            return binary
        return Binary(operator, left, right, returns_bool, None, span, operator_span)

    def _matching(self, operator: str) -> Matching:
        cursor = self.cursor
        cardinality: Cardinality = "many-to-many" if operator in SET_OPERATORS else "one-to-one"
        if cursor.kind != WORD:
            return _PLAIN[cardinality]
        on = False
        labels: tuple[str, ...] = ()
        include: tuple[str, ...] = ()
        if (word := cursor.value.lower()) in ("on", "ignoring"):
            cursor.take()
            on, labels = word == "on", cursor.labels()
            if (word := cursor.value.lower()) in ("group_left", "group_right"):
                cardinality = "many-to-one" if word == "group_left" else "one-to-many"
                cursor.take()
                include = cursor.labels() if cursor.value == "(" else ()
        if cursor.kind == WORD and cursor.value.lower() in _FILLS and cursor.following == "(":
            span = (cursor.start, cursor.start + len(cursor.value))
            refuse("fill modifiers are experimental in Prometheus and unsupported", span)
        return Matching(cardinality, on, labels, include)

    def _signed(self) -> Expr:
        cursor = self.cursor
        if cursor.kind != OPERATOR or cursor.value not in ("-", "+"):
            return self._primary()
        start = cursor.start
        negative = cursor.take() == "-"
        operand = self.expression(_ABOVE_SIGN)
        span = (start, operand.span[1])
        if type(operand) is Number:  # as Prometheus: a signed literal is a literal
            value = -operand.value if negative else operand.value
            return Number(_one_nan(value), span, operand.duration)
        unary = Unary("-" if negative else "+", operand, span)
        check_unary(unary)
        self.height += 1
        self._bound(self.height, HEIGHT_MAX)
        return unary

    def _primary(self) -> Expr:
        cursor = self.cursor
        start = cursor.start
        self.height = 1
        if (found := cursor.number()) is not None:
            value, duration = found
            expr: Expr = Number(_one_nan(value), (start, cursor.end), duration)
        elif cursor.kind == WORD:
            expr = self._named(start)
        elif cursor.kind == TEXT:
            expr = String(cursor.string(), (start, cursor.end))
        elif cursor.accept("("):
            inner = self.expression(0)
            cursor.expect(")", "parentheses") if cursor.kind != END else self._unclosed(start)
            self.height += 1
            expr = Paren(inner, (start, cursor.end))
        elif cursor.kind == OPERATOR and cursor.value == "{":
            expr = vector_selector(cursor)
        else:
            cursor.unexpected()
        height = self.height
        after = postfix(cursor, expr)
        if after is not expr:
            self.height = height + 1
        return after

    def _unclosed(self, start: int) -> NoReturn:
        refuse("unclosed left parenthesis", (start, start + 1))

    def _named(self, start: int) -> Expr:
        cursor = self.cursor
        word, lower = cursor.value, cursor.value.lower()
        opened = cursor.following == "("
        if lower in AGGREGATIONS:
            if opened or cursor.following.lower() in ("by", "without"):
                return self._aggregation(lower, start)
        elif lower in _NEVER_NAMES:
            cursor.unexpected()
        elif opened:
            return self._call(word, start)
        return vector_selector(cursor)

    def _call(self, name: str, start: int) -> Call:
        cursor = self.cursor
        span: Span = (start, start + len(name))
        if name not in FUNCTIONS:
            _unknown_function(name, span)
        cursor.take()
        args = self._arguments()
        call = Call(name, args, (start, cursor.end))
        check_call(call)
        return call

    def _arguments(self) -> tuple[Expr, ...]:
        cursor = self.cursor
        opened = cursor.start
        cursor.expect("(", "aggregation")
        args: list[Expr] = []
        height = 0
        while not cursor.accept(")"):
            if args:
                comma = cursor.start
                if cursor.kind == END:
                    self._unclosed(opened)
                cursor.expect(",", "arguments")
                if cursor.value == ")" and cursor.kind == OPERATOR:
                    refuse("trailing commas not allowed in function call args", (comma, comma + 1))
            elif cursor.kind == END:
                self._unclosed(opened)
            args.append(self.expression(0))
            height = max(height, self.height)
        self.height = height + 1
        return tuple(args)

    def _aggregation(self, operator: str, start: int) -> Aggregation:
        cursor = self.cursor
        span: Span = (start, start + len(operator))
        cursor.take()
        grouping = self._grouping()
        args = self._arguments()
        if grouping is None:
            grouping = self._grouping()
        without, labels = grouping or (False, ())
        span = (start, cursor.end)
        wanted = 1 if AGGREGATIONS[operator] is None else 2
        if not args:
            refuse("no arguments for aggregate expression provided", span)
        if len(args) != wanted:
            refuse(
                "wrong number of arguments for aggregate expression provided,"
                f" expected {wanted}, got {len(args)}",
                span,
            )
        parameter = args[0] if wanted > 1 else None
        aggregation = Aggregation(operator, args[-1], parameter, labels, without, span)
        check_aggregation(aggregation)
        return aggregation

    def _grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        cursor = self.cursor
        if cursor.kind == WORD and (word := cursor.value.lower()) in ("by", "without"):
            cursor.take()
            return word == "without", cursor.labels()
        return None


_PLAIN: Final[dict[Cardinality, Matching]] = {
    "one-to-one": Matching(), "many-to-many": Matching("many-to-many"),
}  # fmt: skip


def _one_nan(value: float) -> float:
    # Tuples, and so trees, compare NaN by identity.
    return math.nan if math.isnan(value) else value


def _unknown_function(name: str, span: Span) -> NoReturn:
    if name in EXPERIMENTAL:
        refuse(f"{name}() is experimental in Prometheus and unsupported", span)
    if name in RENAMED:
        refuse(
            f'unknown function with name "{name}": Prometheus 3 calls it {RENAMED[name]},'
            " which is experimental and unsupported",
            span,
        )
    refuse(f'unknown function with name "{name}"', span)

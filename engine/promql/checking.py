"""What a tree must keep to beyond its grammar: arity, types, and how vectors match.

Each check takes a node whose parts are checked already, and raises the first PromQLError.
"""

from typing import NoReturn

from engine.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Span,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from engine.promql.errors import PromQLError
from engine.promql.functions import (
    AGGREGATIONS,
    COMPARISONS,
    FUNCTIONS,
    NAMES_OF_TYPES,
    SET_OPERATORS,
)
from engine.promql.tree import type_of
from engine.series import METRIC_NAME


def refuse(message: str, span: Span) -> NoReturn:
    """Raise the error for a span."""
    raise PromQLError(message, *span)


def expect(expr: Expr, wanted: ValueType, where: str) -> None:
    """Refuse an expression of another type."""
    have = type_of(expr)
    if have != wanted:
        refuse(
            f"expected type {NAMES_OF_TYPES[wanted]} in {where}, got {NAMES_OF_TYPES[have]}",
            expr.span,
        )


def check_call(call: Call) -> None:
    """Number and types of a call's arguments."""
    signature = FUNCTIONS[call.function]
    count, name = len(call.args), call.function
    if signature.required == signature.most != count:
        refuse(f'expected {signature.most} argument(s) in call to "{name}", got {count}', call.span)
    if count < signature.required:
        refuse(
            f'expected at least {signature.required} argument(s) in call to "{name}", got {count}',
            call.span,
        )
    if signature.most is not None and count > signature.most:
        refuse(
            f'expected at most {signature.most} argument(s) in call to "{name}", got {count}',
            call.span,
        )
    for index, argument in enumerate(call.args):
        expect(argument, signature.argument(index), f'call to function "{name}"')


def check_aggregation(aggregation: Aggregation) -> None:
    """Types of what is aggregated and of the parameter."""
    expect(aggregation.expr, "vector", "aggregation expression")
    wanted = AGGREGATIONS[aggregation.operator]
    if wanted is not None:
        assert aggregation.parameter is not None, f"{aggregation.operator} without its parameter"
        expect(aggregation.parameter, wanted, "aggregation parameter")


def check_unary(unary: Unary) -> None:
    """Signs are for numbers and instant vectors."""
    have = type_of(unary.expr)
    if have not in ("scalar", "vector"):
        refuse(
            "unary expression only allowed on expressions of type scalar or instant vector,"
            f' got "{NAMES_OF_TYPES[have]}"',
            unary.span,
        )


def check_subquery(subquery: Subquery) -> None:
    """A subquery runs over an instant vector."""
    have = type_of(subquery.expr)
    if have != "vector":
        refuse(
            f"subquery is only allowed on instant vector, got {NAMES_OF_TYPES[have]} instead",
            subquery.span,
        )


def check_selector(selector: VectorSelector, named: bool) -> None:
    """One name, and at least one matcher that an absent label would not pass.

    `named`: a name stands before the braces; its matcher is the first.
    """
    if named:
        name, *others = selector.selector
        for matcher in others:
            if matcher.name == METRIC_NAME:
                refuse(
                    f'metric name must not be set twice: "{name.value}" or "{matcher.value}"',
                    selector.span,
                )
    elif all(matcher.matches({}) for matcher in selector.selector):
        refuse("vector selector must contain at least one non-empty matcher", selector.span)


def check_binary(binary: Binary, left: ValueType, right: ValueType) -> None:
    """Operators and the types of their sides; `matching` is as written, before it is dropped."""
    operator, matching = binary.operator, binary.matching
    assert matching is not None, "matching is dropped after the check"
    for side, have in ((binary.left, left), (binary.right, right)):
        if have not in ("scalar", "vector"):
            refuse("binary expression must contain only scalar and instant vector types", side.span)
    if binary.bool_modifier and operator not in COMPARISONS:
        refuse("bool modifier can only be used on comparison operators", binary.operator_span)
    if left == right == "scalar" and operator in COMPARISONS and not binary.bool_modifier:
        refuse("comparisons between scalars must use BOOL modifier", binary.operator_span)
    if matching.on and (both := set(matching.labels) & set(matching.include)):
        refuse(
            f'label "{min(both)}" must not occur in ON and GROUP clause at once',
            binary.operator_span,
        )
    if not left == right == "vector":
        if matching.labels:
            refuse("vector matching only allowed between instant vectors", binary.span)
        if operator in SET_OPERATORS:
            refuse(
                f'set operator "{operator}" not allowed in binary scalar expression', binary.span
            )
    elif operator in SET_OPERATORS and matching.cardinality != "many-to-many":
        refuse(f'no grouping allowed for "{operator}" operation', binary.span)

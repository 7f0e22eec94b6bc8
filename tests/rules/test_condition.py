"""Conditions: read as Python's own grammar reads them; mistakes are underlined."""

import ast
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.plan import evaluate
from engine.rules import parse_condition
from tests.rules.checking import check, one

NAMES = ("errors", "users", "p99")


def values_of(text: str, columns: dict[str, float]) -> float:
    expression, problems = parse_condition(text, NAMES)
    assert expression is not None, problems
    arrays = {name: np.array([value]) for name, value in columns.items()}
    return float(evaluate(expression, arrays, 1)[0])


# --- an independent reader: Python parses the text, this walks its tree -------------------------


def naive(node: ast.expr, columns: dict[str, float]) -> float:
    match node:
        case ast.Constant(value=value):
            return float(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return columns[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -naive(operand, columns)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return naive(operand, columns)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return float(naive(operand, columns) == 0)
        case ast.BoolOp(op=ast.And(), values=parts):
            return float(all(naive(part, columns) != 0 for part in parts))
        case ast.BoolOp(op=ast.Or(), values=parts):
            return float(any(naive(part, columns) != 0 for part in parts))
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return compared(operator, naive(left, columns), naive(right, columns))
        case ast.BinOp(left=left, op=operator, right=right):
            return computed(operator, naive(left, columns), naive(right, columns))
    raise AssertionError(ast.dump(node))


def compared(operator: ast.cmpop, a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return 0.0
    table = {
        ast.Lt: a < b, ast.LtE: a <= b, ast.Gt: a > b, ast.GtE: a >= b, ast.Eq: a == b,
        ast.NotEq: a != b,
    }  # fmt: skip
    return float(table[type(operator)])


def computed(operator: ast.operator, a: float, b: float) -> float:
    with np.errstate(all="ignore"):
        left, right = np.float64(a), np.float64(b)
        match operator:
            case ast.Add():
                return float(left + right)
            case ast.Sub():
                return float(left - right)
            case ast.Mult():
                return float(left * right)
            case ast.Div():
                return float(left / right)
            case ast.Mod():
                return float(np.fmod(left, right))
    raise AssertionError(operator)


def joined(parts: st.SearchStrategy[str], operators: list[str]) -> st.SearchStrategy[str]:
    """1 to 3 parts with operators between them and no brackets: binding decides."""
    more = st.lists(st.tuples(st.sampled_from(operators), parts), max_size=2)
    return st.builds(
        lambda first, rest: first + "".join(f" {op} {part}" for op, part in rest), parts, more
    )


def numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    primary = (
        st.sampled_from([*NAMES, "0", "3", "2.5", "1e2", ".5"])
        | inner.map(lambda text: f"({text})")
    )  # fmt: skip
    unary = st.builds(lambda sign, text: sign + text, st.sampled_from(["", "", "-", "+"]), primary)
    return joined(joined(unary, ["*", "/", "%"]), ["+", "-"])


NUMBER = st.recursive(st.sampled_from([*NAMES, "1"]), numbers, max_leaves=6)
COMPARISON = st.builds(
    lambda a, op, b: f"{a} {op} {b}",
    NUMBER, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBER,
)  # fmt: skip


def truths(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    negated = st.builds(
        lambda word, text: word + text,
        st.sampled_from(["", "not ", "not not "]),
        COMPARISON | inner.map(lambda text: f"({text})"),
    )
    return joined(joined(negated, ["and"]), ["or"])


CONDITION = st.recursive(COMPARISON, truths, max_leaves=5)
VALUE = st.sampled_from([0.0, -1.0, 0.5, 3.0, 1e9, math.nan, math.inf])


@given(CONDITION, VALUE, VALUE, VALUE)
def test_agrees_with_pythons_grammar(text: str, a: float, b: float, c: float) -> None:
    assume(len(text) < 400)  # longer ones are refused, see below
    columns = dict(zip(NAMES, (a, b, c), strict=True))
    if not any(name in text for name in NAMES):
        assert [p.code for p in parse_condition(text, NAMES)[1]] == ["condition-constant"]
        return
    tree = ast.parse(text, mode="eval").body
    assert values_of(text, columns) == naive(tree, columns)


@given(st.text() | st.text(alphabet="ab() andortn<>=!+-*/%0123456789.e,", max_size=60))
def test_nothing_raises_and_carets_are_inside(text: str) -> None:
    expression, problems = parse_condition(text, ("a", "b"))
    assert (expression is None) == bool(problems)
    for problem in problems:
        assert 0 <= problem.offset <= len(text)
        assert problem.length >= 1


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("erors > 1", ["condition-name: erors"]),
        ("errors > 1 and usres > 2 or foo < 1", ["condition-name: usres", "condition-name: foo"]),
        ("errors", ["condition-type: errors"]),
        ("errors + 1", ["condition-type: errors + 1"]),
        ("errors and users > 1", ["condition-type: errors"]),
        ("not errors > 1 and not users", ["condition-type: users"]),
        ("(errors > 1) + 1 > 0", ["condition-type: (errors > 1)"]),
        ("-(errors > 1) > 0", ["condition-type: (errors > 1)"]),
        ("1 < errors < 3", ["condition: <"]),
        ("errors == 1 != 2", ["condition: !="]),
        ("1 < 2", ["condition-constant: 1 < 2"]),
        ("errors > ", ["condition: >"]),
        ("errors > 1 users > 2", ["condition: users"]),
        ("(errors > 1", ["condition: ("]),
        ("errors > 1)", ["condition: )"]),
        ("errors > 5m", ["condition: 5m"]),
        ("errors > 1.2.3", ["condition: 1.2.3"]),
        ("errors > 1 && users > 1", ["condition: &&"]),
        ("errors = 1", ["condition: ="]),
        ("errors > $x", ["condition: $"]),
        ("rate(errors) > 1", ["condition-name: rate"]),
        ("users() > 1", ["condition: ("]),
    ],
)
def test_mistakes_are_underlined(text: str, findings: list[str]) -> None:
    compute = "{errors: sum(), users: max()}"
    check(one(compute=compute, when=f'"{text}"'), *findings)


def test_help_names_what_is_known_and_what_was_meant() -> None:
    (problem,) = parse_condition("erors > 1", NAMES)[1]
    assert "did you mean errors?" in problem.help
    assert "errors, users, p99" in problem.help


def test_chained_comparisons_say_how_to_write_them() -> None:
    (problem,) = parse_condition("1 < errors < 3", NAMES)[1]
    assert problem.message == "comparisons do not chain"
    assert problem.help == "write a < b and b < c"


@pytest.mark.parametrize(
    "text",
    ["(" * 5_000 + "a > 1" + ")" * 5_000, "not " * 5_000 + "a > 1", "-" * 5_000 + "a > 1",
     "a > 1" + " or a > 1" * 5_000],
)  # fmt: skip
def test_length_and_depth_are_bounded(text: str) -> None:
    assert [p.code for p in parse_condition(text, ("a",))[1]] == ["condition-limit"]


def test_the_longest_allowed_condition_can_be_evaluated() -> None:
    assert values_of("errors > 1" + " or errors > 1" * 99, {"errors": 2.0}) == 1.0

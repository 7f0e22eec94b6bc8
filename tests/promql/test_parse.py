"""What a text becomes: precedence, modifiers, names, literals."""

import math

import pytest

from engine.promql import (
    HEIGHT_MAX,
    NATIVE_ONLY,
    NESTING_MAX,
    Aggregation,
    Binary,
    Call,
    Expr,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
    parse,
    to_text,
    transform,
)
from engine.series import METRIC_NAME, Matcher
from tests.promql.corpora import refusal


def named(name: str, *matchers: Matcher) -> VectorSelector:
    return VectorSelector((Matcher(METRIC_NAME, "=", name), *matchers))


A, B, C = named("a"), named("b"), named("c")


def binary(operator: str, left: Expr, right: Expr) -> Binary:
    return Binary(operator, left, right, matching=Matching())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a + b * c", binary("+", A, binary("*", B, C))),
        ("a - b - c", binary("-", binary("-", A, B), C)),
        ("a ^ b ^ c", binary("^", A, binary("^", B, C))),
        ("a atan2 b * c", binary("*", binary("atan2", A, B), C)),
        ("-a ^ b", Unary("-", binary("^", A, B))),
        ("-a * b", binary("*", Unary("-", A), B)),
        ("a ^ -b * c", binary("*", binary("^", A, Unary("-", B)), C)),
        ("a == b < c", binary("<", binary("==", A, B), C)),
        ("a + b == c", binary("==", binary("+", A, B), C)),
        ("-1", Number(-1.0)),
        ("-1 ^ 2", Unary("-", Binary("^", Number(1.0), Number(2.0)))),
        ("--1", Number(1.0)),
        ("-(1)", Unary("-", Paren(Number(1.0)))),
        ("- a offset 1m", Unary("-", VectorSelector(A.selector, 60_000))),
    ],
)
def test_precedence(text: str, wanted: Expr) -> None:
    assert parse(text) == wanted


def test_set_operators_are_many_to_many_and_bind_least() -> None:
    tree = parse("a or b and c unless a")
    many = Matching("many-to-many")
    inner = Binary("unless", Binary("and", B, C, matching=many), A, matching=many)
    assert tree == Binary("or", A, inner, matching=many)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a[5m]", MatrixSelector(A, 300_000)),
        ("a[300]", MatrixSelector(A, 300_000)),
        ("a [ 1h30m ]", MatrixSelector(A, 5_400_000)),
        ("a[5m] offset -1h", MatrixSelector(VectorSelector(A.selector, -3_600_000), 300_000)),
        (
            "a[5m] @ 1.5 offset 10",
            MatrixSelector(VectorSelector(A.selector, 10_000, 1500), 300_000),
        ),
        ("a @ start()", VectorSelector(A.selector, 0, "start")),
        ("a OFFSET 1m @ END()", VectorSelector(A.selector, 60_000, "end")),
        ("a @ -0.0005", VectorSelector(A.selector, 0, -1)),
        ("a @ 1m", VectorSelector(A.selector, 0, 60_000)),
        ("a[1h:]", Subquery(A, 3_600_000)),
        ("a[1h : 5m] offset 1m @ 10", Subquery(A, 3_600_000, 300_000, 60_000, 10_000)),
        ("a offset 1m [1h:5m]", Subquery(VectorSelector(A.selector, 60_000), 3_600_000, 300_000)),
    ],
)
def test_ranges_offset_and_at(text: str, wanted: Expr) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x1F", 31.0), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("1_000", 1000.0), ("0755", 493.0),
        ("089", 89.0), ("0.5e-3", 0.0005), ("5m", 300.0), ("1h30m", 5400.0), ("100ms", 0.1), ("Inf", math.inf),
        ("-iNf", -math.inf), ("9223372036854775808", 2.0**63),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    assert parse(text) == Number(value)


def test_not_a_number_equals_itself_as_a_tree() -> None:
    assert parse("a > -NaN") == parse("a>nan")
    assert hash(parse("NaN")) == hash(parse("-nan"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\tb\"\\"', 'a\tb"\\'),
        (r"'it\'s'", "it's"),
        (r"`raw\n`", "raw\\n"),
        (r'"\x41\101\u00e9\U0001F514"', "AAé🔔"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\ufffd"),
        ('"é # no comment"', "é # no comment"),
    ],
)
def test_strings(text: str, value: str) -> None:
    assert parse(text) == String(value)


def test_names_in_utf8() -> None:
    dotted = VectorSelector((Matcher(METRIC_NAME, "=", "a.b"), Matcher("l.x", "=", "y")))
    assert parse('{"a.b", "l.x"="y"}') == dotted
    assert parse("""{'l.x'=`y`, "a.b",}""") == dotted
    assert parse('sum by ("l.x", y) (a)') == Aggregation("sum", A, labels=("l.x", "y"))


@pytest.mark.parametrize(
    "word",
    ["sum", "topk", "by", "without", "offset", "and", "or", "start", "end", "step", "anchored"],
)
def test_keywords_are_names_where_they_can_be(word: str) -> None:
    metric = named(word)
    assert parse(word) == metric
    assert parse(f"{word} + {word}") == binary("+", metric, metric)
    assert parse(f"{word}{{on='x'}}[5m]") == MatrixSelector(
        named(word, Matcher("on", "=", "x")), 300_000
    )
    assert parse(f"sum by ({word}, bool, on) (a)") == Aggregation(
        "sum", A, labels=(word, "bool", "on")
    )


@pytest.mark.parametrize("word", ["bool", "on", "ignoring", "group_left", "atan2"])
def test_words_that_are_never_names(word: str) -> None:
    assert refusal(word).message.startswith("unexpected")
    assert parse(f'{{__name__="{word}"}}') == named(word)


def test_equal_selectors_are_equal_values() -> None:
    first = parse('a{y="1", x!="2"} # why')
    second = parse(' {x!="2",\n__name__="a", y="1",}')
    assert first == second
    assert hash(first) == hash(second)
    # absent() takes labels from the first matcher of a name: their order is meaning.
    assert parse('a{x="1",x=~".+"}') != parse('a{x=~".+",x="1"}')


def test_aggregations() -> None:
    wanted = Aggregation("topk", A, Number(3.0), ("x",), without=True)
    assert parse("topk without (x) (3, a)") == wanted
    assert parse("TOPK(3, a) WITHOUT (x,)") == wanted
    assert parse('count_values("v", a)') == Aggregation("count_values", A, String("v"))


def test_matching() -> None:
    tree = parse('a > bool on(x, "y.z") group_left(w) b')
    assert tree == Binary(">", A, B, True, Matching("many-to-one", True, ("x", "y.z"), ("w",)))
    tree = parse("a / ignoring(x) group_right b")
    assert tree == Binary("/", A, B, matching=Matching("one-to-many", False, ("x",)))
    assert parse("a > on() 1") == Binary(">", A, Number(1.0))


def test_optional_arguments_are_left_out() -> None:
    assert parse("hour()") == Call("hour", ())
    assert parse("round(a)") == Call("round", (A,))
    assert parse('label_join(a, "x", ",")') == Call("label_join", (A, String("x"), String(",")))


@pytest.mark.parametrize(
    ("text", "words", "marked"),
    [
        ("foo[5m", "unclosed left bracket", "[5m"),
        ("sum(a", "unclosed left parenthesis", "("),
        ("rate(a)", "expected type range vector", "a"),
        ("a + b[5m]", "only scalar and instant vector", "b[5m]"),
        ("1 == 1", "BOOL", "=="),
        ("a +  bool b", "bool modifier", "+"),
        ('a{b=~"("}', "regexp", 'b=~"("'),
        ('a{b=~"(?=x)"}', "regexp", 'b=~"(?=x)"'),
        ("rate(a[5mm])", "bad number or duration", "5mm"),
        ("a offset 1mm", "bad number or duration", "1mm"),
        ("foo(a)", 'unknown function with name "foo"', "foo"),
        ("holt_winters(a[5m], 1, 1)", "double_exponential_smoothing", "holt_winters"),
        ("mad_over_time(a[5m])", "experimental", "mad_over_time"),
        ("1 + limitk(a)", "expected 2, got 1", "limitk(a)"),
        ('limit_ratio("x", a)', "expected type scalar", '"x"'),
        ("a[5m] anchored", "experimental", "anchored"),
        ("a + fill(0) b", "experimental", "fill"),
        ("a </ 1", "native histograms", "</"),
        ('"\\q"', "escape", "\\q"),
        ("a offset 1m offset 2m", "multiple times", "a offset 1m offset 2m"),
        ("a[292277024y]", "duration", "292277024y"),
        ("a[0]", "greater than 0", "0"),
        ("a\n\n  ,", "unexpected", ","),
        ("a{", "end of input", ""),
        ("", "no expression", ""),
        ("# only a comment", "no expression", "# only a comment"),
        ("a{x='\ud800'}", "surrogate", "\ud800"),
        ("a £ b", "unexpected character", "£"),
        ("round(a, 1,)", "trailing commas", ","),
    ],
)
def test_mistakes_say_what_and_where(text: str, words: str, marked: str) -> None:
    error = refusal(text)
    assert words in error.message
    assert text[error.start : error.end] == marked


def test_a_text_nests_only_so_deep() -> None:
    deep = NESTING_MAX - 1
    for text in (
        "(" * deep + "1" + ")" * deep,
        "abs(" * deep + "a" + ")" * deep,
        "+".join(["a"] * HEIGHT_MAX),
        "^".join(["a"] * deep),
    ):
        tree = parse(text)
        assert parse(to_text(tree)) == tree
        assert transform(tree, lambda node: node) is tree
        hash(tree)
    for text in (
        "(" * 10_000 + "1" + ")" * 10_000,
        "+".join(["1"] * 100_000),
        "-" * 10_000 + "a",
        "abs(" * 5000 + "a" + ")" * 5000,
        "^".join(["a"] * 5000),
    ):
        assert "nested" in refusal(text).message


def test_native_only_functions_parse() -> None:
    for name in NATIVE_ONLY:
        assert parse(f"{name}(a)") == Call(name, (A,))

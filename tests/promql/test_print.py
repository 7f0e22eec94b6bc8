"""Trees to text and back; spans; walking and changing trees."""

from hypothesis import given
from hypothesis import strategies as st

from engine.promql import (
    FUNCTIONS,
    Binary,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    PromQLError,
    VectorSelector,
    children,
    format_duration,
    parse,
    parse_duration_ms,
    quote,
    to_text,
    transform,
    type_of,
    walk,
)
from tests.promql.corpora import verdict

# Texts are built by the grammar: whatever is built must parse, by its types.
durations = st.sampled_from(["5m", "1h30m", "90", "1500ms", "1y2w3d", "0.5"])
labels = st.sampled_from(["job", "le", "on", "sum", '"l.x"', "a_1"])
values = st.text(st.characters(exclude_categories=("Cs",)), max_size=5).map(quote)
names = st.sampled_from(["up", "node:cpu:rate5m", "sum", "by", "offset", "start"])
blank = st.sampled_from([" ", "\n", " # why\n"])
numbers = st.one_of(
    st.floats(min_value=0, allow_infinity=False, allow_subnormal=False).map(repr),
    st.sampled_from(["NaN", "Inf", "+Inf", "0x1F", "5m", "1_0.5e-3", "-1", "0755"]),
)


@st.composite
def selectors(draw) -> str:
    matchers = draw(
        st.lists(
            st.one_of(
                st.builds("{}{}{}".format, labels, st.sampled_from(["=", "!="]), values),
                st.builds('{}{}"{}"'.format, labels, st.sampled_from(["=~", "!~"]), st.sampled_from([".+", "a|b", "(?i)x", ""])),
            ),
            max_size=3,
        )
    )  # fmt: skip
    name = draw(names)
    if draw(st.booleans()):
        matchers.insert(
            draw(st.integers(0, len(matchers))),
            draw(st.sampled_from([f'"{name}"', f'__name__="{name}"', '"a.b"'])),
        )
        name = ""
    return name + (f"{{{', '.join(matchers)}}}" if matchers else "")


modifiers = st.one_of(
    st.just(""),
    durations.map(" offset {}".format),
    durations.map(" offset -{}".format),
    st.sampled_from([" @ 1609746000.123", " @ start()", " @ -5 offset 1m", " offset 1m @ end()"]),
)
grouping = st.builds("({})".format, st.lists(labels, max_size=2).map(", ".join))


def _vectors(vector: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    step = st.one_of(st.just(""), durations)
    ranges = st.one_of(
        st.builds("{}[{}]{}".format, selectors(), durations, modifiers),
        st.builds("({})[{}:{}]{}".format, vector, durations, step, modifiers),
    )
    matching = st.one_of(
        st.just(""),
        st.builds(" {} {}".format, st.sampled_from(["on", "ignoring"]), grouping),
        st.builds(" ignoring {} group_left {}".format, grouping, grouping),
        st.builds(" on (a, b) group_right (c)".format),
    )
    arithmetic = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2", "==", "> bool", "<="])
    sets = st.sampled_from(["and", "or", "unless"])
    return st.one_of(
        st.builds("({})".format, vector),
        st.builds("-{}".format, vector),
        st.builds("{}({})".format, st.sampled_from(["rate", "sum_over_time", "absent_over_time"]), ranges),
        st.builds("quantile_over_time({}, {})".format, numbers, ranges),
        st.builds("{}({})".format, st.sampled_from(["abs", "sort", "timestamp", "round", "hour"]), vector),
        st.builds("label_replace({}, {}, {}, {}, {})".format, vector, values, values, values, values),
        st.builds("{} {} {} ({})".format, st.sampled_from(["sum", "MAX"]), st.sampled_from(["by", "without"]), grouping, vector),
        st.builds("topk({}, {}) by {}".format, numbers, vector, grouping),
        st.builds("{}{}{}{}{}{}".format, vector, blank, arithmetic, matching, blank, vector),
        st.builds("{} {} {}".format, vector, arithmetic, numbers),
        st.builds("{} {} {}".format, numbers, arithmetic, vector),
        st.builds("{} {} {}".format, vector, sets, vector),
        st.builds("vector({} * {})".format, numbers, numbers),
        st.builds("scalar({}) + {}".format, vector, vector),
    )  # fmt: skip


vectors = st.recursive(st.builds("{}{}".format, selectors(), modifiers), _vectors, max_leaves=8)


def _parse(text: str) -> Expr | None:
    found = verdict(text)
    if isinstance(found, PromQLError):
        # Mixing operators at random may ask for what the checks refuse; never a syntax error.
        assert "unexpected" not in found.message, found
        return None
    return found


@given(vectors)
def test_what_is_printed_is_read_back(text: str) -> None:
    tree = _parse(text)
    if tree is not None:
        printed = to_text(tree)
        assert parse(printed) == tree
        assert to_text(parse(printed)) == printed


@given(vectors)
def test_spans_hold_the_text_of_their_node(text: str) -> None:
    tree = _parse(text)
    if tree is None:
        return
    for node in walk(tree):
        start, end = node.span
        assert 0 <= start < end <= len(text)
        for child in children(node):
            assert start <= child.span[0] <= child.span[1] <= end
        if isinstance(node, Binary):
            begin, stop = node.operator_span
            assert text[begin:stop].lower() == node.operator
            assert node.left.span[1] <= begin < stop <= node.right.span[0]
        assert parse(text[start:end]) == node or _part_of_range(node, tree)


def _part_of_range(node: Expr, tree: Expr) -> bool:
    # The selector of a range carries the offset that stands after the brackets.
    return any(isinstance(other, MatrixSelector) and other.vector is node for other in walk(tree))


likely = st.sampled_from(
    [*"ab(){}[]=~!<>+-*/^%,@:\"'`#0159.emsx_ \n", " offset ", " by ", " on ", "sum", "rate"]
)


@given(st.one_of(st.text(max_size=20), st.lists(likely, max_size=20).map("".join)))
def test_any_text_gives_a_tree_or_an_error_in_it(text: str) -> None:
    found = verdict(text)
    if isinstance(found, PromQLError):
        assert 0 <= found.start <= found.end <= len(text)
    else:
        assert parse(to_text(found)) == found


@given(st.text())
def test_quotes(text: str) -> None:
    text = text.encode(errors="replace").decode()
    quoted = quote(text)
    assert parse(quoted).value == text
    assert "\n" not in quoted


def test_it_prints_as_prometheus_does() -> None:
    for text, printed in {
        'sum by(job)(rate(http_requests_total{job="a",code=~"5.."}[5m]))>1e2': 'sum by (job) (rate(http_requests_total{code=~"5..",job="a"}[5m])) > 100',
        "sum without() (a)": "sum without () (a)",
        "sum by () (a)": "sum(a)",
        "a[90s:] offset -5m @ 1.5": "a[1m30s:] @ 1.500 offset -5m",
        "a*on()group_left b": "a * on () group_left () b",
        "a ==bool 1_000_000_000": "a == bool 1000000000",
        "a>1e-7": "a > 0.0000001",
        "a>-5m": "a > -5m",
        "{'x.y'}": '{__name__="x.y"}',
        "a and ignoring(b) c": "a and ignoring (b) c",
        "- a ^ +2": "-a ^ 2",
        "count_values ('v', a) without (b)": 'count_values without (b) ("v", a)',
        "Inf ^ a": "Inf ^ a",
        "a * inf": "a * +Inf",
        "time( )": "time()",
    }.items():
        assert to_text(parse(text)) == printed


def test_types() -> None:
    for text, wanted in {
        "1": "scalar", '"a"': "string", "a": "vector", "a[5m]": "matrix", "a[5m:]": "matrix",
        "-a": "vector", "(1 + 2)": "scalar", "1 > bool 2": "scalar", "a > 1": "vector",
        "1 > a": "vector", "a + b": "vector", "time() - 1": "scalar", "scalar(a)": "scalar",
        "vector(1)": "vector", "sum(a)": "vector", "a or b": "vector",
    }.items():  # fmt: skip
        assert type_of(parse(text)) == wanted, text


def test_walk_goes_from_above_in_the_order_of_the_text() -> None:
    nodes = list(walk(parse("topk(1, a) + rate(b[5m])")))
    assert [type(node).__name__ for node in nodes] == [
        "Binary", "Aggregation", "Number", "VectorSelector", "Call", "MatrixSelector", "VectorSelector",
    ]  # fmt: skip


def test_transform_changes_leaves_first_and_keeps_the_rest() -> None:
    tree = parse(
        "(1 + 2) * a[5m:] offset 1m or quantile(3, b)".replace(
            "a[5m:] offset 1m", "last_over_time(a[5m:])"
        )
    )
    assert transform(tree, lambda node: node) is tree

    def doubled(node: Expr) -> Expr:
        return Number(node.value * 2) if isinstance(node, Number) else node

    assert transform(tree, doubled) == parse("(2 + 4) * last_over_time(a[5m:]) or quantile(6, b)")

    def without_parens(node: Expr) -> Expr:
        return node.expr if isinstance(node, Paren) else node

    flat = transform(parse("((a)) + (rate((b)[5m:]))"), without_parens)
    assert flat == parse("a + rate(b[5m:])")


def test_a_selector_knows_its_name() -> None:
    tree = parse('a{b="c"}')
    assert isinstance(tree, VectorSelector)
    assert tree.name == "a"
    assert parse('{__name__=~"a", b="c"}').name is None


@given(st.integers(-(10**12), 10**12))
def test_durations(duration_ms: int) -> None:
    assert parse_duration_ms(format_duration(duration_ms)) == duration_ms


def test_every_function_has_types() -> None:
    for name, signature in FUNCTIONS.items():
        assert signature.required <= (signature.most or 99), name

"""Arithmetic with durations: worked out as Prometheus 3.15 does, where a rule is evaluated."""

import pytest

from engine.promql import MatrixSelector, PromQLError, Subquery, parse, to_text


@pytest.mark.parametrize(
    ("text", "range_ms"),
    [
        ("a[5m * 2]", 600_000),
        ("a[1m+30s]", 90_000),
        ("a[1h/4]", 900_000),
        ("a[-(10s-5s)+20s]", 15_000),
        ("a[2*3^2]", 18_000),
        ("a[2^3^2]", 512_000),  # from the right
        ("a[-2*-3]", 6_000),
        ("a[100%60]", 40_000),
        ("a[(1m)]", 60_000),
        ("a[max_of(step(), 5s)]", 5_000),
        ("a[min_of(1m, 2m) + range()]", 60_000),
        ("a[0.0015 * 1]", 1),
        ("a[step()]", 0),
        ("a[2m/range()]", 0),
        ("a[-2^2]", 0),
    ],
)
def test_ranges(text: str, range_ms: int) -> None:
    found = parse(text)
    assert isinstance(found, MatrixSelector)
    assert found.range_ms == range_ms
    assert parse(to_text(found)) == found


@pytest.mark.parametrize(
    ("text", "offset_ms"),
    [
        ("a offset (1h / 4)", 900_000),
        ("a offset -(5m)", -300_000),
        ("a offset +(5m)", 300_000),
        ("a offset max_of(step(),5s)", 5_000),
        ("a offset -min_of(5s,step()+8s)", -5_000),
        ("a offset range()", 0),
        ("a offset -step()", 0),
    ],
)
def test_offsets(text: str, offset_ms: int) -> None:
    assert parse(text).offset_ms == offset_ms


def test_subqueries() -> None:
    found = parse("a[1h / 2 : 30s * 2]")
    assert isinstance(found, Subquery)
    assert (found.range_ms, found.step_ms) == (1_800_000, 60_000)
    assert parse("a[1h / 2:]") == parse("a[30m:]")


def test_an_offset_ends_before_an_operator() -> None:
    assert parse("a offset 5m + 2") == parse("(a offset 5m) + 2").__class__(
        "+", parse("a offset 5m"), parse("2")
    )


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("a[1m / 0]", "division by zero", (5, 6)),
        ("a[5s%0d]", "modulo by zero", (4, 5)),
        ("a offset (4d/0)", "division by zero", (12, 13)),
        ("a[1m +]", "unexpected end of input in duration", (6, 6)),
        ("a[1m + x]", 'unexpected identifier "x" in duration', (7, 8)),
        ("a[(1m]", "unexpected end of input in duration", (5, 5)),
        ("a[1m:step() - 1]", "duration must be greater than 0", (1, 16)),
        ("1[5m + 1m]", "ranges only allowed for vector selectors", (1, 10)),
        ("a[0:5m * 2]", "duration must be greater than 0", (2, 3)),
    ],
)
def test_mistakes(text: str, message: str, where: tuple[int, int]) -> None:
    with pytest.raises(PromQLError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert (caught.value.start, caught.value.end) == where

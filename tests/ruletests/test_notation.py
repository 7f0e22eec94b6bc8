"""Series notation: what Prometheus' grammar of series descriptions takes and refuses."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ruletests import NotationError, parse_metric, parse_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        ("   ", ()),
        ("1 2\t3", (1, 2, 3)),
        ("-2+4x3", (-2, 2, 6, 10)),
        (" 1-2x4", (1, -1, -3, -5, -7)),
        ("1x4", (1, 1, 1, 1, 1)),
        ("1 _x3 stale", (1, "missing", "missing", "missing", "stale")),
        ("_", ("missing",)),
        ("_x0", ()),
        ("1x0", (1,)),
        ("stalex2", None),
        ("stale", ("stale",)),
        ("0x10", (0,) * 11),  # no hexadecimal: 0, ten times more
        ("0755", (493,)),  # octal, as Go reads it
        ("08", (8,)),
        ("1_000", (1000,)),
        (".5 5. 1e3 1.5e-3", (0.5, 5.0, 1000.0, 0.0015)),
        ("+5", (5,)),
        ("Inf -Inf +inf", (math.inf, -math.inf, math.inf)),
        ("Inf+1x1", (math.inf, math.inf)),
        ("0.1+0.1x3", (0.1, 0.2, 0.30000000000000004, 0.4)),  # added up, not multiplied
        ("1 x4", None),
        ("1+1", None),
        ("1+x3", None),
        ("1x", None),
        ("1x1.5", None),
        ("1x-1", None),
        ("1,2", None),
        ("foo", None),
        ("1+stalex3", None),
        ("__", None),
        ("1x99999999999", None),
    ],
)
def test_values(text, values):
    if values is None:
        with pytest.raises(NotationError):
            parse_values(text)
    else:
        assert parse_values(text) == values


def test_not_a_number():
    (value,) = parse_values("NaN")
    assert math.isnan(value)


def test_native_histograms_are_refused_by_name():
    with pytest.raises(NotationError, match="native histogram") as caught:
        parse_values("1 {{schema:1 sum:3 buckets:[1 2]}}x3")
    assert (caught.value.code, caught.value.offset) == ("test-histogram", 2)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("up", {"__name__": "up"}),
        ("", {}),
        ("{}", {}),
        ('{job="a"}', {"job": "a"}),
        ('up{job="a", instance="x:1",}', {"__name__": "up", "job": "a", "instance": "x:1"}),
        (' up { job = "a" } ', {"__name__": "up", "job": "a"}),
        ('{"a.b", "l.x"="y"}', {"__name__": "a.b", "l.x": "y"}),
        ('{__name__="up"}', {"__name__": "up"}),
        ("a:b:c", {"__name__": "a:b:c"}),
        ("up{job='a\\'b'}", {"__name__": "up", "job": "a'b"}),
        ('up{job=""}', {"__name__": "up"}),
        ("sum", {"__name__": "sum"}),
        ('up{job=~"a"}', None),
        ('up{job="a"', None),
        ("up offset 5m", None),
        ("1 + 1", None),
        ('up{job="a", job="b"}', None),
    ],
)
def test_metric(text, labels):
    if labels is None:
        with pytest.raises(NotationError):
            parse_metric(text)
    else:
        assert dict(parse_metric(text)) == labels


def test_a_broken_series_says_where():
    with pytest.raises(NotationError) as caught:
        parse_values("1 2 3y 4")
    assert (caught.value.offset, str(caught.value)) == (
        5,
        "`x` and a number of repetitions must follow, or a space",
    )


def place(read, text):
    """Return where a text is refused, None where it is read; anything else fails the test."""
    try:
        values = read(text)
    except NotationError as error:
        return error.offset
    assert all(isinstance(v, float | tuple) or v in ("missing", "stale") for v in values)
    return None


@given(st.text(alphabet="0123456789+-x_ .eNaInfstale{}", max_size=30))
def test_any_values_are_read_or_refused(text):
    at = place(parse_values, text)
    assert at is None or 0 <= at <= max(len(text), 1)


@given(st.text(max_size=30))
def test_any_metric_is_read_or_refused(text):
    at = place(parse_metric, text)
    assert at is None or at >= 0

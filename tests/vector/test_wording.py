"""Texts as Go prints them, and positions in expressions."""

import math

import pytest

from engine.vector.wording import go_float, labels_text, plain_float, position, utc_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (0.1, "0.1"), (100000.0, "100000"),
        (1e6, "1e+06"), (1234567.0, "1.234567e+06"), (123456789.0, "1.23456789e+08"),
        (1e-4, "0.0001"), (1e-5, "1e-05"), (1.5e-7, "1.5e-07"), (1e21, "1e+21"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (5e-324, "5e-324"),
        (math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (999999.9999999999, "999999.9999999999"),
        (2e100, "2e+100"), (-2.5e9, "-2.5e+09"),
    ],
)  # fmt: skip
def test_go_float(value, text):
    assert go_float(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (6.0, "6"), (1e21, "1000000000000000000000"), (1.5e-7, "0.00000015"),
        (1e16, "10000000000000000"), (123456789012345680.0, "123456789012345680"), (-2.5, "-2.5"),
        (math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (1e-05, "0.00001"),
    ],
)  # fmt: skip
def test_plain_float(value, text):
    assert plain_float(value) == text


def test_position():
    assert position("sum(a)", (4, 5)) == " (1:5)"
    assert position("sum(\n  a)", (7, 8)) == " (2:3)"
    assert position("é + a", (4, 5)) == " (1:6)"  # columns are bytes
    assert position("", (4, 5)) == ""


def test_texts():
    assert labels_text((("a", 'x"y'), ("b", "1"))) == '{a="x\\"y", b="1"}'
    assert labels_text(()) == "{}"
    assert utc_text(1_703_462_400_999) == "2023-12-25T00:00:00Z"
    assert utc_text(-1001) == "1969-12-31T23:59:59Z"

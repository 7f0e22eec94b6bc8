"""Payloads with templates in them: what a text becomes, and what stops them from growing."""

import json
import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from notifiers.channels import payloads
from notifiers.channels.payloads import PayloadError, encoded, rendered, value_of
from notifiers.fields import PlainText, TemplatedMap

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Recorded from Alertmanager: tests/golden/alertmanager.
        ("5", 5),
        ("1.50", 1.5),
        ("1e3", 1000),
        ("yes", True),
        ("OFF", False),
        ("", None),
        ("~", None),
        ("017", 15),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ('"12"', '"12"'),
        ("a # b", "a # b"),
        ("value1:", {"value1": None}),
        ("key: value and: more", "key: value and: more"),
        ("[1, two, {three: 3}]", [1, "two", {"three": 3}]),
        ("  padded  ", "  padded  "),
        ("5.E37", 5e37),
        ("1e400", "1e400"),
        ("_7", "_7"),
        ("99999999999999999999", 100000000000000000000),
        # Alertmanager reads these as lists and drops what follows: a subject must not lose its end.
        ("[FIRING:1] disk full", "[FIRING:1] disk full"),
        ("{a: 1} and more", "{a: 1} and more"),
        # Alertmanager loses keys that are no texts; ours are kept.
        ("{5: a, y: b}", {"5": "a", "y": "b"}),
        # Alertmanager fails: JSON knows none.
        (".inf", ".inf"),
    ],
)
def test_what_a_text_becomes(text, value):
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


@given(JSON.filter(lambda value: not isinstance(value, str)))
def test_json_that_a_template_writes_arrives_as_it_is(value):
    assert value_of(json.dumps(value)) == value


@given(JSON)
def test_what_is_encoded_is_json_without_what_go_escapes(value):
    written = encoded(value)
    assert json.loads(written) == value
    assert not set(b"<>&") & set(written)
    assert "\u2028".encode() not in written


def test_half_a_character_does_not_stop_a_notification():
    assert json.loads(encoded({"a": "x\ud800"})) == {"a": "x?"}


@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@` \n\tab1~?<", max_size=40))
def test_no_text_is_an_error(text):
    encoded(value_of(text))


def test_numbers_of_the_file_stay_numbers():
    whole = TemplatedMap(((PlainText("a"), (1, 2.5, 1e3, True, None, PlainText("x"))),))
    assert rendered(whole, lambda text: text.source) == {"a": [1, 2.5, 1000, True, None, "x"]}


def test_what_json_cannot_say():
    with pytest.raises(PayloadError):
        rendered(math.inf, lambda text: text.source)


def test_a_payload_is_bounded(monkeypatch):
    monkeypatch.setattr(payloads, "CHARACTERS_MAX", 100)
    many = tuple(PlainText("x" * 30) for _ in range(4))
    with pytest.raises(PayloadError, match="100"):
        rendered(many, lambda text: text.source)

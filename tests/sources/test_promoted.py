"""Top-level fields of a line stand in for labels that the record does not give."""

import pytest

from tests.sources.stages import line, rows, stage, take

RULES = """
groups:
- name: promoted
  rules:
  - alert: ByCode
    logs: '{app="shop"}'
    window: {tumbling: 10s}
    by: [code]
    compute: {n: count()}
    when: n > 0
"""


def labels_of(*records):
    seen = take(stage(rules=RULES), list(records), "logs")
    return [dict(row[1]) for row in rows(seen)]


def record(labels=None, **fields):
    return line("m", labels or {"x": "1"}, **fields)


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (500, "500"), (1.5, "1.5"), (True, "true"), (False, "false"), ("", None), (None, None),
     ([1], None), ({"a": 1}, None)],
)  # fmt: skip
def test_a_field_is_a_label(value, text):
    (labels,) = labels_of(record(app="shop", code=value))
    assert labels.get("code") == text
    assert (labels["app"], labels["x"]) == ("shop", "1")


def test_a_label_wins_over_a_field():
    (labels,) = labels_of(record({"app": "shop", "code": "label"}, app="bank", code="field"))
    assert labels == {"app": "shop", "code": "label"}


def test_fields_that_are_equal_to_python_are_different_labels():
    # 1 == 1.0 == True: as keys of one dictionary they were one series, by order of arrival.
    found = labels_of(*(record(app="shop", code=code) for code in (True, 1, 1.0, "1", 0, False)))
    assert [labels["code"] for labels in found] == ["true", "1", "1.0", "1", "0", "false"]


def test_fields_that_nothing_reads_are_no_labels():
    (labels,) = labels_of(record(app="shop", user="u1"))
    assert set(labels) == {"app", "x"}

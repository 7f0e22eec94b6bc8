"""Bad input: each record is refused by name and kept with its place; what stands around is taken."""

import dataclasses
import json
import math

import pytest

from engine.limits import DEFAULT_LIMITS
from tests.sources.stages import NOW_MS, fetch, line, metric, rows, stage, take

DAY_MS = 86_400_000
GOOD = metric("good", 7.0)
DEEP = b'{"timestamp":1,"message":"m","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

BAD_METRICS = [
    ("malformed_json", b'{"timestamp": 1, "name": "up", "value": 1'),
    ("malformed_json", b"not json at all"),
    ("malformed_json", b'{"timestamp": %d, "name": "up", "value": NaN}' % NOW_MS),
    ("malformed_json", b'{"timestamp": %d, "name": "up", "value": Infinity}' % NOW_MS),
    ("malformed_json", metric() + metric()),  # two objects in one record
    ("malformed_json", metric() + b"\n" + metric()),
    ("malformed_json", b"\xef\xbb\xbf" + metric()),
    ("wrong_type", metric(value=[1])),
    ("wrong_type", metric(value="seven")),
    ("wrong_type", metric(value=True)),
    ("wrong_type", metric(value=None)),
    ("wrong_type", metric(name=7)),
    ("wrong_type", metric(labels={"a": 1})),
    ("wrong_type", metric(labels=["a"])),
    ("wrong_type", metric(timestamp=None)),
    ("wrong_type", metric(timestamp=True)),
    ("wrong_type", b"[]"),
    ("wrong_type", b"7"),
    ("wrong_type", b'{"timestamp": %d, "name": "up", "value": 1e999}' % NOW_MS),
    ("missing_field", b'{"name": "up", "value": 1}'),
    ("missing_field", b"{}"),
    ("unknown_field", metric(extra=1)),
    ("invalid_utf8", b'{"timestamp": %d, "name": "u\xff", "value": 1}' % NOW_MS),
    ("invalid_utf8", b'{"timestamp": %d, "name": "u", "value": 1, "labels": {"a": "\xff"}}' % NOW_MS),
    ("timestamp_past", metric(timestamp=0)),
    ("timestamp_past", metric(timestamp="1970-01-01T00:00:00Z")),
    ("timestamp_past", metric(timestamp=NOW_MS - DAY_MS - 1)),
    ("timestamp_past", metric(timestamp=-(2**61))),
    ("timestamp_future", metric(timestamp=4_102_444_800_000)),
    ("timestamp_future", metric(timestamp="2100-01-01T00:00:00Z")),
    ("timestamp_future", metric(timestamp=NOW_MS + 600_001)),
    ("timestamp", metric(timestamp="yesterday")),
    ("timestamp", metric(timestamp="2023-11-14T22:13:20")),  # of which zone?
    ("timestamp", metric(timestamp=1e300)),
    ("timestamp", metric(timestamp=-1e300)),
    ("timestamp", metric(timestamp=2**63)),
    ("labels_too_large", metric(labels={"a": "x" * 4_097})),
    ("labels_too_large", metric(labels={"a" * 257: "x"})),
    ("labels_too_large", metric(labels={f"l{i}": "x" * 4_000 for i in range(5)})),
    ("record_too_large", metric(labels={"a": "x" * 1_000_000})),
    ("too_many_labels", metric(labels={f"l{i}": "x" for i in range(41)})),
    ("label_name", metric(labels={"": "x"})),
    ("label_name", metric(labels={"__name__": "other"})),
    ("metric_name", metric(name="")),
    ("empty", b""),
    ("empty", None),
    ("empty", b" \t\r\n "),
]  # fmt: skip

BAD_LINES = [
    ("wrong_type", line(message=None)),
    ("wrong_type", line(message=["a"])),
    ("missing_field", b'{"timestamp": 1}'),
    ("malformed_json", b'{"timestamp": %d, "message": "m", "x": NaN}' % NOW_MS),
    ("malformed_json", b'{"timestamp": %d, "message": "\\ud800"}' % NOW_MS),
    ("invalid_utf8", b'{"timestamp": %d, "message": "\xff"}' % NOW_MS),
    ("message_too_large", line(message="x" * 65_537)),
    ("labels_too_large", line(labels={"a": "x" * 900_000})),
    ("label_name", line(labels={"__name__": "up"})),
    ("timestamp_past", line(timestamp=0)),
    ("too_deep", DEEP),
    ("empty", b""),
]


def named(cases):
    return [pytest.param(*case, id=f"{case[0]}-{number}") for number, case in enumerate(cases)]


@pytest.mark.parametrize(("reason", "bad"), named(BAD_METRICS))
@pytest.mark.parametrize("alone", [False, True])
def test_a_bad_metric_is_refused_by_name_and_kept(reason, bad, alone):
    values = [bad] if alone else [GOOD, GOOD, bad, GOOD]
    place = values.index(bad)
    seen = take(stage(), values)
    assert [(r["offset"], r["reason"]) for r in seen.rejects] == [(place, reason)]
    assert rows(seen) == [
        (i, (("__name__", "good"),), NOW_MS, 7.0) for i, v in enumerate(values) if v is GOOD
    ]
    kept = seen.rejects[0]
    assert (kept["topic"], kept["partition"], kept["v"]) == ("metrics", 0, 1)
    assert kept["stamp_ms"] == NOW_MS
    assert kept["text"]
    assert len(kept["text"]) <= 512
    if bad and bad.strip():
        assert kept["record"] == bad.strip()[:4_096].decode(errors="backslashreplace")


@pytest.mark.parametrize(("reason", "bad"), named(BAD_LINES))
def test_a_bad_line_is_refused_by_name_and_kept(reason, bad):
    seen = take(stage(), [line(), bad, line("again")], "logs")
    assert [(r["topic"], r["offset"], r["reason"]) for r in seen.rejects] == [("logs", 1, reason)]
    assert {(row[0], row[3]) for row in rows(seen)} == {(0, "hello"), (2, "again")}


def test_all_bad_records_in_one_fetch_leave_the_good_ones_between_them():
    values, wanted = [], []
    for reason, bad in BAD_METRICS:
        wanted.append((len(values), reason))
        values += [bad, GOOD]
    limits = dataclasses.replace(DEFAULT_LIMITS, rejects_per_second_max=1_000)
    seen = take(stage(limits), values)
    assert sorted((r["offset"], r["reason"]) for r in seen.rejects) == wanted
    assert {row[0] for row in rows(seen)} == {i for i, v in enumerate(values) if v is GOOD}


def test_unknown_fields_of_lines_are_welcome():
    seen = take(stage(), [line(trace_id="abc", nested={"deep": [1, {}]}, none=None)], "logs")
    assert not seen.rejects
    assert len(rows(seen)) == 1


def test_text_forms_of_no_number_are_values():
    said = ["NaN", "+Inf", "-Inf", "Inf"]
    seen = take(stage(), [metric(value=text) for text in said])
    found = [row[3] for row in sorted(rows(seen))]
    assert not seen.rejects
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf, math.inf]


@pytest.mark.parametrize(
    ("stamp", "wanted_ms"),
    [
        ("2023-11-14T22:13:20Z", NOW_MS),
        ("2023-11-14T22:13:20.5Z", NOW_MS + 500),
        ("2023-11-14T22:13:20.123456789Z", NOW_MS + 123),
        ("2023-11-14T23:13:20+01:00", NOW_MS),
        ("2023-11-14T22:13:20.001-00:00", NOW_MS + 1),
        (NOW_MS + 0.9, NOW_MS),
        (NOW_MS, NOW_MS),
    ],
)
def test_times_are_milliseconds_or_rfc_3339(stamp, wanted_ms):
    both = [metric(timestamp=stamp), metric(timestamp="2023-11-14T22:13:20Z")]
    for values in (both[:1], both):
        assert rows(take(stage(), values))[0][2] in (wanted_ms, NOW_MS)
    assert rows(take(stage(), both[:1]))[0][2] == wanted_ms


def test_what_is_kept_is_bounded_a_second_and_all_is_counted():
    limits = dataclasses.replace(DEFAULT_LIMITS, rejects_per_second_max=3)
    made = stage(limits)
    assert len(take(made, [b"x"] * 10).rejects) == 3
    assert len(take(made, [b"x"] * 10, stamp_ms=NOW_MS + 999).rejects) == 0
    assert len(take(made, [b"x"] * 10, stamp_ms=NOW_MS + 1_000).rejects) == 3
    assert made.rejected_total == 30


def test_a_field_name_as_long_as_the_record_does_not_make_a_reject_too_long_to_send():
    made = stage()
    outputs = made.take("metrics", 0, fetch([metric(**{"x" * 900_000: 1})]), NOW_MS)
    (reject,) = [output for output in outputs if output.topic == "rejects"]
    assert len(reject.value) < 20_000
    assert json.loads(reject.value)["reason"] == "unknown_field"


def test_numbers_with_thousands_of_digits_end_nothing():
    digits = b"9" * 5_000
    made = stage()
    shape = b'{"timestamp": %s, "labels": {"service": "a"}, "message": "m", "ms": %s, "region": %s}'
    stamp = str(NOW_MS).encode()
    values = [
        shape % (stamp, digits, b"1"),
        shape % (stamp, b"1", digits),
        shape % (stamp, b"1", digits[:400]),
        shape % (digits, b"1", b"1"),
        line("after"),
    ]
    seen = take(made, values, "logs")
    assert (4, "after") in {(row[0], row[3]) for row in rows(seen)}
    assert len(rows(seen)) + len(seen.rejects) == 5


def test_an_empty_request_is_nothing():
    for body in (b"", b"\n", b" \n\n "):
        for endpoint in ("metrics", "logs"):
            taken = stage().take_http(endpoint, body, NOW_MS)
            assert (taken.outputs, taken.accepted, taken.rejects) == ([], 0, [])


def test_a_request_says_by_line_what_was_not_taken():
    body = b"\r\n".join([metric(), b"", b"{", metric(timestamp=0), metric()])
    taken = stage().take_http("metrics", body, NOW_MS)
    assert taken.accepted == 2
    assert sorted((r.position, r.reason) for r in taken.rejects) == [
        (3, "malformed_json"),
        (4, "timestamp_past"),
    ]

"""Records that cannot be taken, each with the reason that Tocsin must name, and odd ones that can.

Written from the documented form of a record (rules/README.md), not from the decoder.
"""

import json
from typing import Any

MEGABYTE = 1_000_000
DEEP = b"[" * 50_000 + b"]" * 50_000


def metric(at_ms: int, group: str, **changed: Any) -> bytes:
    body = {"timestamp": at_ms, "name": "good", "labels": {"group": group}, "value": 1}
    return json.dumps({**body, **changed}).encode()


def line(at_ms: int, group: str, **changed: Any) -> bytes:
    body = {"timestamp": at_ms, "labels": {"group": group, "job": "good"}, "message": "it broke"}
    return json.dumps({**body, "user": "u1", "n": 2, **changed}).encode()


def both(at_ms: int, good: bytes) -> list[tuple[str, bytes | None]]:
    """What is wrong in a sample and in a log line alike; `good` is one that is not."""
    stamp = str(at_ms).encode()
    return [
        ("empty", None),
        ("empty", b""),
        ("empty", b" \t "),
        ("malformed_json", good[:-1]),
        ("malformed_json", b"load{pod=1} 3"),
        ("malformed_json", good + good),
        ("malformed_json", b"\xef\xbb\xbf" + good),
        ("wrong_type", b"[" + good + b"]"),
        ("wrong_type", b"null"),
        ("wrong_type", b"42"),
        ("wrong_type", good.replace(stamp, b"null")),
        ("wrong_type", good.replace(stamp, b"[1]")),
        ("wrong_type", good.replace(b'{"group"', b'{"a": 3, "group"')),
        ("missing_field", b'{"timestamp": ' + stamp + b"}"),
        ("timestamp", good.replace(stamp, b'"yesterday"')),
        ("timestamp", good.replace(stamp, b'"2026-01-01T00:00:00"')),
        ("timestamp", good.replace(stamp, b"1" + b"0" * 30)),
        ("timestamp_past", good.replace(stamp, b"0")),
        ("timestamp_past", good.replace(stamp, b'"1970-01-01T00:00:00Z"')),
        ("timestamp_past", good.replace(stamp, b"-62135596800000")),
        ("timestamp_future", good.replace(stamp, b"4102444800000")),
        ("timestamp_future", good.replace(stamp, b'"2100-01-01T00:00:00Z"')),
        ("invalid_utf8", good.replace(b'{"group"', b'{"a": "\xff\xfe", "group"')),
        ("invalid_utf8", good.replace(b'{"group"', b'{"\xc3\x28": "a", "group"')),
        ("labels_too_large", good.replace(b'{"group"', b'{"a": "' + b"x" * (MEGABYTE - 300)
                                          + b'", "group"')),
        ("record_too_large", good.replace(b'{"group"', b'{"a": "' + b"x" * MEGABYTE
                                          + b'", "group"')),
        ("too_deep", good.replace(b'{"group"', b'{"a": ' + DEEP + b', "group"')),
        ("too_many_labels", good.replace(b'{"group"', json.dumps(
            {f"l{i}": "" for i in range(60)}).encode()[:-1] + b', "group"')),
    ]  # fmt: skip


def bad_metrics(at_ms: int, group: str) -> list[tuple[str, bytes | None]]:
    good = metric(at_ms, group)
    value = b'"value": 1'
    assert value in good
    return [
        *both(at_ms, good),
        ("malformed_json", good.replace(value, b'"value": NaN')),
        ("malformed_json", good.replace(value, b'"value": -Infinity')),
        ("wrong_type", good.replace(value, b'"value": "high"')),
        ("wrong_type", good.replace(value, b'"value": true')),
        ("wrong_type", good.replace(value, b'"value": null')),
        ("wrong_type", good.replace(value, b'"value": 1e999')),
        ("wrong_type", good.replace(b'"good"', b"7")),
        ("metric_name", good.replace(b'"good"', b'""')),
        ("invalid_utf8", good.replace(b'"good"', b'"\xff"')),
        ("label_name", metric(at_ms, group, labels={"group": group, "__name__": "x"})),
        ("label_name", metric(at_ms, group, labels={"group": group, "": "x"})),
        ("unknown_field", metric(at_ms, group, unit="s")),
        ("unknown_field", metric(at_ms, group, **{"x" * (MEGABYTE - 300): 1})),
    ]


def bad_lines(at_ms: int, group: str) -> list[tuple[str, bytes | None]]:
    good = line(at_ms, group)
    return [
        *both(at_ms, good),
        ("malformed_json", line(at_ms, group, n=float("nan"))),
        ("wrong_type", line(at_ms, group, message=["it broke"])),
        ("invalid_utf8", good.replace(b"it broke", b"it \xff broke")),
        ("message_too_large", line(at_ms, group, message="x" * 100_000)),
        ("label_name", line(at_ms, group, labels={"group": group, "__name__": "x"})),
        ("too_deep", good[:-1] + b', "stack": ' + DEEP + b"}"),
    ]


def odd_metrics(at_ms: int, group: str) -> list[bytes]:
    """Valid, if unusual; each counts."""
    good = metric(at_ms, group)
    return [
        b"  " + good + b"\r\n",
        json.dumps(json.loads(good), indent=2).encode(),
        metric(at_ms, group, timestamp=at_ms + 0.5),
        metric(at_ms, group, value="NaN"),
        metric(at_ms, group, value=0),
        good[:-1] + b', "value": 1}',
    ]


def odd_lines(at_ms: int, group: str) -> list[bytes]:
    good = line(at_ms, group)
    return [
        line(at_ms, group, trace={"id": [1, 2]}, level=None),  # unknown fields are allowed
        line(at_ms, group, user={"name": "not a text"}),
        good.replace(b'"n": 2', b'"n": ' + b"9" * 400),
        line(at_ms, group, message=""),
        line(at_ms, group, message="two\nlines \u0000 \U0001f525"),
    ]

"""A fetch decoded at once equals its records one by one, and equals Python's own json module."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from tests.sources.stages import NOW_MS, line, metric, rows, stage, take

numbers = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["NaN", "+Inf", "-Inf", "Inf"]),
)  # fmt: skip
words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6)
stamps = st.integers(NOW_MS - 60_000, NOW_MS + 60_000)
metrics = st.builds(
    lambda **body: body, timestamp=stamps, name=words, value=numbers,
    labels=st.dictionaries(words.filter(lambda word: word != "__name__"), words, max_size=3),
)  # fmt: skip
# Python's writer has many forms of one value: escapes or not, spaces, any order of keys.
written = st.tuples(metrics, st.booleans(), st.sampled_from([None, 1]), st.randoms())


def write(entry):
    body, escaped, indent, rng = entry
    keys = list(body)
    rng.shuffle(keys)
    separators = (", ", ": ") if indent else (",", ":")
    return json.dumps(
        {k: body[k] for k in keys}, ensure_ascii=escaped, separators=separators
    ).encode()


def number(value):
    return {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf, "Inf": math.inf}.get(value, value)


def expected(offset, body):
    labels = tuple(sorted({**body["labels"], "__name__": body["name"]}.items()))
    return offset, labels, body["timestamp"], float(number(body["value"]))


@given(st.lists(written, min_size=1, max_size=6))
def test_rows_are_what_the_json_module_reads(entries):
    raw = [write(entry) for entry in entries]
    seen = take(stage(), raw)
    wanted = [expected(i, json.loads(text)) for i, text in enumerate(raw)]
    assert not seen.rejects
    assert [repr(row) for row in rows(seen)] == sorted(map(repr, wanted))


broken = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([
        b"", b"{}", b"{", b"}", b"{}{}", b'{"', b'"}', b'{"timestamp":1,"message":"m","x":"}', b'{"}',
        b'{"timestamp":1,"name":"', b'","value":1}', b'{"timestamp":1,"name":"a","value":1,"labels":{}',
        b"{\n}", b" {} ", b"\n", metric() + metric(), metric() + b"\n" + metric(), b"\t" + metric(),
        metric() + b"\r", metric()[:-1], metric()[1:], b"[" + metric() + b"]", metric("__name__"),
    ]),
)  # fmt: skip


@given(st.lists(st.one_of(written.map(write), broken), min_size=1, max_size=8))
def test_all_at_once_is_one_by_one(values):
    whole = take(stage(), values)
    alone = stage()
    labels = {}
    parts = [take(alone, [value], labels=labels) for value in values]
    assert sorted(map(repr, rows(whole))) == sorted(repr(r) for part in parts for r in rows(part))
    reasons = sorted((r["offset"], r["reason"]) for r in whole.rejects)
    assert reasons == [(r["offset"], r["reason"]) for part in parts for r in part.rejects]
    taken = {row[0] for row in rows(whole)}
    assert taken.isdisjoint(offset for offset, _ in reasons)
    assert taken | {offset for offset, _ in reasons} == set(range(len(values)))


fields = st.one_of(
    st.none(), st.booleans(), st.integers(-1000, 1000), st.floats(0, 9), words, st.just([1]),
    st.just({"a": 1}),
)  # fmt: skip


@given(st.lists(st.tuples(words, fields, fields), min_size=1, max_size=6))
def test_lines_and_their_fields_are_what_the_json_module_reads(entries):
    raw = [line(text + " timeout", ms=ms, user=user) for text, ms, user in entries]
    seen = take(stage(), raw, "logs")
    assert not seen.rejects
    told = {row[0]: row[3] for row in rows(seen)}
    assert told == {i: json.loads(text)["message"] for i, text in enumerate(raw)}
    (batch,) = [batch for _, batch in seen.batches if batch.series]
    import numpy as np

    ms = np.frombuffer(batch.logs.numbers["ms"])
    users = np.frombuffer(batch.logs.hashes["user"], "<u8")
    for i, text in enumerate(raw):
        body = json.loads(text)
        value = body["ms"]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        assert (ms[i] == value) if is_number else math.isnan(ms[i])
        assert (users[i] == 0) == (body["user"] is None or isinstance(body["user"], list | dict))
    same = {}
    for hashed, text in zip(users.tolist(), raw, strict=True):
        if hashed:
            value = json.loads(text)["user"]
            same.setdefault(
                str(value).lower() if isinstance(value, bool) else str(value), set()
            ).add(hashed)
    assert all(len(found) == 1 for found in same.values())
    assert len({h for found in same.values() for h in found}) == len(same)

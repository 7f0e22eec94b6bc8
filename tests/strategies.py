"""Hypothesis strategies of the core's values. They build through public constructors alone."""

from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
from hypothesis import strategies as st

from engine.alerts import LogEntry, Value
from engine.series import LogColumns, Marks, PlanSwitch, RowBatch, Skip, pack_announced

# Every separator and escape of the canonical form, beside what people write.
SEPARATORS = "\x1b\x1e\x1f012"
texts = st.text(
    st.one_of(st.sampled_from(SEPARATORS), st.characters(exclude_categories=("Cs",))), max_size=8
)
names = st.text(st.sampled_from("ab_" + SEPARATORS), min_size=1, max_size=4)
label_sets = st.dictionaries(names, texts, max_size=6)
small_ints = st.integers(0, 2**40)
times_ms = st.integers(-(2**53), 2**53)
floats = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.one_of(floats, st.sampled_from(["NaN", "+Inf", "-Inf"]))


@st.composite
def row_batches(draw):
    """A batch whose columns fit together, of metrics or logs, with and without rows."""
    n = draw(st.integers(0, 6))
    keys = draw(st.integers(1, 4)) if n else draw(st.integers(0, 2))
    logs = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    lines = [
        rng.integers(0, 256, size).astype(np.uint8).tobytes() for size in rng.integers(0, 9, n)
    ]
    predicates = draw(st.sampled_from([0, 1, 64, 65]))
    words = max(1, -(-predicates // 64))
    known = draw(st.lists(st.integers(0, keys - 1), max_size=3)) if keys else []
    return RowBatch(
        1, "logs" if logs else "metrics", draw(texts), draw(st.integers(0, 99)),
        draw(small_ints), draw(small_ints), draw(small_ints), draw(small_ints), draw(small_ints),
        keys=rng.bytes(16 * keys),
        announced=pack_announced((index, draw(texts).encode()) for index in known),
        series=rng.integers(0, keys, n).astype("<u4").tobytes() if n else b"",
        time_base_ms=draw(times_ms),
        times=rng.integers(0, 2**32, n).astype("<u4").tobytes(),
        offsets=rng.integers(0, 2**32, n).astype("<u4").tobytes(),
        values=b"" if logs else rng.bytes(8 * n),
        logs=None if not logs else LogColumns(
            predicates=[rng.bytes(8) for _ in range(predicates)],
            hits=rng.bytes(8 * n * words),
            numbers={name: rng.bytes(8 * n) for name in draw(st.sets(names, max_size=2))},
            hashes={name: rng.bytes(8 * n) for name in draw(st.sets(names, max_size=2))},
            line_ends=np.cumsum([len(line) for line in lines]).astype("<u4").tobytes(),
            lines=b"".join(lines),
        ),
    )  # fmt: skip


marks = st.builds(
    Marks,
    v=st.just(1),
    marks=st.lists(st.tuples(texts, st.integers(0, 99), small_ints, small_ints), max_size=3),
    sources=st.dictionaries(texts, st.tuples(st.integers(0, 99), small_ints), max_size=3),
    stamp_ms=small_ints,
)
skips = st.builds(
    Skip,
    v=st.just(1),
    sources=st.lists(st.tuples(texts, st.integers(0, 99)), max_size=3),
    reason=texts,
)
messages = st.one_of(row_batches(), marks, skips, st.builds(PlanSwitch, v=st.just(1), digest=texts))

PLAIN = {
    str: texts,
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    dict[str, str]: label_sets,
    dict[str, Value]: st.dictionaries(names, json_values, max_size=3),
    list[str]: st.lists(texts, max_size=3),
    Value: json_values,
}


def structs(kind):
    """Any value of a Struct, every field given."""
    fields = {}
    for name, annotation in get_type_hints(kind).items():
        origin, inside = get_origin(annotation), get_args(annotation)
        if origin is Literal:
            fields[name] = st.sampled_from(inside)
        elif annotation in PLAIN:
            fields[name] = PLAIN[annotation]
        else:  # a list of structs
            fields[name] = st.lists(structs(inside[0]), max_size=2)
    return st.builds(kind, **{**fields, **({"v": st.just(1)} if "v" in fields else {})})


log_entries = st.one_of(structs(kind) for kind in get_args(LogEntry))

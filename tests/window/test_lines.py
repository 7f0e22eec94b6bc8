"""Evidence: the newest lines of a group, by time and then by text, whatever came first."""

from hypothesis import given
from hypothesis import strategies as st

from engine.window import LineStore
from tests.window.rows import Row, by_group, fill, restored

SIZE = 3
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=4)
# Few times: with whole seconds as timestamps thousands of lines share one.
rows_of = st.lists(
    st.builds(
        lambda at, group, text: Row(at, group, 0, text=text),
        st.sampled_from([1, 500, 1_000, 1_001, 2_000]), st.integers(0, SIZE - 1), texts,
    ),
    max_size=40,
)  # fmt: skip


def newest(rows, first, last, lines_max):
    return [
        [text for _, text in sorted((row.time_ms, row.text) for row in group)[-lines_max:]]
        for group in by_group(rows, first, last, SIZE)
    ]


def windows(store, first, last):
    return [store.window(first, last, group) for group in range(SIZE)]


@given(rows_of, st.integers(1, 4), st.randoms())
def test_the_newest_lines_are_kept_whatever_the_order_and_the_cuts(rows, lines_max, rng):
    for order, cuts in ((rows, None), (rng.sample(rows, len(rows)), rng)):
        store = fill(LineStore(lines_max), order, cuts) if order else LineStore(lines_max)
        for first, last in ((1, 1), (2, 2), (1, 2)):
            assert windows(store, first, last) == newest(rows, first, last, lines_max)


@given(rows_of, st.randoms())
def test_a_snapshot_is_the_store(rows, rng):
    store = fill(LineStore(2), rows, rng) if rows else LineStore(2)
    other = restored(store, lambda: LineStore(2))
    for each in (store, other):
        if rows:
            fill(each, rows[: len(rows) // 2 + 1])
    assert windows(store, 1, 2) == windows(other, 1, 2)


def test_what_a_pane_holds_is_bounded():
    store = fill(LineStore(3), [Row(1, 0, 0, text=f"{i:05}") for i in range(20_000)])
    (chunk,) = store.chunks("p", {})
    assert len(chunk.payload) < 500
    assert store.window(1, 1, 0) == ["19997", "19998", "19999"]

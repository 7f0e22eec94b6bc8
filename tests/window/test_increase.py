"""rate and increase against a walk over each counter's samples: resets, repeats, any order."""

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.window import IncreaseStore
from tests.window.rows import PANE_MS, Row, columns, fill, pane, restored, same

MEMBERS, GROUPS = 4, 2
GROUP_OF = np.array([0, 1, 0, 1])
samples = st.builds(
    lambda at, member, value: Row(at, int(GROUP_OF[member]), member, value),
    st.integers(1, 120_000), st.integers(0, MEMBERS - 1),
    st.one_of(st.integers(0, 50).map(float), st.just(math.nan)),
)  # fmt: skip
rows_of = st.lists(samples, max_size=40)


def lookback_ms(width_ms):
    return min(max(width_ms, 60_000), 300_000)


def naive(rows, first, last):
    """Per series: sorted samples, one a time; from the last one before the window."""
    start_ms, end_ms = (first - 1) * PANE_MS, last * PANE_MS
    oldest_ms = start_ms - -(-lookback_ms((last - first + 1) * PANE_MS) // PANE_MS) * PANE_MS
    totals = [[] for _ in range(GROUPS)]
    for member in range(MEMBERS):
        kept = {}
        for row in rows:
            if (
                row.member == member
                and oldest_ms < row.time_ms <= end_ms
                and row.value == row.value
            ):
                kept[row.time_ms] = max(row.value, kept.get(row.time_ms, -math.inf))
        chain = [kept[t] for t in sorted(kept) if t <= start_ms][-1:]
        inside = [kept[t] for t in sorted(kept) if t > start_ms]
        chain += inside
        if not inside or len(chain) < 2:
            continue
        grew = [b - a if b >= a else b for a, b in itertools.pairwise(chain)]
        totals[int(GROUP_OF[member])].append(math.fsum(grew))
    return [math.fsum(found) if found else math.nan for found in totals]


def make():
    return IncreaseStore(PANE_MS, 20_000)


def window(store, first, last):
    return store.window(first, last, GROUP_OF, GROUPS)[0]


@given(rows_of, st.integers(1, 120), st.integers(1, 20), st.randoms())
def test_an_increase_is_what_a_walk_over_the_samples_gives(rows, last, panes, rng):
    store = fill(make(), rng.sample(rows, len(rows)), rng)
    first = last - panes + 1
    wanted = naive(rows, first, last)
    assert same(window(store, first, last), wanted)
    store.close(last)
    assert same(window(store, first, last), wanted)  # reduced panes say the same


@given(rows_of, st.randoms())
def test_a_snapshot_is_the_store(rows, rng):
    store = fill(make(), rows, rng)
    store.close(60)
    other = restored(store, make)
    more = rng.sample(rows, len(rows) // 2)
    late = [each.add(columns(more)) if more else 0 for each in (store, other)]
    assert late[0] == late[1]
    for last in (30, 60, 90, 120):
        assert same(window(store, last - 19, last), window(other, last - 19, last))


def counter(*values, step_ms=1_000, start_ms=1_000, member=0):
    return [Row(start_ms + i * step_ms, 0, member, value) for i, value in enumerate(values)]


def test_a_restart_counts_from_zero():
    store = fill(make(), counter(10.0, 12.0, 3.0, 4.0))
    assert window(store, 1, 4)[0] == 2 + 3 + 1


def test_one_sample_is_no_increase_and_a_repeat_is_one_sample():
    store = fill(make(), counter(10.0) * 5)
    assert math.isnan(window(store, 1, 4)[0])


def test_the_step_into_the_window_counts():
    store = fill(make(), counter(10.0, 15.0))
    assert window(store, 2, 2)[0] == 5.0


def test_a_sample_too_long_ago_is_not_the_one_before():
    store = IncreaseStore(PANE_MS, 300_000)
    fill(store, [Row(1_000, 0, 0, 10.0), Row(62_000, 0, 0, 15.0)])
    assert math.isnan(window(store, 62, 62)[0])
    fill(store, [Row(2_000, 0, 0, 11.0)])
    assert window(store, 62, 62)[0] == 4.0


def test_what_a_rule_gets_does_not_depend_on_wider_windows_of_the_same_store():
    rows = [Row(1_000, 0, 0, 10.0), Row(100_000, 0, 0, 15.0)]
    narrow, wide = IncreaseStore(PANE_MS, 10_000), IncreaseStore(PANE_MS, 300_000)
    changed = IncreaseStore(PANE_MS, 10_000)
    changed.keep(300_000)
    for store in (narrow, wide, changed):
        fill(store, rows)
        store.drop_before(91)
        assert same(window(store, 91, 100), [math.nan] * GROUPS)
    assert window(wide, 1, 100)[0] == window(changed, 1, 100)[0] == 5.0


def test_samples_after_their_pane_was_judged_are_counted_not_taken():
    store = fill(make(), counter(10.0, 12.0))
    store.close(1)
    assert store.add(columns([Row(900, 0, 0, 3.0), Row(1_900, 0, 0, 11.0)])) == 1
    assert window(store, 1, 2)[0] == 2.0


def test_panes_are_kept_as_long_as_their_last_sample_may_begin_a_window():
    store = fill(make(), counter(*map(float, range(1, 100))))
    store.drop_before(90)
    assert min(store.panes) == 30
    assert window(store, 90, 99)[0] == 10.0
    assert pane(30_000) == 30

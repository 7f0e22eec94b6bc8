"""Pictures of alerts: one column a tick of 10 s.

Above: what the window says. `.` nothing holds, `w` warning, `c` critical, `r` nothing holds and
`recover` does, ` ` no rows. Below: what is said. `.` nothing, `P` pending, `W` `C` firing at a
level, `i` inactive again, `R` resolved.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts import NEVER_MS, AlertTable, Policy

TICK_MS = 10_000
LEVEL = {"w": 0, "c": 1}


def policy(for_ms=0, keep_ms=0, recover=False, keep_without_data=False):
    return Policy(for_ms, keep_ms, recover, keep_without_data)


def said(change):
    if change.state == "firing":
        return "WC"[change.level]
    return {"pending": "P", "inactive": "i", "resolved": "R"}[change.state]


def play(windows, rule, groups=None):
    """Step one group (or several pictures at once) through a picture."""
    table = AlertTable()
    pictures = [windows] if groups is None else groups
    table.reserve(len(pictures))
    out = ["" for _ in pictures]
    reasons = [[] for _ in pictures]
    for tick in range(len(pictures[0])):
        marks = [picture[tick] for picture in pictures]
        changes = table.step(
            (tick + 1) * TICK_MS,
            np.array([LEVEL.get(mark, -1) for mark in marks]),
            np.array([mark != " " for mark in marks]),
            np.array([mark == "r" or not rule.has_recover for mark in marks]),
            rule,
        )
        now = {change.group: change for change in changes}
        assert len(now) == len(changes)
        for group in range(len(pictures)):
            change = now.get(group)
            out[group] += said(change) if change else "."
            if change:
                reasons[group].append(change.reason)
    return (out[0], reasons[0]) if groups is None else (out, reasons)


PICTURES = [
    ("without `for` it fires at once and ends at once",
     policy(), "..ww..w.", "..W.R.WR", "condition_met condition_ended condition_met condition_ended"),
    ("`for` is met when it has held that long",
     policy(for_ms=20_000), ".wwwww..", ".P.W..R.", "condition_met held_for condition_ended"),
    ("a gap starts `for` again",
     policy(for_ms=20_000), "ww.www..", "P.iP.WR.",
     "condition_met condition_ended condition_met held_for condition_ended"),
    ("`for` shorter than a tick waits for the next",
     policy(for_ms=1), "www.", "PW.R", "condition_met held_for condition_ended"),
    ("`keep_firing_for` holds it, and a return clears the count",
     policy(keep_ms=20_000), "w..w...w", "W.....RW",
     "condition_met keep_firing_ended condition_met"),
    ("`keep_firing_for` does not hold what never fired",
     policy(for_ms=20_000, keep_ms=60_000), "w...", "Pi..", "condition_met condition_ended"),
    ("levels go up and down in one episode",
     policy(), "wcwcc.", "WCWC.R",
     "condition_met level_changed level_changed level_changed condition_ended"),
    ("a pending alert fires at the level that holds then",
     policy(for_ms=20_000), "wccw.", "P.CWR", "condition_met held_for level_changed condition_ended"),
    ("between `when` and `recover` it stays, at its level",
     policy(recover=True), "c....r..", "C....R..", "condition_met recovered"),
    ("`recover` and `keep_firing_for`: it has to last",
     policy(recover=True, keep_ms=20_000), "wr.rr.rrr", "W.......R",
     "condition_met keep_firing_ended"),
    ("no rows end it",
     policy(), "w  w ", "WR.WR", "condition_met no_data condition_met no_data"),
    ("no rows end it though `recover` does not hold",
     policy(recover=True), "w.. ", "W..R", "condition_met no_data"),
    ("no rows end what is pending",
     policy(for_ms=30_000), "ww w", "P.iP", "condition_met no_data condition_met"),
    ("`no_data: keep` keeps firing ones",
     policy(keep_without_data=True), "w     .", "W.....R", "condition_met condition_ended"),
    ("`no_data: keep` keeps pending ones, and their `for`",
     policy(for_ms=30_000, keep_without_data=True), "w   w.", "P...WR",
     "condition_met held_for condition_ended"),
    ("`no_data: keep` stops no count of `keep_firing_for` that began with rows",
     policy(keep_ms=30_000, keep_without_data=True), "w.   .", "W....R",
     "condition_met keep_firing_ended"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "windows", "wanted", "reasons"),
    [p[1:] for p in PICTURES],
    ids=[p[0] for p in PICTURES],
)
def test_picture(rule, windows, wanted, reasons):
    assert play(windows, rule) == (wanted, reasons.split())


def twin(windows, rule):
    """One alert, one tick at a time, as the README tells it."""
    state, since, faded, level, out = "inactive", 0, None, None, ""
    for tick, mark in enumerate(windows):
        at_ms, now = (tick + 1) * TICK_MS, LEVEL.get(mark)
        word = "."
        if state == "inactive":
            if now is not None:
                state = "pending" if rule.for_ms else "firing"
                since, level, faded = at_ms, now, None
                word = "P" if rule.for_ms else "WC"[now]
        elif mark == " " and rule.keep_without_data:
            pass
        elif now is not None:
            faded = None
            if state == "pending" and at_ms - since >= rule.for_ms:
                state, word = "firing", "WC"[now]
            elif state == "firing" and now != level:
                word = "WC"[now]
            level = now
        elif state == "pending":
            state, word = "inactive", "i"
        elif rule.has_recover and mark == ".":
            faded = None
        else:
            faded = at_ms if faded is None else faded
            if at_ms - faded >= rule.keep_firing_for_ms:
                state, word = "inactive", "R"
        out += word
    return out


policies = st.builds(
    policy, st.sampled_from([0, 1, 10_000, 25_000]), st.sampled_from([0, 1, 10_000, 25_000]),
    st.booleans(), st.booleans(),
)  # fmt: skip
pictures = st.integers(1, 25).flatmap(
    lambda ticks: st.lists(st.text("wc.r ", min_size=ticks, max_size=ticks), min_size=1, max_size=5)
)


@given(pictures, policies)
def test_columns_of_alerts_are_so_many_single_ones(groups, rule):
    found, _ = play(None, rule, groups)
    assert found == [twin(picture, rule) for picture in groups]


def step(table, at_ms, mark, rule):
    levels = np.array([LEVEL.get(mark, -1)])
    return [
        said(change)
        for change in table.step(at_ms, levels, np.array([mark != " "]), np.array([True]), rule)
    ]


def arrive(table, at_ms, end_ms, mark, rule):
    changes = table.arrive(at_ms, end_ms, np.array([0]), np.array([LEVEL.get(mark, -1)]), rule)
    return [said(change) for change in changes]


@pytest.fixture
def table():
    made = AlertTable()
    made.reserve(1)
    return made


def test_arrival_opens_and_an_earlier_window_does_not_close(table):
    rule = policy()
    assert arrive(table, 25_000, 30_000, "w", rule) == ["W"]
    for mark in ". ":
        assert step(table, 20_000, mark, rule) == []  # could not know what opened it
    assert step(table, 30_000, ".", rule) == ["R"]


def test_arrival_raises_and_an_earlier_window_does_not_lower(table):
    rule = policy()
    assert step(table, 10_000, "w", rule) == ["W"]
    assert arrive(table, 25_000, 30_000, "c", rule) == ["C"]
    assert step(table, 20_000, "w", rule) == []
    assert step(table, 30_000, "w", rule) == ["W"]


def test_arrival_never_closes_nor_lowers(table):
    rule = policy()
    assert arrive(table, 25_000, 30_000, "c", rule) == ["C"]
    for mark in "w. ":
        assert arrive(table, 26_000, 30_000, mark, rule) == []


def test_arrival_starts_for_and_a_tick_ends_it(table):
    rule = policy(for_ms=10_000)
    assert arrive(table, 25_000, 30_000, "w", rule) == ["P"]
    assert arrive(table, 39_000, 40_000, "c", rule) == []
    assert step(table, 30_000, "w", rule) == []
    assert step(table, 40_000, "c", rule) == ["C"]


def test_arrival_clears_the_count_of_keep_firing_for(table):
    rule = policy(keep_ms=20_000)
    assert step(table, 10_000, "w", rule) == ["W"]
    assert step(table, 20_000, ".", rule) == []
    assert arrive(table, 25_000, 30_000, "w", rule) == []
    assert step(table, 30_000, "w", rule) == []
    assert step(table, 40_000, ".", rule) == []
    assert step(table, 60_000, ".", rule) == ["R"]


def test_closing_all_says_what_never_fired():
    table = AlertTable()
    table.reserve(3)
    rule = policy(for_ms=10_000)
    levels = np.array([0, -1, 0])
    table.step(10_000, levels, levels >= 0, levels < 0, rule)
    table.step(20_000, np.array([0, 0, -1]), np.ones(3, bool), np.ones(3, bool), rule)
    assert table.newest_ms == 20_000
    changes = table.close_all()
    assert [(c.group, c.state, c.reason) for c in changes] == [
        (0, "resolved", "rule_removed"),
        (1, "inactive", "rule_removed"),
    ]
    assert not table.busy
    assert table.newest_ms == NEVER_MS


def test_new_groups_keep_what_the_old_ones_have():
    table = AlertTable()
    table.reserve(1)
    step(table, 10_000, "c", policy())
    table.reserve(100)
    assert table.busy
    level = np.full(100, -1)
    changes = table.step(20_000, level, level < 0, level < 0, policy())
    assert [(c.group, c.state, c.level) for c in changes] == [(0, "resolved", 1)]

"""A plan switch under the log: windows and alerts of what is asked the same go on; time does too."""

import pytest

from engine.replay import Pipeline
from tests.shard.world import ERRORS, T0, pipeline, plan, said, sample, second, within

OTHER = ERRORS.replace("Errors", "Other").replace("metrics: errors", "metrics: other")
RENAMED = ERRORS.replace("alert: Errors", "alert: Renamed\n  id: g/Errors")


def switch(pipe: Pipeline, number, *rules):
    made = plan(*rules)
    pipe.stage.use([made])
    pipe.switch(made, T0 + number * 1_000)
    with within(20):
        pipe.run(T0 + number * 1_000)


def run(pipe, numbers, value):
    with within(20):
        for number in numbers:
            second(pipe, number, sample(value, T0 + number * 1_000))


def test_windows_go_on_where_the_same_is_asked():
    pipe = pipeline(ERRORS)
    run(pipe, [1, 2], 1.0)
    switch(pipe, 3, OTHER, ERRORS.replace("alert: Errors", "alert: New"))
    run(pipe, [4, 5], 1.0)  # four in (0, 10], two of them from before
    run(pipe, range(6, 13), 0.0)
    assert [(row[0], row[1], row[4]) for row in said(pipe)] == [("New", "firing", 5.0)]


@pytest.mark.parametrize("every", ["2s", "10s"])
def test_another_interval_begins_now_and_not_in_1970(every):
    pipe = pipeline(ERRORS)
    run(pipe, range(12), 1.0)
    assert [row[1] for row in said(pipe)] == ["firing"]
    switch(pipe, 12, ERRORS.replace("every: 5s", f"every: {every}"))
    run(pipe, range(13, 40), 1.0)
    assert [row[1] for row in said(pipe)] == ["firing"]  # its windows are empty, and say nothing
    run(pipe, range(40, 70), 0.0)
    assert [(row[1], row[4] > 40) for row in said(pipe)] == [("firing", False), ("resolved", True)]


def test_a_rename_with_an_id_is_the_same_alert():
    pipe = pipeline(ERRORS)
    run(pipe, range(12), 1.0)
    switch(pipe, 12, RENAMED)
    run(pipe, range(13, 20), 1.0)
    run(pipe, range(20, 40), 0.0)
    first, last = pipe.alert_records
    assert (first.rule, last.rule) == ("Errors", "Renamed")
    assert (last.state, last.episode) == ("resolved", first.episode)


def test_an_edited_selector_keeps_the_alerts_of_its_groups():
    pipe = pipeline(ERRORS)
    run(pipe, range(12), 4.0)
    switch(pipe, 12, ERRORS.replace("metrics: errors", 'metrics: errors{service!="z"}'))
    run(pipe, range(13, 30), 4.0)
    run(pipe, range(30, 50), 0.0)
    assert [(row[1], row[4] > 30) for row in said(pipe)] == [("firing", False), ("resolved", True)]


@pytest.mark.parametrize(
    "edited",
    ["", OTHER, ERRORS.replace("by: [service]", "by: []"), ERRORS + "  tenant: another\n"],
    ids=["no rules", "another rule", "another by", "another tenant"],
)
def test_an_alert_ends_with_its_rule_and_not_before_it_began(edited):
    # Arrival opens alerts ahead of the ticks, here before there was any.
    pipe = pipeline(ERRORS + "  evaluate: arrival\n")
    second(pipe, 3, sample(9.0, T0 + 3_000), mark=False)
    switch(pipe, 3, *([edited] if edited else [OTHER]))
    opened, ended = pipe.alert_records
    assert (ended.state, ended.reason, ended.episode) == (
        "resolved",
        "rule_removed",
        opened.episode,
    )
    assert ended.ends_at_ms == ended.event_ms == T0 + 3_000
    assert ended.starts_at_ms == opened.starts_at_ms == T0 + 3_000
    assert ended.labels == opened.labels
    run(pipe, range(4, 30), 9.0)
    assert all(row[1:3] != ("resolved", "no_data") for row in said(pipe))


@pytest.mark.parametrize("function", ["max()", "quantile(0.5)", "increase()"])
def test_another_column_does_not_end_what_it_cannot_know(function):
    pipe = pipeline(ERRORS)
    run(pipe, range(12), 4.0)
    switch(pipe, 12, ERRORS.replace("sum()", f'"{function}"'))
    for number in range(13, 30):  # grows by 4 a second, and is over 3 by each of the functions
        second(pipe, number, sample(4.0 * number, T0 + number * 1_000))
    assert [row[1] for row in said(pipe)] == ["firing"]


def test_what_is_held_over_a_switch_ends_when_its_window_is_whole():
    pipe = pipeline(ERRORS)
    run(pipe, range(12), 4.0)
    switch(pipe, 12, ERRORS.replace("metrics: errors", 'metrics: errors{service!="z"}'))
    run(pipe, range(13, 40), 0.0)
    assert [(row[1], row[4]) for row in said(pipe)] == [("firing", 0.0), ("resolved", 25.0)]


def test_the_same_rules_again_change_nothing():
    pipe = pipeline(ERRORS)
    run(pipe, range(12), 1.0)
    switch(pipe, 12, ERRORS)
    assert len(said(pipe)) == 1


def test_a_wider_window_of_a_counter_remembers_as_a_restored_owner_does():
    grows = ERRORS.replace("sum()", "increase()").replace("total > 3", "total > 99")
    wider = grows.replace("sliding: 10s", "sliding: 3m")
    pipe = pipeline(grows)
    run(pipe, range(12), 1.0)
    switch(pipe, 12, wider)
    for number in range(13, 400):
        values = {60: 50.0, 380: 160.0}.get(number)
        second(pipe, number, *([sample(values, T0 + number * 1_000)] if values else []))
    # The window is (200, 380]; the sample before it is 140 s older, within its look-back.
    assert [(row[1], row[4]) for row in said(pipe)] == [("firing", 380.0)]


@pytest.mark.parametrize("told", [6, 11, 13])
def test_a_switch_names_the_tick_after_which_it_judges(told):
    pipe = pipeline(ERRORS)
    strict = plan(ERRORS.replace("total > 3", "total > 1000"))
    pipe.plans[strict.digest] = strict
    for number in range(40):
        if number == told:
            pipe.switch(strict, T0 + number * 1_000, T0 + 15_000)
        second(pipe, number, sample(1.0, T0 + number * 1_000))
    # What is over 3 in every window is firing until the tick at 15, and ends with the one at 20.
    assert [(row[1], row[4]) for row in said(pipe)] == [("firing", 5.0), ("resolved", 20.0)]


def test_a_new_rule_has_what_was_collected_since_the_switch_was_told():
    pipe = pipeline(ERRORS)
    both = plan(ERRORS, OTHER)
    pipe.plans[both.digest] = both
    pipe.stage.use([both])
    pipe.switch(both, T0, T0 + 10_000)
    for number in range(20):
        second(pipe, number, sample(0.45, T0 + number * 1_000, name="other"))
    # (5, 15] holds ten of them, of which half came before the rule set was in force.
    assert [(row[0], row[1], row[4]) for row in said(pipe)] == [("Other", "firing", 15.0)]

"""Another rule set under standing alerts: who a rule is, is said by its identity."""

from tests.groups.memory import World, group, rule

MINUTE = 60_000


def alert(name="A", text="x > 0", identity="the-rule", **more):
    return rule("alert", name, text, identity=identity, **more)


def ticked(world, at_ms, **values):
    for instance, value in values.items():
        world.raw.put({"__name__": "x", "instance": instance}, at_ms, value)
    return world.tick(at_ms)


def said(records):
    return [(record.state, record.reason, record.labels["alertname"]) for record in records]


def test_an_edited_threshold_keeps_for_and_the_episode():
    world = World(group(alert(for_ms=2 * MINUTE)))
    (pending,) = ticked(world, 0, a=5.0)
    edited = alert(text="x > 1", for_ms=2 * MINUTE, annotations={"s": "new"})
    assert world.switch(group(edited), at_ms=0) == []
    assert ticked(world, MINUTE, a=5.0) == []
    (firing,) = ticked(world, 2 * MINUTE, a=5.0)
    assert (firing.state, firing.episode) == ("firing", pending.episode)
    assert firing.annotations == {"s": "new"}


def test_a_rename_with_an_id_ends_the_old_name_and_keeps_the_episode():
    world = World(group(alert(for_ms=MINUTE)))
    ticked(world, 0, a=5.0, b=5.0)
    firing = ticked(world, MINUTE, a=5.0, b=5.0)
    assert said(ticked(world, 2 * MINUTE, a=5.0, b=5.0, c=5.0)) == [
        ("pending", "condition_met", "A")
    ]
    records = world.switch(group(alert("B", for_ms=MINUTE)), at_ms=2 * MINUTE)
    assert said(records) == [
        ("resolved", "relabelled", "A"), ("resolved", "relabelled", "A"),
        ("inactive", "relabelled", "A"),
        ("firing", "relabelled", "B"), ("firing", "relabelled", "B"),
        ("pending", "relabelled", "B"),
    ]  # fmt: skip
    assert [r.episode for r in records[:3]] == [r.episode for r in records[3:]]
    assert [r.episode for r in firing] == [r.episode for r in records[:2]]
    assert [r.starts_at_ms for r in records[3:]] == [MINUTE, MINUTE, 0]
    assert [r.sequence for r in records] == list(range(6, 12))
    records = ticked(world, 3 * MINUTE, a=5.0, b=-1.0, c=5.0)
    assert said(records) == [
        ("resolved", "condition_ended", "B"), ("firing", "held_for", "B")
    ]  # fmt: skip
    assert records[0].values_at_firing == {"value": 5.0}


def test_a_rule_that_goes_ends_its_alerts():
    world = World(group(alert(for_ms=MINUTE)))
    ticked(world, 0, a=5.0)
    ticked(world, MINUTE, a=5.0, b=5.0)
    records = world.switch(group(), at_ms=MINUTE)
    assert said(records) == [
        ("resolved", "rule_removed", "A"), ("inactive", "rule_removed", "A")
    ]  # fmt: skip
    assert [record.ends_at_ms for record in records] == [MINUTE, MINUTE]
    assert not world.evaluator.busy


def test_two_alerts_that_an_edit_makes_one():
    world = World(group(alert()))
    ticked(world, 0, a=5.0, b=5.0)
    merging = alert(text="sum(x) > 0", labels={"instance": "all"})
    records = world.switch(group(merging), at_ms=0)
    assert said(records) == [
        ("resolved", "relabelled", "A"), ("resolved", "relabelled", "A"),
        ("firing", "relabelled", "A"),
    ]  # fmt: skip
    assert ticked(world, MINUTE, a=5.0, b=5.0) == []
    assert len(world.evaluator.alerts()) == 1


def test_a_rule_that_moves_to_another_group_keeps_its_alerts():
    world = World(group(alert()), group(interval_ms=2 * MINUTE))
    ticked(world, 0, a=5.0)
    assert world.switch(group(), group(alert(), interval_ms=2 * MINUTE), at_ms=0) == []
    assert world.tick(2 * MINUTE, [2 * MINUTE]) == []
    assert len(world.evaluator.alerts()) == 1


def test_alerts_of_a_renamed_rule_are_stale_under_their_old_name():
    world = World(group(alert()), read=["ALERTS"])
    ticked(world, 0, a=5.0)
    world.switch(group(alert("B")), at_ms=0, read=["ALERTS"])
    ticked(world, MINUTE, a=5.0)
    (labels,) = world.recorded("ALERTS", MINUTE)
    assert dict(labels)["alertname"] == "B"


def test_a_rule_that_becomes_a_recording_rule_ends_its_alerts():
    world = World(group(alert()))
    ticked(world, 0, a=5.0)
    records = world.switch(group(rule("record", "A", "x > 0", identity="the-rule")), at_ms=0)
    assert said(records) == [("resolved", "rule_removed", "A")]


def test_health_stays_through_a_switch_that_leaves_the_expression():
    failing = alert(text='label_replace(x, "instance", "s", "", "")')
    world = World(group(failing))
    (health,) = ticked(world, 0, a=1.0, b=1.0)
    assert health.health == "err"
    assert world.switch(group(failing), at_ms=0) == []
    assert ticked(world, MINUTE, a=1.0, b=1.0) == []
    world.restart()
    assert ticked(world, 2 * MINUTE, a=1.0, b=1.0) == []
    assert world.evaluator.rules()[0].health == "err"


def test_the_end_of_failing_is_told_however_it_came():
    failing = alert(text='label_replace(x, "instance", "s", "", "")')
    for edited in (group(alert()), group()):
        world = World(group(failing))
        ticked(world, 0, a=1.0, b=1.0)
        records = world.switch(edited, at_ms=0) + ticked(world, MINUTE, a=-1.0, b=-1.0)
        assert [record.health for record in records] == [
            "ok" if edited.rules else "unknown"
        ]  # fmt: skip


def test_templates_ask_queries_over_the_tick():
    asking = alert(
        labels={"worst": '{{ query "topk(1, x)" | first | label "instance" }}'},
        annotations={
            "total": '{{ with query "sum(x)" }}{{ . | first | value }}{{ end }}',
            "broken": '{{ query "sum(" }}',
        },
    )
    world = World(group(asking))
    (record,) = ticked(world, 0, a=5.0)
    assert record.labels["worst"] == "a"
    assert record.annotations["total"] == "5"
    assert record.annotations["broken"].startswith("<error expanding template:")
    records = ticked(world, MINUTE, a=5.0, b=6.0)
    assert [(r.state, r.labels["worst"]) for r in records] == [
        ("resolved", "a"), ("firing", "b"), ("firing", "b"),
    ]  # fmt: skip

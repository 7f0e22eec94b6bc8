"""Inhibition against a naive twin that looks at every alert, and where it stands in the pipeline."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from engine.alerts import SilenceMatcher, SilenceRecord
from engine.series import Matcher, Selector, selects
from notifiers.alert import StoredAlert, fingerprint, from_record
from notifiers.inhibit import Inhibition, InhibitRule
from tests.notifiers.world import T0, World, alert, config, hello, posted, reasons

S = 1_000
LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"]), max_size=3)
MATCHERS = st.builds(
    Matcher,
    st.sampled_from("abc"),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(["", "x", "x|y", "y"]),
)
SELECTORS = st.lists(MATCHERS, max_size=2).map(tuple)
RULES = st.builds(InhibitRule, SELECTORS, SELECTORS, st.frozensets(st.sampled_from("abc")))
MOVES = st.lists(st.tuples(LABELS, st.integers(-5, 20), st.booleans()), max_size=25)


def stored(labels: Mapping[str, str], ends_at_ms: int) -> StoredAlert:
    return StoredAlert("t", fingerprint(labels), dict(labels), {}, 0, ends_at_ms, 0, 1)


def put(inhibition: Inhibition, one: StoredAlert) -> None:
    inhibition.put(one.tenant, one.fingerprint, one.labels, one.until_ms)


def asked(inhibition: Inhibition, one: StoredAlert, now_ms: int) -> str:
    return inhibition.inhibiting(one.tenant, one.fingerprint, one.labels, now_ms)


def naive(rules: Sequence[InhibitRule], held: Sequence[StoredAlert], one: StoredAlert) -> set[str]:
    """Return all that inhibit an alert at 0, by Alertmanager's description of the rules."""

    def takes(selector: Selector, each: StoredAlert) -> bool:
        return selects(selector, each.labels)

    found = set()
    for rule in rules:
        for other in held:
            both = takes(rule.source, one) and takes(rule.target, other)
            same = all(one.labels.get(n, "") == other.labels.get(n, "") for n in rule.equal)
            if takes(rule.target, one) and takes(rule.source, other) and same and not both:
                found |= {other.fingerprint} if other.ends_at_ms > 0 else set()
    return found


@given(st.lists(RULES, max_size=4), MOVES, LABELS)
def test_it_says_what_looking_at_every_alert_says(
    rules: list[InhibitRule],
    moves: list[tuple[dict[str, str], int, bool]],
    labels_asked: dict[str, str],
) -> None:
    inhibition = Inhibition(rules)
    held: dict[str, StoredAlert] = {}
    for labels, ends_at_ms, gone in moves:
        one = stored(labels, ends_at_ms)
        if gone and one.fingerprint in held:
            del held[one.fingerprint]
            inhibition.forget("t", one.fingerprint)
        else:
            held[one.fingerprint] = one
            put(inhibition, one)
    target = stored(labels_asked, 10)
    got = asked(inhibition, target, 0)
    wanted = naive(rules, list(held.values()), target)
    assert (got in wanted) if wanted else got == ""


def test_of_many_sources_the_one_that_ends_last_is_named() -> None:
    rule = InhibitRule((Matcher("s", "=", "1"),), (Matcher("t", "=", "1"),))
    inhibition = Inhibition([rule])
    sources = [stored({"s": "1", "n": f"{i}"}, ends) for i, ends in enumerate((50, 90, 70))]
    for each in sources:
        put(inhibition, each)
    target = stored({"t": "1"}, 100)
    assert asked(inhibition, target, 60) == sources[1].fingerprint
    assert asked(inhibition, target, 90) == ""
    inhibition.forget("t", sources[1].fingerprint)
    assert asked(inhibition, target, 60) == sources[2].fingerprint


def test_tenants_inhibit_only_themselves() -> None:
    rule = InhibitRule((Matcher("s", "=", "1"),), (Matcher("t", "=", "1"),))
    inhibition = Inhibition([rule])
    put(inhibition, stored({"s": "1"}, 50))
    target = StoredAlert("other", "f", {"t": "1"}, {}, 0, 100, 0, 1)
    assert asked(inhibition, target, 0) == ""


def test_our_own_alerts_inhibit_until_their_rule_says_otherwise() -> None:
    rule = InhibitRule((Matcher("alertname", "=", "Up"),), (Matcher("t", "=", "1"),))
    inhibition = Inhibition([rule])
    target = StoredAlert("default", "f", {"t": "1"}, {}, 0, T0 * 2, 0, 1)
    put(inhibition, from_record(alert("firing", 1, T0, rule="Up"), T0, 1))
    assert asked(inhibition, target, T0 + 999 * S)
    put(inhibition, from_record(alert("resolved", 2, T0 + 5, rule="Up"), T0, 2))
    assert asked(inhibition, target, T0) == ""


INHIBITING = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s,
        repeat_interval: 1h}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
inhibit_rules:
- {source_matchers: [alertname="JobDown"], target_matchers: [alertname="Slow"], equal: [job]}
"""


def test_a_told_group_that_is_inhibited_is_no_news_and_no_resolve() -> None:
    world = World(config(INHIBITING))
    slow, down = {"alertname": "Slow", "job": "a"}, {"alertname": "JobDown", "job": "a"}
    world.append(posted(slow, T0, T0, T0 + 3600 * S))
    assert reasons(world.run(T0 + 20 * S)) == ["first notification"]
    world.append(posted(down, world.now_ms, world.now_ms, T0 + 300 * S))
    assert [t.names for t in world.run(T0 + 299 * S)] == [["JobDown:firing"]]
    (view,) = [v for v in world.notifier.alerts(world.now_ms) if v.labels == slow]
    assert (view.state, view.inhibited_by) == ("suppressed", (fingerprint(down),))
    # The source ends: the target was told long ago and nothing of it has changed.
    assert [t.names for t in world.run(T0 + 600 * S)] == [["JobDown:resolved"]]
    (view,) = world.notifier.alerts(world.now_ms)
    assert (view.state, view.inhibited_by) == ("active", ())


def test_what_was_silenced_as_a_whole_is_not_told_again_when_the_silence_is_over() -> None:
    world = World(config(INHIBITING))
    world.append(posted({"alertname": "Slow"}, T0, T0, T0 + 3600 * S))
    assert len(world.run(T0 + 20 * S)) == 1
    world.append(
        SilenceRecord(
            tenant="default", id="s", matchers=[SilenceMatcher("alertname", "Slow")],
            starts_at_ms=T0 + 20 * S, ends_at_ms=T0 + 300 * S, created_by="", comment="",
            updated_at_ms=T0,
        )
    )  # fmt: skip
    assert world.run(T0 + 900 * S) == []


def test_a_reload_changes_what_inhibits_what_is_held() -> None:
    world = World(config(INHIBITING.replace("inhibit_rules", "x")[: INHIBITING.index("inhibit")]))
    for name in ("Slow", "JobDown"):
        world.append(posted({"alertname": name}, T0, T0, T0 + 3600 * S))
    assert all(v.state == "active" for v in world.notifier.alerts(T0))
    world.notifier.reconfigure(config(INHIBITING), T0)
    states = {v.labels["alertname"]: v.state for v in world.notifier.alerts(T0)}
    assert states == {"Slow": "suppressed", "JobDown": "active"}


def test_inhibition_survives_a_restart() -> None:
    world = World(config(INHIBITING))
    world.append(hello())
    for name in ("Slow", "JobDown"):
        world.append(posted({"alertname": name}, T0, T0, T0 + 3600 * S))
    other = World(config(INHIBITING))
    other.notifier.restore(world.notifier.snapshot({}))
    states = {v.labels["alertname"]: v.state for v in other.notifier.alerts(T0)}
    assert states == {"Slow": "suppressed", "JobDown": "active"}

"""A notifier that was restored decides as the one that was not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alerts import SilenceMatcher, SilenceRecord
from engine.errors import SnapshotError
from engine.limits import DEFAULT_LIMITS
from engine.owner import Chunk, Snapshot
from notifiers import Notifier
from tests.notifiers.world import SIMPLE, T0, World, alert, config, posted

S = 1_000

TREE = """
route:
  receiver: chat
  group_by: [alertname]
  group_wait: 10s
  group_interval: 30s
  repeat_interval: 5m
  routes:
  - {matchers: [severity="critical"], receiver: pager, group_by: [i], continue: true}
  - {matchers: [i="b"], receiver: quiet, group_wait: 1s}
receivers:
- {name: chat, webhook_configs: [{url: 'http://chat'}, {url: 'http://chat2'}]}
- {name: pager, webhook_configs: [{url: 'http://pager'}]}
- {name: quiet, slack_configs: [{url: 'http://quiet'}]}
"""

_names = st.sampled_from("abc")
_events = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 90)),
        st.tuples(st.just("fire"), _names, st.sampled_from(["warning", "critical"])),
        st.tuples(st.just("end"), _names),
        st.tuples(st.just("post"), _names, st.integers(1, 120)),
        st.tuples(st.just("silence"), _names, st.integers(1, 200)),
    ),
    min_size=1,
    max_size=30,
)


class _Story:
    """Plays events into a world; our own alerts keep to the state machine."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sequence = 0
        self.levels: dict[str, tuple[str, int]] = {}

    def play(self, event: Any) -> None:
        world, now_ms = self.world, self.world.now_ms
        match event:
            case ("wait", seconds):
                world.run(now_ms + seconds * S)
            case ("fire", name, level):
                started = self.levels.get(name, (level, now_ms))[1]
                self.levels[name] = (level, started)
                self._tell(alert("firing", 0, now_ms, labels={"i": name}, level=level,
                                 starts_at_ms=started))  # fmt: skip
            case ("end", name):
                if name in self.levels:
                    level, started = self.levels.pop(name)
                    self._tell(alert("resolved", 0, now_ms, labels={"i": name}, level=level,
                                     starts_at_ms=started))  # fmt: skip
            case ("post", name, seconds):
                labels = {"alertname": "Posted", "i": name, "severity": "critical"}
                world.append(posted(labels, now_ms, ends_at_ms=now_ms + seconds * S))
            case ("silence", name, seconds):
                world.append(SilenceRecord(
                    tenant="default", id=f"s-{name}", matchers=[SilenceMatcher("i", name)],
                    starts_at_ms=now_ms, ends_at_ms=now_ms + seconds * S, created_by="",
                    comment="", updated_at_ms=now_ms,
                ))  # fmt: skip

    def _tell(self, record: Any) -> None:
        self.sequence += 1
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        self.world.append(type(record)(**{**fields, "sequence": self.sequence}))


def _restored(world: World, snapshot: Snapshot, cut: int) -> World:
    """Return a world whose notifier comes from a snapshot and has read the log since."""
    other = World(world.config, world.limits, now_ms=world.now_ms)
    other.notifier.restore(snapshot)
    assert other.notifier.next_offset == cut
    other.log = list(world.log)
    other.notifier.apply(other.log[cut:], 0)
    return other


def _seen(world: World, start: int) -> list[tuple[Any, ...]]:
    return [
        (t.at_ms, t.flush.key, t.names, t.flush.notification.n, t.flush.notification.reason,
         t.flush.notification.previous)
        for t in world.told[start:]
    ]  # fmt: skip


@given(_events, _events)
@settings(max_examples=60, deadline=None)
def test_a_restored_notifier_sends_the_same(before: list[Any], after: list[Any]) -> None:
    story = _Story(World(config(TREE)))
    for event in before:
        story.play(event)
    world = story.world
    snapshot = world.notifier.snapshot({})
    told = len(world.told)
    twin = _Story(_restored(world, snapshot, world.notifier.next_offset))
    twin.sequence, twin.levels = story.sequence, copy.deepcopy(story.levels)
    for event in [*after, ("wait", 700)]:
        story.play(event)
        twin.play(event)
    assert _seen(twin.world, 0) == _seen(world, told)
    assert twin.world.notifier.snapshot({}) == world.notifier.snapshot({})


def _known(world: World) -> dict[Any, Any]:
    entries = world.notifier._held.log.items()
    return {key: (entry.firing, entry.resolved if entry.firing else None) for key, entry in entries}


@given(_events, _events)
@settings(max_examples=60, deadline=None)
def test_from_an_older_snapshot_nothing_is_told_twice(before: list[Any], after: list[Any]) -> None:
    story = _Story(World(config(TREE)))
    for event in before:
        story.play(event)
    snapshot = story.world.notifier.snapshot({})
    cut = story.world.notifier.next_offset
    for event in after:
        story.play(event)
    world = story.world
    numbers = {t.flush.key: t.flush.notification.n for t in world.told}
    twin = _restored(world, snapshot, cut)
    assert _known(twin) == _known(world)
    told_until = twin.now_ms
    news = twin.run(told_until)
    for told in news:
        assert told.flush.notification.n > numbers.get(told.flush.key, 0)
        assert told.flush.notification.reason in ("new alerts added", "some alerts resolved",
                                                  "all alerts resolved", "first notification",
                                                  "repeat interval elapsed")  # fmt: skip
    if any(event[0] == "silence" for event in (*before, *after)):
        # A flush that tells nothing leaves no trace, so the restored one may look once more within
        # a silence; and an end that is silenced then is told to nobody (as in Alertmanager).
        return
    # Both come to rest knowing the same.
    world.run(world.now_ms + 250 * S)
    twin.run(twin.now_ms + 250 * S)
    firing = {key: entry[0] for key, entry in _known(world).items() if entry[0]}
    assert {key: entry[0] for key, entry in _known(twin).items() if entry[0]} == firing


def test_what_was_on_its_way_is_decided_again_under_the_same_number() -> None:
    world = World(config(SIMPLE), answer=False)
    world.append(alert("firing", 1, T0))
    world.run(T0 + 10 * S)
    (lost,) = world.unanswered
    twin = _restored(world, world.notifier.snapshot({}), world.notifier.next_offset)
    assert twin.notifier.next_due_ms() == 0, "not at the next interval: it may not have been sent"
    (again,) = twin.run(T0 + 11 * S)
    assert again.flush.notification.key == lost.notification.key
    assert again.flush.told.hash == lost.told.hash


def test_overdue_timers_fire_once_after_a_restart() -> None:
    world = World(config(SIMPLE))
    world.append(alert("firing", 1, T0))
    world.run(T0 + 20 * S)
    twin = _restored(world, world.notifier.snapshot({}), world.notifier.next_offset)
    twin.now_ms = T0 + 10 * 3600 * S
    twin.flush()
    assert [t.flush.notification.reason for t in twin.told] == ["repeat interval elapsed"]
    assert twin.notifier.next_due_ms() == twin.now_ms + 60 * S


def test_timers_follow_what_the_log_says_was_sent() -> None:
    world = World(config(SIMPLE))
    world.append(alert("firing", 1, T0))
    snapshot = world.notifier.snapshot({})
    world.run(T0 + 20 * S)
    twin = _restored(world, snapshot, 1)
    assert twin.notifier.next_due_ms() == world.notifier.next_due_ms() == T0 + 70 * S


def test_chunks_that_did_not_change_come_without_bytes() -> None:
    text = SIMPLE.replace("group_by: [alertname]", "group_by: ['...']")
    world = World(config(text))
    for i in range(100):
        world.append(alert("firing", i + 1, T0, labels={"i": str(i)}))
    first = world.notifier.snapshot({})
    known = {chunk.name: chunk.version for chunk in first.chunks}
    world.append(alert("resolved", 101, T0, labels={"i": "7"}, starts_at_ms=T0))
    second = world.notifier.snapshot(known)
    changed = [chunk.name for chunk in second.chunks if chunk.payload]
    assert sum(name.startswith("alerts/") for name in changed) == 1
    payloads = {(chunk.name, chunk.version): chunk.payload for chunk in first.chunks}
    whole = Snapshot(second.kind, second.format, second.next_offset, tuple(
        chunk if chunk.payload else Chunk(chunk.name, chunk.version,
                                          payloads[chunk.name, chunk.version])
        for chunk in second.chunks
    ))  # fmt: skip
    other = Notifier(world.config, DEFAULT_LIMITS)
    other.restore(whole)
    assert other.snapshot({}) == world.notifier.snapshot({})


def test_no_chunk_outgrows_a_message() -> None:
    world = World(config(SIMPLE))
    for i in range(200):
        world.append(posted({"alertname": "A", "i": str(i), "long": "x" * 20_000}, T0))
    chunks = world.notifier.snapshot({}).chunks
    assert max(len(chunk.payload) for chunk in chunks) < 450_000
    assert sum(len(chunk.payload) for chunk in chunks) > 4_000_000


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: Snapshot(s.kind, 99, s.next_offset, s.chunks),
        lambda s: Snapshot("shard", s.format, s.next_offset, s.chunks),
        lambda s: Snapshot(s.kind, s.format, s.next_offset,
                           (Chunk("alerts/0.0", 1, s.chunks[0].payload[:-1] + b"?"),)),
        lambda s: Snapshot(s.kind, s.format, s.next_offset, (Chunk("moon/0.0", 1, b""),)),
        lambda s: Snapshot(s.kind, s.format, s.next_offset,
                           (Chunk("groups/0.0", 1, s.chunks[0].payload),)),
    ],
)  # fmt: skip
def test_a_damaged_snapshot_leaves_a_fresh_owner(damage: Callable[[Snapshot], Snapshot]) -> None:
    world = World(config(SIMPLE))
    world.append(alert("firing", 1, T0))
    other = Notifier(world.config, DEFAULT_LIMITS)
    with pytest.raises(SnapshotError):
        other.restore(damage(world.notifier.snapshot({})))
    assert (other.next_offset, other.alerts(T0), other.next_due_ms()) == (0, [], None)


def test_another_configuration_keeps_timers_and_memory() -> None:
    world = World(config(SIMPLE))
    world.append(alert("firing", 1, T0))
    world.run(T0 + 20 * S)
    more = SIMPLE.replace(
        "repeat_interval: 1h}", "repeat_interval: 1h, routes: [{receiver: team, match: {a: b}}]}"
    )
    world.notifier.reconfigure(config(more), world.now_ms)
    assert world.notifier.next_due_ms() == T0 + 70 * S
    assert world.run(T0 + 300 * S) == [], "nothing is told again"
    moved = SIMPLE.replace("group_by: [alertname]", "group_by: [severity]")
    world.notifier.reconfigure(config(moved), world.now_ms)
    (told,) = world.run(T0 + 400 * S)
    assert told.flush.notification.group_key == '{}:{severity="warning"}'


def test_an_object_kept_over_a_rebalance_asks_again_what_was_broken_off() -> None:
    world = World(config(SIMPLE), answer=False)
    world.append(alert("firing", 1, T0))
    (told,) = world.run(T0 + 10 * S)
    assert world.run(T0 + 300 * S) == []  # it is on its way, so nothing more is decided
    world.unanswered.clear()  # its delivery was broken off with the epoch
    world.notifier.opened(2, fresh=False)
    world.answer = True
    (again,) = world.run(T0 + 301 * S)
    assert again.flush.notification.key == told.flush.notification.key
    assert again.names == told.names
    world.append(alert("resolved", 2, T0 + 302 * S))
    (end,) = world.run(T0 + 400 * S)
    assert end.flush.notification.status == "resolved"


def test_what_was_replaced_while_it_waited_is_decided_again_under_the_same_number() -> None:
    world = World(config(SIMPLE), answer=False)
    world.append(alert("firing", 1, T0, labels={"i": "a"}))
    (told,) = world.run(T0 + 10 * S)
    world.append(alert("firing", 2, T0 + 20 * S, labels={"i": "b"}))
    assert world.run(T0 + 80 * S) == [], "its successor waits"
    fresh = world.notifier.renew(told.flush, world.now_ms)
    assert fresh is not None
    assert (fresh.notification.key, len(fresh.told.firing)) == (told.flush.notification.key, 2)
    assert world.notifier.renew(fresh, world.now_ms) is fresh, "nothing newer was due"
    twin = _restored(world, world.notifier.snapshot({}), world.notifier.next_offset)
    (again,) = twin.run(T0 + 81 * S)
    assert again.flush.notification.key == fresh.notification.key
    assert again.flush.told.hash == fresh.told.hash


def test_what_was_withdrawn_leaves_no_trace() -> None:
    world = World(config(SIMPLE), answer=False)
    world.append(alert("firing", 1, T0))
    (told,) = world.run(T0 + 10 * S)
    world.append(alert("resolved", 2, T0 + 20 * S, starts_at_ms=T0))
    assert world.run(T0 + 80 * S) == []
    assert world.notifier.renew(told.flush, world.now_ms) is None
    twin = _restored(world, world.notifier.snapshot({}), world.notifier.next_offset)
    for each in (world, twin):
        assert each.run(T0 + 400 * S) == [], "nobody knew of it, nobody is told its end"
        assert each.notifier.next_due_ms() is None, "the group is gone"

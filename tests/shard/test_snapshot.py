"""Snapshots of a shard: they replay the same bytes; damaged ones leave a fresh owner behind."""

import json
import random

import pytest

from engine.checkpoint import pack
from engine.errors import MissingPlanError, PlanLoadingError, SnapshotError
from engine.limits import DEFAULT_LIMITS
from engine.owner import Chunk, Snapshot
from engine.shard import ShardOwner
from tests.shard.test_reload import OTHER, switch
from tests.shard.world import ERRORS, T0, pipeline, sample, second

QUANTILE = ERRORS.replace("alert: Errors", "alert: Slow").replace("sum()", "quantile(0.9)")
GROWS = ERRORS.replace("alert: Errors", "alert: Grows").replace("sum()", "increase()")
MANY = ERRORS.replace("alert: Errors", "alert: Many").replace("sum()", "distinct(pod)")
ALL = (ERRORS, QUANTILE, GROWS, MANY)


def lived(seconds=45):
    rng = random.Random(4)
    pipe = pipeline(*ALL)
    for number in range(seconds):
        at_ms = T0 + number * 1_000
        values = [
            sample(
                rng.randrange(9) if number % 20 < 8 else 0,
                at_ms - rng.randrange(900),
                service=s,
                pod=str(rng.randrange(5)),
            )
            for s in "ab"
        ]
        second(pipe, number, *values)
    assert len(pipe.alert_records) > 8
    return pipe


def test_a_restored_owner_says_the_same_from_there_on():
    pipe = lived()
    log = pipe.shards[0].records
    wanted = [r.value for r in pipe.alerts.records]
    for at in range(1, len(log), 5):
        first = pipe.new_owner(0)
        said = [output.value for output in first.apply(log[:at], 0)]
        other = pipe.new_owner(0)
        other.restore(first.snapshot({}))
        assert other.next_offset == at
        assert [c.name for c in other.snapshot({}).chunks] == [
            c.name for c in first.snapshot({}).chunks
        ]
        said += [output.value for output in other.apply(log[at:], 0)]
        assert [strip(raw) for raw in said] == [strip(raw) for raw in wanted]


def strip(raw):
    body = json.loads(raw)
    del body["decision_ms"]
    return body


def changed(snapshot, name, payload):
    chunks = [
        Chunk(c.name, c.version, payload) if c.name == name else c
        for c in snapshot.chunks
        if payload is not None or c.name != name
    ]
    return Snapshot(snapshot.kind, snapshot.format, snapshot.next_offset, tuple(chunks))


def kinds(snapshot):
    """One chunk of each kind."""
    found = {}
    for chunk in snapshot.chunks:
        found.setdefault(chunk.name.split("/")[0], chunk.name)
    return found


@pytest.mark.parametrize(
    "payload",
    [b"", b"TCS1", pack({}, {}), pack({"version": "x"}, {})],
    ids=["empty", "cut", "without anything", "of wrong types"],
)
@pytest.mark.parametrize("kind", ["core", "series", "feed", "leaf"])
def test_a_damaged_chunk_is_refused_and_leaves_a_fresh_owner(kind, payload):
    pipe = lived()
    snapshot = pipe.owners[0].snapshot({})
    owner = pipe.new_owner(0)
    with pytest.raises(SnapshotError, match="shard 0"):
        owner.restore(changed(snapshot, kinds(snapshot)[kind], payload))
    assert owner.next_offset == 0
    assert owner.snapshot({}) == pipe.new_owner(0).snapshot({})
    owner.restore(snapshot)  # and one that can be used
    assert owner.snapshot({}) == snapshot


def test_a_snapshot_of_another_kind_or_a_later_format_is_refused():
    pipe = lived()
    snapshot = pipe.owners[0].snapshot({})
    for kind, number in (("notifier", 1), ("shard", 99)):
        with pytest.raises(SnapshotError, match=f"{kind} format {number}"):
            pipe.new_owner(0).restore(Snapshot(kind, number, 5, snapshot.chunks))
    with pytest.raises(SnapshotError):
        pipe.new_owner(0).restore(changed(snapshot, "core", None))


def test_a_plan_that_is_not_known_any_more_is_a_snapshot_error():
    def missing(digest):
        raise MissingPlanError(digest)

    owner = ShardOwner(0, 1, missing, DEFAULT_LIMITS)
    with pytest.raises(SnapshotError, match="is not known yet"):
        owner.restore(lived().owners[0].snapshot({}))


def test_a_rule_set_that_is_still_being_compiled_is_waited_for_and_costs_no_state():
    pipe = lived()
    snapshot = pipe.owners[0].snapshot({})
    compiled = False

    def plan_of(digest):
        if not compiled:
            raise PlanLoadingError(digest)
        return pipe.owners[0].plan_of(digest)

    owner = ShardOwner(0, 1, plan_of, DEFAULT_LIMITS)
    with pytest.raises(PlanLoadingError):
        owner.restore(snapshot)
    assert owner.next_offset == 0
    compiled = True
    owner.restore(snapshot)
    assert owner.snapshot({}) == snapshot


def test_what_went_and_came_back_is_written_again():
    # Rules taken back within one checkpoint: their windows begin anew, and so do the versions.
    pipe = pipeline(ERRORS)
    for number in range(8):
        second(pipe, number, sample(1.0, T0 + number * 1_000))
    owner = pipe.owners[0]
    before = {chunk.name: chunk for chunk in owner.snapshot({}).chunks}
    switch(pipe, 8, OTHER)
    switch(pipe, 8, ERRORS)
    for at_ms in range(8):  # as many changes of the same pane as before
        second(pipe, 9, sample(0.25, T0 + 9_000 + at_ms))
    after = owner.snapshot({name: chunk.version for name, chunk in before.items()}).chunks
    stored = {c.name: c.payload or before[c.name].payload for c in after}
    assert stored == {chunk.name: chunk.payload for chunk in owner.snapshot({}).chunks}

"""Random expressions over random series, from remote-write bytes to results, against the naive twin."""

import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.limits import DEFAULT_LIMITS
from engine.promql import parse
from engine.replay import Pipeline
from engine.ruletests import Sample, write_request
from engine.series import HTTP_INGEST, HTTP_WRITE
from engine.vector import label_set
from tests.groups.promworld import group, plan, query, results, rule
from tests.vector.corpus import equal
from tests.vector.naive_evaluator import Naive, final
from tests.vector.naive_source import STALE, NaiveSource
from tests.vector.test_twin import expressions, told

STEP_MS, STEPS = 30_000, 6
EXAMPLES = int(os.environ.get("TOCSIN_EXAMPLES", "30"))
SERIES = [
    label_set({"__name__": name, "x": x, "y": y})
    for name in "ab" for x in ("", "1", "2") for y in ("", "1")
]  # fmt: skip
VALUES = [0.0, 1.0, 2.0, 3.0, -1.0, 4.0, float("nan"), float("inf"), STALE]
samples = st.lists(
    st.dictionaries(st.sampled_from(SERIES), st.sampled_from(VALUES), max_size=6),
    min_size=STEPS, max_size=STEPS,
)  # fmt: skip


def bits(value):
    return int(np.array([value]).view(np.uint64)[0])


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(expressions, min_size=1, max_size=3, unique=True), samples, st.integers(1, 3),
    st.integers(0, 2**32),
)  # fmt: skip
def test_results_are_the_twins(asked, steps, shards, seed):
    """On any number of shards, with alerts and recordings of the same expressions beside them."""
    beside = [rule("alert", f"A{i}", text) for i, text in enumerate(asked)]
    beside += [rule("record", f"rec{i}", text) for i, text in enumerate(asked)]
    groups = group(*map(query, asked), *beside, interval_ms=STEP_MS)
    lateness_ms = {HTTP_INGEST: 0, HTTP_WRITE: 0}
    pipe = Pipeline(plan(groups), [], shards, DEFAULT_LIMITS, http_lateness_ms=lateness_ms)
    source, wanted = NaiveSource(), {}
    for step, rows in enumerate(steps):
        at_ms = (step + 1) * STEP_MS
        sent = [Sample(at_ms, labels, bits(value)) for labels, value in rows.items()]
        sent.append(Sample(at_ms, (("__name__", "unread"),), bits(1.0)))
        cut = seed % (len(sent) + 1)
        for part in (sent[:cut], sent[cut:]):
            assert pipe.post("write", write_request(part), at_ms - 1) == []
        for labels, value in rows.items():
            source.add(labels, [(at_ms, value)])
        pipe.mark(at_ms)
        pipe.run(at_ms)
        for text in asked:
            wanted[text, at_ms] = told(
                lambda text=text, at_ms=at_ms: final(Naive(source).vector(parse(text), at_ms))
            )
    have = results(pipe)
    assert set(have) == set(wanted)
    for key, want in wanted.items():
        if want is None:
            assert have[key].error, key
            continue
        assert not have[key].error, (key, have[key].error)
        got = {label_set(labels): float(value) for labels, value in have[key].rows}
        assert got.keys() == want.keys(), (key, got, want)
        assert all(equal(got[one], want[one]) for one in got), (key, got, want)

"""Classic histograms against a naive reading of Prometheus' documentation."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.vector.histogram import parsed_bound
from tests.vector.asking import ask, store
from tests.vector.corpus import equal

bounds = st.sampled_from(["-1", "0", "0.5", "1", "1e0", "2", "10", "+Inf", "inf", "x"])
counts = st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, math.nan])
histograms = st.dictionaries(bounds, counts, min_size=1)


def collected(buckets):
    """Return buckets in order, equal bounds added, texts that are no numbers left out."""
    merged = {}
    for text, count in buckets.items():
        if text != "x":
            merged[float(text)] = merged.get(float(text), 0.0) + count
    return sorted(merged.items())


def naive_quantile(wanted, buckets):
    if wanted < 0 or wanted > 1:
        return math.copysign(math.inf, wanted)
    if buckets[-1][0] != math.inf:
        return math.nan
    held, previous = [], buckets[0][1]
    for at, (bound, count) in enumerate(buckets):
        if at and count > previous:
            previous = count
        # NaN is neither greater nor less: it stays, and is what the next one is compared with.
        if at and math.isnan(count):
            previous = count
        held.append((bound, count if math.isnan(count) else previous))
    if len(held) < 2 or held[-1][1] == 0:
        return math.nan
    rank = wanted * held[-1][1]
    found = next((i for i, (_, c) in enumerate(held[:-1]) if c >= rank), len(held) - 1)
    if found == len(held) - 1:
        return held[-2][0]
    if found == 0 and held[0][0] <= 0:
        return held[0][0]
    start, before = held[found - 1] if found else (0.0, 0.0)
    share = np.float64(rank - before) / np.float64(held[found][1] - before)
    return float(start + (held[found][0] - start) * share)


def naive_below(value, buckets):
    total = buckets[-1][1]
    start, rank = (0.0 if buckets[0][0] > 0 else -math.inf), 0.0
    for at, (bound, count) in enumerate(buckets):
        if at:
            start = buckets[at - 1][0]
        if start >= value:
            return rank
        if bound > value:
            if start == -math.inf:
                return count
            return rank + (count - rank) * (value - start) / (bound - start)
        rank = count
    return total


def source_of(buckets):
    return store({f'h{{le="{text}"}}': [count] for text, count in buckets.items()})


finite = st.dictionaries(bounds, counts.filter(lambda c: c == c), min_size=1)


@settings(deadline=None)
@given(finite, st.sampled_from([0, 0.1, 0.5, 0.9, 1, -1, 2]))
def test_quantile(buckets, wanted):
    with np.errstate(all="ignore"):
        have = ask(f"histogram_quantile({wanted}, h)", source_of(buckets))
        held = collected(buckets)
        if not held:
            assert have == {}
            return
        assert equal(have[()], naive_quantile(wanted, held)), held


@settings(deadline=None)
@given(finite, st.sampled_from([-2, 0, 0.3, 1, 1.5]), st.sampled_from([-0.5, 0.7, 1, 2, 20]))
def test_fraction(buckets, low, high):
    have = ask(f"histogram_fraction({low}, {high}, h)", source_of(buckets))
    held = collected(buckets)
    if not held:
        assert have == {}
        return
    total = held[-1][1]
    if held[-1][0] != math.inf or total == 0:
        assert math.isnan(have[()])
    elif low >= high:
        assert have[()] == 0
    else:
        below, upto = (min(naive_below(v, held), total) for v in (low, high))
        assert equal(have[()], (upto - below) / total), held


@settings(deadline=None)
@given(histograms)
def test_any_counts(buckets):
    """Whatever the counts, there is a number or NaN and no failure."""
    have = ask("histogram_quantile(0.5, h)", source_of(buckets))
    assert set(have) <= {()}


def test_bounds():
    for text, bound in {"1": 1, ".2": 0.2, "1e0": 1, "+Inf": math.inf, "-inf": -math.inf,
                        "Infinity": math.inf, "0x1p-2": 0.25, "5.": 5}.items():  # fmt: skip
        assert parsed_bound(text) == bound
    for text in ["", " 1", "1_0", "x", "0x1", "1e", "--1", "+nan", "١"]:
        assert parsed_bound(text) is None, text

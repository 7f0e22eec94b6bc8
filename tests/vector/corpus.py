"""The promqltest corpus: cases as data, and what a result has to be."""

import json
import math
import os
import re
from functools import cache
from pathlib import Path

from tests.vector.naive_source import STALE, NaiveSource

CORPORA = Path(os.environ.get("TOCSIN_CORPORA", Path(__file__).parents[3] / "shared/corpora"))
CASES = CORPORA / "promqltest" / "cases.json"
SPECIAL = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf, "stale": STALE}
RELATIVE = 1e-6


@cache
def all_cases():
    """Return every case, none where the corpus is missing."""
    return json.loads(CASES.read_text()) if CASES.exists() else []


def float_cases():
    """Return the cases of class float_core."""
    return [case for case in all_cases() if case["class"] == "float_core"]


def sampling_cases():
    """Return the cases of limitk and limit_ratio whose results are floats.

    The corpus has them over native histograms too. What is picked does not depend on values.
    """
    return [
        case
        for case in all_cases()
        if case["file"] == "limit.test"
        and not any(
            isinstance(value, dict)
            for series in (case["eval"]["result"] or {}).get("series", [])
            for value in series["values"]
        )
    ]


def number(text):
    return SPECIAL[text] if isinstance(text, str) else float(text)


def loaded(case, histogram=None):
    """Return a source with a case's series; `histogram` stands for the native ones, if given."""
    source = NaiveSource()
    for load in case["load"]:
        for series in load["series"]:
            values = [histogram if isinstance(v, dict) else v for v in series["values"]]
            samples = [
                (at * load["interval_ms"], number(value))
                for at, value in enumerate(values)
                if value is not None
            ]
            if samples:
                source.add(series["labels"], samples)
    return source


def equal(have, want):
    if math.isnan(want) or math.isnan(have):
        return math.isnan(want) and math.isnan(have)
    if math.isinf(want) or math.isinf(have) or want == have:
        return want == have
    total = abs(want) + abs(have)
    if want == 0 or have == 0 or total < 2.3e-308:
        return abs(want - have) < RELATIVE * 2.3e-308
    return abs(want - have) / total < RELATIVE


def said(expected, texts):
    """Say whether expectations are met: each by some text, and each text by one of them."""

    def met(one, text):
        if one.get("any"):
            return True
        if "msg" in one:
            return one["msg"] == text
        return re.search(one["regex"], text) is not None

    return all(any(met(one, text) for text in texts) for one in expected) and (
        not expected or all(any(met(one, text) for one in expected) for text in texts)
    )

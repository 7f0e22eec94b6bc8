"""No corpus passes less than it did: floors.json only rises."""

import random

import pytest

from tests.conformance.__main__ import below, run
from tests.conformance.corpora import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ROOT.is_dir(), reason="no corpora: set TOCSIN_CORPORA"),
]


def test_every_corpus_is_above_its_floor() -> None:
    seed = random.randrange(1_000_000)
    print(f"seed={seed}")
    tallies = run(seed)
    print("conformance: " + " ".join(map(str, tallies)))
    assert not below(tallies), [tally.failures for tally in tallies]

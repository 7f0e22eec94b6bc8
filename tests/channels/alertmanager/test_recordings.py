"""The recordings are still what a real Alertmanager sends."""

import json

import pytest

from tests.acceptance.peers import peer
from tests.channels.alertmanager import recording
from tests.channels.golden import ROOT

pytestmark = pytest.mark.slow


def test_alertmanager_still_sends_what_was_recorded():
    peer("alertmanager")
    kept = json.loads((ROOT / "alertmanager" / "requests.json").read_text(encoding="utf-8"))
    assert recording.record() == kept

"""Fingerprints of label sets, as API v2 shows them."""

import asyncio
from typing import Any

from tests.api.client import client
from tests.conformance.alertmanager.scenes import Served, judged, one_part, scenario
from tests.conformance.corpora import Part, Tally

_FILE = "api/fingerprints.yaml"


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    cases = scenario(_FILE)["cases"]
    named = {",".join(f"{k}={v}" for k, v in case["labels"].items()): case for case in cases}
    return judged("fingerprints", {name: (_shown, case) for name, case in named.items()}, only)


def _shown(case: Any) -> str:
    return asyncio.run(_listed(case))


async def _listed(case: Any) -> str:
    """Post an alert with these labels and look what its fingerprint is said to be."""
    labels = {str(name): str(value) for name, value in case["labels"].items()}
    async with client(Served()) as http:
        posted = await http.post("/api/v2/alerts", json=[{"labels": labels}])
        if posted.status_code != 200:
            return f"refused: {posted.text}"
        (alert,) = (await http.get("/api/v2/alerts")).json()
    got = alert["fingerprint"]
    return "" if got == case["fingerprint"] else f"expected {case['fingerprint']}, got {got}"

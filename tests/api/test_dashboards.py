"""Karma and Grafana: their requests are answered with what they read, see dashboards.py."""

from typing import Any

import httpx
import pytest

from engine.api import ApiSettings
from tests.api.client import alert, client, silence
from tests.api.dashboards import BROWSER, READS, Request, found, is_a
from tests.api.fake_deps import START_MS, FakeDeps


async def _filled(http: httpx.AsyncClient, prefix: str, now_ms: int) -> str:
    body = [
        alert("Disk", host="db-1") | {"generatorURL": "http://prometheus/graph?g0=x"},
        alert("Disk", host="db-2") | {"generatorURL": "http://prometheus/graph?g0=y"},
    ]
    assert (await http.post(f"{prefix}/api/v2/alerts", json=body)).status_code == 200
    made = await http.post(f"{prefix}/api/v2/silences", json=silence(now_ms))
    return str(made.json()["silenceID"])


@pytest.mark.parametrize("prefix", ["", "/tocsin"])
@pytest.mark.parametrize("asked", READS, ids=lambda asked: f"{asked.client} {asked.path}")
async def test_what_a_dashboard_reads_is_there(asked: Request, prefix: str) -> None:
    deps = FakeDeps(ApiSettings(version="1", started_ms=START_MS, route_prefix=prefix))
    async with client(deps) as http:
        await _filled(http, prefix, deps.now_ms())
        answer = await http.request(
            asked.method, prefix + asked.path, params=list(asked.params), headers=asked.headers
        )
    assert answer.status_code == asked.status
    value: Any = answer.json() if asked.reads else None
    for path, kind in asked.reads.items():
        values = found(value, path)
        # Of these there may be none; a path to nothing else is a mistake in dashboards.py.
        assert values or "inhibitedBy" in path or "peers" in path, path
        assert all(is_a(each, kind) for each in values), (path, values)


async def test_a_dashboard_that_polls_is_told_that_nothing_changed() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        await _filled(http, "", deps.now_ms())
        for asked in READS:
            if not asked.path.startswith("/api/v2"):
                continue
            first = await http.get(asked.path, params=list(asked.params))
            assert first.headers["cache-control"] == "no-cache"
            known = {"If-None-Match": first.headers["etag"]}
            again = await http.get(asked.path, params=list(asked.params), headers=known)
            assert (again.status_code, again.content) == (304, b""), asked.path
            head = await http.head(asked.path, params=list(asked.params), headers=known)
            assert head.status_code == 304


async def test_grafana_edits_and_ends_a_silence() -> None:
    """It posts what it was given, with an id and its own changes, fields of the answer and all."""
    deps = FakeDeps()
    async with client(deps, BROWSER) as http:
        made = await _filled(http, "", deps.now_ms())
        (known,) = (await http.get("/api/v2/silences")).json()
        edited = {**known, "comment": "longer"}
        answer = await http.post("/api/v2/silences", json=edited)
        assert answer.json() == {"silenceID": made}
        (known,) = (await http.get("/api/v2/silences")).json()
        assert known["comment"] == "longer"
        assert (await http.delete(f"/api/v2/silence/{made}")).status_code == 200
        (known,) = (await http.get("/api/v2/silences")).json()
        assert known["status"] == {"state": "expired"}

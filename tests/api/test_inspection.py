"""POST /api/v1/rules/inspect: what all workers know together of series."""

from typing import Any

import httpx
import pytest

from engine.api import ApiSettings, build
from engine.api.proxy import Proxy
from tests.api.client import client
from tests.api.fake_deps import START_MS, FakeDeps

PATH = "/api/v1/rules/inspect"
OTHER = "http://other:9093"


def up(instance: int, **labels: str) -> dict[str, str]:
    return {"__name__": "up", "instance": str(instance), **labels}


def pair() -> tuple[FakeDeps, FakeDeps, Proxy]:
    """Return two workers, each with a shard of two, and the way from the first to the second."""
    here = FakeDeps()
    there = FakeDeps(ApiSettings(version="0.1.0", started_ms=START_MS, instance_id="other"))
    here.shards = there.shards = 2
    there.shard = 1
    here.peer_urls = {"other": OTHER}
    return here, there, Proxy(httpx.ASGITransport(app=build(there)))


async def asked(here: FakeDeps, proxy: Proxy | None = None, **question: Any) -> Any:
    async with client(here, proxy=proxy) as http:
        answer = await http.post(PATH, json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_workers_are_counted_together() -> None:
    here, there, proxy = pair()
    here.series = [up(n, job="web") for n in range(30)]
    there.series = [up(n, job="web") for n in range(20, 50)] + [up(99, job="db")]
    there.gaps_ms = [30_000, 30_000]
    here.rows = there.rows = {"up == 0": 2}
    found = await asked(
        here, proxy, selectors=['up{job="web"}', "down", '{job="db"}'], expressions=["up == 0"]
    )
    assert (found["shards"], found["of"], found["whole"], found["silent"]) == ([0, 1], 2, True, [])
    web, down, db = found["selectors"]
    assert web["metric"] == {"number": 51}
    assert web["series"] == {"number": 50}
    assert (web["held"], web["gaps_ms"], web["near"]) == (60, [30_000], [])
    assert [m["passed"] for m in web["matchers"]] == [30]
    assert (down["metric"], down["near"]) == ({"number": 0}, ["up"])
    assert (db["metric"], db["series"]) == (None, {"number": 1})
    assert found["expressions"] == [{"expression": "up == 0", "rows": 4, "why": ""}]


async def test_near_values_are_shown_where_nobody_has_it() -> None:
    here, there, proxy = pair()
    here.series = [up(1, job="web")]
    there.series = [up(2, job="db")]
    found = await asked(here, proxy, selectors=['up{job="wep"}', 'up{job="db"}'])
    assert [m["near"] for s in found["selectors"] for m in s["matchers"]] == [["web", "db"], []]


async def test_who_does_not_answer_is_named_and_leaves_rows_unknown() -> None:
    here, _, _ = pair()
    here.rows = {"up == 0": 2}
    broken = Proxy(httpx.MockTransport(lambda request: httpx.Response(500)))
    found = await asked(here, broken, expressions=["up == 0"])
    assert (found["silent"], found["whole"]) == (["other"], False)
    (rows,) = found["expressions"]
    assert (rows["rows"], rows["why"]) == (None, "shards that nobody answered for: 1")


async def test_what_one_worker_does_not_know_nobody_knows() -> None:
    here, there, proxy = pair()
    here.rows = {"up == 0": 2}
    found = await asked(here, proxy, expressions=["up == 0"])
    assert found["expressions"][0] == {"expression": "up == 0", "rows": None, "why": "unheard of"}
    assert there.rows == {}


@pytest.mark.parametrize("headers", [{"tocsin-hop": "x"}, {}])
async def test_a_worker_that_is_asked_by_another_asks_nobody(headers: dict[str, str]) -> None:
    here, _, proxy = pair()
    async with client(here, headers, proxy=proxy) as http:
        answer = await http.post(PATH if headers else PATH + "?here=1", json={"selectors": ["up"]})
    assert answer.json()["shards"] == [0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"selectors": ["up{"]}, 400), ({"selectors": ["up + 1"]}, 400),
        ({"selectors": ["up[5m]"]}, 400), ({"expressions": ["1 +"]}, 400),
        ({"expressions": ["up[5m]"]}, 400), ({"expressions": ["1"]}, 400),
        ({"selectors": ['up{a=~"(a+)+"}']}, 400), ({"selectors": ['up{a=~"("}']}, 400),
        ({"selectors": ["up"] * 201}, 413), ({"expressions": ["up"] * 201}, 413),
        ({"selectors": "up"}, 400), ({"queries": []}, 400),
        ({"selectors": ["u" * 1_000_001]}, 413),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
async def test_what_cannot_be_asked(body: dict[str, Any], status: int) -> None:
    async with client(FakeDeps()) as http:
        assert (await http.post(PATH, json=body)).status_code == status

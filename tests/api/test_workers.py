"""Any worker answers: what it does not know it asks of the owner, in one hop."""

import uuid

import httpx
import pytest

from engine.api import ApiSettings, build
from engine.api.proxy import Proxy
from tests.api.client import alert, client, silence
from tests.api.fake_deps import START_MS, FakeDeps

OWNER = "http://owner:9093"
PROXIED = [
    "/api/v2/status", "/api/v2/receivers", "/api/v2/silences", "/api/v2/alerts",
    "/api/v2/alerts/groups",
]  # fmt: skip


def pair() -> tuple[FakeDeps, FakeDeps, Proxy]:
    """Return an owner, another worker on the same log, and the way from that to the owner."""
    owner = FakeDeps()
    settings = ApiSettings(version="0.1.0", started_ms=START_MS, instance_id="other")
    other = FakeDeps(settings, log=owner.log, owner=False, url=OWNER)
    return owner, other, Proxy(httpx.ASGITransport(app=build(owner)))


async def test_reads_and_writes_through_another_worker() -> None:
    _owner, other, proxy = pair()
    async with client(other, proxy=proxy) as http:
        assert (await http.post("/api/v2/alerts", json=[alert("Disk")])).status_code == 200
        listed = (await http.get("/api/v2/alerts", params={"filter": "alertname=Disk"})).json()
        assert len(listed) == 1
        made = (await http.post("/api/v2/silences", json=silence(other.now_ms()))).json()
        got = await http.get(f"/api/v2/silence/{made['silenceID']}")
        assert got.json()["status"]["state"] == "active"
        changed = silence(other.now_ms(), id=made["silenceID"], comment="longer")
        assert (await http.post("/api/v2/silences", json=changed)).json() == made
        assert (await http.delete(f"/api/v2/silence/{made['silenceID']}")).status_code == 200
        got = await http.get(f"/api/v2/silence/{made['silenceID']}")
        assert (got.json()["status"]["state"], got.json()["comment"]) == ("expired", "longer")
        assert (await http.delete(f"/api/v2/silence/{uuid.uuid4()}")).status_code == 404
        assert (await http.get("/api/v2/alerts", params={"filter": "{"})).status_code == 400


async def test_an_unchanged_list_is_a_304_through_another_worker_too() -> None:
    _owner, other, proxy = pair()
    async with client(other, proxy=proxy) as http:
        first = await http.get("/api/v2/alerts")
        known = {"If-None-Match": first.headers["etag"]}
        assert (await http.get("/api/v2/alerts", headers=known)).status_code == 304


async def test_the_token_goes_along() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401, json="no", headers={"WWW-Authenticate": "Bearer"})

    other = FakeDeps(owner=False, url=OWNER)
    async with client(other, proxy=Proxy(httpx.MockTransport(answer))) as http:
        headers = {"Authorization": "Bearer x", "Cookie": "a=b"}
        got = await http.get("/api/v2/alerts?filter=a%3Db", headers=headers)
    assert got.status_code == 401
    assert str(seen[0].url) == f"{OWNER}/api/v2/alerts?filter=a%3Db"
    assert seen[0].headers["authorization"] == "Bearer x"
    assert "cookie" not in seen[0].headers


@pytest.mark.parametrize("path", PROXIED)
async def test_while_nobody_owns_it_come_again(path: str) -> None:
    async with client(FakeDeps(owner=False)) as http:
        answer = await http.get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"].isdecimal()


async def test_what_is_posted_meanwhile_is_on_the_log() -> None:
    other = FakeDeps(owner=False)
    async with client(other) as http:
        assert (await http.post("/api/v2/alerts", json=[alert("Disk")])).status_code == 200
        made = await http.post("/api/v2/silences", json=silence(other.now_ms()))
        assert made.status_code == 200
        again = silence(other.now_ms(), id=made.json()["silenceID"])
        assert (await http.post("/api/v2/silences", json=again)).status_code == 503
    assert len(other.log.topics["alerts"]) == 2


async def test_two_workers_that_think_the_other_owns_it_do_not_loop() -> None:
    first = FakeDeps(owner=False, url="http://second")
    second = FakeDeps(owner=False, url="http://first")
    to_second = Proxy(httpx.ASGITransport(app=build(second, proxy=Proxy(_no_hop()))))
    async with client(first, proxy=to_second) as http:
        for path in PROXIED:
            assert (await http.get(path)).status_code == 503
        assert (await http.get("/")).status_code == 200  # the page works, and says so


def _no_hop() -> httpx.MockTransport:
    def fail(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"a second hop: {request.url}")

    return httpx.MockTransport(fail)


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
async def test_an_owner_that_does_not_answer_is_a_503(error: Exception) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    other = FakeDeps(owner=False, url=OWNER)
    async with client(other, proxy=Proxy(httpx.MockTransport(answer))) as http:
        got = await http.get("/api/v2/alerts")
        assert got.status_code == 503
        assert (await http.get("/api/v1/rules")).json()["data"]["load"]["digest"] == "d1g3st"
        assert (await http.post("/api/v2/alerts", json=[alert("Disk")])).status_code == 200


async def test_waiting_for_another_worker_needs_an_owner() -> None:
    async with client(FakeDeps(owner=False)) as http:
        assert (await http.get("/-/applied?offset=0")).status_code == 503
    async with client(FakeDeps()) as http:
        assert (await http.get("/-/applied?offset=x")).status_code == 400

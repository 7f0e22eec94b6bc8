"""Rules and alerts as all workers know them together, and what stands in for a silent one."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from engine.api import (
    ApiSettings,
    Judged,
    RuleAlertView,
    RuleFailureView,
    RulesView,
    RuleView,
    build,
)
from engine.api.proxy import Proxy
from tests.api.client import client
from tests.api.fake_deps import START_MS, FakeDeps

OTHER = "http://other:9093"
HIGH, RATE, NATIVE = (
    RuleView(
        identity=identity, group="web", name=identity, file="a.yml", line=line, version="1",
        query="x > 1", kind=kind, interval_ms=15_000, health="ok", native=identity == "Native",
    )
    for line, (identity, kind) in enumerate(
        (("High", "alerting"), ("x:rate", "recording"), ("Native", "alerting"))
    )
)  # fmt: skip


def alert(rule: RuleView, shard: int, value: float, **more: Any) -> RuleAlertView:
    return RuleAlertView(**{
        "rule_id": rule.identity, "state": "firing", "labels": {"alertname": rule.name},
        "annotations": {"summary": f"it is {value:g}"}, "active_at_ms": START_MS,
        "values": {"value": value}, "shard": shard, **more,
    })  # fmt: skip


def judged(rule: RuleView, second: int, took_s: float, error: str = "") -> Judged:
    health = "err" if error else "ok"
    return Judged(rule.identity, health, error, START_MS + 1_000 * second, took_s)


def pair() -> tuple[FakeDeps, FakeDeps]:
    """Return the notifier's owner, which has shard 0, and another worker, which has shard 1."""
    here = FakeDeps()
    settings = ApiSettings(version="0.1.0", started_ms=START_MS, instance_id="other")
    there = FakeDeps(settings, log=here.log, owner=False)
    here.shards = there.shards = 2
    there.shard = 1
    here.rules_view = there.rules_view = RulesView(rules=(HIGH, RATE, NATIVE))
    here.judged = [judged(HIGH, 15, 0.5), judged(RATE, 15, 0.125)]
    there.judged = [judged(HIGH, 30, 0.25), judged(RATE, 30, 0.25, "two series are one")]
    here.judged_alerts = [alert(HIGH, 0, 11)]
    there.judged_alerts = [
        alert(HIGH, 1, 12, keep_firing_since_ms=START_MS + 7_000),
        alert(HIGH, 1, float(13), state="pending"),
    ]
    assert here.fake_notifier is not None
    here.fake_notifier.pending = [alert(HIGH, 0, 1), alert(HIGH, 1, 2), alert(NATIVE, 1, 3)]
    return here, there


def joined(first: FakeDeps, second: FakeDeps) -> Proxy:
    first.peer_urls = {"second": OTHER}
    return Proxy(httpx.ASGITransport(app=build(second)))


def silent() -> Proxy:
    return Proxy(httpx.MockTransport(lambda request: httpx.Response(500)))


async def got(deps: FakeDeps, proxy: Proxy, path: str = "rules", **headers: str) -> Any:
    async with client(deps, proxy=proxy) as http:
        answer = await http.get(f"/api/v1/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def values(alerts: list[dict[str, Any]]) -> list[str]:
    return sorted(one["value"] for one in alerts)


@pytest.mark.parametrize("asked", ["owner", "other"])
async def test_both_workers_say_what_both_know(asked: str) -> None:
    here, there = pair()
    first, second = (here, there) if asked == "owner" else (there, here)
    answer = await got(first, joined(first, second))
    assert "warnings" not in answer
    (group,) = answer["data"]["groups"]
    assert (group["evaluationTime"], group["lastEvaluation"]) == (0.75, "2026-01-01T00:00:30.000Z")
    high, rate, native = group["rules"]
    assert (high["health"], high["evaluationTime"], high["state"]) == ("ok", 0.5, "firing")
    assert "lastError" not in high
    assert values(high["alerts"]) == ["1.1e+01", "1.2e+01", "1.3e+01"]
    (kept,) = (one for one in high["alerts"] if one["value"] == "1.2e+01")
    assert kept["keepFiringSince"] == "2026-01-01T00:00:07.000Z"
    assert kept["annotations"] == {"summary": "it is 12"}
    assert [a for a in high["alerts"] if "keepFiringSince" in a] == [kept]
    assert (rate["health"], rate["lastError"]) == ("err", "two series are one")
    assert rate["lastEvaluation"] == "2026-01-01T00:00:30.000Z"
    assert values(native["alerts"]) == ["3e+00"]
    first.clock_ms += 1
    alerts = await got(first, joined(first, second), "alerts")
    assert values(alerts["data"]["alerts"]) == ["1.1e+01", "1.2e+01", "1.3e+01", "3e+00"]


async def test_records_stand_in_for_a_silent_worker_and_it_is_said() -> None:
    here, _ = pair()
    here.peer_urls = {"second": OTHER}
    assert here.fake_notifier is not None
    here.fake_notifier.failures = [
        RuleFailureView(identity="x:rate", version="1", shard=1, error="as recorded"),
        RuleFailureView(identity="High", version="1", shard=0, error="long over"),
    ]
    answer = await got(here, silent())
    high, rate, native = answer["data"]["groups"][0]["rules"]
    assert values(high["alerts"]) == ["1.1e+01", "2e+00"]
    assert (high["health"], rate["health"], rate["lastError"]) == ("ok", "err", "as recorded")
    assert values(native["alerts"]) == ["3e+00"]
    assert answer["warnings"] == [
        "worker second does not answer",
        "nobody answers for shard 1: alerts there are as last recorded",
    ]
    assert len((await got(here, silent(), "alerts"))["warnings"]) == 2


async def test_without_the_notifier_alerts_come_again_and_rules_say_what_they_can() -> None:
    _, there = pair()
    answer = await got(there, silent())
    high, _, native = answer["data"]["groups"][0]["rules"]
    assert (high["state"], native["state"]) == ("firing", "unknown")
    assert answer["warnings"][-1].startswith("the notifier cannot be asked")
    async with client(there, proxy=silent()) as http:
        refused = await http.get("/api/v1/alerts")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


async def test_a_worker_that_is_slow_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError(request)

    monkeypatch.setattr("engine.api.asking.ANSWER_S", 0.01)
    here, _ = pair()
    here.peer_urls = {"second": OTHER}
    answer = await got(here, Proxy(httpx.MockTransport(never)))
    assert answer["warnings"][0] == "worker second does not answer"


async def test_workers_are_asked_once_a_second_and_never_by_a_hop() -> None:
    here, there = pair()
    proxy = joined(here, there)
    async with client(here, proxy=proxy) as http:
        await asyncio.gather(*(http.get("/api/v1/rules") for _ in range(5)))
        assert (here.standings, there.standings) == (1, 1)
        here.clock_ms += 1_000
        there.clock_ms += 1_000
        await http.get("/api/v1/alerts")
        assert (here.standings, there.standings) == (2, 2)
    fresh, other = pair()
    await got(fresh, joined(fresh, other), **{"tocsin-hop": "w1"})
    assert other.standings == 0


async def test_of_a_shard_that_moved_the_later_owner_is_believed() -> None:
    here, there = pair()
    there.shard, there.shards = 0, 1
    here.shards = 1
    there.judged_alerts = [msgspec.structs.replace(a, shard=0) for a in there.judged_alerts]
    assert here.fake_notifier is not None
    here.fake_notifier.pending, there.stands_at = [], 8
    high = (await got(here, joined(here, there)))["data"]["groups"][0]["rules"][0]
    assert values(high["alerts"]) == ["1.2e+01", "1.3e+01"]

"""/api/v1/rules and /api/v1/alerts as Prometheus' clients read them."""

import msgspec

from engine.api import RuleAlertView, RulesView, RuleView
from tests.api.client import client
from tests.api.fake_deps import START_MS, FakeDeps

RULES = (
    RuleView(
        identity="web/High", group="web", name="High", file="a.yml", line=4, version="1",
        query="x > 1", labels={"severity": "page", "team": "web"}, interval_ms=15_000,
        for_ms=60_000, health="ok", last_evaluation_ms=START_MS, evaluation_s=0.25, group_limit=7,
    ),
    RuleView(
        identity="web/x:rate", group="web", name="x:rate", file="a.yml", line=9, version="2",
        query="rate(x[5m])", kind="recording", interval_ms=15_000, health="err",
        last_error="found duplicate series", evaluation_s=0.5,
    ),
    RuleView(
        identity="db/Slow", group="db", name="Slow", file="b.yml", line=3, version="3",
        query="y > 2", labels={"severity": "info"}, interval_ms=60_000,
    ),
)  # fmt: skip
FIRING = RuleAlertView(
    rule_id="web/High", state="firing", labels={"alertname": "High", "team": "web"},
    annotations={"summary": "s"}, active_at_ms=START_MS, values={"value": 1.5},
)  # fmt: skip


def made(*alerts: RuleAlertView) -> FakeDeps:
    deps = FakeDeps()
    deps.rules_view = RulesView(rules=RULES, load=deps.rules_view.load)
    assert deps.fake_notifier is not None
    deps.fake_notifier.pending = list(alerts)
    return deps


async def names(deps: FakeDeps, query: str) -> list[str]:
    async with client(deps) as http:
        answer = await http.get(f"/api/v1/rules?{query}")
    assert answer.status_code == 200, answer.text
    return [r["name"] for g in answer.json()["data"]["groups"] for r in g["rules"]]


async def test_alerting_and_recording_rules_have_prometheus_fields() -> None:
    async with client(made(FIRING)) as http:
        groups = (await http.get("/api/v1/rules")).json()["data"]["groups"]
    web, db = groups
    assert (web["name"], web["file"], web["interval"], web["limit"]) == ("web", "a.yml", 15.0, 7)
    assert web["evaluationTime"] == 0.75
    assert web["lastEvaluation"] == "2026-01-01T00:00:00.000Z"
    alerting, recording = web["rules"]
    assert (alerting["type"], alerting["state"], alerting["health"]) == ("alerting", "firing", "ok")
    assert (alerting["duration"], alerting["keepFiringFor"]) == (60.0, 0.0)
    (one,) = alerting["alerts"]
    assert (one["state"], one["value"], one["activeAt"]) == (
        "firing", "1.5e+00", "2026-01-01T00:00:00.000Z",
    )  # fmt: skip
    assert (recording["type"], recording["health"]) == ("recording", "err")
    assert recording["lastError"] == "found duplicate series"
    assert not {"state", "alerts", "duration", "annotations"} & recording.keys()
    assert db["rules"][0]["state"] == "inactive"


async def test_each_filter_leaves_what_it_names() -> None:
    deps = made()
    assert await names(deps, "type=alert") == ["High", "Slow"]
    assert await names(deps, "type=record") == ["x:rate"]
    assert await names(deps, "rule_name[]=High&rule_name[]=Slow") == ["High", "Slow"]
    assert await names(deps, "rule_group[]=db") == ["Slow"]
    assert await names(deps, "file[]=a.yml") == ["High", "x:rate"]
    assert await names(deps, 'match[]={severity="page"}') == ["High"]
    assert await names(deps, 'match[]={severity="page"}&match[]={severity=~"in.*"}') == [
        "High", "Slow",
    ]  # fmt: skip
    async with client(made(FIRING)) as http:
        data = (await http.get("/api/v1/rules?exclude_alerts=true")).json()["data"]
    rule = data["groups"][0]["rules"][0]
    assert (rule["state"], rule["alerts"]) == ("firing", [])


async def test_pages_of_groups_end_and_a_wrong_token_is_said() -> None:
    async with client(made()) as http:
        first = (await http.get("/api/v1/rules?group_limit=1")).json()["data"]
        token = first["groupNextToken"]
        second = (
            await http.get(f"/api/v1/rules?group_limit=1&group_next_token={token}")
        ).json()["data"]  # fmt: skip
        for query in ("group_limit=1&group_next_token=x", f"group_next_token={token}",
                      "group_limit=none", "type=alarm", "match[]={a"):  # fmt: skip
            answer = await http.get(f"/api/v1/rules?{query}")
            assert answer.status_code == 400, query
            assert answer.json()["errorType"] == "bad_data"
    assert [g["name"] for g in first["groups"]] == ["web"]
    assert [g["name"] for g in second["groups"]] == ["db"]
    assert "groupNextToken" not in second


async def test_alerts_and_buildinfo() -> None:
    pending = msgspec.structs.replace(FIRING, state="pending", values={"value": "NaN"})
    async with client(made(FIRING, pending)) as http:
        alerts = (await http.get("/api/v1/alerts")).json()
        info = (await http.get("/api/v1/status/buildinfo")).json()
    assert alerts["status"] == "success"
    assert [(a["state"], a["value"]) for a in alerts["data"]["alerts"]] == [
        ("firing", "1.5e+00"), ("pending", "NaN"),
    ]  # fmt: skip
    assert info["data"]["version"].startswith("3.")

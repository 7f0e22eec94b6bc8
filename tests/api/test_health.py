"""Health, readiness, reload, rules, status and metrics."""

from prometheus_client.parser import text_string_to_metric_families

from engine.api import LoadView, Obstacle, Reloaded, RuleAlertView, RulesView
from tests.api.client import alert, client
from tests.api.fake_deps import START_MS, FakeDeps


async def test_ready_names_everything_that_is_in_the_way() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        answer = await http.get("/-/ready")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "obstacles": []})
        deps.obstacle_list = [Obstacle("recovery", "replaying"), Obstacle("rules", "not loaded")]
        answer = await http.get("/-/ready")
        assert answer.status_code == 503
        assert answer.json() == {
            "ready": False,
            "obstacles": [
                {"code": "recovery", "text": "replaying"},
                {"code": "rules", "text": "not loaded"},
            ],
        }
        assert (await http.get("/-/healthy")).status_code == 200


async def test_a_worker_that_is_alone_is_ready_when_it_holds_the_notifier() -> None:
    """Another may hold it where there are others; they answer for each other."""
    for owner, peers, status in (
        (True, {}, 200),
        (False, {}, 503),
        (False, {"b": "http://b"}, 200),
    ):
        deps = FakeDeps(owner=owner)
        deps.peer_urls = dict(peers)
        async with client(deps) as http:
            answer = await http.get("/-/ready")
        assert answer.status_code == status
        if status == 503:
            assert [each["code"] for each in answer.json()["obstacles"]] == ["notifier"]


async def test_a_reload_shows_the_findings_of_a_bad_file() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        answer = await http.post("/-/reload")
        assert (answer.status_code, answer.text) == (200, "digest abc\n")
        deps.reload_result = Reloaded(False, "rules/a.yaml:3:1: error[window]: no")
        answer = await http.post("/-/reload")
        assert (answer.status_code, answer.text) == (400, "rules/a.yaml:3:1: error[window]: no\n")
        assert (await http.get("/-/reload")).status_code == 405
    assert deps.reloads == 2


async def test_rules_in_prometheus_form_with_their_alerts() -> None:
    deps = FakeDeps()
    assert deps.fake_notifier is not None
    async with client(deps) as http:
        rule = (await http.get("/api/v1/rules")).json()["data"]["groups"][0]["rules"][0]
        assert (rule["state"], rule["alerts"]) == ("inactive", [])
        deps.fake_notifier.pending = [
            RuleAlertView(
                rule_id="checkout/PaymentTimeouts",
                state="pending",
                labels={"alertname": "PaymentTimeouts"},
                annotations={},
                active_at_ms=START_MS,
                values={"timeouts": 11.0, "rate": "NaN"},
            )
        ]
        answer = (await http.get("/api/v1/rules")).json()
    assert answer["status"] == "success"
    group = answer["data"]["groups"][0]
    assert (group["name"], group["file"], group["interval"]) == (
        "checkout", "rules/checkout.yaml", 5.0,
    )  # fmt: skip
    rule = group["rules"][0]
    assert rule["state"] == "pending"
    assert (rule["type"], rule["name"], rule["line"], rule["duration"], rule["health"]) == (
        "alerting", "PaymentTimeouts", 14, 60.0, "unknown",
    )  # fmt: skip
    assert rule["alerts"][0]["values"] == {"timeouts": 11.0, "rate": "NaN"}
    assert rule["alerts"][0]["activeAt"] == "2026-01-01T00:00:00.000Z"


async def test_a_bad_load_is_visible_while_the_good_set_goes_on() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        load = (await http.get("/api/v1/rules")).json()["data"]["load"]
        assert (load["good"], load["findings"]) == (True, "")
        deps.rules_view = RulesView(
            rules=deps.rules_view.rules,
            load=LoadView(
                digest="d1g3st", loaded_at_ms=START_MS, failed_at_ms=START_MS + 1, findings="a.yaml"
            ),
        )
        data = (await http.get("/api/v1/rules")).json()["data"]
        page = (await http.get("/")).text
    assert data["load"] == {
        "digest": "d1g3st",
        "good": False,
        "lastGood": "2026-01-01T00:00:00.000Z",
        "lastBad": "2026-01-01T00:00:00.001Z",
        "findings": "a.yaml",
    }
    assert len(data["groups"][0]["rules"]) == 1
    assert "not in force" in page


async def test_status_and_receivers() -> None:
    async with client(FakeDeps()) as http:
        status = (await http.get("/api/v2/status")).json()
        receivers = (await http.get("/api/v2/receivers")).json()
        some = await http.get("/api/v2/receivers", params={"receiver_matchers": 'owner="ann"'})
    assert status["config"]["original"].startswith("route:")
    assert status["uptime"] == "2026-01-01T00:00:00.000Z"
    assert "tocsin.0.1.0" in status["versionInfo"]["version"]
    assert receivers == [
        {"name": "team-a", "labels": {"owner": "ann", "name": "team-a"}},
        {"name": "team-b", "labels": {"name": "team-b"}},
    ]
    assert [receiver["name"] for receiver in some.json()] == ["team-a"]


async def test_metrics_are_prometheus_text() -> None:
    async with client(FakeDeps()) as http:
        await http.post("/api/v2/alerts", json=[alert("Disk"), {"labels": {}}])
        await http.get("/api/v2/silence/does-not-exist")
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert "process_resident_memory_bytes" in families
    routes = {
        (sample.labels.get("route"), sample.labels.get("code"))
        for sample in families["tocsin_http_requests"].samples
    }
    assert ("/api/v2/silence/{silence_id}", "404") in routes
    statuses = {s.labels.get("status") for s in families["tocsin_alerts_received"].samples}
    assert {"firing", "invalid"} <= statuses

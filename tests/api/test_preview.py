"""The preview of a silence: what it would mute, what it could, and nothing is set by it."""

from typing import Any

import httpx
import pytest
from msgspec import structs

from engine.api import ApiSettings, RuleAlertView, RulesView
from engine.limits import Limits
from tests.api.client import alert, client, silence
from tests.api.fake_deps import START_MS, FakeDeps, FakeLog
from tests.api.served import served

PATH = "/api/v1/silences/preview"


def matcher(name: str, value: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True, **changes}


async def ask(http: httpx.AsyncClient, *matchers: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post(PATH, json={"matchers": matchers})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success"
    return dict(answer.json()["data"])


async def test_what_it_would_mute() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        alerts = [alert("Disk", host="a"), alert("Disk", host="b", team="b"), alert("Cpu")]
        await http.post("/api/v2/alerts", json=alerts)
        await http.post("/api/v2/silences", json=silence(deps.now_ms(), matchers=[
            matcher("host", "b"),
        ]))  # fmt: skip
        deps.fake_notifier.pump()  # type: ignore[union-attr]
        found = await ask(http, matcher("alertname", "Di.k", isRegex=True))
    assert (found["alerts"], found["alreadySilenced"], found["pending"]) == (2, 1, 0)
    assert found["alertnames"] == {"number": 1, "names": ["Disk"]}
    assert found["receivers"] == {"number": 2, "names": ["team-a", "team-b"]}
    assert [(a["labels"]["host"], len(a["silencedBy"])) for a in found["shown"]] == [
        ("a", 0), ("b", 1),
    ]  # fmt: skip
    assert found["matchers"] == ['alertname=~"Di.k"']
    assert found["warning"] == ""


async def test_it_mutes_what_the_same_silence_mutes() -> None:
    """The naive twin: set it, and look who is quiet."""
    deps = FakeDeps()
    asked = [matcher("severity", "critical", isEqual=False), matcher("host", "a|c", isRegex=True)]
    async with client(deps) as http:
        alerts = [alert("Disk", host=h, severity=s) for h in "abc" for s in ("critical", "info")]
        await http.post("/api/v2/alerts", json=alerts)
        told = {a["fingerprint"] for a in (await ask(http, *asked))["shown"]}
        before = len(deps.log.topics["alerts"])
        await http.post("/api/v2/silences", json=silence(deps.now_ms(), matchers=asked))
        listed = (await http.get("/api/v2/alerts", params={"active": "false"})).json()
    assert {a["fingerprint"] for a in listed} == told
    assert len(told) == 2
    assert before == len(alerts), "a preview appends nothing"


async def test_pending_ones_and_rules_that_could() -> None:
    deps = FakeDeps()
    rule = deps.rules_view.rules[0]
    rules = (
        structs.replace(rule, name="Disk", labels={"team": "db"}),
        structs.replace(rule, name="Cpu", labels={"team": "{{ $labels.team }}"}),
        structs.replace(rule, name="Net", labels={"team": "net"}),
        structs.replace(rule, name="Any", labels={}),
        structs.replace(rule, name="job:cpu", kind="recording", labels={"team": "db"}),
    )
    deps.rules_view = RulesView(rules=rules)
    assert deps.fake_notifier is not None
    deps.fake_notifier.pending = [
        RuleAlertView(rule_id="a", state=state, labels={"alertname": "Disk", "team": team},
                      annotations={}, active_at_ms=START_MS)
        for state, team in (("pending", "db"), ("pending", "net"), ("firing", "db"))
    ]  # fmt: skip
    async with client(deps) as http:
        found = await ask(http, matcher("team", "db"))
    assert (found["alerts"], found["pending"]) == (0, 1)
    assert found["rules"] == {"number": 3, "of": 4, "names": ["Any", "Cpu", "Disk"]}


@pytest.mark.parametrize(
    ("matchers", "warning"),
    [
        ([matcher("alertname", ".+", isRegex=True)], "this silence mutes every alert"),
        ([matcher("severity", "info", isEqual=False)],
         'this silence mutes every alert but those with severity="info"'),
        ([matcher("alertname", "Disk")], ""),
    ],
)  # fmt: skip
async def test_everything_is_warned_of(matchers: list[dict[str, Any]], warning: str) -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        assert (await ask(http, *matchers))["warning"] == warning
        posted = await http.post("/api/v2/silences", json=silence(deps.now_ms(), matchers=matchers))
    assert posted.status_code == 200
    said = posted.headers.get("warning", "")
    assert said == (f'199 tocsin "{warning.replace(chr(34), chr(39))}"' if warning else "")


async def test_a_warning_cannot_leave_its_header() -> None:
    deps = FakeDeps()
    wicked = matcher("a", 'x"\r\nSet-Cookie: a=b\u2028\u00e4', isEqual=False)
    async with client(deps) as http:
        posted = await http.post("/api/v2/silences", json=silence(deps.now_ms(), matchers=[wicked]))
    assert posted.status_code == 200
    assert "set-cookie" not in posted.headers
    assert posted.headers["warning"].isascii()
    assert posted.headers["warning"].count('"') == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"matchers": []}, 400),
        ({"matchers": [matcher("a", "(", isRegex=True)]}, 400),
        ({"matchers": [matcher("a", ".*", isRegex=True)]}, 400),
        ({"matchers": [matcher("a", "b")] * 65}, 400),
        ({"matcher": []}, 400),
        ([], 400),
        ({"matchers": [matcher("a", "x" * 5_000)]}, 400),
        ({"matchers": [matcher("a", "x" * 1_000)] * 10}, 413),
    ],
)
async def test_refusals(body: Any, status: int) -> None:
    limits = Limits(silence_bytes_max=8_000)
    deps = FakeDeps(ApiSettings(version="1", started_ms=0, limits=limits))
    async with client(deps) as http:
        answer = await http.post(PATH, json=body)
    assert answer.status_code == status, answer.text


async def test_only_so_many_are_shown() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        alerts = [alert("Disk", host=f"h{n:03}") for n in range(150)]
        await http.post("/api/v2/alerts", json=alerts)
        found = await ask(http, matcher("alertname", "Disk"))
    assert found["alerts"] == 150
    assert [a["labels"]["host"] for a in found["shown"]] == [f"h{n:03}" for n in range(100)]


def test_any_worker_answers() -> None:
    log = FakeLog(Limits())
    owner = FakeDeps(log=log)
    with served(owner) as url:
        httpx.post(f"{url}/api/v2/alerts", json=[alert("Disk")])
        other = FakeDeps(log=log, owner=False, url=url)
        with served(other) as elsewhere:
            answer = httpx.post(elsewhere + PATH, json={"matchers": [matcher("alertname", "Disk")]})
    assert answer.json()["data"]["alerts"] == 1

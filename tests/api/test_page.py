"""The page: shows what is there, and nothing that anybody posted can act in it."""

import hashlib
import json
import re
import shlex
from html import unescape

import pytest

from engine.api import ApiSettings, Obstacle, RuleAlertView, Token, parse_matcher
from tests.api.client import alert, client, silence
from tests.api.fake_deps import START_MS, FakeDeps

EVIL = "\"><script>alert(1)</script><img src=x onerror=a>'; rm -rf / #`id`$(id)"


def commands(html: str) -> list[list[str]]:
    """Return the command lines of the page, split as a shell splits them."""
    found = re.findall(r'<pre class="command">(.*?)</pre>', html, re.DOTALL)
    return [shlex.split(unescape(text)) for text in found]


async def test_alerts_silences_and_the_worker_are_shown() -> None:
    deps = FakeDeps()
    assert deps.fake_notifier is not None
    deps.fake_notifier.pending = [
        RuleAlertView(
            rule_id="x", state="pending", labels={"alertname": "AlmostFull"}, annotations={},
            active_at_ms=START_MS,
        )
    ]  # fmt: skip
    async with client(deps) as http:
        body = [alert("Disk", severity="critical", host="db-1"), alert("Cpu")]
        await http.post("/api/v2/alerts", json=body)
        await http.post("/api/v2/silences", json=silence(deps.now_ms()))
        deps.clock_ms += 95_000
        answer = await http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    for text in ("Disk!", "db-1", "Cpu", "silenced", "replacing it", "AlmostFull", "1 min 35 s",
                 "embedded://data/log", "1 in force", "<title>(2) Tocsin"):  # fmt: skip
        assert text in answer.text, text


async def test_the_command_of_an_alert_silences_just_that() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        labels = {"severity": "page", "host": 'it\'s; $(id) "x"\n<b>'}
        await http.post("/api/v2/alerts", json=[alert("Disk", **labels), alert("Cpu")])
        html = (await http.get("/")).text
        command = next(c for c in commands(html) if c[0] == "curl" and "Disk" in c[-1])
        assert command[:3] == ["curl", "-sS", "-H"]
        typed = next(c for c in commands(html) if c[0] == "tocsin" and "alertname=Disk" in c)
        assert typed[:7] == ["tocsin", "silence", "add", "--comment", "why", "--url",
                             "http://worker:9093"]  # fmt: skip
        typed_labels = {m.name: m.value for m in map(parse_matcher, typed[7:])}
        assert typed_labels == {"alertname": "Disk", "host": labels["host"]}
        posted = await http.post(command[-3].removeprefix("http://worker:9093"),
                                 json=json.loads(command[-1]))  # fmt: skip
        assert posted.status_code == 200
        active = (await http.get("/api/v2/alerts", params={"silenced": "false"})).json()
        assert [a["labels"]["alertname"] for a in active] == ["Cpu"]
        html = (await http.get("/")).text
        ending = next(c for c in commands(html) if "DELETE" in c)
        await http.delete(ending[-1].removeprefix("http://worker:9093"))
        active = (await http.get("/api/v2/alerts", params={"silenced": "false"})).json()
        assert len(active) == 2


async def test_the_link_of_a_message_shows_what_to_silence_and_how() -> None:
    deps = FakeDeps()
    wanted = '{alertname="Disk",host=~"db-.*",zone!="b c"}'
    async with client(deps) as http:
        body = [alert("Disk", host="db-1"), alert("Disk", host="web-1"), alert("Cpu", host="db-1")]
        await http.post("/api/v2/alerts", json=body)
        html = (await http.get("/", params={"filter": wanted})).text
        assert "db-1" in html
        assert "web-1" not in html
        assert "Cpu!" not in html
        typed, curl, *_ = commands(html[html.index('<section id="silence">') :])
        assert [str(parse_matcher(word)) for word in typed[7:]] == [
            'alertname="Disk"', 'host=~"db-.*"', 'zone!="b c"',
        ]  # fmt: skip
        posted = await http.post("/api/v2/silences", json=json.loads(curl[-1]))
        assert posted.status_code == 200
        active = (await http.get("/api/v2/alerts", params={"silenced": "false"})).json()
    assert [(a["labels"]["alertname"], a["labels"]["host"]) for a in active] in (
        [("Disk", "web-1"), ("Cpu", "db-1")], [("Cpu", "db-1"), ("Disk", "web-1")],
    )  # fmt: skip


@pytest.mark.parametrize("text", ['{a="b', EVIL, "a=~(", "a=b," * 100, "a=" + "b" * 5_000])
async def test_a_filter_that_cannot_be_read_hides_nothing(text: str) -> None:
    async with client(FakeDeps()) as http:
        await http.post("/api/v2/alerts", json=[alert("Disk")])
        answer = await http.get("/", params={"filter": text})
    assert answer.status_code == 200
    assert "Disk!" in answer.text
    assert "cannot be read" in answer.text
    assert EVIL not in answer.text


async def test_nothing_that_is_posted_becomes_html() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        body = alert("X", **{EVIL: EVIL}) | {
            "annotations": {"summary": EVIL, "description": EVIL, "runbook_url": "javascript:a()"},
            "generatorURL": "javascript:alert(1)",
        }
        assert (await http.post("/api/v2/alerts", json=[body])).status_code == 200
        matchers = [{"name": EVIL, "value": EVIL, "isRegex": False}]
        await http.post(
            "/api/v2/silences",
            json=silence(deps.now_ms(), comment=EVIL, createdBy=EVIL, matchers=matchers),
        )
        html = (await http.get("/", headers={"Host": 'x"><script>'})).text
    assert EVIL not in html
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


async def test_an_obstacle_is_on_the_page() -> None:
    deps = FakeDeps()
    deps.obstacle_list = [Obstacle("rebalance", "partitions are moving")]
    async with client(deps) as http:
        html = (await http.get("/")).text
    assert "not ready" in html
    assert "partitions are moving" in html


async def test_a_page_with_thousands_of_alerts_is_cut_and_says_so() -> None:
    deps = FakeDeps()
    async with client(deps) as http:
        await http.post("/api/v2/alerts", json=[alert("A", n=str(n)) for n in range(1_000)])
        html = (await http.get("/")).text
    assert html.count('<details class="alert') == 200
    assert "800 more" in html


async def test_commands_name_the_token_where_one_is_needed() -> None:
    secret = "a-token-of-the-tests-1"
    token = Token("a", hashlib.sha256(secret.encode()).digest(), "read")
    for tokens in (None, (token,)):
        deps = FakeDeps(ApiSettings(version="1", started_ms=0, tokens=tokens))
        async with client(deps, {"Authorization": f"Bearer {secret}"}) as http:
            html = (await http.get("/")).text
        assert ("Bearer $TOCSIN_TOKEN" in html) is (tokens is not None)
        assert secret not in html


@pytest.mark.parametrize(("asked", "there"), [("5", True), ("0", False), ("x", False), ("", False)])
async def test_refreshing_is_chosen_in_the_address(asked: str, there: bool) -> None:
    async with client(FakeDeps()) as http:
        html = (await http.get("/", params={"refresh": asked})).text
    assert ('http-equiv="refresh"' in html) is there


@pytest.mark.parametrize("prefix", ["", "/alerting/tocsin"])
async def test_everything_the_page_needs_comes_from_here(prefix: str) -> None:
    settings = ApiSettings(version="1", started_ms=0, route_prefix=prefix)
    async with client(FakeDeps(settings)) as http:
        shown = await http.get(prefix + "/")
        for path in re.findall(r'(?:href|src)="([^"#]+)"', shown.text):
            there = shown.url.join(path)
            assert there.host == shown.url.host, path
            assert there.path.startswith(prefix + "/"), path
            if "/-/" not in path:
                assert (await http.get(there)).status_code == 200, path
        style = await http.get(prefix + "/page.css")
        assert style.headers["content-type"].startswith("text/css")

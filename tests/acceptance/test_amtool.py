"""The real amtool against a real server: every verb that talks to one."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from engine.clock import system_clock
from tests.acceptance.peers import peer
from tests.acceptance.product import product
from tests.api.client import alert
from tests.api.fake_deps import FakeDeps
from tests.api.served import served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def amtool() -> Path:
    return peer("amtool")


@pytest.fixture(params=["fake"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server over a fake of the worker; where a test asks for it, `tocsin run` too."""
    with ExitStack() as stack:
        if request.param == "fake":
            address = stack.enter_context(served(FakeDeps(clock=system_clock)))
        else:
            (tmp_path / "worker").mkdir()
            address = stack.enter_context(product(tmp_path / "worker")).url
        body = [
            alert("Disk", severity="critical", host="db-1"),
            alert("Cpu", host="db-2"),
            alert("Net", team="b"),
        ]
        assert httpx.post(f"{address}/api/v2/alerts", json=body).status_code == 200
        yield address


def call(amtool: Path, url: str, *words: str, ok: bool = True) -> str:
    done = subprocess.run(
        [amtool, f"--alertmanager.url={url}", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return done.stdout if ok else done.stderr


def listed(amtool: Path, url: str, *words: str) -> list[str]:
    found = json.loads(call(amtool, url, "--output=json", "alert", "query", *words))
    return sorted(a["labels"]["alertname"] for a in found)


@pytest.mark.parametrize("url", ["fake", "product"], indirect=True)
def test_a_silence_through_its_life(amtool: Path, url: str) -> None:
    words = ("silence", "add", "--author=ann", "--comment=new disk", "--duration=2h", "Disk",
             "host=~db-.*")  # fmt: skip
    made = call(amtool, url, *words).strip()
    shown = json.loads(call(amtool, url, "--output=json", "silence", "query"))
    assert [s["id"] for s in shown] == [made]
    assert shown[0]["createdBy"] == "ann"
    assert [(m["name"], m["value"], m["isRegex"]) for m in shown[0]["matchers"]] == [
        ("alertname", "Disk", False), ("host", "db-.*", True),
    ]  # fmt: skip
    assert "new disk" in call(amtool, url, "--output=extended", "silence", "query")
    assert call(amtool, url, "silence", "query", "-q", "alertname=Disk").strip() == made
    assert call(amtool, url, "silence", "query", "-q", "alertname=Cpu").strip() == ""
    assert listed(amtool, url) == ["Cpu", "Net"]
    assert listed(amtool, url, "--silenced") == ["Disk"]
    call(amtool, url, "silence", "expire", made)
    assert json.loads(call(amtool, url, "--output=json", "silence", "query")) == []
    assert call(amtool, url, "silence", "query", "-q", "--expired").strip() == made
    assert listed(amtool, url) == ["Cpu", "Disk", "Net"]


@pytest.mark.parametrize("url", ["fake", "product"], indirect=True)
def test_alerts_by_name_by_label_and_by_receiver(amtool: Path, url: str) -> None:
    assert listed(amtool, url, "Disk") == ["Disk"]
    assert listed(amtool, url, "alertname=~Disk|Cpu") == ["Cpu", "Disk"]
    assert listed(amtool, url, "host!=db-1") == ["Cpu", "Net"]
    assert listed(amtool, url, "--receiver=team-b") == ["Net"]
    assert "critical" in call(amtool, url, "--output=extended", "alert", "query", "Disk")


def test_refusals_arrive_as_words(amtool: Path, url: str) -> None:
    missing = "00000000-0000-4000-8000-000000000000"
    assert "404" in call(amtool, url, "silence", "expire", missing, ok=False)
    words = ("silence", "add", "--comment=x", "a=~.*")
    assert "must not match the empty string" in call(amtool, url, *words, ok=False)


def test_the_configuration_and_the_import(amtool: Path, url: str, tmp_path: Path) -> None:
    assert "team-a" in call(amtool, url, "config", "show")
    assert "disabled" in call(amtool, url, "cluster", "show")
    call(amtool, url, "silence", "add", "--comment=x", "alertname=Cpu")
    saved = call(amtool, url, "--output=json", "silence", "query")
    silences = [{**s, "id": ""} for s in json.loads(saved)]
    (tmp_path / "silences.json").write_text(json.dumps(silences))
    call(amtool, url, "silence", "import", str(tmp_path / "silences.json"))
    assert len(json.loads(call(amtool, url, "--output=json", "silence", "query"))) == 2


def test_an_alert_that_amtool_adds(amtool: Path, url: str) -> None:
    call(amtool, url, "alert", "add", "Fan", "host=db-3", "--annotation=summary=loud")
    assert "Fan" in listed(amtool, url)


@pytest.mark.parametrize("url", ["fake", "product"], indirect=True)
def test_a_silence_is_updated(amtool: Path, url: str) -> None:
    made = call(amtool, url, "silence", "add", "--comment=x", "--author=ann", "Disk").strip()
    words = ("silence", "update", "--duration=5h", "--comment=longer", "--output=json", made)
    (updated,) = json.loads(call(amtool, url, *words))
    assert updated["comment"] == "longer"
    (shown,) = json.loads(call(amtool, url, "--output=json", "silence", "query"))
    assert (shown["comment"], shown["createdBy"]) == ("longer", "ann")
    assert shown["endsAt"] == updated["endsAt"]
    missing = "00000000-0000-4000-8000-000000000000"
    assert "404" in call(amtool, url, "silence", "update", "--comment=x", missing, ok=False)


def test_silences_are_queried_in_every_way(amtool: Path, url: str) -> None:
    ids = {
        name: call(amtool, url, "silence", "add", "--comment=x", *words).strip()
        for name, words in {
            "ann": ("--author=ann", "--duration=30m", "alertname=Disk", "host=~db-.*"),
            "bob": ("--author=bob", "--duration=3h", "Cpu"),
            "later": ("--author=bob", "--start=2038-01-01T00:00:00Z", "--end=2038-01-02T00:00:00Z",
                      "Net"),
        }.items()
    }  # fmt: skip

    def found(*words: str) -> set[str]:
        return set(call(amtool, url, "silence", "query", "-q", *words).split())

    assert found() == set(ids.values())
    assert found("--created-by=bob") == {ids["bob"], ids["later"]}
    assert found("--within=1h") == {ids["ann"]}
    assert found("host=~db-.*") == {ids["ann"]}
    assert found("--id", ids["bob"]) == {ids["bob"]}
    call(amtool, url, "silence", "expire", *call(amtool, url, "silence", "query", "-q").split())
    assert found() == set()
    assert found("--expired") == set(ids.values())
    assert found("--expired", "--within=1h") >= {ids["ann"]}


@pytest.mark.parametrize("url", ["fake", "product"], indirect=True)
def test_an_alert_is_added_with_everything(amtool: Path, url: str) -> None:
    words = ("alert", "add", "Fan", "host=db-3", "--annotation=summary=loud", "--annotation=run=x y",
             "--generator-url=http://prometheus/graph?g0.expr=x", "--start=2026-01-01T00:00:00Z",
             "--end=2038-01-01T00:00:00Z")  # fmt: skip
    call(amtool, url, *words)
    shown = json.loads(call(amtool, url, "--output=json", "alert", "query", "Fan"))
    assert len(shown) == 1
    assert shown[0]["annotations"] == {"summary": "loud", "run": "x y"}
    assert shown[0]["generatorURL"] == "http://prometheus/graph?g0.expr=x"
    assert shown[0]["startsAt"] == "2026-01-01T00:00:00.000Z"
    assert shown[0]["endsAt"] == "2038-01-01T00:00:00.000Z"
    assert listed(amtool, url, "--active") == ["Cpu", "Disk", "Fan", "Net"]
    assert listed(amtool, url, "--inhibited") == []
    assert listed(amtool, url, "--unprocessed") == []
    for form in ("simple", "extended", "json"):
        assert "Fan" in call(amtool, url, f"--output={form}", "alert", "query", "Fan")


@pytest.mark.parametrize("url", ["product"], indirect=True)
def test_routes_of_the_configuration_that_runs(amtool: Path, url: str) -> None:
    """amtool reads what `/api/v2/status` shows as a configuration of Alertmanager's."""
    tree = call(amtool, url, "config", "routes", "show")
    assert "team-a" in tree
    assert 'team="b"' in tree
    for labels, receiver in (("team=b", "team-b"), ("team=c", "team-a")):
        assert call(amtool, url, "config", "routes", "test", labels).strip() == receiver
    for receiver, right in (("team-b", True), ("team-a", False)):
        words = ("config", "routes", "test", f"--verify.receivers={receiver}", "team=b")
        call(amtool, url, *words, ok=right)


@pytest.mark.parametrize("url", ["product"], indirect=True)
def test_the_cluster_and_the_configuration(amtool: Path, url: str) -> None:
    assert call(amtool, url, "--output=json", "cluster", "show").strip()
    assert "disabled" in call(amtool, url, "--output=extended", "cluster", "show")
    assert "receiver: team-a" in call(amtool, url, "config", "show")


def test_under_a_prefix_and_with_a_token(amtool: Path, tmp_path: Path) -> None:
    secret = "the-token-of-amtool-0123456789"
    (tmp_path / "http.yml").write_text(f"authorization: {{credentials: {secret}}}\n")
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker/tokens.yaml").write_text(
        f"- {{name: amtool, token: {secret}, role: silence}}\n"
    )
    extra = "auth: {tokens_file: tokens.yaml}\nexternal_url: https://example.org/alerting\n"
    with product(tmp_path / "worker", extra=extra) as server:
        there = f"{server.url}/alerting"
        words = ("silence", "add", "--comment=x", "--author=ann", "Disk")
        assert "401" in call(amtool, there, *words, ok=False)
        secured = (f"--http.config.file={tmp_path}/http.yml", *words)
        made = call(amtool, there, *secured).strip()
        config = f"--http.config.file={tmp_path}/http.yml"
        assert call(amtool, there, config, "silence", "query", "-q").strip() == made
        assert "403" in call(amtool, there, config, "alert", "add", "Fan", ok=False)
        # The audit log says who it was, not only who they said they are.
        (line,) = [
            line for line in server.log.read_text().splitlines() if f"silence={made}" in line
        ]
        assert "who=amtool from=127.0.0.1 what=silence.set result=200" in line
        assert "created_by=ann" in line


def test_silences_survive_a_restart(amtool: Path, tmp_path: Path) -> None:
    with product(tmp_path) as server:
        words = ("silence", "add", "--comment=x", "--author=ann", "alertname=Disk")
        made = call(amtool, server.url, *words).strip()
        server.restart()
        assert call(amtool, server.url, "silence", "query", "-q").strip() == made
        server.kill()
        server.start()
        assert call(amtool, server.url, "silence", "query", "-q").strip() == made
        httpx.post(f"{server.url}/api/v2/alerts", json=[alert("Disk"), alert("Cpu")])
        assert listed(amtool, server.url) == ["Cpu"]

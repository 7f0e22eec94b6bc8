"""The real amtool against a real server: silence add, query, expire; alert query."""

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

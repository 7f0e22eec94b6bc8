"""Silences in files, on a running product: in force, read-only, followed, and never lost."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.peers import peer
from tests.acceptance.product import NOTIFIERS, Product
from tests.acceptance.talking import ask, embedded_log
from tests.api.client import alert
from tests.waiting import until

pytestmark = [pytest.mark.slow]

EXTRA = "silences: ['silences/**/*.yaml']\ncheckpoint_every: 500ms\n"
DISK = """\
silences:
- name: disk
  matchers: [alertname=Disk]
  starts_at: 2020-01-01T00:00:00Z
  ends_at: 2099-01-01T00:00:00Z
  comment: {comment}
  created_by: ann@example.org
"""
TEMPLATE = '{{ define "ours" }}a good one{{ end }}\n'


class Running(Product):
    """The product with a directory of silences, and two alerts that somebody posted."""

    def say(self, name: str, text: str | None) -> None:
        """Write a file as a checkout does (a renamed copy); None removes it."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
            return
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)

    def get(self, path: str, **params: str) -> Any:
        answer = httpx.get(f"{self.url}{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def silences(self) -> dict[str, tuple[str, str]]:
        """Name -> state and comment."""
        return {
            each["annotations"]["tocsin.silence"]: (each["status"]["state"], each["comment"])
            for each in self.get("/api/v2/silences")
        }

    def quiet(self) -> set[str]:
        listed = self.get("/api/v2/alerts")
        return {a["labels"]["alertname"] for a in listed if a["status"]["silencedBy"]}

    def post(self) -> None:
        """Alerts that fire for an hour."""
        body = [{**alert(name), "endsAt": "2099-01-01T00:00:00Z"} for name in ("Disk", "Cpu")]
        assert httpx.post(f"{self.url}/api/v2/alerts", json=body).status_code == 200


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    product = Running(tmp_path)
    product.write(notifiers=f"templates: [t/*.tmpl]\n{NOTIFIERS}", extra=EXTRA)
    product.say("silences/team/disk.yaml", DISK.format(comment="first"))
    product.say("t/ours.tmpl", TEMPLATE)
    product.start()
    try:
        product.post()
        yield product
    finally:
        product.stop()


def amtool(running: Running, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [peer("amtool"), f"--alertmanager.url={running.url}", *words],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_it_is_in_force_shown_and_nobodys_to_change(running: Running) -> None:
    assert running.quiet() == {"Disk"}
    (shown,) = running.get("/api/v2/silences")
    assert (shown["createdBy"], shown["comment"]) == ("ann@example.org", "first")
    assert shown["startsAt"] == "2020-01-01T00:00:00.000Z"
    assert shown["annotations"]["tocsin.file"] == "silences/team/disk.yaml"
    listed = amtool(running, "--output=extended", "silence", "query").stdout
    assert all(word in listed for word in (shown["id"], "ann@example.org", "first"))
    refused = amtool(running, "silence", "expire", shown["id"])
    assert (refused.returncode, "409" in refused.stderr) == (1, True), refused
    answer = httpx.delete(f"{running.url}/api/v2/silence/{shown['id']}")
    assert (answer.status_code, "silences/team/disk.yaml" in answer.text) == (409, True)
    assert running.quiet() == {"Disk"}


def test_it_follows_its_file(running: Running) -> None:
    (first,) = running.get("/api/v2/silences")
    running.say("silences/team/disk.yaml", DISK.format(comment="second"))
    until(lambda: running.silences()["disk"] == ("active", "second"), 20)
    running.say("silences/cpu.yaml", DISK.format(comment="also").replace("disk", "cpu")
                .replace("Disk", "Cpu"))  # fmt: skip
    until(lambda: running.quiet() == {"Disk", "Cpu"}, 20)
    running.say("silences/team/disk.yaml", None)
    until(lambda: running.quiet() == {"Cpu"}, 20)
    assert running.silences() == {"cpu": ("active", "also"), "disk": ("expired", "second")}
    running.say("silences/team/disk.yaml", DISK.format(comment="third"))
    until(lambda: running.quiet() == {"Disk", "Cpu"}, 20)
    ids = [each["id"] for each in running.get("/api/v2/silences")]
    assert len(ids) == 2
    assert first["id"] in ids


def test_kill_9_changes_nothing_and_says_nothing_twice(running: Running) -> None:
    before = running.get("/api/v2/silences")
    for _ in range(3):
        running.kill()
        running.start()
        assert running.get("/api/v2/silences") == before
        assert running.quiet() == {"Disk"}
    running.kill()
    running.say("silences/team/disk.yaml", None)  # while it was down
    running.start()
    until(lambda: running.quiet() == set(), 20)
    assert running.silences() == {"disk": ("expired", "first")}
    running.stop()
    told = [e for e in embedded_log(running.directory / "data/log", "tocsin")
            if e["kind"] == "silence"]  # fmt: skip
    assert [e["origin"] for e in told] == ["file:silences/team/disk.yaml"] * 2


# One bad file among good ones -------------------------------------------------------------------


def by_post(running: Running) -> None:
    assert ask(f"{running.url}/-/reload", method="POST").status == 400


def by_signal(running: Running) -> None:
    running._signal(signal.SIGHUP)


def by_file(running: Running) -> None:
    """Say nothing: it is noticed."""


BAD = {
    "a silence": ("silences/cpu.yaml", DISK.replace("ends_at:", "ends:"), "silences/cpu.yaml:6"),
    "a notification": ("notifiers.yaml", NOTIFIERS.replace("team-b", "team-x", 1),
                       "receiver-unknown"),
    "a template": ("t/ours.tmpl", '{{ define "ours" }}{{ if }}{{ end }}', "ours.tmpl"),
    "a rule": ("rules/queues.yml", "groups: [{name: a, rules: [{alert: x}]}]", "queues.yml"),
}  # fmt: skip


GOOD = {
    "silences/cpu.yaml": "silences: []\n",
    "notifiers.yaml": f"templates: [t/*.tmpl]\n{NOTIFIERS}",
    "t/ours.tmpl": TEMPLATE,
    "rules/queues.yml": "groups: []\n",
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_among_good_ones_changes_nothing(running: Running, bad: str) -> None:
    name, text, where = BAD[bad]
    groups = running.get("/api/v2/alerts/groups")
    status = running.get("/api/v2/status")["config"]["original"]
    before = ("active", "first")

    def refused() -> bool:
        load = running.get("/api/v1/rules")["data"]["load"]
        return not load["good"] and where in load["findings"]

    for way in (by_post, by_signal, by_file):
        running.say(name, text)
        running.say("silences/team/disk.yaml", DISK.format(comment=way.__name__))
        way(running)
        until(refused, 20, lambda: json.dumps(running.get("/api/v1/rules")["data"]["load"]))
        assert running.silences() == {"disk": before}
        assert running.quiet() == {"Disk"}
        assert running.get("/api/v2/alerts/groups") == groups
        assert running.get("/api/v2/status")["config"]["original"] == status
        running.say(name, GOOD[name])  # what heals it takes all that waited
        before = ("active", way.__name__)
        until(lambda before=before: running.silences()["disk"] == before, 20)
        groups = running.get("/api/v2/alerts/groups")

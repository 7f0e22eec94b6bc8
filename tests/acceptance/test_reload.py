"""Configuration with mistakes: refused with all findings at start, survived while running."""

import json
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.product import NOTIFIERS, Product
from tests.acceptance.talking import Answer, ask, embedded_log, total
from tests.acceptance.whole import Whole, Worker, whole
from tests.waiting import until

pytestmark = [pytest.mark.slow]

APP = "reload"
DEEP = """\
groups:
- name: queues
  rules:
  - alert: Deep
    metrics: queue_depth
    window: {{sliding: 10m, every: 1s}}
    by: [service]
    compute: {{depth: max()}}
    when: depth > {threshold}
    annotations: {{summary: "{{{{ labels.service }}}}: {{{{ depth }}}}"}}
"""
GONE = """\
groups:
- name: goners
  rules:
  - alert: Gone
    metrics: queue_depth
    window: {sliding: 10m, every: 1s}
    by: [service]
    compute: {depth: max()}
    when: depth > 300
"""
BROKEN = """\
groups:
- name: queues
  rules:
  - alert: Deep
    metrics: queue_depth
    window: {sliding: 10m, every: 3s7}
    by: [service]
    compute: {depth: biggest()}
    when: depht > 100
"""
SEVEN = """\
app_id: "not an id!"
broker: zookeeper://127.0.0.1:2181
data_dir: data
rules: [nowhere/]
notifications: notifiers.yaml
listen: 127.0.0.1
shards: none
checkpoint_every: 5 parsecs
sources:
  - {topic: metrics, format: jason}
"""


# At start ---------------------------------------------------------------------------------------


def run_once(product: Product) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        product._command(), cwd=product.directory, capture_output=True, text=True, timeout=60,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def found_at(text: str) -> list[tuple[str, int, str]]:
    """(file, line, code) of each finding, as people see them."""
    heads = re.findall(r"^(\S+?):(\d+):\d+: error\[([\w-]+)\]: .+$", text, re.MULTILINE)
    return [(Path(file).name, int(line), code) for file, line, code in heads]


def test_a_broken_rule_file_at_start_ends_it_with_all_findings(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.write(rule=BROKEN, notifiers=NOTIFIERS.replace("receiver: team-b", "receiver: team-x"))
    ended = run_once(product)
    assert ended.returncode == 1
    assert found_at(ended.stderr) == [
        ("queues.yml", 6, "duration"), ("queues.yml", 8, "compute"),
        ("queues.yml", 9, "condition-name"), ("notifiers.yaml", 6, "receiver-unknown"),
    ]  # fmt: skip
    # Where, what, and what to do: the line, a caret under the word, a remedy.
    shown = ended.stderr.splitlines()
    at = next(i for i, line in enumerate(shown) if line.startswith("9 |"))
    assert shown[at] == "9 |     when: depht > 100"
    assert shown[at + 1].index("^") == shown[at].index("depht")
    assert ended.stderr.count("= help:") >= 4
    assert ended.stdout == ""
    assert not (tmp_path / "data").exists(), "nothing may begin"


def test_seven_mistakes_in_tocsin_yaml_are_seven_findings(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.write()
    (tmp_path / "tocsin.yaml").write_text(SEVEN)
    ended = run_once(product)
    assert ended.returncode == 1
    found = found_at(ended.stderr)
    assert [line for _, line, _ in found] == [1, 2, 4, 6, 7, 8, 10], ended.stderr
    assert {file for file, _, _ in found} == {"tocsin.yaml"}
    assert ended.stderr.count("= help:") == 7
    assert ended.stderr.endswith("\n")
    assert "Traceback" not in ended.stderr


# While running ----------------------------------------------------------------------------------


class Running:
    """A worker on the embedded log, its rule files and what its webhook heard."""

    def __init__(self, run: Whole, worker: Worker) -> None:
        self.whole, self.worker = run, worker
        self.rules = run.directory / "shared" / "rules"
        self.notifiers = run.directory / "shared" / "notifiers.yaml"

    def post(self, **depth: float) -> None:
        lines = [
            json.dumps({"timestamp": int(time.time() * 1000), "name": "queue_depth",
                        "labels": {"service": service}, "value": value})
            for service, value in depth.items()
        ]  # fmt: skip
        answer = ask(f"{self.worker.url}/api/v1/ingest/metrics", "\n".join(lines).encode())
        assert answer.status == 200, answer

    def reload(self) -> Answer:
        return ask(f"{self.worker.url}/-/reload", method="POST")

    def load(self) -> dict:
        found: dict = ask(f"{self.worker.url}/api/v1/rules").json()["data"]["load"]
        return found

    def good(self) -> int:
        return total(self.worker.metrics(), "tocsin_rules_last_load_successful")

    def told(self) -> Counter[tuple[str, str, str]]:
        """(rule, service, firing or resolved) -> how often the webhook heard it."""
        found: Counter[tuple[str, str, str]] = Counter()
        for (rule, service, what), n in self.whole.far.hooks().items():
            found[rule, service, what.partition(":")[0]] += n
        return found

    def hears(self, *wanted: tuple[str, str, str]) -> None:
        until(lambda: self.told().keys() >= set(wanted), 20,
              lambda: f"{wanted} of {self.told()}\n{self.whole.logs()}")  # fmt: skip


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    broker = "embedded://@directory@/data/log"
    with whole(tmp_path, broker, "", APP, DEEP.format(threshold=100)) as run:
        (tmp_path / "shared/rules/gone.yml").write_text(GONE)
        worker = run.worker("w0")
        worker.start()
        yield Running(run, worker)


def test_a_bad_edit_changes_nothing_and_a_good_one_keeps_what_fires(running: Running) -> None:
    first = running.load()
    assert (first["good"], running.good()) == (True, 1)
    running.post(s1=500, s2=50)
    running.hears(("Deep", "s1", "firing"), ("Gone", "s1", "firing"))

    refused(running)
    assert running.load()["digest"] == first["digest"]
    running.post(s3=150)  # the last good set still judges
    running.hears(("Deep", "s3", "firing"))

    edited(running)
    second = running.load()
    assert second["digest"] != first["digest"]

    (running.rules / "gone.yml").unlink()
    assert running.reload().status == 200
    running.hears(("Gone", "s1", "resolved"))
    names = [g["name"] for g in ask(f"{running.worker.url}/api/v1/rules").json()["data"]["groups"]]
    assert names == ["queues"]
    firing = ask(f"{running.worker.url}/api/v2/alerts").json()
    assert {(a["labels"]["alertname"], a["labels"]["service"]) for a in firing} == {
        ("Deep", "s1"), ("Deep", "s5"),
    }  # fmt: skip
    running.worker.stop()
    logged(running)


def refused(running: Running) -> None:
    """Break rules and notifications: 400 with the findings of both, and it can be seen."""
    good_notifiers = running.notifiers.read_text()
    (running.rules / "acceptance.yml").write_text(BROKEN)
    running.notifiers.write_text(good_notifiers.replace("receiver: everybody", "receiver: nobody"))
    answer = running.reload()
    assert answer.status == 400
    findings = [("acceptance.yml", 6), ("acceptance.yml", 8), ("acceptance.yml", 9)]
    lines = good_notifiers.splitlines()
    at = next(n for n, line in enumerate(lines, 1) if "receiver: everybody" in line)
    assert [found[:2] for found in found_at(answer.text)] == [*findings, ("notifiers.yaml", at)]
    assert running.good() == 0
    load = running.load()
    assert load["good"] is False
    assert [found[:2] for found in found_at(load["findings"])][:3] == findings
    assert running.worker.answers(), "a refused reload is no reason to be not ready"
    running.notifiers.write_text(good_notifiers)
    assert running.reload().status == 400


def edited(running: Running) -> None:
    """Raise the threshold: s1 (500) fires on, s3 (150) ends, s4 (160) is none, s5 is."""
    (running.rules / "acceptance.yml").write_text(DEEP.format(threshold=200))
    answer = running.reload()
    assert answer.status == 200, answer
    assert running.good() == 1
    load = running.load()
    assert load["good"] is True
    assert load["digest"] == answer.text.strip()
    assert load["findings"] == ""
    running.hears(("Deep", "s3", "resolved"))
    running.post(s4=160, s5=250)
    running.hears(("Deep", "s5", "firing"))


def logged(running: Running) -> None:
    """One episode of (Deep, s1) over all of it; the removed rule's end says why."""
    entries = [e for e in embedded_log(running.worker.directory / "data/log", APP)
               if e["kind"] == "alert"]  # fmt: skip
    of_s1 = [e for e in entries if (e["rule"], e["labels"]["service"]) == ("Deep", "s1")]
    assert [e["state"] for e in of_s1] == ["firing"]
    assert running.told()["Deep", "s1", "firing"] == 1
    gone = [(e["state"], e["reason"]) for e in entries if e["rule"] == "Gone"]
    assert gone == [("firing", "condition_met"), ("resolved", "rule_removed")]
    assert {e["labels"]["service"] for e in entries} == {"s1", "s3", "s5"}


def test_sighup_reloads_too(running: Running) -> None:
    pid = running.worker.pid
    assert pid is not None
    asked = "reloading: asked by SIGHUP"

    def hang_up() -> None:
        before = running.worker.log.read_text().count(asked)
        running.worker._signal(signal.SIGHUP)
        until(lambda: running.worker.log.read_text().count(asked) > before, 10, running.whole.logs)

    first = running.load()["digest"]
    running.post(s0=150)
    running.hears(("Deep", "s0", "firing"))
    (running.rules / "acceptance.yml").write_text(BROKEN)
    hang_up()
    until(lambda: running.good() == 0, 10)
    (running.rules / "acceptance.yml").write_text(DEEP.format(threshold=200))
    hang_up()
    until(lambda: running.good() == 1 and running.load()["digest"] != first, 10)
    # A set that is loaded is in force a second later: until then the old one judges, and may.
    running.hears(("Deep", "s0", "resolved"))
    running.post(s1=150, s2=250)
    running.hears(("Deep", "s2", "firing"))
    assert ("Deep", "s1", "firing") not in running.told()
    assert running.worker.pid == pid


def test_an_edited_file_is_noticed(running: Running) -> None:
    first = running.load()["digest"]
    (running.rules / "acceptance.yml").write_text(BROKEN)
    until(lambda: running.good() == 0, 20)
    (running.rules / "acceptance.yml").write_text(DEEP.format(threshold=200))
    until(lambda: running.good() == 1 and running.load()["digest"] != first, 20)

"""A real Prometheus with 50 rules and remote write to Tocsin with the same: the same alerts.

Prometheus scrapes the fleet of incidents.py every second. `tocsin compare` runs beside both.
LONG=1: ten minutes.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.incidents import DB, PERIOD_S, WEB, Exporter, Fleet
from tests.acceptance.product import Product
from tests.acceptance.server import Server
from tests.acceptance.services import program
from tests.acceptance.talking import ask
from tests.waiting import until

pytestmark = [pytest.mark.real("prometheus"), pytest.mark.slow]

RULES = Path(__file__).with_name("incidents.yml")
FOR_S = 600 if os.environ.get("LONG") == "1" else 2 * PERIOD_S
WARM_UP_S = 35.0  # the longest window, and what remote write is behind
GRACE_S = 40.0

_PROMETHEUS = """\
global: {{scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
{jobs}
remote_write:
- url: {url}/api/v1/write
  queue_config: {{batch_send_deadline: 1s, min_backoff: 100ms, max_backoff: 1s}}
  write_relabel_configs:  # what both make of it for themselves
  - {{source_labels: [__name__], regex: "ALERTS.*|.*:.*", action: drop}}
"""
_JOB = """\
- job_name: {job}
  static_configs: [{{targets: [{targets}]}}]
  relabel_configs:
  - {{source_labels: [__address__], target_label: instance}}
  - {{source_labels: [__address__], target_label: __metrics_path__, replacement: /$1}}
  - {{target_label: __address__, replacement: "{address}"}}
"""
_TOCSIN = """\
broker: embedded://data/log
rules: [rules/]
notifications: notifiers.yaml
listen: 127.0.0.1:{port}
shards: 3
sources: []
"""


class Prometheus(Server):
    """The real one, in a directory that holds its prometheus.yml."""

    name = "prometheus"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def write(self, exporter: str, remote: str) -> None:
        """Write its configuration."""
        jobs = "".join(
            _JOB.format(job=job, targets=", ".join(targets), address=exporter)
            for job, targets in (("web", WEB), ("db", DB))
        )
        text = _PROMETHEUS.format(rules=RULES, jobs=jobs, url=remote)
        (self.directory / "prometheus.yml").write_text(text)

    def _command(self) -> Sequence[str]:
        return [
            str(program("prometheus")), f"--config.file={self.directory}/prometheus.yml",
            f"--storage.tsdb.path={self.directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        ]  # fmt: skip

    def _ready(self) -> bool:
        return ask(f"{self.url}/-/ready", timeout_s=2).status == 200


class Run:
    """Both, the fleet that one scrapes, and when its incidents begin."""

    def __init__(self, tmp_path: Path) -> None:
        self.ours = Product(self._made(tmp_path / "tocsin"))
        self.theirs = Prometheus(self._made(tmp_path / "prometheus"))
        self.exporter: Exporter | None = None

    @staticmethod
    def _made(directory: Path) -> Path:
        directory.mkdir()
        return directory

    def start(self) -> None:
        self.ours.write()
        (self.ours.directory / "rules/queues.yml").unlink()
        shutil.copy(RULES, self.ours.directory / "rules")
        (self.ours.directory / "tocsin.yaml").write_text(_TOCSIN.format(port=self.ours.port))
        self.ours.start()
        self.exporter = Exporter(Fleet(time.time() + WARM_UP_S))
        self.theirs.write(self.exporter.address, self.ours.url)
        self.theirs.start()

    def stop(self) -> None:
        self.theirs.stop()
        self.ours.stop()
        if self.exporter is not None:
            self.exporter.close()

    def told(self) -> str:
        logs = [one.log.read_text("utf-8", "replace")[-3000:] for one in (self.ours, self.theirs)]
        return "\n".join(logs)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    found = Run(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.stop()


def alert_names() -> set[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def test_compare_shows_the_same_alerts(run: Run) -> None:
    assert run.exporter is not None
    zero_s = run.exporter.fleet.zero_s
    until(lambda: time.time() > zero_s, WARM_UP_S + 5, run.told)
    found = subprocess.run(
        [sys.executable, "-m", "engine", "compare", "--prometheus", run.theirs.url,
         "--url", run.ours.url, "--for", f"{FOR_S:g}s", "--every", "500ms",
         "--grace", f"{GRACE_S:g}s", "--output", "json"],
        capture_output=True, text=True, check=False, timeout=FOR_S + 60,
    )  # fmt: skip
    assert found.stdout, found.stderr
    answer = json.loads(found.stdout)
    counts, earlier = answer["counts"], answer["earlier_s"]
    print(f"{counts}, ours earlier by {earlier['median']} s (median)")
    differing = [e for e in answer["episodes"] if e["verdict"].startswith("only")]
    assert not differing, f"{json.dumps(differing, indent=1)}\n{run.told()}"
    assert found.returncode == 0, found.stderr
    same = Counter(e["labels"]["alertname"] for e in answer["episodes"] if e["verdict"] == "same")
    assert set(same) == alert_names(), f"never fired: {alert_names() - set(same)}"
    assert sum(same.values()) >= FOR_S // PERIOD_S * len(alert_names()) * 0.75
    healthy(run)


def healthy(run: Run) -> None:
    """Both evaluate every rule without an error."""
    rules: list[dict[str, Any]] = []
    for one in (run.ours, run.theirs):
        groups = ask(f"{one.url}/api/v1/rules").json()["data"]["groups"]
        rules += [rule for group in groups for rule in group["rules"]]
    assert len(rules) == 100
    assert not [rule for rule in rules if rule["health"] != "ok" or rule.get("lastError")]

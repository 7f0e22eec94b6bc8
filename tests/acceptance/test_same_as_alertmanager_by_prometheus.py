"""A real Prometheus whose `alerting:` names Tocsin and a real Alertmanager: both know the same."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.alertmanager import Alertmanager
from tests.acceptance.product import NOTIFIERS, Product, product
from tests.acceptance.server import Server
from tests.acceptance.services import program
from tests.waiting import until

pytestmark = [pytest.mark.real("prometheus"), pytest.mark.slow]

TOKEN = "the-token-of-prometheus-0123456789"
_TOKENS = f"""\
- {{name: prometheus, token: {TOKEN}, role: ingest}}
- {{name: us, token: {TOKEN[::-1]}, role: read}}
"""
_CONFIG = """\
global:
  evaluation_interval: 1s
  external_labels: {{cluster: test}}
rule_files: [rules.yml]
alerting:
  alertmanagers:
  - path_prefix: /tocsin
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ["127.0.0.1:{ours}"]}}]
  - static_configs: [{{targets: ["127.0.0.1:{theirs}"]}}]
"""
_RULES = """\
groups:
- name: made up
  rules:
  - alert: Always
    expr: vector(7)
    labels: {{severity: warning, "team.name": "ä b"}}
    annotations: {{summary: "it is {{{{ $value }}}}", "long.text": "a\\nb <c> \\"d\\""}}
  - alert: Ends
    expr: vector(1) and vector(time()) < {ends_s}
    labels: {{team: b}}
"""


class Prometheus(Server):
    """The real one, in a directory that holds its files."""

    name = "prometheus"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def _command(self) -> Sequence[str]:
        return [
            str(program("prometheus")), f"--config.file={self.directory}/prometheus.yml",
            f"--storage.tsdb.path={self.directory}/data", "--rules.alert.resend-delay=1s",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        ]  # fmt: skip

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready").status_code == 200
        except httpx.HTTPError:
            return False


@contextmanager
def three(directory: Path, ends_s: float) -> Iterator[tuple[Product, Alertmanager, Prometheus]]:
    """Yield a Tocsin under a prefix and with tokens, an Alertmanager, and who posts to both."""
    for name in ("tocsin", "am", "prometheus"):
        (directory / name).mkdir()
    (directory / "tocsin/tokens.yaml").write_text(_TOKENS)
    (directory / "am/am.yml").write_text(NOTIFIERS)
    theirs, prometheus = Alertmanager(directory / "am"), Prometheus(directory / "prometheus")
    extra = "auth: {tokens_file: tokens.yaml}\nroute_prefix: /tocsin\n"
    with product(directory / "tocsin", extra=extra) as ours:
        config = _CONFIG.format(token=TOKEN, ours=ours.port, theirs=theirs.port)
        (directory / "prometheus/prometheus.yml").write_text(config)
        (directory / "prometheus/rules.yml").write_text(_RULES.format(ends_s=ends_s))
        try:
            theirs.start()
            prometheus.start()
            yield ours, theirs, prometheus
        finally:
            prometheus.stop()
            theirs.stop()


def test_both_hear_of_the_same_alerts(tmp_path: Path) -> None:
    ends_s = time.time() + 25
    with three(tmp_path, ends_s) as (ours, theirs, prometheus):
        until(lambda: set(names(ours)) == {"Always", "Ends"}, 20)
        until(lambda: set(names(theirs)) == {"Always", "Ends"}, 20)
        until(lambda: seen(ours) == seen(theirs), 5, lambda: f"{seen(ours)}\n{seen(theirs)}")
        always = seen(ours)[0]
        assert always["labels"]["cluster"] == "test"
        assert always["labels"]["team.name"] == "ä b"
        assert always["annotations"]["summary"] == "it is 7"
        until(lambda: names(ours) == names(theirs) == ["Always"], 60)
        known = httpx.get(f"{prometheus.url}/api/v1/alertmanagers").json()["data"]
        urls = [each["url"] for each in known["activeAlertmanagers"]]
        assert f"http://127.0.0.1:{ours.port}/tocsin/api/v2/alerts" in urls
        assert failed(prometheus) == 0


def listed(server: Product | Alertmanager) -> list[dict[str, Any]]:
    if isinstance(server, Product):
        headers = {"Authorization": f"Bearer {TOKEN[::-1]}"}
        answer = httpx.get(f"{server.url}/tocsin/api/v2/alerts", headers=headers)
    else:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/api/v2/alerts")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = json.loads(answer.text)
    return found


def names(server: Product | Alertmanager) -> list[str]:
    return sorted(each["labels"]["alertname"] for each in listed(server))


def seen(server: Product | Alertmanager) -> list[dict[str, Any]]:
    """What Prometheus said, and what follows from it alone."""
    kept = ("labels", "annotations", "startsAt", "fingerprint", "generatorURL", "receivers")
    found = [{name: each[name] for name in kept} for each in listed(server)]
    return sorted(found, key=lambda each: str(each["labels"]["alertname"]))


def failed(prometheus: Prometheus) -> float:
    """How many alerts it could not hand over, to anybody."""
    text = httpx.get(f"{prometheus.url}/metrics").text
    counted = ("prometheus_notifications_errors_total", "prometheus_notifications_dropped_total")
    return sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(counted)
    )

"""`tocsin check rules --against URL`: what a running Tocsin says of rules."""

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.cli.live_rules import AGAINST_CODES
from tests.api.fake_deps import FakeDeps
from tests.api.served import served

RULES = Path(__file__).parents[2] / "rules"
NOT_KNOWN = "unheard of"


def deps() -> FakeDeps:
    """A worker that has series of two metrics, every 15 s, and knows the rows of one expression."""
    found = FakeDeps()
    for instance in ("a", "b"):
        for job in ("web", "db"):
            labels = {"instance": instance, "job": job}
            found.series.append({"__name__": "up", **labels})
            if job == "web" or instance == "a":
                found.series.append({"__name__": "errors_total", "code": "500", **labels})
    return found


def check(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    worker: FakeDeps,
    *exprs: str,
    record: str = "",
    interval: str = "1m",
) -> dict:
    rules = [{"alert": f"A{number}", "expr": expr} for number, expr in enumerate(exprs)]
    if record:
        rules.append({"record": "job:up:sum", "expr": record})
    text = json.dumps({"groups": [{"name": "g", "interval": interval, "rules": rules}]}, indent=1)
    (tmp_path / "rules.yml").write_text(text)
    with served(worker) as url:
        words = ["check", "rules", str(tmp_path), "--against", url, "--output", "json"]
        assert main(words) == 0
    said: dict = json.loads(capsys.readouterr().out)
    said["findings"] = [f for f in said["findings"] if f["code"].startswith("live-")]  # no lints
    return said


@pytest.mark.parametrize(
    ("expr", "codes", "near"),
    [
        ("up == 0", [], ""),
        ("upp == 0", ["live-metric"], "up"),
        ("absent(upp)", [], ""),
        ("absent_over_time(upp[5m])", [], ""),
        ('up{instnce="a"} == 0', ["live-label"], ""),
        ('up{instnce!="a"} == 0', [], ""),
        ('up{job="wep"} == 0', ["live-value"], "web"),
        ('up{job=~"we[a-c]"} == 0', [], ""),
        ('up{job=~"x.*"} == 0', ["live-value"], "web"),
        ('errors_total{job="db", instance="b"} > 0', ["live-series"], ""),
        ('absent(up{job="wep"})', [], ""),
        ("rate(errors_total[15s]) > 0", ["live-interval"], ""),
        ("rate(errors_total[45s]) > 0", ["live-interval"], ""),
        ("rate(errors_total[1m]) > 0", [], ""),
        ("max_over_time(up[10s]) > 0", ["live-interval"], ""),
        ("max_over_time(up[15s]) > 0", [], ""),
        ("ALERTS > 0", [], ""),
        ("job:up:sum > 0", [], ""),
        ('up{job=~"(a+)+"} == 0', [], ""),  # not asked: it may take for ever
        ('{job="wep"} == 0', ["live-value"], "web"),
        ("upp + up", ["live-metric"], "up"),
        ("1 > bool 0", [], ""),
    ],
)  # fmt: skip
def test_findings(
    expr: str, codes: list[str], near: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = check(tmp_path, capsys, deps(), expr, record="sum by (job) (up)")["findings"]
    assert [f["code"] for f in found] == codes
    for finding in found:
        assert near in finding["help"]
        assert finding["severity"] == "warning"
        line = (tmp_path / "rules.yml").read_text().split("\n")[finding["line"] - 1]
        part = line[finding["column"] - 1 :][: finding["length"]].replace("\\", "")
        assert part in expr


def test_rare_samples_and_the_look_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worker = deps()
    worker.gaps_ms = [600_000]
    (found,) = check(tmp_path, capsys, worker, "up == 0")["findings"]
    assert (found["code"], found["help"]) == ("live-interval", "read last_over_time(…[20m])")


def test_rows_now_and_what_they_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worker = deps()
    worker.rows = {"up == 0": 2, "errors_total > 1": 101}
    said = check(tmp_path, capsys, worker, "up==0", "sum(up) > 1", "errors_total > 1",
                 "job:up:sum > 0", record="sum by (job) (up)")  # fmt: skip
    up, total, errors, recorded, record = said["against"]
    assert (up["series"], up["interval_ms"], up["alerts"]) == (4, 15_000, 2)
    assert (total["alerts"], total["alerts_unknown"]) == (None, NOT_KNOWN)
    assert (recorded["alerts"], recorded["alerts_unknown"]) == (None, "it reads what rules record")
    assert (record["alerts"], record["alerts_unknown"]) == (None, "")
    # Look-back of 5 minutes and the interval of one: 24 samples of 12 bytes, and a ring's 48.
    assert up["state_bytes"] == 4 * (24 * 12 + 48)
    assert said["state_bytes"] == up["state_bytes"] + errors["state_bytes"]
    assert [f["code"] for f in said["findings"]] == ["live-alerts"]


def test_more_than_one_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exprs = [f"metric_{number} > 0" for number in range(250)]
    said = check(tmp_path, capsys, deps(), *exprs)
    assert len(said["findings"]) == len(said["against"]) == 250


def test_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(
        "groups:\n- name: g\n  rules:\n  - {alert: A, expr: upp == 0}\n  - {alert: B, expr: up == 0}\n"
    )
    worker = deps()
    worker.rows = {"up == 0": 1, "upp == 0": 0}
    worker.peer_urls = {"w2": "http://127.0.0.1:9"}
    worker.shards = 2
    with served(worker) as url:
        assert main(["check", "rules", str(tmp_path), "--against", url]) == 0
    out = capsys.readouterr().out
    assert "a.yml:4:22: warning[live-metric]: no series of upp has come" in out
    assert "2 rules in 1 file: 1 warning\nRULE  SERIES  EVERY" in out
    assert "g/B   4       15s                1.3 KB" in out
    assert "ALERTS NOW is not known of 2: shards that nobody answered for: 1" in out
    assert "incomplete: no answer from w2" in out
    assert out.endswith("state of all: 1.3 KB\n")


def test_broken_rules_are_not_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yml").write_text("groups:\n- name: g\n  rules:\n  - {alert: A, expr: up ==}\n")
    assert main(["check", "rules", str(tmp_path), "--against", "http://127.0.0.1:9"]) == 1
    assert "error[promql]" in capsys.readouterr().out


def test_nobody_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text("groups: []\n")
    (tmp_path / "b.yml").write_text("groups:\n- name: g\n  rules:\n  - {alert: A, expr: up == 0}\n")
    assert main(["check", "rules", str(tmp_path), "--against", "http://127.0.0.1:9"]) == 1
    assert "no answer from http://127.0.0.1:9" in capsys.readouterr().err


def test_the_codes_are_told() -> None:
    text = (RULES / "README.md").read_text("utf-8")
    section = text[text.index("## Against a running Tocsin") :].split("\n## ")[0]
    told = [line.split("|")[1:3] for line in section.split("\n") if line.startswith("| `live-")]
    assert {code.strip(" `"): says.strip() for code, says in told} == dict(AGAINST_CODES)

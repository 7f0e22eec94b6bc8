"""`tocsin init`: files that are clean, and three requests that really make alerts."""

import argparse
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from engine.cli import check, init
from engine.config import load as load_config
from engine.config import parse
from engine.replay import Pipeline
from engine.rules import compile_plan, load, read_paths
from engine.sources import SourceSpec


def run(directory: Path) -> int:
    parser = argparse.ArgumentParser(prog="tocsin")
    init.add_parser(parser.add_subparsers())
    args = parser.parse_args(["init", str(directory)])
    code: int = args.run(args)
    return code


def test_what_is_written_is_clean_and_says_the_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "my alerts"
    assert run(home) == 0
    out = capsys.readouterr().out
    assert f"cd {shlex.quote(str(home))} && tocsin run" in out
    assert check.check_config(str(home / "tocsin.yaml"), "text") == 0
    assert capsys.readouterr().out == "4 files: clean\n"
    written, _ = load_config(home / "tocsin.yaml", environ={}, hostname="h")
    empty, _ = parse("", str(home / "tocsin.yaml"), home, environ={}, hostname="h")
    assert written == empty


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/log.yml").write_text("mine")
    assert run(tmp_path) == 1
    captured = capsys.readouterr()
    assert "already has rules/log.yml" in captured.err
    assert [p.name for p in tmp_path.iterdir()] == ["rules"]
    assert (tmp_path / "rules/log.yml").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file") == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.fixture
def requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert run(tmp_path) == 0
    return [
        line.strip() for line in capsys.readouterr().out.split("\n") if re.search(r"\bcurl\b", line)
    ]


def body_of(request: str, tmp_path: Path) -> bytes:
    """Run a printed line in a shell whose `curl` writes down what it was given."""
    curl = tmp_path / "bin" / "curl"
    curl.parent.mkdir(exist_ok=True)
    curl.write_text(
        '#!/bin/sh\nwhile [ "$1" ]; do case "$1" in --data-binary) shift; body="$1";; esac; shift; '
        'done\nif [ "$body" = "@-" ]; then cat; else printf "%s" "$body"; fi\n'
    )
    curl.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", f"PATH={curl.parent}:$PATH; {request}"],
        capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    return done.stdout


def test_the_three_requests(requests: list[str], tmp_path: Path) -> None:
    metric, log, alerts = requests
    assert metric.endswith("http://127.0.0.1:9093/api/v1/ingest/metrics")
    assert log.endswith("http://127.0.0.1:9093/api/v1/ingest/logs")
    assert alerts == "curl http://127.0.0.1:9093/api/v2/alerts"

    rules, _ = load(read_paths(["rules"], tmp_path))
    assert rules is not None
    sources = [SourceSpec("metrics", "metrics", 2_000, 1), SourceSpec("logs", "logs", 2_000, 1)]
    pipeline = Pipeline(compile_plan(rules), sources, 1)
    bodies = {"metrics": body_of(metric, tmp_path), "logs": body_of(log, tmp_path)}
    for topic, body in bodies.items():
        lines = body.splitlines()
        now_ms = json.loads(lines[0])["timestamp"] + 1_000
        pipeline.feed(topic, 0, lines, now_ms)
    pipeline.run(now_ms)
    assert not pipeline.rejects.records
    fired = {r.rule: r for r in pipeline.alert_records if r.state == "firing"}
    assert fired["QueueTooLong"].annotations == {"summary": "orders has 250 jobs waiting"}
    timeouts = fired["Timeouts"].annotations
    assert timeouts["summary"] == "payments: 3 timeouts in a minute"
    longest, _, lines_said = timeouts["description"].partition(". ")
    assert longest == "The longest took 3000 ms"
    assert sorted(lines_said.split(" / ")) == [
        "timeout after 1200 ms", "timeout after 3000 ms", "timeout after 900 ms",
    ]  # fmt: skip

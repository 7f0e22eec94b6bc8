"""`tocsin init DIR`: a first configuration, one metric rule, one log rule, and how to try them."""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

_TOCSIN = """\
# Tocsin's configuration. Every key may be left out: these are the defaults.
# `tocsin check config` shows every mistake in here and in the files it names.

broker: embedded://data/log        # or your Kafka: kafka://b1:9092;kafka://b2:9092
# dedup: redis://cache:6379/0      # needed when several workers share a Kafka
data_dir: data                     # the log and the state; paths are relative to this file
rules: [rules/]                    # files, and directories of *.yml
notifications: notifiers.yaml      # who is told what, and how
listen: 127.0.0.1:9093             # beyond loopback: auth: {tokens_file: tokens.yaml}

sources:
  # One JSON object a record. HTTP (POST /api/v1/ingest/metrics and /logs) takes the same, so
  # nothing needs to write to these topics before you move to Kafka.
  # {"timestamp": ms or RFC 3339, "name": "...", "labels": {...}, "value": 1.0}
  - {topic: metrics, format: json}
  # {"timestamp": ..., "labels": {...}, "message": "...", and fields that rules may compute over}
  - {topic: logs, format: json}
"""

_NOTIFIERS = """\
# Who is told what: an Alertmanager configuration file. `receiver: nobody` sends nothing; alerts
# are on http://127.0.0.1:9093 all the same. Give it something to do, for example a webhook:

route:
  receiver: nobody
  group_by: [alertname, service]
  group_wait: 5s                   # how long a first notification waits for company
  group_interval: 1m               # between notifications of a group that has changed
  repeat_interval: 4h              # until a group that still fires is told again

receivers:
  - name: nobody
    # webhook_configs:
    #   - url: http://127.0.0.1:8080/    # your own; it gets Alertmanager's webhook body
"""

_METRIC = """\
# A rule on metrics. rules/README.md of Tocsin explains every key.
groups:
  - name: first-metrics
    rules:
      - alert: QueueTooLong
        # Which series: a metric's name, or name{label="value", other=~"regular.*"}.
        metrics: queue_depth
        # Looked at over the last minute, in steps of five seconds.
        window: {sliding: 1m, every: 5s}
        # One alert for each service.
        by: [service]
        # The numbers that the conditions below may use.
        compute: {depth: max()}
        # The highest level that holds is the alert's label `severity`.
        when:
          warning: depth > 100
          critical: depth > 1000
        # Once fired it ends below 50, not at 100: a value that wavers around it is one alert.
        recover: depth < 50
        # Judge when a record arrives instead of waiting for the next step.
        evaluate: arrival
        annotations:
          summary: "{{ labels.service }} has {{ depth }} jobs waiting"
"""

_LOG = """\
# A rule on logs.
groups:
  - name: first-logs
    rules:
      - alert: Timeouts
        # Which lines: labels in braces, then what the message contains (|=) or matches (|~).
        logs: '{service=~".+"} |= "timeout"'
        window: {sliding: 1m, every: 5s}
        by: [service]
        compute:
          timeouts: count()
          # A field of the records: here the longest wait that a line reports.
          longest_ms: max(duration_ms)
        when: timeouts >= 3
        evaluate: arrival
        labels: {severity: warning}
        annotations:
          summary: "{{ labels.service }}: {{ timeouts }} timeouts in a minute"
          description: "The longest took {{ longest_ms }} ms. {{ lines | join(' / ') }}"
"""

FILES: Mapping[str, str] = {
    "tocsin.yaml": _TOCSIN,
    "notifiers.yaml": _NOTIFIERS,
    "rules/metric.yml": _METRIC,
    "rules/log.yml": _LOG,
}
"""What is written, by its path below DIR."""

NEXT = """\
Next, start it and leave it running:

  {start}

Then, in another terminal, a metric that is too high, lines that say timeout, and what fires:

  curl --data-binary '{{"timestamp": '$(date +%s)000', "name": "queue_depth", "labels": \
{{"service": "orders"}}, "value": 250}}' http://127.0.0.1:9093/api/v1/ingest/metrics
  printf '{{"timestamp": %s000, "labels": {{"service": "payments"}}, "message": "timeout after %s \
ms", "duration_ms": %s}}\\n' $(date +%s) 900 900 $(date +%s) 1200 1200 $(date +%s) 3000 3000 | \
curl --data-binary @- http://127.0.0.1:9093/api/v1/ingest/logs
  curl http://127.0.0.1:9093/api/v2/alerts
"""
"""What is printed: the command, and the three requests that give the reader an own alert."""


class _Subparsers(Protocol):
    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser:  # noqa: A002
        ...


def add_parser(subparsers: _Subparsers) -> None:
    """Add the verb and its argument."""
    text = "Write a first configuration with one metric rule and one log rule."
    parser = subparsers.add_parser("init", help=text, description=text)
    parser.add_argument("directory", type=Path, metavar="DIR", help="made if it does not exist")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the files and say what to do next; refuse to overwrite anything."""
    directory: Path = args.directory
    taken = [name for name in FILES if (directory / name).exists()]
    if taken:
        print(f"tocsin init: {directory} already has {', '.join(taken)}: nothing was written; "
              "name another directory", file=sys.stderr)  # fmt: skip
        return 1
    try:
        for name, text in FILES.items():
            file = directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as stream:
                stream.write(text)
    except OSError as error:
        print(f"tocsin init: {error.filename or directory} cannot be written: {error.strerror}",
              file=sys.stderr)  # fmt: skip
        return 1
    print(f"Wrote {', '.join(str(directory / name) for name in FILES)}.\n")
    print(NEXT.format(start=_start(directory)), end="")
    return 0


def _start(directory: Path) -> str:
    program = Path(sys.argv[0])
    # From a virtual environment that is not active, plain `tocsin` would not be found.
    named = program.name == "tocsin" and shutil.which("tocsin") is None
    command = f"{shlex.quote(os.path.abspath(program)) if named else 'tocsin'} run"
    if directory.resolve() == Path.cwd():
        return command
    return f"cd {shlex.quote(str(directory))} && {command}"

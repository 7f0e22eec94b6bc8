"""The demo's directory: a configuration that a user could have written, and what it leaves.

Everything that the demo writes is below one directory. What an earlier run left there is removed
at the start; a directory with anything else in it is refused.
"""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from engine.errors import TocsinError

MARK = ".made-by-tocsin-demo"
METRICS_PARTITIONS = 4
LOGS_PARTITIONS = 3
CHANNEL = "#alerts"
MAILBOX = "on-call@demo.example"

_TOCSIN = """\
# Written by `tocsin demo`. `tocsin run --config tocsin.yaml` reads it just as well.
app_id: tocsin
broker: embedded://data/log       # or kafka://b1:9092;kafka://b2:9092
data_dir: data
rules: [rules/]
notifications: notifiers.yaml
listen: 127.0.0.1:{port}
sources:
  # {{"timestamp": ms or RFC 3339, "name": "...", "labels": {{...}}, "value": 1.0}}
  - {{topic: metrics, format: json, partitions: {metrics}, lateness: 500ms}}
  # {{"timestamp": ..., "labels": {{...}}, "message": "...", and any fields that rules may use}}
  - {{topic: logs, format: json, partitions: {logs}, lateness: 500ms}}
"""

_NOTIFIERS = """\
# Written by `tocsin demo`: an Alertmanager configuration file. Slack and the mail server are the
# demo's local stand-ins; put your own here and the rest stays as it is.
global:
  slack_app_url: {slack_url}
  slack_app_token: {slack_token}
  smtp_smarthost: 127.0.0.1:{smtp_port}
  smtp_from: tocsin@demo.example
  smtp_require_tls: false          # the stand-in listens on loopback only

route:
  receiver: on-call
  group_by: [alertname, service]
  group_wait: 1s                   # short, so that there is something to see; 30s is usual
  group_interval: 5s               # 5m is usual
  repeat_interval: 4h

receivers:
  - name: on-call
    slack_configs:
      - channel: '{channel}'
        send_resolved: true
    email_configs:
      - to: {mailbox}
        send_resolved: true
"""


class DemoError(TocsinError):
    """The demo cannot start; the text is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens, and what the Slack stand-in accepts."""

    port: int
    smtp_port: int
    slack_url: str
    slack_token: str


def write_configuration(directory: Path, addresses: Addresses) -> Path:
    """Write tocsin.yaml, notifiers.yaml and rules/ and return the path of tocsin.yaml."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tocsin.yaml").write_text(
        _TOCSIN.format(port=addresses.port, metrics=METRICS_PARTITIONS, logs=LOGS_PARTITIONS)
    )
    (directory / "notifiers.yaml").write_text(
        _NOTIFIERS.format(
            slack_url=addresses.slack_url,
            slack_token=addresses.slack_token,
            smtp_port=addresses.smtp_port,
            channel=CHANNEL,
            mailbox=MAILBOX,
        )
    )
    rules = directory / "rules"
    rules.mkdir(exist_ok=True)
    for source in sorted(packaged_rules().glob("*.y*ml")):
        shutil.copyfile(source, rules / source.name)
    return directory / "tocsin.yaml"


def packaged_rules() -> Path:
    """Return the rules that travel with Tocsin: in a wheel beside this file, else at the root."""
    here = Path(__file__).resolve().parent
    for place in (here / "rules", here.parents[1] / "rules"):
        if place.is_dir():
            return place
    raise DemoError("The demo's rules are missing from this installation: install tocsin again.")


class Home:
    """Exclusive use of the demo's directory, from `open` to `close`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock: int | None = None

    def open(self) -> None:
        """Take the directory and remove what an earlier run left in it.

        Raises: DemoError where another demo uses it, or where it holds something else.
        """
        known = (self.directory / MARK).exists()
        if self.directory.exists() and not known and any(self.directory.iterdir()):
            raise DemoError(
                f"{self.directory} holds files that are not the demo's: "
                "name another directory with --dir."
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.directory / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise DemoError(
                f"Another demo is running in {self.directory}: end it, or name another "
                "directory with --dir and another port with --port."
            ) from None
        for left in ("data", "rules", "silence"):
            shutil.rmtree(self.directory / left, ignore_errors=True)

    def close(self) -> None:
        """Give the directory back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

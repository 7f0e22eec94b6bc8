"""The product itself as a server of the tests: `tocsin run` on a directory with a configuration."""

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.server import Server

NOTIFIERS = """\
route:
  receiver: team-a
  group_by: [alertname]
  routes:
    - matchers: [team="b"]
      receiver: team-b
receivers:
  - name: team-a
  - name: team-b
"""

_CONFIG = """\
broker: embedded://data/log
data_dir: data
rules: [rules/]
notifications: notifiers.yaml
listen: 127.0.0.1:{port}
sources:
  - {{topic: metrics, format: json}}
  - {{topic: logs, format: json}}
"""

_RULE = """\
groups:
- name: queues
  interval: 5s
  rules:
  - alert: QueueDeep
    metrics: '{__name__="queue_depth"}'
    window: {sliding: 1m, every: 5s}
    by: [service]
    compute: {depth: last()}
    when: {warning: depth > 100}
    annotations: {summary: "{{ labels.service }}: {{ depth }}"}
"""


class Product(Server):
    """A worker on the embedded log; everything it needs is in its directory."""

    name = "tocsin"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def write(self, notifiers: str = NOTIFIERS, rule: str = _RULE, extra: str = "") -> None:
        """Write a configuration of one rule and two receivers that tell nobody.

        `extra` is more of tocsin.yaml.
        """
        (self.directory / "rules").mkdir(exist_ok=True)
        (self.directory / "rules/queues.yml").write_text(rule)
        (self.directory / "notifiers.yaml").write_text(notifiers)
        (self.directory / "tocsin.yaml").write_text(_CONFIG.format(port=self.port) + extra)

    def _command(self) -> Sequence[str]:
        home = Path(__file__).resolve().parents[2]
        # The checkout, not what happens to be installed; the directory is the configuration's.
        code = (
            f"import sys; sys.path.insert(0, {str(home)!r}); "
            "from engine.cli import main; sys.exit(main(['run']))"
        )
        return [sys.executable, "-c", code]

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def product(directory: Path, **files: str) -> Iterator[Product]:
    """Yield a worker that is ready; it is gone afterwards."""
    server = Product(directory)
    server.write(**files)
    server.start()
    try:
        yield server
    finally:
        server.stop()

"""`tocsin run` as the benchmark starts it, and a webhook receiver that notes when it was called."""

import os
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.responses import Response

from engine.clock import system_clock
from engine.demo.webhook_standin import Hit, WebhookStandIn
from tests.acceptance.server import Server
from tests.waiting import until

_LAUNCH = """\
import sys
sys.path.insert(0, {home!r})
from engine.cli import main
profile = {profile!r}
if not profile:
    sys.exit(main(["run"]))
import cProfile, time
profiler = cProfile.Profile(time.thread_time)  # wall time would blame who is preempted
try:
    code = profiler.runcall(main, ["run"])
finally:
    profiler.dump_stats(profile)
sys.exit(code)
"""
_CONFIG = """\
app_id: {app}
broker: {broker}
data_dir: data
rules: [rules.yml]
notifications: notifiers.yaml
listen: 127.0.0.1:{port}
instance_id: {name}
{more}
"""
NOBODY = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
_METRIC = re.compile(r"^(tocsin_\w+)(?:\{(.*)\})? ([\d.e+-]+)$", re.MULTILINE)


class Worker(Server):
    """One worker. With $TOCSIN_PROFILE=FILE its event loop's thread is profiled into FILE."""

    def __init__(
        self, directory: Path, broker: str, rules: str, notifiers: str, more: str,
        *, app: str = "bench", name: str = "tocsin",
    ) -> None:  # fmt: skip
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory)
        self.name, self.environ = name, {"PYTHONWARNINGS": "ignore"}
        text = _CONFIG.format(app=app, broker=broker, port=self.port, name=name, more=more)
        (directory / "tocsin.yaml").write_text(text)
        (directory / "rules.yml").write_text(rules)
        (directory / "notifiers.yaml").write_text(notifiers)

    def _command(self) -> Sequence[str]:
        home = str(Path(__file__).resolve().parents[2])
        code = _LAUNCH.format(home=home, profile=os.environ.get("TOCSIN_PROFILE", ""))
        words = [f"{key}={value}" for key, value in self.environ.items()]
        return ["env", *words, sys.executable, "-c", code]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def metrics(self) -> dict[tuple[str, str], float]:
        """What /metrics says: (name, labels as written) -> value."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return {(name, labels): float(value) for name, labels, value in _METRIC.findall(text)}

    def metrics_or_nothing(self) -> dict[tuple[str, str], float]:
        """The same, or nothing while it does not answer (it starts, or is stopped)."""
        try:
            return self.metrics()
        except OSError:
            return {}

    def dropped(self) -> dict[str, float]:
        """What was not processed, by reason."""
        names = ("tocsin_rows_dropped_total", "tocsin_rejects_total", "tocsin_rows_late_kept_total")
        return {
            f"{name} {labels}": value
            for (name, labels), value in self.metrics().items()
            if name in names and value
        }

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-3000:] if self.log.exists() else ""


class Hooks:
    """A webhook receiver; keeps for each alert's label `probe` when it was first told of it."""

    def __init__(self) -> None:
        self.told_s: dict[str, float] = {}
        stand_in = WebhookStandIn(system_clock)
        stand_in.answer = self._told
        config = uvicorn.Config(
            stand_in.app(), host="127.0.0.1", port=0, log_level="critical", lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    async def _told(self, hit: Hit) -> Response | None:
        now_s = time.perf_counter()
        for alert in hit.json["alerts"]:
            self.told_s.setdefault(alert["labels"].get("probe", ""), now_s)
        return None

    @property
    def url(self) -> str:
        """Where it is called."""
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/hook"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve while in the block."""
        self._thread.start()
        until(lambda: self._server.started, 10)
        try:
            yield
        finally:
            self._server.should_exit = True
            self._thread.join(10)

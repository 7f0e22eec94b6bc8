"""Timelines in real seconds: alerts posted to `tocsin run`, and what a recording webhook got when.

Several at a time, each against a worker of its own on an embedded log. Windows are as wide as the
corpus' tolerance on both sides, as starts and ends are.
"""

import asyncio
import contextlib
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import yaml

from engine.clock import system_clock
from engine.demo.webhook_standin import WebhookStandIn
from tests.acceptance.product import Product
from tests.acceptance.server import ServiceError
from tests.conformance.alertmanager import NAME, SCENARIOS
from tests.conformance.corpora import Part, Tally

AT_ONCE = 6
_WEBHOOK = re.compile(r"\{\{webhook:(\w+)\}\}")
_FLAGS: Mapping[str, str] = {
    "--dispatch.start-delay": "start_delay: {}",
    "--web.route-prefix": "route_prefix: {}",
    "--web.external-url": "external_url: {}",
    "--enable-feature=classic-mode": "matcher_parsing: classic",
    "--enable-feature=utf8-strict-mode": "matcher_parsing: utf8",
}
_CONFIG = """\
broker: embedded://data/log
data_dir: data
rules: []
notifications: notifiers.yaml
sources: []
listen: 127.0.0.1:{port}
"""


def parts(only: str = "") -> list[Part]:
    """Return the timelines by portions that run at the same time."""
    names = [p.stem for p in sorted((SCENARIOS / "timeline").glob("*.yaml"))]
    wanted = [name for name in names if only in f"timeline: {name}"]
    return [(run, (wanted[i : i + AT_ONCE],)) for i in range(0, len(wanted), AT_ONCE)]


def run(names: Sequence[str]) -> Tally:
    """Play timelines together."""
    tally = Tally(NAME)
    for name, problem in asyncio.run(_together(names)).items():
        tally.add(f"timeline: {name}", problem)
    return tally


async def _together(names: Sequence[str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="tocsin-timeline-") as scratch:
        async with _recorder() as (url, stand_in):
            plays = [_Play(name, Path(scratch) / name, url, stand_in) for name in names]
            try:
                # One after the other: so many starts at once take each other's processor.
                # What counts from the start of the process comes last: the others' starts take time.
                for play in sorted(plays, key=lambda play: "start_delay" in play.settings):
                    await asyncio.to_thread(play.start)
                problems = await asyncio.gather(*(play.judged() for play in plays))
            finally:
                for play in plays:
                    await asyncio.to_thread(play.server.stop)
    return dict(zip(names, problems, strict=True))


@contextlib.asynccontextmanager
async def _recorder() -> AsyncIterator[tuple[str, WebhookStandIn]]:
    """Serve a webhook receiver; its paths are /<timeline>/<webhook>."""
    stand_in = WebhookStandIn(system_clock)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(stand_in.app(), log_level="critical", lifespan="off")
        )
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", stand_in
        server.should_exit = True
        await serving


@dataclass
class _Play:
    """One timeline with its worker."""

    name: str
    directory: Path
    url: str
    stand_in: WebhookStandIn
    scenario: Any = None
    began_ms: int = 0
    failure: str = ""  # of the start
    silences: dict[str, str] = field(default_factory=dict)
    server: Product = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir()
        self.server = Product(self.directory)
        path = SCENARIOS / "timeline" / f"{self.name}.yaml"
        self.scenario = yaml.safe_load(path.read_text("utf-8"))

    @property
    def prefix(self) -> str:
        """What every path begins with."""
        found = [f for f in self.scenario.get("flags", ()) if f.startswith("--web.route-prefix=")]
        return found[0].partition("=")[2].rstrip("/") if found else ""

    @property
    def settings(self) -> str:
        """The scenario's flags as lines of tocsin.yaml."""
        return "".join(f"{_setting(flag)}\n" for flag in self.scenario.get("flags", ()))

    def start(self) -> None:
        """Start the worker; what prevents it fails this timeline and no other."""
        try:
            self._start()
        except ServiceError as error:
            self.failure = str(error)

    def _start(self) -> None:
        text = _CONFIG.format(port=self.server.port) + self.settings
        (self.directory / "tocsin.yaml").write_text(text)
        self._write(self.scenario["config"])
        _ready_under(self.server, self.prefix)
        self.server.start()
        self.began_ms = system_clock()

    def _write(self, config: str) -> None:
        text = _WEBHOOK.sub(lambda found: f"{self.url}/{self.name}/{found[1]}", config)
        (self.directory / "notifiers.yaml").write_text(text)

    async def judged(self) -> str:
        """Play it and say what is wrong."""
        if self.failure:
            return self.failure
        try:
            await self._played()
        except (AssertionError, httpx.HTTPError, ServiceError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return _verdict(self.scenario, self._notifications())

    async def _played(self) -> None:
        base = f"{self.server.url}{self.prefix}"
        async with httpx.AsyncClient(base_url=base, timeout=30) as http:
            answer = await http.get("/api/v2/status")
            assert answer.status_code == 200, answer.text
            if "start_delay" not in self.settings:  # that counts from when it was ready
                self.began_ms = system_clock()
            for event in self.scenario["events"]:
                await self._until(event["at"])
                await self._do(event, http)
            await self._until(_end(self.scenario))

    async def _until(self, at_s: float) -> None:
        left_s = max(0.0, (self.began_ms - system_clock()) / 1000 + at_s)
        await asyncio.sleep(left_s)  # not a wait: a timeline is in real seconds

    async def _do(self, event: Any, http: httpx.AsyncClient) -> None:
        if isinstance(event.get("reload"), str):
            self._write(event["reload"])
        if "push" in event:
            answer = await http.post("/api/v2/alerts", json=[self._alert(a) for a in event["push"]])
        elif "silence" in event:
            answer = await http.post("/api/v2/silences", json=self._silence(event["silence"]))
            if answer.status_code == 200:
                self.silences[event["silence"].get("ref", "")] = answer.json()["silenceID"]
        elif "unsilence" in event:
            answer = await http.delete(f"/api/v2/silence/{self.silences[event['unsilence']]}")
        elif "reload" in event:
            answer = await http.post("/-/reload")
        else:
            raise ValueError(f"an event of an unknown kind: {event}")
        wanted = event.get("status", 200)
        assert answer.status_code == wanted, f"{event}: {answer.status_code} {answer.text}"

    def _alert(self, alert: Any) -> dict[str, Any]:
        body = {"labels": alert["labels"], "annotations": alert.get("annotations", {})}
        # Upstream leaves out a start that is not after the beginning.
        times = {"startsAt": alert.get("starts"), "endsAt": alert.get("ends")}
        said = {name: self._at(at_s) for name, at_s in times.items() if at_s and at_s > 0}
        return {**body, **said}

    def _silence(self, silence: Any) -> dict[str, Any]:
        matchers = [{"isRegex": False, "isEqual": True, **m} for m in silence["matchers"]]
        return {"matchers": matchers, "startsAt": self._at(silence["starts"]),
                "endsAt": self._at(silence["ends"]), "createdBy": "test",
                "comment": silence.get("comment", "test")}  # fmt: skip

    def _at(self, seconds: float) -> str:
        return datetime.fromtimestamp(self.began_ms / 1000 + seconds, UTC).isoformat()

    def _notifications(self) -> "dict[str, list[_Told]]":
        """Return what came, by webhook, up to the end of the last window."""
        told: dict[str, list[_Told]] = {}
        for hit in self.stand_in.hits:
            _, timeline, webhook = hit.path.split("/")
            at_s = (hit.at_ms - self.began_ms) / 1000
            if timeline == self.name and at_s <= _end(self.scenario):
                alerts = [_plain(alert, self.began_ms) for alert in hit.json["alerts"]]
                told.setdefault(webhook, []).append(_Told(at_s, alerts))
        return told


@dataclass(frozen=True, slots=True)
class _Told:
    """One notification; times in seconds after the beginning."""

    at_s: float
    alerts: list[dict[str, Any]]


def _setting(flag: str) -> str:
    """Return what a flag of Alertmanager's is in tocsin.yaml."""
    name, _, value = flag.partition("=")
    line = _FLAGS.get(flag) or _FLAGS.get(name)
    if line is None:
        return f"# no counterpart: {flag}"
    return line.format(value)


def _ready_under(server: Product, prefix: str) -> None:
    """Ask for readiness where the scenario has it."""

    def ready() -> bool:
        try:
            return httpx.get(f"{server.url}{prefix}/-/ready", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    server._ready = ready  # type: ignore[method-assign]


def _end(scenario: Any) -> float:
    """Return when the last window has closed."""
    highs = [each["between"][1] for each in scenario["expect"]]
    return float(max(highs, default=0)) + float(scenario["tolerance_s"])


def _plain(alert: Any, began_ms: int) -> dict[str, Any]:
    ended = not alert["endsAt"].startswith("0001-")
    return {
        "labels": alert["labels"],
        "annotations": alert["annotations"],
        "starts": _seconds(alert["startsAt"], began_ms),
        "ends": _seconds(alert["endsAt"], began_ms) if ended else None,
        "status": alert["status"],
    }


def _seconds(text: str, began_ms: int) -> float:
    return datetime.fromisoformat(text).timestamp() - began_ms / 1000


def _verdict(scenario: Any, told: Mapping[str, Sequence[_Told]]) -> str:
    tolerance_s = float(scenario["tolerance_s"])
    wanted = sum(len(each["alerts"]) for each in scenario["expect"])
    got = sum(len(each.alerts) for each in _all(told))
    left = {webhook: list(each) for webhook, each in told.items()}
    for each in scenario["expect"]:
        low, high = each["between"]
        here = left.get(each["webhook"], [])
        if each.get("none"):
            if any(low < one.at_s < high for one in here):
                return f"{each['webhook']}: something in {low}..{high}: {here}"
            continue
        found = [
            one
            for one in here
            if low - tolerance_s <= one.at_s <= high + tolerance_s
            and _same(each["alerts"], one.alerts, tolerance_s, times="caution" not in scenario)
        ]
        if not found:
            return f"{each['webhook']}: not in {low}..{high}: {each['alerts']}; there was {here}"
        here.remove(found[0])
    return "" if wanted == got else f"{wanted} alerts were to be told, {got} were: {told}"


def _all(told: Mapping[str, Sequence[_Told]]) -> Iterator[_Told]:
    for each in told.values():
        yield from each


def _same(
    wanted: Sequence[Any], got: Sequence[Any], tolerance_s: float, *, times: bool
) -> bool:  # fmt: skip
    if len(wanted) != len(got):
        return False

    def near(one: float | None, other: float | None) -> bool:
        if one is None or other is None:
            return one == other
        return abs(one - other) <= tolerance_s

    pairs = zip(sorted(wanted, key=_order), sorted(got, key=_order), strict=True)
    return all(
        a["labels"] == b["labels"]
        and a.get("annotations", {}) == b["annotations"]
        and a["status"] == b["status"]
        and (not times or near(a.get("starts"), b["starts"]))
        and (not times or near(a.get("ends"), b["ends"]))
        for a, b in pairs
    )


def _order(alert: Any) -> list[tuple[str, str]]:
    return sorted(alert["labels"].items())

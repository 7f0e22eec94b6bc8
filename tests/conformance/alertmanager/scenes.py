"""A notifier on a virtual clock for a scenario: configuration files in, records of the log in."""

import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from engine.alerts import PostedAlert, SilenceRecord, decode
from engine.api import ApiSettings
from engine.worker.views import NotifierViews
from notifiers import NotifierConfig, load
from tests.api.fake_deps import FakeDeps
from tests.conformance.alertmanager import NAME, SCENARIOS
from tests.conformance.corpora import Part, Tally
from tests.notifiers.world import T0, World, posted

NOBODY = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
Judge = Callable[[Any], str]


def scenario(name: str) -> Any:
    """Return a file of the corpus."""
    return yaml.safe_load((SCENARIOS / name).read_text("utf-8"))


def judged(kind: str, cases: Mapping[str, tuple[Judge, Any]], only: str) -> Tally:
    """Judge cases by name; "" is a pass. What raises is a failing case."""
    tally = Tally(NAME)
    for name, (judge, case) in cases.items():
        full = f"{kind}: {name}"
        if only in full:
            try:
                problem = judge(case)
            except Exception as error:  # noqa: BLE001 - counts as one failing case
                problem = f"raised {error!r}"
            tally.add(full, problem)
    return tally


def one_part(run: Callable[[str], Tally], file: str, only: str) -> list[Part]:
    """Return a file's cases as one part; nothing where it is in the other half of the corpus."""
    return [(run, (only,))] if (SCENARIOS / file).exists() else []


def read(text: str) -> tuple[NotifierConfig | None, list[str]]:
    """Load a configuration; and what Alertmanager would refuse it for.

    A receiver type that we lack is no verdict of Alertmanager's.
    """
    config, findings = load(text, "alertmanager.yml", external_url="http://tocsin")
    errors = [
        f"{each.code}: {each.message}"
        for each in findings
        if each.severity == "error" and each.code != "receiver-unsupported"
    ]
    return config, errors


def must_read(text: str) -> NotifierConfig:
    """Load a configuration that is valid."""
    config, errors = read(text)
    if config is None:
        raise ValueError(f"refused: {errors}\n{text}")
    return config


def under(key: str, text: str, indent: int) -> str:
    """Put the text of a YAML document under a key, as it is written."""
    body = "\n".join(line for line in text.splitlines() if line.strip() != "---")
    return f"{key}:\n{textwrap.indent(body, ' ' * indent)}\n"


def push(world: World, labels: Mapping[str, str], starts_s: float, ends_s: float) -> None:
    """Post an alert; times in seconds from now."""
    world.append(
        posted(
            {name: str(value) for name, value in labels.items()},
            world.now_ms,
            world.now_ms + round(starts_s * 1000),
            world.now_ms + round(ends_s * 1000),
        )
    )


class Served(FakeDeps):
    """The HTTP room in front of the real notifier, on a virtual clock."""

    def __init__(self, text: str = NOBODY) -> None:
        super().__init__(ApiSettings(version="0", started_ms=T0))
        self.world = World(must_read(text))
        self.views = NotifierViews(self.world.notifier, None, self.now_ms)
        self._applied = 0

    def now_ms(self) -> int:
        """The world's clock is the only one."""
        return self.world.now_ms

    def notifier(self) -> Any:
        """The real one."""
        return self.views

    async def wait_applied(self, offset: int, timeout_ms: int) -> bool:
        """Apply what was appended."""
        del offset, timeout_ms
        records = self.log.topics["alerts"]
        for raw in records[self._applied :]:
            entry = decode(raw)
            assert isinstance(entry, (PostedAlert, SilenceRecord))
            self.world.append(entry)
        self._applied = len(records)
        return True

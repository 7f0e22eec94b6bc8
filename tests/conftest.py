"""What every test shares: which real parts are here, running them, and saying what was not run."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from tests.acceptance import services

# Wall-clock deadlines say nothing on a shared machine; the number of examples is the bound.
hypothesis.settings.register_profile("tocsin", deadline=None, print_blob=True)
hypothesis.settings.load_profile("tocsin")

_MUST_RUN = os.environ.get("CI") == "true"
_deselected: Counter[str] = Counter()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `real` where a part it names is missing; in CI that is a failure."""
    for marker in item.iter_markers("real"):
        for part in marker.args or ("kafka", "redis"):
            if reason := services.missing(part):
                if _MUST_RUN:
                    pytest.fail(f"CI must have it: {reason}", pytrace=False)
                pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka() -> Iterator[services.Kafka]:
    """One real broker for the whole run; give topics names of your own."""
    with services.kafka() as broker:
        yield broker


@pytest.fixture
def redis() -> Iterator[services.Redis]:
    """A real, empty Redis of one's own."""
    with services.redis() as server:
        yield server


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what `-m` left out, so that the end of the run can say it."""
    for item in items:
        names = {marker.name for marker in item.iter_markers()} & {"real", "slow"}
        _deselected["+".join(sorted(names)) or "other"] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a process of `-n`: hand what was left out to the one that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["deselected"] = dict(_deselected)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of `-n` left out; each of them saw all tests."""
    for name, count in getattr(node, "workeroutput", {}).get("deselected", {}).items():
        _deselected[name] = max(_deselected[name], count)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List, by reason, what did not run."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[told.removeprefix("Skipped: ")] += 1
    for name, count in sorted(_deselected.items()):
        reasons[f"marked {name}, not chosen here (`make ci` runs it)"] += count
    if reasons:
        terminalreporter.section("not run")
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:5d}  {reason}")

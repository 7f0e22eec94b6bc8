"""amtool reads the configuration that `/api/v2/status` shows, whose secrets are masked, as it reads
the file itself: every valid file of the corpus has the same route tree there."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from notifiers import load
from tests.acceptance.peers import peer
from tests.api.fake_deps import FakeDeps
from tests.api.served import served

pytestmark = pytest.mark.slow

CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[3] / "shared/corpora")
CONFIGS = CORPORA / "alertmanager-configs"
# Valid by what its URL is: masked, amtool refuses it, of a real Alertmanager's status too.
MASKED = {"config/conf.slack-default-app-token.yml"}


def _files() -> list[Any]:
    verdicts = CONFIGS / "expected.yaml"
    if not verdicts.exists():
        reason = "no corpora with Alertmanager's configurations: set TOCSIN_CORPORA"
        return [pytest.param("none", marks=pytest.mark.skip(reason=reason))]
    return [
        one["file"]
        for one in yaml.safe_load(verdicts.read_text("utf-8"))
        if one["valid"] and (CONFIGS / one["file"]).exists() and one["file"] not in MASKED
    ]


def routes(*words: str) -> str:
    done = subprocess.run(
        [peer("amtool"), "config", "routes", "show", *words],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", _files())
def test_the_routes_are_those_of_the_file(name: str) -> None:
    path = CONFIGS / name
    found, findings = load(path.read_text("utf-8"), path.name)
    if found is None:
        # Nothing to compare: a receiver type that we lack, and nothing else, keeps it from loading.
        refused = {each.code for each in findings if each.severity == "error"}
        assert refused == {"receiver-unsupported"}
        return
    deps = FakeDeps()
    assert deps.fake_notifier is not None
    deps.fake_notifier.config = found.text
    with served(deps) as url:
        assert routes(f"--alertmanager.url={url}") == routes(f"--config.file={path}")

"""What the HTTP room is told of a configuration."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from engine import config as configuration
from engine.api import build
from engine.worker.views import settings_of
from tests.api.fake_deps import FakeDeps


def settings(tmp_path: Path, text: str) -> Any:
    (tmp_path / "tokens.yaml").write_text("tokens: []\n")
    config, findings = configuration.parse(text, "tocsin.yaml", tmp_path, environ={})
    assert config is not None, findings
    worker: Any = SimpleNamespace(config=config, clock=lambda: 1)
    return settings_of(worker, None if config.auth.open else ())


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", {"localhost", "127.0.0.1", "::1"}),
        (
            "listen: 127.0.0.2:80\nexternal_url: https://Alerts.example.org/x\n",
            {"localhost", "127.0.0.1", "::1", "127.0.0.2", "alerts.example.org"},
        ),
        ("advertised_url: http://w0:9093\n", {"localhost", "127.0.0.1", "::1", "w0"}),
        ("listen: 0.0.0.0:9093\nauth: none\n", set()),
        ("auth: {tokens_file: tokens.yaml}\n", set()),
    ],
    ids=["default", "external_url", "advertised_url", "all addresses", "tokens"],
)
def test_names_that_are_answered_to(tmp_path: Path, text: str, hosts: set[str]) -> None:
    assert set(settings(tmp_path, text).hosts) == hosts


async def test_a_page_whose_name_points_here_is_refused(tmp_path: Path) -> None:
    deps = FakeDeps(settings(tmp_path, ""))
    transport = httpx.ASGITransport(app=build(deps))
    async with httpx.AsyncClient(transport=transport) as client:
        ours = await client.get("http://localhost:9093/api/v2/alerts")
        theirs = await client.get("http://evil.example:9093/api/v2/alerts")
    assert (ours.status_code, theirs.status_code) == (200, 421)

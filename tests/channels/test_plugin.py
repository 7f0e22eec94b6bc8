"""The channel that notifiers/README.md shows, installed as a package and sent through."""

import importlib
import re
from pathlib import Path

import pytest
import yaml

from engine.demo.webhook_standin import WebhookStandIn
from notifiers.config import installed_channels, load
from notifiers.notification import Retry, Sent
from notifiers.pacing import PACE_DEFAULT, pace_of
from tests.channels import samples
from tests.channels.serving import Clock, serving

README = Path(__file__).parents[2] / "notifiers" / "README.md"


def block(language):
    """Return a block of code under the heading of plug-ins."""
    _, _, text = README.read_text(encoding="utf-8").partition("### A channel of your own")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, f"no {language} there"
    return found[1]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install it as pip would: a module, and a dist-info with the entry point."""
    site = tmp_path / "site"
    dist = site / "ntfy_channel-1.0.dist-info"
    dist.mkdir(parents=True)
    (site / "ntfy_channel.py").write_text(block("python"), encoding="utf-8")
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: ntfy-channel\nVersion: 1.0\n")
    toml = block("toml").replace('[project.entry-points."', "[").replace('"]', "]")
    (dist / "entry_points.txt").write_text(toml.replace('"', ""), encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield
    importlib.invalidate_caches()


def configured(url, base, **entry):
    whole = {
        "route": {"receiver": "phone"},
        "receivers": [{"name": "phone", "ntfy_configs": [{"url": url, **entry}]}],
    }
    return load(yaml.safe_dump(whole), str(base / "alertmanager.yml"))


def test_it_is_about_thirty_lines():
    lines = [line for line in block("python").splitlines() if line.strip()]
    assert len(lines) <= 34


async def test_it_sends(installed, tmp_path):
    assert "ntfy" in installed_channels()
    service = WebhookStandIn(Clock(samples.T0_MS))
    async with serving(service.app()) as url:
        config, findings = configured(url, tmp_path, topic="alerts")
        assert not findings
        [integration] = config.receivers["phone"].integrations
        outcome = await integration.channel.notify(samples.first(), samples.T0_MS)
        raised = samples.level_change({"told": samples.TOLD_WARNING})
        await integration.channel.notify(raised, samples.T0_MS)
        await integration.channel.close()
    assert isinstance(outcome, Sent)
    assert integration.name == "ntfy/0"
    assert integration.send_resolved is True
    assert pace_of(integration.channel) == PACE_DEFAULT
    assert [hit.json["title"] for hit in service.hits] == [
        "WARNING: payments: 14 requests timed out in the last minute",
        "CRITICAL: payments: 73 requests timed out in the last minute",
    ]
    assert service.hits[1].json["message"] == "now critical, was warning"


async def test_its_failures_are_outcomes(installed, tmp_path):
    config, _ = configured("http://127.0.0.1:1/", tmp_path, topic="alerts")
    [integration] = config.receivers["phone"].integrations
    outcome = await integration.channel.notify(samples.first(), samples.T0_MS)
    await integration.channel.close()
    assert isinstance(outcome, Retry)


def test_its_fields_are_checked_like_all_others(installed, tmp_path):
    config, findings = configured("nowhere", tmp_path, colour="red")
    assert config is None
    assert {finding.code for finding in findings} == {"url", "key-missing", "key-unknown"}


def test_without_it_its_name_is_a_mistake(tmp_path):
    config, findings = configured("https://ntfy.example/", tmp_path, topic="alerts")
    assert config is None
    assert [finding.code for finding in findings] == ["key-unknown"]

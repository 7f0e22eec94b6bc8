"""The same file and the same alerts: what Alertmanager sends, Tocsin sends.

The recordings are a real Alertmanager's; test_recordings.py makes them again and compares.
"""

import json
from dataclasses import replace
from email.utils import parseaddr
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest

from notifiers.alert import fingerprint
from notifiers.config import load
from notifiers.notification import Notification, NotifiedAlert, common
from tests.channels.alertmanager import recording
from tests.channels.golden import ROOT

RECORDED = json.loads((ROOT / "alertmanager" / "requests.json").read_text(encoding="utf-8"))
STARTS_AT_MS = 1_704_164_645_678  # recording.STARTS_AT
REASONS = {
    "first": "first notification",
    "update": "some alerts resolved",
    "resolve": "all alerts resolved",
}

CASES = [
    (variant, receiver, stage)
    for variant, receivers in RECORDED.items()
    for receiver, stages in receivers.items()
    for stage in stages
]


@cache
def receivers(variant: str, folder: Any) -> Any:
    cases, templates = recording.variants()[variant]
    (folder / "own.tmpl").write_text(templates, encoding="utf-8")
    text = recording.configuration(cases, "http://recorder.example", "mail.example:25")
    config, findings = load(
        text, str(folder / "alertmanager.yml"), external_url=recording.EXTERNAL_URL
    )
    assert config is not None, findings
    return config.receivers


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: tmp_path_factory.mktemp(name) for name in RECORDED}


def notification(receiver: str, stage: str) -> Notification:
    """Return what the notifier makes of the alerts of a stage."""
    ended = recording.ENDED[stage]
    alerts = tuple(
        NotifiedAlert(
            status="resolved" if index in ended else "firing",
            labels=alert["labels"],
            annotations=alert["annotations"],
            starts_at_ms=STARTS_AT_MS,
            ends_at_ms=STARTS_AT_MS + 1 if index in ended else 0,
            generator_url=alert["generatorURL"],
            fingerprint=fingerprint(alert["labels"]),
        )
        for index, alert in enumerate(recording.ALERTS)
    )
    return Notification(
        tenant="default",
        receiver=receiver,
        integration="x/0",
        group_key='{}/{}:{alertname="DiskFull", job="node"}',
        group_labels={"alertname": "DiskFull", "job": "node"},
        common_labels=common([alert.labels for alert in alerts]),
        common_annotations=common([alert.annotations for alert in alerts]),
        route_labels={},
        status="resolved" if stage == "resolve" else "firing",
        reason=REASONS[stage],
        external_url=recording.EXTERNAL_URL,
        n=1,
        episodes=(),
        alerts=alerts,
        previous=None,
        redis_degraded=False,
        possibly_repeated=False,
        now_ms=STARTS_AT_MS + 30_000,
    )


@pytest.mark.parametrize(("variant_", "receiver", "stage"), CASES)
def test_it_sends_what_alertmanager_sends(variant_, receiver, stage, folders):
    theirs = RECORDED[variant_][receiver][stage]
    [integration] = receivers(variant_, folders[variant_])[receiver].integrations
    told = notification(receiver, stage)
    if receiver.startswith("email"):
        request = integration.channel.render(told, told.now_ms)
        ours = recording.read_email(request.content, request.sender, request.recipients)
        _compare_emails(ours, theirs)
    elif receiver.startswith("slack"):
        far = {"channel": "C0000000001", "ts": "1700000000.000001"}  # as the proxy answers
        told = replace(told, previous=None if stage == "first" else far)
        [request] = integration.channel.render(told, told.now_ms)
        assert request.body == json.loads(theirs["text"])
        if variant_ == "edited":
            assert f"/api/{request.method}" == theirs["path"]
    else:
        channel = integration.channel
        request = channel.render(told, told.now_ms)
        assert request.body.decode() == theirs["text"]
        assert request.url.split(quote(receiver))[1].lstrip("/?") == theirs["path"]


def _compare_emails(ours: Any, theirs: Any) -> None:
    assert (ours["from"], ours["to"]) == (theirs["from"], theirs["to"])
    assert {n: _lines(t) for n, t in ours["parts"].items()} == {
        n: _lines(t) for n, t in theirs["parts"].items()
    }
    headers = {name: ours["headers"].get(name) for name in theirs["headers"]}
    wanted = dict(theirs["headers"])
    if wanted["message-id"] == "(at random)":
        del wanted["message-id"], headers["message-id"]
    if "ü" in wanted["from"]:
        # Theirs is one encoded word, which is no address to many programs.
        assert parseaddr(headers["from"]) == ("Herald ü", ours["from"])
        headers["from"] = wanted["from"]
    if "x-lines" in wanted:
        wanted["x-lines"] = wanted["x-lines"].replace("\n", " ")  # a header is one line
    assert headers == wanted


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").rstrip("\n").split("\n")

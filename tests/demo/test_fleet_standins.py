"""What the demo sees at its stand-ins, sent by the product's channels as it configures them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from engine.clock import system_clock
from engine.demo.home import write_configuration
from engine.demo.standins import StandIns
from engine.demo.verdict import Receipt, missing
from notifiers import config
from notifiers.channels import Channel, Notification, NotifiedAlert, Sent
from notifiers.channels.email import Email
from notifiers.channels.slack import Slack
from tests.acceptance.services import free_port
from tests.waiting import until_async

RULE = "rules/payments.yml:14"


@pytest.fixture
async def far() -> AsyncIterator[StandIns]:
    """Stand-ins that are served as the demo serves them."""
    port = free_port()
    made = StandIns(port)
    made.start()
    app = Starlette(routes=[*made.routes])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    await until_async(lambda: server.started)
    yield made
    server.should_exit = True
    await task
    made.close()


def channels(far: StandIns, directory: Path) -> dict[str, Channel]:
    """The integrations of the one receiver that the demo writes."""
    path = write_configuration(directory, far.addresses()).with_name("notifiers.yaml")
    known = {"slack": Slack, "email": Email}
    loaded, findings = config.load(path.read_text(), str(path), channels=known)
    assert findings == []
    assert loaded is not None
    (receiver,) = loaded.receivers.values()
    assert all(one.send_resolved for one in receiver.integrations)
    return {one.name: one.channel for one in receiver.integrations}


def notification(integration: str) -> Notification:
    now_ms = system_clock()
    labels = {"alertname": "PaymentTimeouts", "severity": "critical", "service": "payments"}
    alert = NotifiedAlert(
        status="firing",
        labels=labels,
        annotations={"summary": "payments: 57 timeouts"},
        starts_at_ms=now_ms - 2_000,
        ends_at_ms=0,
        generator_url="",
        fingerprint="0123456789abcdef",
        level="critical",
        episode="fedcba9876543210",
        rule_file="rules/payments.yml",
        rule_line=14,
    )
    return Notification(
        tenant="default",
        receiver="on-call",
        integration=integration,
        group_key='{}:{alertname="PaymentTimeouts"}',
        group_labels={"alertname": "PaymentTimeouts", "service": "payments"},
        common_labels=labels,
        common_annotations={},
        route_labels={},
        status="firing",
        reason="first notification",
        external_url="http://127.0.0.1:9093",
        n=1,
        episodes=("fedcba9876543210",),
        alerts=(alert,),
        previous=None,
        redis_degraded=False,
        possibly_repeated=False,
        now_ms=now_ms,
    )


def ended(first: Notification, far_id: dict[str, str]) -> Notification:
    (alert,) = first.alerts
    over = replace(alert, status="resolved", ends_at_ms=first.now_ms)
    return replace(first, status="resolved", n=2, alerts=(over,), previous=far_id)


async def test_a_firing_alert_and_its_end_are_seen_at_both_stand_ins(far, tmp_path):
    assert far.receipts() == []
    for name, channel in channels(far, tmp_path).items():
        first = notification(name)
        outcome = await channel.notify(first, first.now_ms)
        assert isinstance(outcome, Sent), outcome
        second = ended(first, dict(outcome.far_id))
        assert Receipt(name.partition("/")[0], RULE, "firing") in far.receipts()
        assert missing(far.receipts())
        outcome = await channel.notify(second, second.now_ms)
        assert isinstance(outcome, Sent), outcome
        if isinstance(channel, Slack):
            await channel.close()
    assert missing(far.receipts()) == ()
    assert {receipt.alert for receipt in far.receipts()} == {RULE}

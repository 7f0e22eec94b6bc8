"""PagerDuty: severities, keys, both of its APIs, and details that are too much."""

import pytest

from notifiers.channels.wire import encode
from notifiers.notification import Drop, Retry, Sent
from tests.channels import configured, samples, standins
from tests.channels.configured import KEY, notify
from tests.channels.serving import Clock, serving


@pytest.fixture
def service():
    return standins.PagerDuty(Clock(samples.T0_MS))


@pytest.fixture
async def url(service):
    async with serving(service.app()) as address:
        yield address


def event(base, notification, **entry):
    made = configured.channel("pagerduty", {"routing_key": KEY, **entry}, base)
    return made.render(notification, notification.now_ms)


async def send(base, notification, **entry):
    made = configured.channel("pagerduty", entry, base)
    try:
        return await notify(made, notification)
    finally:
        await made.close()


@pytest.mark.parametrize(
    ("given", "level", "severity"),
    [
        (None, "critical", "critical"),
        (None, "error", "error"),
        (None, "warning", "warning"),
        (None, "info", "info"),
        ("{{ .CommonLabels.severity }}", "critical", "critical"),
        ("Warning", "critical", "warning"),
        ("page", "warning", "critical"),
        ("sev-17", "warning", "warning"),
        ("", "critical", "error"),
    ],
)
def test_a_severity_is_always_one_that_pagerduty_takes(given, level, severity, tmp_path):
    entry = {} if given is None else {"severity": given}
    told = event(tmp_path, samples.notification(samples.alert(level=level)), **entry)
    assert told["payload"]["severity"] == severity


def test_posted_alerts_are_errors_as_alertmanager_has_it(tmp_path):
    told = event(tmp_path, samples.notification(samples.posted(1)))
    assert samples.posted(1).labels["severity"] == "critical"
    assert told["payload"]["severity"] == "error"


def test_another_tenant_has_incidents_of_its_own(tmp_path):
    one, other = (
        event(tmp_path, samples.notification(samples.alert(), tenant=tenant))["dedup_key"]
        for tenant in ("default", "acme")
    )
    assert one != other


async def test_what_is_wrong_with_an_event_is_said(service, url, tmp_path):
    outcome = await send(
        tmp_path, samples.first(), routing_key="too-short", url=f"{url}/v2/enqueue"
    )
    assert isinstance(outcome, Drop)
    assert "Length of 'routing_key' is incorrect" in outcome.text


async def test_one_incident_opens_and_closes(service, url, tmp_path):
    made = configured.channel(
        "pagerduty", {"routing_key": KEY, "url": f"{url}/v2/enqueue"}, tmp_path
    )
    first = await notify(made, samples.first())
    assert service.open == {first.far_id["dedup_key"]}
    await notify(made, samples.resolved(first.far_id))
    await made.close()
    assert service.open == set()
    assert len(service.incidents) == 1


async def test_a_service_key_speaks_version_1(service, url, tmp_path):
    entry = {"service_key": "s", "url": f"{url}/v2/enqueue"}
    assert isinstance(await send(tmp_path, samples.first(), **entry), Sent)
    assert isinstance(await send(tmp_path, samples.resolved(), **entry), Sent)
    trigger, resolve = (hit.body for hit in service.accepted)
    assert {hit.path for hit in service.hits} == {"/generic/2010-04-15/create_event.json"}
    assert [trigger["event_type"], resolve["event_type"]] == ["trigger", "resolve"]
    assert trigger["incident_key"] == resolve["incident_key"]
    assert trigger["details"]["num_firing"] == 1
    assert "client" in trigger
    assert "client" not in resolve


async def test_version_1_says_403_where_it_is_asked_too_often(service, url, tmp_path):
    service.say(403, {}, {"Retry-After": "3"})
    outcome = await send(tmp_path, samples.first(), service_key="s", url=f"{url}/v2/enqueue")
    assert outcome == Retry("rateLimited", 3_000, "PagerDuty: HTTP 403: too many events")


async def test_a_rotated_key_needs_no_reload(service, url, tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    entry = {"routing_key_file": "key", "url": f"{url}/v2/enqueue"}
    made = configured.channel("pagerduty", entry, tmp_path)
    await notify(made, samples.first())
    file.write_text("f" * 32)
    await notify(made, samples.first())
    file.unlink()
    outcome = await notify(made, samples.first())
    await made.close()
    assert [hit.body["routing_key"] for hit in service.accepted] == [KEY, "f" * 32]
    assert isinstance(outcome, Retry)
    assert outcome.reason == "authError"


async def test_a_key_that_is_empty_for_this_group_is_said(tmp_path):
    outcome = await send(tmp_path, samples.first(), routing_key="{{ .CommonLabels.nobody }}")
    assert isinstance(outcome, Drop)
    assert outcome.text.startswith("routing_key")


def test_details_of_the_file_stand_beside_alertmanagers(tmp_path):
    told = event(tmp_path, samples.first(), details={"team": "{{ .CommonLabels.service }}"})
    details = told["payload"]["custom_details"]
    assert details["team"] == "payments"
    assert set(details) == {"team", "firing", "resolved", "num_firing", "num_resolved"}


def test_details_that_are_too_much_go_and_the_event_stays(tmp_path):
    many = samples.notification(*(samples.posted(i, annotations={"x": "y" * 9_000})
                                  for i in range(90)))  # fmt: skip
    told = event(tmp_path, many)
    details = told["payload"]["custom_details"]
    shown = len(details["firing"])
    assert 50 <= shown < 57  # of about 9,300 bytes each
    assert details["omitted"] == f"+{90 - shown} more alerts"
    assert details["num_firing"] == 90
    assert len(encode(told)) <= 512_000
    huge = samples.notification(samples.posted(1, annotations={"x": "y" * 600_000}))
    told = event(tmp_path, huge)
    assert told["payload"]["custom_details"]["firing"] == []
    assert told["payload"]["custom_details"]["omitted"] == "+1 more alert"
    by_file = event(tmp_path, huge, details={"all": "{{ .Alerts | toJson }}"})
    assert list(by_file["payload"]["custom_details"]) == ["error"]
    assert by_file["payload"]["summary"]

"""Opsgenie and Jira Service Management: aliases, updates, priorities, and who is told."""

import pytest

from notifiers.notification import Drop, Sent
from tests.channels import configured, samples, standins
from tests.channels.configured import notify
from tests.channels.serving import Clock, serving


@pytest.fixture
def service(request):
    return standins.Opsgenie(Clock(samples.T0_MS), jsm=getattr(request, "param", False))


@pytest.fixture
async def url(service):
    async with serving(service.app()) as address:
        yield address


async def send(made, *notifications):
    try:
        return [await notify(made, each) for each in notifications]
    finally:
        await made.close()


def created(base, notification, **entry):
    made = configured.channel("opsgenie", {"api_key": "k", **entry}, base)
    return made.render(notification, notification.now_ms)[0].body


async def test_an_alert_opens_changes_and_closes(service, url, tmp_path):
    entry = {"api_key": "k", "api_url": url, "update_alerts": True}
    made = configured.channel("opsgenie", entry, tmp_path)
    first, raised = await send(made, samples.first(), samples.level_change())
    [(alias, alert)] = service.alerts.items()
    assert first.far_id["alias"] == raised.far_id["alias"] == alias
    assert alert["count"] == 2
    assert alert["message"] == "payments: 73 requests timed out in the last minute"
    made = configured.channel("opsgenie", entry, tmp_path)
    await send(made, samples.resolved())
    assert not service.alerts
    assert len(service.closed) == 1


async def test_without_update_alerts_its_text_stays(service, url, tmp_path):
    made = configured.channel("opsgenie", {"api_key": "k", "api_url": url}, tmp_path)
    await send(made, samples.first(), samples.level_change())
    [alert] = service.alerts.values()
    assert alert["message"] == "payments: 14 requests timed out in the last minute"
    assert alert["count"] == 2
    assert len(service.hits) == 2


@pytest.mark.parametrize("service", [True], indirect=True)
async def test_jira_service_management_is_told_changes_by_notes(service, url, tmp_path):
    entry = {"api_key": "k", "api_url": url, "update_alerts": True, "jsm": True}
    made = configured.channel("opsgenie", entry, tmp_path)
    outcomes = await send(made, samples.first(), samples.level_change())
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    [alert] = service.alerts.values()
    assert "now critical, was" not in alert["notes"][0]
    assert alert["notes"][1].startswith("payments: 73 requests timed out")


@pytest.mark.parametrize(
    ("entry", "top", "url", "notes"),
    [
        ({}, {}, "https://api.opsgenie.com/", False),
        ({}, {"opsgenie_api_url": "https://api.eu.opsgenie.com"},
         "https://api.eu.opsgenie.com/", False),
        ({"jsm": True}, {}, "https://api.atlassian.com/jsm/ops/integration/", True),
        ({"api_url": "https://api.atlassian.com/jsm/ops/integration"}, {},
         "https://api.atlassian.com/jsm/ops/integration/", True),
        ({"jsm": True, "api_url": "https://proxy.example/jsm/"}, {},
         "https://proxy.example/jsm/", True),
    ],
)  # fmt: skip
async def test_where_it_goes(entry, top, url, notes, tmp_path, monkeypatch):
    made = configured.channel(
        "opsgenie", {"api_key": "k", "update_alerts": True, **entry}, tmp_path, **top
    )
    asked = []

    async def send_nothing(_wire, url, body, **_options):
        asked.append(url)
        raise OSError

    monkeypatch.setattr("notifiers.channels.wire.Wire.send", send_nothing)
    await send(made, samples.first())
    assert asked == [f"{url}v2/alerts"]
    steps = [one.step for one in made.render(samples.first(), samples.T0_MS)]
    assert steps == (["create", "note"] if notes else ["create", "message", "description"])


async def test_the_key_of_global_and_a_key_by_label(service, url, tmp_path):
    service.keys = {"shared", "payments-key"}
    made = configured.channel(
        "opsgenie", {}, tmp_path, opsgenie_api_key="shared", opsgenie_api_url=url
    )
    by_label = configured.channel(
        "opsgenie", {"api_key": "{{ .CommonLabels.service }}-key", "api_url": url}, tmp_path
    )
    assert isinstance((await send(made, samples.first()))[0], Sent)
    assert isinstance((await send(by_label, samples.first()))[0], Sent)


async def test_a_wrong_key(service, url, tmp_path):
    made = configured.channel("opsgenie", {"api_key": "wrong", "api_url": url}, tmp_path)
    [outcome] = await send(made, samples.first())
    assert isinstance(outcome, Drop)
    assert outcome.reason == "authError"
    assert "wrong" not in outcome.text


async def test_closing_what_is_not_there_is_done(service, url, tmp_path):
    service.say(404, {"message": "Alert does not exist"})
    made = configured.channel("opsgenie", {"api_key": "k", "api_url": url}, tmp_path)
    [outcome] = await send(made, samples.resolved())
    assert isinstance(outcome, Sent)


@pytest.mark.parametrize(
    ("given", "level", "priority"),
    [
        (None, "critical", "P1"),
        (None, "error", "P2"),
        (None, "warning", "P3"),
        (None, "info", "P4"),
        ("p2", "critical", "P2"),
        ("{{ .CommonLabels.severity }}", "critical", "P1"),
        ("urgent", "critical", "P3"),
        ("", "critical", None),
    ],
)
def test_a_priority_is_always_one_that_is_taken(given, level, priority, tmp_path):
    entry = {} if given is None else {"priority": given}
    body = created(tmp_path, samples.notification(samples.alert(level=level)), **entry)
    assert body.get("priority") == priority


def test_posted_alerts_have_the_default_priority_as_in_alertmanager(tmp_path):
    assert "priority" not in created(tmp_path, samples.notification(samples.posted(1)))


def test_details_are_cut_to_what_is_taken(tmp_path):
    labels = {"alertname": "X", **{f"l{index:02d}": "v" * 400 for index in range(40)}}
    told = samples.notification(samples.alert(labels=labels))
    details = created(tmp_path, told, details={"zmine": "x"})["details"]
    assert details["zmine"] == "x"  # what the file names comes first
    assert 7_000 < sum(len(name) + len(value) for name, value in details.items()) <= 8_000
    assert details["…"].endswith("more details")


def test_lists_are_cut_to_what_is_taken(tmp_path):
    words = ",".join(f"{index}{'w' * 60}" for index in range(30))
    body = created(tmp_path, samples.first(), tags=words, actions=words)
    assert [len(body["tags"]), len(body["actions"])] == [20, 10]
    assert {len(word) for word in body["tags"] + body["actions"]} == {50}


def test_responders(tmp_path):
    responders = [
        {"name": "ops,,dev", "type": "teams"},
        {"name": "{{ .CommonLabels.service }}", "type": "Team"},
        {"username": "{{ .CommonLabels.nobody }}", "type": "{{ .CommonLabels.nobody }}"},
    ]
    assert created(tmp_path, samples.first(), responders=responders)["responders"] == [
        {"name": "ops", "type": "team"},
        {"name": "dev", "type": "team"},
        {"name": "payments", "type": "team"},
    ]

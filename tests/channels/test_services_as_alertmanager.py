"""Where the file sets a text, a service is sent what a real Alertmanager sends it."""

import json
from datetime import UTC, datetime

import pytest

from tests.acceptance.peers import peer
from tests.channels import configured, samples
from tests.channels.services.recording import ALERTS, HERE, RECORDED, STAGES, record

RECORDED_BY_STAGE = json.loads(RECORDED.read_text(encoding="utf-8"))
BEGUN_MS = RECORDED_BY_STAGE["begun_s"] * 1_000
FINGERPRINTS = [
    alert["fingerprint"]
    for alert in RECORDED_BY_STAGE["firing"]["pagerduty-defaults"][0]["body"]["payload"][
        "custom_details"
    ]["firing"]
]


@pytest.fixture(scope="module")
def integrations():
    text = (HERE / "alertmanager.yml").read_text(encoding="utf-8")
    config = configured.read(text.replace("RECORDER", "http://recorder.example"), HERE)
    return [each.channel for each in config.receivers["all"].integrations]


def notification(stage):
    told = [
        samples.posted(
            index,
            status=stage,
            labels=alert["labels"],
            annotations=alert["annotations"],
            generator_url=alert["generatorURL"],
            starts_at_ms=BEGUN_MS + 678,
            ends_at_ms=BEGUN_MS + 679 if stage == "resolved" else 0,
            fingerprint=FINGERPRINTS[index],
        )
        for index, alert in enumerate(ALERTS)
    ]
    return samples.notification(
        *told,
        receiver="all",
        group_key='{}:{alertname="DiskFull"}',
        external_url=RECORDED_BY_STAGE["external_url"],
        reason="first notification" if stage == "firing" else "all alerts resolved",
    )


def ours(integrations, kind, index, stage):
    found = [each for each in integrations if type(each).__name__.lower() == kind]
    return found[index].render(notification(stage), BEGUN_MS + 1_000)


def theirs(receiver, stage):
    return RECORDED_BY_STAGE[stage][receiver]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("index", "name"), [(0, "defaults"), (1, "everything")])
def test_pagerduty(integrations, index, name, stage):
    [sent] = theirs(f"pagerduty-{name}", stage)
    assert ours(integrations, "pagerduty", index, stage) == sent["body"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("index", "name"), [(0, "defaults"), (1, "everything")])
def test_opsgenie(integrations, index, name, stage):
    requests = ours(integrations, "opsgenie", index, stage)
    assert [{"method": one.method, "path": one.path, "body": one.body} for one in requests] == [
        {name: each[name] for name in ("method", "path", "body")}
        for each in theirs(f"opsgenie-{name}", stage)
    ]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("index", "name"), [(0, "defaults"), (1, "everything")])
def test_discord(integrations, index, name, stage):
    [request] = ours(integrations, "discord", index, stage)
    [sent] = theirs(f"discord-{name}", stage)
    body = dict(request.body)
    body.pop("allowed_mentions")  # Alertmanager lets labels ping everyone
    assert body == sent["body"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("index", "name"), [(0, "defaults"), (1, "everything")])
def test_msteamsv2(integrations, index, name, stage):
    [sent] = theirs(f"msteamsv2-{name}", stage)
    assert ours(integrations, "msteamsv2", index, stage) == sent["body"]


@pytest.mark.parametrize("stage", STAGES)
def test_msteams_has_the_texts_of_a_message_card(integrations, stage):
    [sent] = theirs("msteams-defaults", stage)
    body = ours(integrations, "msteams", 0, stage)
    title, text = body["attachments"][0]["content"]["body"]
    assert (title["text"], text["text"], body["summary"]) == (
        sent["body"]["title"],
        sent["body"]["text"],
        sent["body"]["summary"],
    )


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("index", "name"), list(enumerate(["defaults", "everything", "markdown", "plain"]))
)
def test_telegram(integrations, index, name, stage):
    [request] = ours(integrations, "telegram", index, stage)
    [sent] = theirs(f"telegram-{name}", stage)
    assert sent["path"].lstrip("/") == f"bot1:a/{request.method}"  # Alertmanager doubles it
    body = {name: request.body[name] for name in request.body if name != "link_preview_options"}
    wanted = {name: value for name, value in sent["body"].items() if "preview" not in name}
    # Its client writes numbers and truth values as texts.
    assert {name: str(value).lower() for name, value in body.items()} == {
        name: str(value).lower() for name, value in wanted.items()
    }


def test_the_recording_is_of_every_receiver(integrations):
    assert len(integrations) == len(RECORDED_BY_STAGE["firing"]) == 13


@pytest.mark.real
def test_the_recording_is_what_a_real_alertmanager_sends():
    peer("alertmanager")
    assert _timeless(record()) == _timeless(RECORDED_BY_STAGE)


def _timeless(recorded):
    """Return a recording without the time when it was made."""
    begun = datetime.fromtimestamp(recorded["begun_s"], UTC)
    text = json.dumps({stage: recorded[stage] for stage in STAGES})
    return json.loads(text.replace(f"{begun:%Y-%m-%dT%H:%M:%S}", "BEGUN"))

"""What PagerDuty, Opsgenie, Teams, Discord and Telegram are sent for which notification."""

import pytest

from notifiers import sender
from notifiers.notification import Drop
from notifiers.pacing import pace_of
from tests.channels import configured, golden, samples
from tests.channels.configured import FAR, KINDS, STEP_MS, build, entry, notify


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def rendered(kind, base, notification):
    found = build(kind, base).render(notification, notification.now_ms + STEP_MS)
    if isinstance(found, dict):
        return found
    names = ("method", "step", "path", "message")
    return [
        {name: getattr(one, name) for name in names if getattr(one, name, "")} | {"body": one.body}
        for one in found
    ]


@pytest.mark.parametrize(
    ("name", "notification"),
    [
        ("first", lambda far: samples.first()),
        ("update", lambda far: samples.level_change({**far, "told": samples.TOLD_WARNING})),
        ("repeat", lambda far: samples.repeat({**far, "told": samples.TOLD_CRITICAL})),
        ("resolve", lambda far: samples.resolved({**far, "told": samples.TOLD_CRITICAL})),
        ("over_limits", lambda far: samples.over_every_limit()),
    ],
)
def test_golden_requests(kind, name, notification, tmp_path):
    sent = rendered(kind, tmp_path, notification(FAR.get(kind, {})))
    golden.check_json(f"{kind}/{name}.json", sent)


def test_far_sides_that_know_keys(kind, tmp_path):
    assert build(kind, tmp_path).has_key is (kind in ("pagerduty", "opsgenie", "jsm"))


def test_resolved_is_told_where_the_file_does_not_say(kind, tmp_path):
    assert build(kind, tmp_path).send_resolved_default is True


def test_a_minute_of_a_storm_is_inside_the_published_rates(kind, tmp_path):
    per_minute = {"pagerduty": 120, "discord": 30, "telegram": 20, "msteams": 240, "msteamsv2": 240}
    pace = pace_of(build(kind, tmp_path))
    assert pace.burst + 60 * pace.per_second <= per_minute.get(kind, 600)


def test_two_destinations_are_paced_apart(kind, tmp_path):
    one = build(kind, tmp_path)
    other = build(kind, tmp_path, "https://other.example")
    again = build(kind, tmp_path)
    assert one.destination == again.destination != other.destination


TEXTS = {
    "pagerduty": ("description", "client", "severity", "class", "routing_key"),
    "opsgenie": ("message", "description", "source", "note", "tags", "priority", "api_key"),
    "msteams": ("title", "text", "summary"),
    "msteamsv2": ("title", "text"),
    "discord": ("title", "message", "content"),
    "telegram": ("message",),
}


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, fields in TEXTS.items() for field in fields]
)
async def test_a_template_that_breaks_drops_and_names_its_field(kind, field, tmp_path):
    made = build(kind, tmp_path, **{field: "{{ .CommonLabels.alertname.nothing }}"})
    outcome = await notify(made, samples.first())
    await made.close()
    assert isinstance(outcome, Drop)
    assert outcome.reason == "clientError"
    assert field.removesuffix("_key") in outcome.text or "key" in field


REDEFINED = [
    ("pagerduty", "pagerduty.default.description"),
    ("pagerduty", "pagerduty.default.client"),
    ("opsgenie", "opsgenie.default.message"),
    ("opsgenie", "opsgenie.default.description"),
    ("opsgenie", "opsgenie.default.source"),
    ("msteams", "msteams.default.summary"),
    ("msteams", "msteams.default.title"),
    ("msteamsv2", "msteamsv2.default.text"),
    ("msteamsv2", "__subject"),
    ("discord", "discord.default.content"),
    ("discord", "discord.default.message"),
    ("discord", "__text_alert_list"),
    ("telegram", "telegram.default.message"),
]


@pytest.mark.parametrize(("kind", "name"), REDEFINED)
def test_a_default_that_the_file_defines_anew_is_used(kind, name, tmp_path):
    own = f'{{{{ define "{name}" }}}}mine: {{{{ len .Alerts }}}}{{{{ end }}}}'
    if name == "__text_alert_list":
        own = '{{ define "__text_alert_list" }}mine: {{ len . }}{{ end }}'
    made = configured.channel(kind, entry(kind), tmp_path, templates=own)
    assert "mine: 1" in str(made.render(samples.first(), samples.T0_MS))


@pytest.mark.parametrize("kind", ["discord", "telegram"])
@pytest.mark.parametrize(("field", "value"), [("update_message", False), ("message", "x")])
def test_with_a_text_of_its_own_each_notification_is_a_message(kind, field, value, tmp_path):
    made = build(kind, tmp_path, **{field: value})
    [request] = made.render(samples.resolved(FAR[kind]), samples.T0_MS)
    assert request.method in ("POST", "sendMessage")


@pytest.mark.parametrize("kind", ["discord", "telegram"])
def test_a_text_of_its_own_may_be_edited(kind, tmp_path):
    made = build(kind, tmp_path, message="x {{ .Status }}", update_message=True)
    first, *_ = made.render(samples.resolved(FAR[kind]), samples.T0_MS)
    assert first.method in ("PATCH", "editMessageText")


@pytest.mark.parametrize(
    ("kind", "entry", "top", "codes"),
    [
        ("pagerduty", {}, {}, ["key-missing"]),
        ("pagerduty", {"routing_key": "a", "routing_key_file": "b"}, {}, ["secret-twice"]),
        ("opsgenie", {}, {}, ["key-missing"]),
        ("opsgenie", {}, {"opsgenie_api_key": []}, ["value-type"]),
        ("opsgenie", {"api_key": "k", "responders": [{"type": "x", "name": "y"}]}, {},
         ["value-choice"]),
        ("msteams", {}, {}, ["key-missing"]),
        ("msteamsv2", {"webhook_url": "nowhere"}, {}, ["url"]),
        ("discord", {"webhook_url": "https://d.example/", "colour": "red"}, {}, ["key-unknown"]),
        ("discord", {"webhook_url": "https://d.example/", "title": "{{ nope }}"}, {},
         ["template"]),
        ("telegram", {"chat_id": 7}, {}, ["key-missing"]),
        ("telegram", {"bot_token": "1:a", "chat_id": 0}, {}, ["key-missing"]),
        ("telegram", {"chat_id": 7, "bot_token": "1:a", "parse_mode": "html"}, {},
         ["value-choice"]),
        ("telegram", {"chat_id": 7, "bot_token": "1:a", "message": "{{ define }}"}, {},
         ["template"]),
        ("discord", {"webhook_url": "https://d.example/",
                     "http_config": {"bearer_token": "a", "basic_auth": {"username": "u"}}}, {},
         ["http-auth"]),
    ],
)  # fmt: skip
def test_mistakes_of_the_file_are_findings(kind, entry, top, codes, tmp_path):
    assert configured.codes(kind, entry, tmp_path, **top) == codes


@pytest.mark.parametrize(
    ("own", "credentials"), [(None, "shared"), ({}, None), ({"bearer_token": "own"}, "own")]
)
def test_an_http_config_of_its_own_takes_the_place_of_globals(
    own, credentials, tmp_path, monkeypatch
):
    seen = []
    real = sender.http_client

    def looking(http, *rest, **more):
        seen.append((http or {}).get("bearer_token"))
        return real(http, *rest, **more)

    monkeypatch.setattr(sender, "http_client", looking)
    more = {} if own is None else {"http_config": own}
    configured.channel(
        "discord", {**entry("discord"), **more}, tmp_path, http_config={"bearer_token": "shared"}
    )
    assert [token and token.read() for token in seen] == [credentials]

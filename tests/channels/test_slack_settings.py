"""What slack_configs may say, and which of Slack's doors it means."""

import pytest

from notifiers.channels.slack import Slack
from notifiers.fields import Secret
from notifiers.notification import Global
from tests.channels.building import build, built_with, findings


@pytest.mark.parametrize(
    ("entry_", "global_", "code"),
    [
        ({"channel": "#a"}, Global(), "slack-door"),
        ({"channel": "#a", "app_token": "", "api_url": ""}, Global(), "slack-door"),
        ({"channel": "#a", "http_config": {"tls_config": {"ca_file": "/nowhere"}}},
         Global(slack_app_token=Secret("t")), "tls-file"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(entry_, global_, code):
    assert findings(Slack, entry_, global_).codes == [code]


@pytest.mark.parametrize(
    ("entry_", "code"),
    [
        ({"app_token": "t"}, "slack-channel"),
        ({"app_token": "t", "channel": ""}, "slack-channel"),
        ({"api_url": "https://slack.com/api/chat.postMessage", "channel": "#a"}, "slack-token"),
        ({"app_token": "t", "app_url": "https://h/x", "channel": "#a", "update_message": True},
         "slack-update"),
    ],
)  # fmt: skip
def test_what_alertmanager_takes_and_slack_will_not_is_warned_of(entry_, code):
    assert built_with(Slack, entry_)[1].warnings == [code]


@pytest.mark.parametrize(
    ("entry_", "global_", "url", "token"),
    [
        # One's own door, then the token of `global`, then its URL.
        ({"api_url": "https://h/hook"}, {"slack_app_token": "g"}, "https://h/hook", None),
        ({}, {"slack_app_token": "g", "slack_api_url": "https://slack.com/api/chat.postMessage"},
         "https://slack.com/api/chat.postMessage", "g"),
        ({"app_token": "own"}, {"slack_app_token": "g"}, "https://slack.com/api/chat.postMessage",
         "own"),
        ({"app_url": "http://api.fake.example/"}, {"slack_app_token": "g"},
         "http://api.fake.example/", "g"),
        # A login of one's own is not overruled by the token of `global`.
        ({"http_config": {"authorization": {"credentials": "mine"}}},
         {"slack_app_token": "g", "slack_api_url": "https://slack.com/api/chat.postMessage"},
         "https://slack.com/api/chat.postMessage", None),
    ],
)  # fmt: skip
def test_which_door_is_taken_is_alertmanagers_choice(entry_, global_, url, token):
    above = Global(**{name: Secret(text) for name, text in global_.items()})
    door = build(Slack, {"channel": "#a", **entry_}, above)._settings.door
    assert door.url.read() == url
    assert (door.token.read() if door.token else None) == token


def test_the_destination_names_the_paced_channel_and_no_secret():
    bot = build(Slack, {"app_token": "xoxb-1", "channel": "#alerts"})
    one = build(Slack, {"api_url": "https://hooks.example/services/T/B/secret"})
    other = build(Slack, {"api_url": "https://hooks.example/services/T/B/other"})
    assert bot.destination == "slack:slack.com/#alerts"
    assert "secret" not in one.destination
    assert one.destination.startswith("slack:hooks.example/")
    assert one.destination != other.destination

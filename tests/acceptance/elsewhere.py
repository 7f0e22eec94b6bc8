"""The services beside Slack, mail and webhook: one stand-in each, and what each was told.

Every team has a place of its own at each of them: they pace by place, and what ends before its
turn is told as its net state.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.routing import Mount

from engine.clock import system_clock
from tests.channels.standins import Discord, Opsgenie, PagerDuty, Service, Teams, Telegram

RECEIVERS = """\
    pagerduty_configs:
    - {{routing_key: '{number:032d}', url: '{url}/pagerduty/v2/enqueue'}}
    opsgenie_configs:
    - {{api_key: k{number}, api_url: '{url}/opsgenie/'}}
    msteamsv2_configs:
    - {{webhook_url: '{url}/teams/flow{number}'}}
    discord_configs:
    - {{webhook_url: '{url}/discord/api/webhooks/{number}/t'}}
    telegram_configs:
    - {{bot_token: '1:a', chat_id: {number}, api_url: '{url}/telegram'}}
"""
"""Entries of a receiver; `number` is its team's, from 1."""

TWICE = ("You may have seen this already", "You may get this message twice")
"""What a message says that is perhaps a repetition, or was sent while the fence did not answer
(notifiers.message)."""
PLAIN = ("msteamsv2", "discord", "telegram")
"""Those that know no key: what was perhaps sent is sent again, and says so."""


def says_so(text: str) -> bool:
    """Whether a message says that it may come twice."""
    return any(words in text for words in TWICE)


class Heard(NamedTuple):
    """What one service knows by now."""

    began: int  # messages, incidents or alerts, each once
    ended: int  # of these
    still: int  # that people see as firing
    warned: int = 0  # messages that say themselves that they may have come twice

    def all_over(self, episodes: int) -> bool:
        """Whether every episode was told from its begin to its end."""
        return self.began >= episodes and self.ended >= episodes


class Elsewhere:
    """The five services of all teams."""

    def __init__(self) -> None:
        self.pagerduty = PagerDuty(system_clock)
        self.opsgenie = Opsgenie(system_clock)
        self.teams = Teams(system_clock)
        self.discord = Discord(system_clock)
        self.telegram = Telegram(system_clock)
        self._numbers: dict[str, int] = {}

    def mounts(self) -> list[Mount]:
        """Return their HTTP faces."""
        parts: dict[str, Service] = {
            "pagerduty": self.pagerduty, "opsgenie": self.opsgenie, "teams": self.teams,
            "discord": self.discord, "telegram": self.telegram,
        }  # fmt: skip
        return [Mount(f"/{name}", part.app()) for name, part in parts.items()]

    def receivers(self, team: str, url: str) -> str:
        """Return the entries of a team's receiver; they know the team from here on."""
        number = self._numbers.setdefault(team, len(self._numbers) + 1)
        self.opsgenie.keys.add(f"k{number}")
        self.discord.webhooks[str(number)] = "t"
        self.telegram.chats.add(number)
        return RECEIVERS.format(number=number, url=url)

    def heard(self) -> dict[str, Heard]:
        """Return what each service knows by now, by the name of its channel."""
        return {
            "pagerduty": self._incidents(),
            "opsgenie": self._alerts(),
            "msteamsv2": self._cards(),
            "discord": _messages(self.discord.messages, _is_line),
            "telegram": _messages(self.telegram.messages, _is_answer),
        }

    def _incidents(self) -> Heard:
        """Count openings and closings of each incident; the same again changes nothing."""
        turns: Counter[str] = Counter()
        for events in tuple(self.pagerduty.incidents.values()):
            actions = [str(event["event_action"]) for event in tuple(events)]
            turns.update(now for was, now in zip(["", *actions], actions, strict=False)
                         if was != now)  # fmt: skip
        return Heard(turns["trigger"], turns["resolve"], len(self.pagerduty.open))

    def _alerts(self) -> Heard:
        closed, still = len(self.opsgenie.closed), len(self.opsgenie.alerts)
        return Heard(closed + still, closed, still)

    def _cards(self) -> Heard:
        # A copy at once: they come in on another thread.
        texts = [json.dumps(hit.body, sort_keys=True) for hit in tuple(self.teams.accepted)]
        ended = sum("RESOLVED" in text for text in texts)
        return Heard(len(texts) - ended, ended, 0, sum(map(says_so, texts)))

    def check(self, episodes: int) -> None:
        """Fail unless nobody missed anything, and what came twice says so."""
        heard = self.heard()
        print(" ".join(f"{name}={told.began}/{told.ended}" for name, told in heard.items()))
        for name in ("pagerduty", "opsgenie"):
            assert heard[name] == Heard(episodes, episodes, 0), (name, heard[name])
        for name in PLAIN:
            told = heard[name]
            assert told.all_over(episodes), (name, told)
            twice = told.began - episodes
            if name == "msteamsv2":
                twice += told.ended - episodes
            assert twice <= told.warned, (name, told)
        for service in (self.pagerduty, self.opsgenie, self.teams, self.discord):
            refused = len(service.hits) - len(service.accepted)
            assert not refused, (type(service).__name__, refused)


def _messages(messages: Mapping[Any, Sequence[Mapping[str, Any]]], is_more: Any) -> Heard:
    """Count messages that stand for themselves, and those that show the end by now."""
    shown = [versions for versions in tuple(messages.values()) if not is_more(versions[0])]
    ended = sum("RESOLVED" in json.dumps(versions[-1]) for versions in shown)
    warned = sum(says_so(json.dumps(versions[0])) for versions in shown)
    return Heard(len(shown), ended, len(shown) - ended, warned)


def _is_line(body: Mapping[str, Any]) -> bool:
    """Whether a message of Discord only says aloud what an edit has changed."""
    return not any("footer" in embed for embed in body["embeds"])


def _is_answer(body: Mapping[str, Any]) -> bool:
    """Whether a message of Telegram answers another one."""
    return "reply_parameters" in body

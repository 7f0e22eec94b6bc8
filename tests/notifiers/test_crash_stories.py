"""Stories of alerts, slow receivers, refusals, crashes and takeovers, and what people know after."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import faults
from notifiers.notification import Drop, Notification, Outcome, Retry, Sent
from notifiers.pacing import Pace
from tests.notifiers.bottle import Bottle, S
from tests.notifiers.world import World, alert

TEXT = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s,
        repeat_interval: 24h}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
"""

POINTS = (
    "notify.after_claim", "notify.between_send_and_answer", "notify.after_answer",
    "notify.after_confirm",
)  # fmt: skip

_rules, _names = st.sampled_from(["Cpu", "Disk"]), st.sampled_from("ab")
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("fire"), _rules, _names),
        st.tuples(st.just("end"), _rules, _names),
        st.tuples(st.just("wait"), st.integers(1, 150)),
        st.tuples(st.just("answer"), st.sampled_from(["rateLimited", "serverError", "drop"])),
        st.tuples(st.just("checkpoint")),
        st.tuples(st.just("crash"), st.sampled_from(POINTS), st.integers(1, 2)),
    ),
    min_size=4,
    max_size=30,
)


class _Dead(BaseException):
    """The process is gone."""


class _Story:
    """One far side, and processes that follow each other."""

    def __init__(self, per_second: float) -> None:
        self.bottle = Bottle(TEXT)
        self.lives = 0
        self.arrived: list[Notification] = []
        self.answers: list[str] = []
        self.fires: dict[tuple[str, str], int] = {}
        self.sequence = 0
        channel = self.bottle.channel()
        channel.pace = Pace(per_second=per_second, burst=1)  # type: ignore[misc]
        channel.notify = self._notify  # type: ignore[method-assign]
        self.kept = self.bottle.world.notifier.snapshot({})

    async def _notify(self, notification: Notification, now_ms: int) -> Outcome:
        match self.answers.pop(0) if self.answers else "":
            case "drop":
                return Drop("clientError", "400")
            case "":
                self.arrived.append(notification)
                return Sent({"id": str(len(self.arrived))}, now_ms)
            case reason:
                return Retry(reason, None, "not now")  # type: ignore[arg-type]

    def tell(self, state: Any, rule: str, name: str, started_ms: int) -> None:
        self.sequence += 1
        world = self.bottle.world
        world.now_ms = self.bottle.time.now_ms
        world.append(alert(state, self.sequence, world.now_ms, rule=rule, labels={"i": name},
                           starts_at_ms=started_ms))  # fmt: skip

    async def wait(self, seconds: int) -> None:
        await self.bottle.play(self.bottle.time.now_ms + seconds * S)

    async def crash(self, monkeypatch: pytest.MonkeyPatch, point: str, passage: int) -> None:
        """Let the process die at a passage of a point, or where it stands, and another follow."""
        bottle = self.bottle

        def end() -> None:
            # Nothing that this process still does has any effect.
            bottle.delivery._append = _never  # type: ignore[assignment]
            bottle.delivery._store = _Gone()  # type: ignore[assignment]
            raise _Dead

        monkeypatch.setattr(faults, "point", faults.arm({point: passage}, end))
        await self.wait(30)
        monkeypatch.setattr(faults, "point", lambda _: None)
        await bottle.delivery.stop()
        self.lives += 1
        world = World(bottle.world.config, now_ms=bottle.time.now_ms)
        world.notifier.restore(self.kept)
        world.log = list(bottle.world.log)
        world.notifier.apply(world.log[self.kept.next_offset :], 0)
        world.notifier.opened(self.lives + 1, fresh=False)
        self.bottle = Bottle(
            time=bottle.time, fence=bottle.fence, world=world, owner=f"life {self.lives}"
        )
        await self.bottle.delivery.recover(lambda: world.notifier.open_fences(bottle.time.now_ms))
        self.bottle.submit()  # as a worker does, before the log goes on


async def _never(*_: Any, **__: Any) -> Any:
    await asyncio.Event().wait()


class _Gone:
    claim = confirm = release = peek = staticmethod(_never)


@given(_steps, st.sampled_from([0.01, 0.05, 1.0]))
@settings(max_examples=15, deadline=None)
async def test_after_every_story_people_know_the_truth(steps: Any, per_second: float) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        story = _Story(per_second)
        for step in steps:
            await _play(story, monkeypatch, step)
        story.answers.clear()
        await story.wait(2_000)
    _judge(story, f"{per_second} {steps}")


async def _play(story: _Story, monkeypatch: pytest.MonkeyPatch, step: Any) -> None:
    now_ms = story.bottle.time.now_ms
    match step:
        case ("fire", rule, name) if (rule, name) not in story.fires:
            story.fires[rule, name] = now_ms
            story.tell("firing", rule, name, now_ms)
        case ("end", rule, name) if (rule, name) in story.fires:
            story.tell("resolved", rule, name, story.fires.pop((rule, name)))
        case ("wait", seconds):
            await story.wait(seconds)
        case ("answer", answer):
            story.answers.append(answer)
        case ("checkpoint",):
            story.kept = story.bottle.world.notifier.snapshot({})
        case ("crash", point, passage):
            await story.crash(monkeypatch, point, passage)


def _judge(story: _Story, told: str) -> None:
    heard: dict[str, set[str]] = {}
    sent: set[str] = set()
    for notification in story.arrived:
        rule = notification.group_labels["alertname"]
        heard[rule] = {a.labels["i"] for a in notification.alerts if a.status == "firing"}
        assert notification.key not in sent or notification.possibly_repeated, told
        sent.add(notification.key)
    true: dict[str, set[str]] = {}
    for rule, name in story.fires:
        true.setdefault(rule, set()).add(name)
    for rule in heard.keys() | true.keys():
        assert heard.get(rule, set()) == true.get(rule, set()), told
    notifier = story.bottle.world.notifier
    assert len(notifier._held.outbox) == 0
    # What was refused and is over stays as a letter; what fires has been told since.
    letters = [view.letter.group_key for view in notifier.dead_letters()]
    assert not [key for key in letters if any(f'"{rule}"' in key for rule in true)], told

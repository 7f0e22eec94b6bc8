"""Alertmanager's v2 JSON, as its OpenAPI file names it, from the views of this room."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from engine.alerts import SilenceMatcher
from engine.api.timestamp import to_text
from engine.api.views import AlertView, GroupView, ReceiverView, SilenceView

SilenceState = Literal["active", "pending", "expired"]


class ReceiverReference(msgspec.Struct, frozen=True):
    """Only the name of a receiver."""

    name: str


class AlertStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Whether an alert is notified, and what prevents it."""

    state: str
    silenced_by: Sequence[str]
    inhibited_by: Sequence[str]
    muted_by: Sequence[str]


class GettableAlert(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`gettableAlert`. Lists hold ten thousand: what many of them share is encoded once."""

    annotations: Mapping[str, str]
    ends_at: str
    fingerprint: str
    receivers: msgspec.Raw  # of ReceiverReference
    starts_at: str
    status: msgspec.Raw  # an AlertStatus
    updated_at: str
    generator_url: str | msgspec.UnsetType = msgspec.field(name="generatorURL")
    labels: Mapping[str, str]


class AlertGroup(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`alertGroup`."""

    alerts: list[GettableAlert]
    labels: Mapping[str, str]
    receiver: ReceiverReference
    route_labels: Mapping[str, str]


class WireMatcher(msgspec.Struct, frozen=True, rename="camel"):
    """`matcher`."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class SilenceStatus(msgspec.Struct, frozen=True):
    """`silenceStatus`."""

    state: SilenceState


class GettableSilence(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`gettableSilence`."""

    id: str
    status: SilenceStatus
    updated_at: str
    annotations: Mapping[str, str]
    comment: str
    created_by: str
    ends_at: str
    matchers: list[WireMatcher]
    starts_at: str


class Receiver(msgspec.Struct, frozen=True):
    """`receiver`."""

    name: str
    labels: Mapping[str, str]


def alert_json(view: AlertView, receivers: tuple[str, ...] | None = None) -> GettableAlert:
    """Show an alert; `receivers` where they are not all of its own."""
    return GettableAlert(
        view.annotations,
        to_text(view.ends_at_ms),
        view.fingerprint,
        _receivers(view.receivers if receivers is None else receivers),
        to_text(view.starts_at_ms),
        _status(
            "suppressed" if view.muted_by else view.state,
            view.silenced_by, view.inhibited_by, view.muted_by,
        ),
        to_text(view.updated_at_ms),
        view.generator_url or msgspec.UNSET,
        view.labels,
    )  # fmt: skip


@lru_cache(maxsize=1_024)
def _receivers(names: tuple[str, ...]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode([ReceiverReference(name) for name in names]))


@lru_cache(maxsize=1_024)
def _status(
    state: str, silenced_by: tuple[str, ...], inhibited_by: tuple[str, ...],
    muted_by: tuple[str, ...],
) -> msgspec.Raw:  # fmt: skip
    status = AlertStatus(state, silenced_by, inhibited_by, muted_by)
    return msgspec.Raw(msgspec.json.encode(status))


def group_json(
    view: GroupView, alerts: Iterable[AlertView], receivers_of: Mapping[str, tuple[str, ...]]
) -> AlertGroup:
    """Show a group with those of its alerts that were asked for, and who hears of each."""
    return AlertGroup(
        alerts=[alert_json(alert, receivers_of[alert.fingerprint]) for alert in alerts],
        labels=view.labels,
        receiver=ReceiverReference(view.receiver),
        route_labels=view.route_labels,
    )


def silence_state(view: SilenceView, now_ms: int) -> SilenceState:
    """Say whether a silence silences now."""
    if now_ms < view.starts_at_ms:
        return "pending"
    return "active" if now_ms < view.ends_at_ms else "expired"


def silence_json(view: SilenceView, now_ms: int) -> GettableSilence:
    """Show a silence as it is now."""
    return GettableSilence(
        id=view.id,
        status=SilenceStatus(silence_state(view, now_ms)),
        updated_at=to_text(view.updated_at_ms),
        annotations=view.annotations,
        comment=view.comment,
        created_by=view.created_by,
        ends_at=to_text(view.ends_at_ms),
        matchers=[_matcher_json(matcher) for matcher in view.matchers],
        starts_at=to_text(view.starts_at_ms),
    )


def _matcher_json(matcher: SilenceMatcher) -> WireMatcher:
    return WireMatcher(matcher.name, matcher.value, matcher.is_regex, matcher.is_equal)


def receiver_labels(view: ReceiverView) -> dict[str, str]:
    """Return what a receiver can be selected by: its labels, and `name`, which is always there."""
    return {**view.labels, "name": view.name}


def receiver_json(view: ReceiverView) -> Receiver:
    """Show a receiver."""
    return Receiver(view.name, receiver_labels(view))

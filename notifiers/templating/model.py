"""What templates of notifications read: Alertmanager's Data, Alert, KV and Pairs.

Names, types and order of fields are those that Alertmanager 0.34 documents and prints.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from engine.template import go
from notifiers.notification import Notification, NotifiedAlert

_META = re.compile(r"[\\.+*?()|\[\]{}^$]")


class Strings(go.TextList):
    """Names or values of labels."""

    __slots__ = ()
    go_type = "template.Strings"
    go_also = frozenset({"[]string"})
    go_methods: ClassVar[Mapping[str, go.Function]] = {
        "Join": go.Function(
            lambda run, texts, separator: go.joined(run, separator, texts), ("string",)
        ),
    }


class Pair(go.GoObject):
    """One label: its Name and its Value."""

    __slots__ = ("name", "value")
    go_type = "template.Pair"

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self.value = value

    def go_field(self, name: str) -> go.Value:
        """Return Name or Value."""
        return self.go_parts()[name]

    def go_parts(self) -> Mapping[str, go.Value]:
        """Return the fields."""
        return {"Name": self.name, "Value": self.value}

    def go_key(self) -> object:
        """Return both."""
        return self.name, self.value


class Pairs(list[Pair], go.GoObject):
    """Labels in order."""

    __slots__ = ()
    go_type = "template.Pairs"
    go_kind = "slice"
    go_also = frozenset({"[]template.Pair"})
    go_methods: ClassVar[Mapping[str, go.Function]] = {
        "Names": go.Function(lambda _run, pairs: Strings(pair.name for pair in pairs)),
        "String": go.Function(lambda _run, pairs: pairs.go_text()),
        "Values": go.Function(lambda _run, pairs: Strings(pair.value for pair in pairs)),
    }

    def go_text(self) -> str:
        """Return a=1, b=2."""
        return ", ".join(f"{pair.name}={pair.value}" for pair in self)


class KV(go.StringMap):
    """Labels or annotations. One that was never set is nil: JSON shows null."""

    __slots__ = ("is_nil",)
    go_type = "template.KV"
    go_also = frozenset({"map[string]string"})

    def __init__(self, data: Mapping[str, str] | None) -> None:
        super().__init__(data or {})
        self.is_nil = data is None

    def go_is_nil(self) -> bool:
        """Say whether it was never set."""
        return self.is_nil

    def go_text(self) -> str:
        """Return a=1, b=2, in the order of sorted_pairs."""
        return self.sorted_pairs().go_text()

    def sorted_pairs(self) -> Pairs:
        """Return the pairs by name, alertname first."""
        names = sorted(self.data, key=lambda name: (name != "alertname", name))
        return Pairs(Pair(name, self.data[name]) for name in names)

    def without(self, names: Iterable[str]) -> "KV":
        """Return a copy without some names."""
        gone = set(names)
        return KV({name: value for name, value in self.data.items() if name not in gone})


KV.go_methods = {
    "Names": go.Function(lambda _run, kv: Strings(pair.name for pair in kv.sorted_pairs())),
    "Remove": go.Function(lambda _run, kv, names: kv.without(names or ()), ("[]string",)),
    "SortedPairs": go.Function(lambda _run, kv: kv.sorted_pairs()),
    "String": go.Function(lambda _run, kv: kv.go_text()),
    "Values": go.Function(lambda _run, kv: Strings(pair.value for pair in kv.sorted_pairs())),
}


class Alert(go.GoObject):
    """One alert; `origin` is what Tocsin knows beyond Alertmanager's fields."""

    __slots__ = ("origin", "parts")
    go_type = "template.Alert"
    go_tags: ClassVar[Mapping[str, str]] = {
        **{name: name[0].lower() + name[1:] for name in
           ("Status", "Labels", "Annotations", "StartsAt", "EndsAt", "Fingerprint")},
        "GeneratorURL": "generatorURL",
    }  # fmt: skip

    def __init__(self, parts: Mapping[str, go.Value], origin: NotifiedAlert | None = None) -> None:
        self.parts = parts
        self.origin = origin

    def go_field(self, name: str) -> go.Value:
        """Return a field."""
        return self.parts[name]

    def go_parts(self) -> Mapping[str, go.Value]:
        """Return the fields, as they are declared."""
        return self.parts


class AlertList(list[Alert], go.GoObject):
    """[]template.Alert: what Firing and Resolved give."""

    __slots__ = ()
    go_type = "[]template.Alert"
    go_kind = "slice"


class Alerts(AlertList):
    """The alerts of a notification. One that was never set is nil: JSON shows null."""

    __slots__ = ("is_nil",)
    go_type = "template.Alerts"
    go_also = frozenset({"[]template.Alert"})
    go_methods: ClassVar[Mapping[str, go.Function]] = {
        "Firing": go.Function(lambda _run, alerts: alerts.of("firing")),
        "Resolved": go.Function(lambda _run, alerts: alerts.of("resolved")),
    }

    def __init__(self, alerts: Iterable[Alert] | None) -> None:
        super().__init__(alerts or ())
        self.is_nil = alerts is None

    def go_is_nil(self) -> bool:
        """Say whether it was never set."""
        return self.is_nil

    def of(self, status: str) -> AlertList:
        """Return those of a status."""
        return AlertList(alert for alert in self if alert.parts["Status"] == status)


class Data(go.GoObject):
    """What `.` is. With `is_rendered` the labels of the route are expanded already."""

    __slots__ = ("parts",)
    is_rendered: ClassVar[bool] = False
    go_type = "template.Data"
    go_tags: ClassVar[Mapping[str, str]] = {
        **{name: name[0].lower() + name[1:] for name in
           ("Receiver", "Status", "Alerts", "GroupLabels", "CommonLabels", "CommonAnnotations",
            "RouteLabels")},
        "NotificationReason": "notification_reason",
        "ExternalURL": "externalURL",
    }  # fmt: skip

    def __init__(self, parts: Mapping[str, go.Value]) -> None:
        self.parts = parts

    def go_field(self, name: str) -> go.Value:
        """Return a field."""
        return self.parts[name]

    def go_parts(self) -> Mapping[str, go.Value]:
        """Return the fields, as they are declared; Go prints one more that nobody can read."""
        return {**self.parts, "routeLabelsRendered": self.is_rendered}


class DataPointer(Data):
    """*template.Data: what a notification's templates get."""

    __slots__ = ()
    is_rendered = True
    go_type = "*template.Data"
    go_kind = "pointer"

    def go_key(self) -> object:
        """Return who it is: Go compares pointers."""
        return id(self)


def quote_meta(text: str) -> str:
    r"""Return a text as an expression that matches it: a\.b; so Alertmanager shows receivers."""
    return _META.sub(r"\\\g<0>", text)


_last: list[tuple[Notification, Data]] = []
"""The data made last: the fields of one message are expanded one after another."""


def data_of(notification: Notification) -> Data:
    """Return a notification as templates see it.

    Alerts that are resolved only as their level changed are left out: they fire on, in here.
    """
    if _last and _last[0][0] is notification:
        return _last[0][1]
    alerts = [alert for alert in notification.alerts if not alert.superseded]
    data = DataPointer({
        "Receiver": quote_meta(notification.receiver),
        "Status": notification.status,
        "Alerts": Alerts(map(_alert, alerts or notification.alerts)),
        "NotificationReason": notification.reason,
        "GroupLabels": KV(notification.group_labels),
        "CommonLabels": KV(notification.common_labels),
        "CommonAnnotations": KV(notification.common_annotations),
        "RouteLabels": KV(notification.route_labels),
        "ExternalURL": notification.external_url,
    })  # fmt: skip
    _last[:] = [(notification, data)]
    return data


def _alert(alert: NotifiedAlert) -> Alert:
    ended = alert.status == "resolved" and alert.ends_at_ms
    parts = {
        "Status": alert.status,
        "Labels": KV(alert.labels),
        "Annotations": KV(alert.annotations),
        "StartsAt": go.Time(alert.starts_at_ms * 1_000_000),
        "EndsAt": go.Time(alert.ends_at_ms * 1_000_000 if ended else go.ZERO_NS),
        "GeneratorURL": alert.generator_url,
        "Fingerprint": alert.fingerprint,
    }
    return Alert(parts, alert)

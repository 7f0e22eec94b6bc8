"""The notification configuration: an Alertmanager configuration file, read once into values.

What is not supported yet is refused by name with the way round, never ignored: a route that does
not inhibit what its author meant to inhibit is worse than a file that does not load.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml

from engine.document import (
    Finding,
    ListNode,
    MapNode,
    Node,
    Reader,
    ScalarNode,
    Span,
    load_yaml,
    ordered,
)
from notifiers.fields import HTTP_CONFIG, TLS_CONFIG, Field
from notifiers.notification import Channel, Global
from notifiers.reading import FieldReader
from notifiers.route import Route
from notifiers.routes import ROUTE_CODES, RouteReader

CONFIG_CODES: Mapping[str, str] = {
    **ROUTE_CODES,
    "receiver-duplicate": "Two receivers have one name.",
    "receiver-name": "A receiver without a name.",
    "secret-twice": "A secret is given in place and by file.",
    "template": "Go templates are not supported yet; messages are composed by Tocsin.",
    "url": "Not an http or https URL with a host.",
}
"""The codes of findings in a notification configuration; channels have more of their own."""

GLOBAL_FIELDS: Mapping[str, Field] = {
    "resolve_timeout": Field("duration", default=300_000),
    "http_config": HTTP_CONFIG,
    "slack_api_url": Field("secret_url"),
    "slack_app_url": Field("url"),
    "slack_app_token": Field("secret"),
    "smtp_from": Field(default=""),
    "smtp_hello": Field(default="localhost"),
    "smtp_smarthost": Field(default=""),
    "smtp_auth_username": Field(default=""),
    "smtp_auth_password": Field("secret"),
    "smtp_auth_secret": Field("secret"),
    "smtp_auth_identity": Field(default=""),
    "smtp_require_tls": Field("bool", default=True),
    "smtp_force_implicit_tls": Field("bool"),
    "smtp_tls_config": TLS_CONFIG,
}
_GLOBAL_LATER = (
    "discord_webhook_url", "jira_api_url", "mattermost_webhook_url", "mattermost_webhook_url_file",
    "msteams_webhook_url", "opsgenie_api_key", "opsgenie_api_key_file", "opsgenie_api_url",
    "pagerduty_url", "rocketchat_api_url", "rocketchat_token", "rocketchat_token_file",
    "rocketchat_token_id", "rocketchat_token_id_file", "telegram_api_url", "telegram_bot_token",
    "telegram_bot_token_file", "victorops_api_key", "victorops_api_key_file", "victorops_api_url",
    "webex_api_url", "wechat_api_corp_id", "wechat_api_secret", "wechat_api_secret_file",
    "wechat_api_url",
)  # fmt: skip
_CHANNELS_LATER = (
    "discord", "incidentio", "jira", "mattermost", "msteams", "msteamsv2", "opsgenie", "pagerduty",
    "pushover", "rocketchat", "sns", "telegram", "victorops", "webex", "wechat",
)  # fmt: skip
_TOP_LATER: Mapping[str, str] = {
    "inhibit_rules": "inhibition is not supported yet; until then silence by the API",
    "mute_time_intervals": "time intervals are not supported yet",
    "time_intervals": "time intervals are not supported yet",
    "templates": "Go templates are not supported yet; messages are composed by Tocsin",
    "tracing": "tracing is not supported yet",
    "silences": "silences in files are not supported yet; use the API",
}


@dataclass(frozen=True, slots=True)
class Integration:
    """One channel of a receiver, built from one entry of its `<channel>_configs`."""

    name: str  # "<channel>/<index>"
    channel: Channel
    send_resolved: bool


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who is told, in several ways at once. Without integrations: nobody."""

    name: str
    integrations: tuple[Integration, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotifierConfig:
    """A notification configuration without mistakes."""

    route: Route
    receivers: Mapping[str, Receiver]  # in the order of the file
    global_: Global = field(default_factory=Global)
    external_url: str = ""
    text: str = ""  # as YAML, secrets replaced by <secret>: GET /api/v2/status


def installed_channels() -> dict[str, type[Channel]]:
    """Return the channels that are installed, by their short names."""
    return {point.name: point.load() for point in entry_points(group="tocsin.channels")}


def load(
    text: str,
    file: str,
    *,
    external_url: str = "",
    base: Path | None = None,
    channels: Mapping[str, type[Channel]] | None = None,
) -> tuple[NotifierConfig | None, list[Finding]]:
    """Read a configuration file; None where it has an error.

    `base` is where relative secret files are looked for (default: beside the file), `channels`
    what is installed.
    """
    tree, findings = load_yaml(text, file)
    if tree is None:
        if not findings:
            remedy = "write at least `route:` with a receiver, and `receivers:`"
            findings = [Finding(file, 1, 1, 1, "key-missing", "the file is empty", remedy)]
        return None, findings
    known = installed_channels() if channels is None else channels
    loader = _Loader(file, base or Path(file).parent, known)
    loader.reader.findings.extend(findings)
    config = loader.config(tree, external_url)
    return config, ordered(loader.reader.findings)


class _Loader:
    """Reads one file."""

    def __init__(self, file: str, base: Path, channels: Mapping[str, type[Channel]]) -> None:
        self.reader = Reader(file, CONFIG_CODES)
        self._fields = FieldReader(self.reader, base)
        self._channels = channels

    def config(self, tree: Node, external_url: str) -> NotifierConfig | None:
        top = self.reader.mapping(tree, "the configuration")
        if top is None:
            return None
        names = ("global", "route", "receivers")
        # Nothing is lost where an unsupported part is empty.
        empty = tuple(entry.name for entry in top if not list(_leaves(entry.value)))
        self.reader.keys(top, "the configuration", (*names, *empty), _TOP_LATER)
        global_ = self._global(top.get("global"))
        receivers = self._receivers(top, global_)
        node = self.reader.require(
            top, "the configuration", "route", "write `route: {receiver: NAME}`"
        )
        routes = RouteReader(self.reader, dict.fromkeys(receivers))
        route = routes.root(node) if node is not None else None
        if route is None or not self.reader.clean:
            return None
        shown = yaml.safe_dump(_shown(top, self._fields.secrets), sort_keys=False)
        return NotifierConfig(route, receivers, global_, external_url.rstrip("/"), shown)

    def _global(self, node: Node | None) -> Global:
        entries = self.reader.mapping(node, "global") if node is not None else None
        later = dict.fromkeys(_GLOBAL_LATER, "this channel is not supported yet")
        empty = MapNode(Span(1, 1, 1), ())
        values: dict[str, Any] = self._fields.read(entries or empty, "global", GLOBAL_FIELDS, later)
        values["resolve_timeout_ms"] = values.pop("resolve_timeout")
        return Global(**values)

    def _receivers(self, top: MapNode, global_: Global) -> dict[str, Receiver]:
        node = self.reader.require(
            top, "the configuration", "receivers", "write `receivers: [{name: NAME}]`"
        )
        entries = self.reader.sequence(node, "receivers")
        receivers: dict[str, Receiver] = {}
        for each in entries or ():
            entry = self.reader.mapping(each, "a receiver")
            receiver = self._receiver(entry, global_) if entry is not None else None
            if receiver is None or entry is None:
                continue
            if receiver.name in receivers:
                message = f"there is another receiver {receiver.name!r}"
                at = entry.get("name") or entry
                self.reader.add(at, "receiver-duplicate", message, "rename one")
            receivers.setdefault(receiver.name, receiver)
        return receivers

    def _receiver(self, entry: MapNode, global_: Global) -> Receiver | None:
        later = {
            f"{name}_configs": f"{name} is not supported yet; use a webhook until it is"
            for name in _CHANNELS_LATER
            if name not in self._channels
        }
        known = tuple(f"{name}_configs" for name in self._channels)
        self.reader.keys(entry, "a receiver", ("name", "labels", *known), later)
        name_node = entry.get("name")
        name = name_node.text.strip() if isinstance(name_node, ScalarNode) else ""
        if not name:
            self.reader.add(name_node or entry, "receiver-name", "a receiver needs a name",
                            "write `name: oncall`")  # fmt: skip
        integrations = [
            integration
            for channel in self._channels
            for integration in self._integrations(entry, channel, global_)
        ]
        labels = self._labels(entry.get("labels"))
        return Receiver(name, tuple(integrations), labels) if name else None

    def _labels(self, node: Node | None) -> dict[str, str]:
        entries = self.reader.mapping(node, "labels") if node is not None else None
        texts = {e.name: self.reader.text(e.value, f"labels.{e.name}") for e in entries or ()}
        return {name: text for name, text in texts.items() if text is not None}

    def _integrations(self, entry: MapNode, name: str, global_: Global) -> Iterator[Integration]:
        node = entry.get(f"{name}_configs")
        if node is None or (isinstance(node, ScalarNode) and node.value is None):
            return
        for index, each in enumerate(self.reader.sequence(node, f"{name}_configs") or ()):
            built = self._integration(each, name, index, global_)
            if built is not None:
                yield built

    def _integration(
        self, node: Node, name: str, index: int, global_: Global
    ) -> Integration | None:
        kind = self._channels[name]
        where = f"{name}_configs"
        entry = self.reader.mapping(node, where)
        if entry is None:
            return None
        before = len(self.reader.findings)
        values = self._fields.read(entry, where, kind.fields, kind.refused, ("send_resolved",))
        wanted = entry.get("send_resolved")
        send = self.reader.boolean(wanted, "send_resolved") if wanted is not None else None
        sound = len(self.reader.findings) == before

        def report(field_name: str | None, code: str, message: str, help_text: str) -> None:
            at = entry.get(field_name) or entry if field_name is not None else entry
            span = at.span
            self.reader.findings.append(
                Finding(self.reader.file, span.line, span.column, span.length, code, message,
                        help_text)
            )  # fmt: skip

        channel = kind.from_config(values, global_, report) if sound else None
        self._refuse_templates(entry)
        if channel is None:
            return None
        return Integration(
            f"{name}/{index}", channel, kind.send_resolved_default if send is None else send
        )

    def _refuse_templates(self, entry: MapNode) -> None:
        """Find Go templates wherever they are; channels know only of the fields they show."""
        found = {(f.line, f.column) for f in self.reader.findings}
        for leaf in _leaves(entry):
            if "{{" in leaf.text and (leaf.span.line, leaf.span.column) not in found:
                self.reader.add(leaf, "template", "Go templates are not supported yet",
                                "write the text out, or remove the field")  # fmt: skip


def _leaves(node: Node) -> Iterator[ScalarNode]:
    """Yield all values below a node that are not null."""
    if isinstance(node, ScalarNode):
        if node.value is not None:
            yield node
    elif isinstance(node, ListNode):
        for each in node:
            yield from _leaves(each)
    else:
        for entry in node:
            yield from _leaves(entry.value)


def _shown(node: Node, secrets: set[int]) -> object:
    """Return a tree as plain values, secrets replaced."""
    if isinstance(node, ScalarNode):
        return "<secret>" if id(node) in secrets else node.value
    if isinstance(node, ListNode):
        return [_shown(each, secrets) for each in node]
    return {entry.name: _shown(entry.value, secrets) for entry in node}

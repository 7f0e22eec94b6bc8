"""Read `receivers` of a configuration file: each entry by its type, then into a channel of ours."""

from collections.abc import Iterator, Mapping

from engine.document import Finding, MapNode, Node, Reader, Severity
from notifiers import scalars
from notifiers.config.matchers import is_null, scalar_text
from notifiers.config.reading import FieldReader
from notifiers.fields import Field
from notifiers.notification import Channel, Global
from notifiers.receiver import Integration, Receiver
from notifiers.receiver_types import TYPES, ReceiverType

RECEIVER_CODES: Mapping[str, str] = {
    "receiver-duplicate": "Two receivers have one name.",
    "receiver-name": "A receiver without a name, or with a label `name` that differs from it.",
    "receiver-unsupported": "A type of receiver that Alertmanager has and Tocsin has not.",
}
_SUFFIX = "_configs"


class ReceiverReader:
    """Reads receivers; every mistake becomes a finding."""

    def __init__(
        self, fields: FieldReader, channels: Mapping[str, type[Channel]], global_: Global
    ) -> None:
        self.reader: Reader = fields.reader
        self.names: dict[str, None] = {}  # those with mistakes too: a route that names one is right
        self._fields = fields
        self._channels = channels
        self._global = global_
        # A type of ours that Alertmanager has not is read by what its channel declares.
        self._types = {**dict.fromkeys(channels), **TYPES}

    def read(self, node: Node | None) -> dict[str, Receiver]:
        """Read the list."""
        receivers: dict[str, Receiver] = {}
        if node is None or is_null(node):
            return receivers
        for each in self.reader.sequence(node, "receivers") or ():
            # Alertmanager takes a null one, which no route can name.
            entry = None if is_null(each) else self.reader.mapping(each, "a receiver")
            receiver = None if entry is None else self._receiver(entry)
            if receiver is not None:
                receivers.setdefault(receiver.name, receiver)
        return receivers

    def _receiver(self, entry: MapNode) -> Receiver | None:
        known = [f"{name}{_SUFFIX}" for name in self._types]
        self.reader.keys(entry, "a receiver", ("name", "labels", *known))
        name_node = entry.get("name")
        name = None if name_node is None else scalar_text(self.reader, name_node, "name")
        if not name:
            self.reader.add(name_node or entry, "receiver-name", "a receiver needs a name",
                            "write `name: oncall`")  # fmt: skip
        elif name in self.names:
            self.reader.add(name_node or entry, "receiver-duplicate",
                            f"there is another receiver {name!r}", "rename one")  # fmt: skip
        else:
            self.names[name] = None
        integrations = tuple(one for kind in self._types for one in self._integrations(entry, kind))
        labels = self._labels(entry.get("labels"), name or "")
        return Receiver(name, integrations, labels) if name else None

    def _labels(self, node: Node | None, name: str) -> dict[str, str]:
        """Return the labels of a receiver; `name` is always one of them."""
        entries = None
        if node is not None and not is_null(node):
            entries = self.reader.mapping(node, "labels")
        texts = {
            e.name: scalar_text(self.reader, e.value, f"labels.{e.name}") for e in entries or ()
        }
        labels = {key: text for key, text in texts.items() if text is not None}
        if node is not None and name and labels.get("name", name) != name:
            self.reader.add(node, "receiver-name", f"its label name is {labels['name']!r}",
                            f"write {name!r}, or leave the label out")  # fmt: skip
        return {**labels, "name": name}

    def _integrations(self, entry: MapNode, kind: str) -> Iterator[Integration]:
        where = f"{kind}{_SUFFIX}"
        node = entry.get(where)
        if node is None or is_null(node):
            return
        for index, each in enumerate(self.reader.sequence(node, where) or ()):
            built = self._integration(each, kind, index)
            if built is not None:
                yield built

    def _integration(self, node: Node, kind: str, index: int) -> Integration | None:
        where = f"{kind}{_SUFFIX}"
        entry = self.reader.mapping(node, where)
        if entry is None:
            return None
        type_, channel = self._types[kind], self._channels.get(kind)
        errors = self._errors()
        values = self._values(entry, where, type_, channel)
        send = self._send_resolved(entry, where)
        if channel is None:
            assert type_ is not None, f"{kind} is neither a type of Alertmanager's nor a channel"
            if self._errors() == errors:
                self.reader.add(entry, "receiver-unsupported",
                                f"Tocsin has no channel for {kind}",
                                type_.instead or "install the channel")  # fmt: skip
            return None
        if self._errors() != errors:
            return None
        built = channel.from_config(values, self._global, _Reporting(self.reader, entry))
        if built is None:
            return None
        default = channel.send_resolved_default
        given = values.get("timeout")
        timeout_ms = given if isinstance(given, int) else 0
        return Integration(f"{kind}/{index}", built, default if send is None else send, timeout_ms)

    def _errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.reader.findings)

    def _values(
        self,
        entry: MapNode,
        where: str,
        type_: ReceiverType | None,
        channel: type[Channel] | None,
    ) -> dict[str, object]:
        """Read an entry by what its channel declares, else by Alertmanager's table.

        A channel that has all of Alertmanager's fields is bound by its rules as well; one that has
        only taken the name has rules of its own.
        """
        theirs: Mapping[str, Field] = {} if type_ is None else type_.fields
        fields, refused = (theirs, {}) if channel is None else (channel.fields, channel.refused)
        missing = theirs.keys() - fields.keys()
        refused = {**dict.fromkeys(missing, "Tocsin's channel has no such field"), **refused}
        values = self._fields.read(entry, where, fields, refused, ("send_resolved",))
        if type_ is not None and not missing:
            self._fields.rules(entry, where, Field("map", rules=type_.rules))
        return values

    def _send_resolved(self, entry: MapNode, where: str) -> bool | None:
        node = entry.get("send_resolved")
        if node is None or is_null(node):
            return None
        value = scalars.boolean(node)
        return self.reader.boolean(node, f"{where}.send_resolved") if value is None else value


class _Reporting:
    """What a channel reports with: a finding at a field of its entry."""

    def __init__(self, reader: Reader, entry: MapNode) -> None:
        self._reader = reader
        self._entry = entry

    def __call__(
        self,
        name: str | None,
        code: str,
        message: str,
        help_text: str,
        severity: Severity = "error",
        /,
    ) -> None:
        at: Node = self._entry
        if name is not None:
            at = self._entry.get(name) or self._entry.get(f"{name}_file") or self._entry
        span = at.span
        self._reader.findings.append(
            Finding(self._reader.file, span.line, span.column, span.length, code, message,
                    help_text, severity)
        )  # fmt: skip

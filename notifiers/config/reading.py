"""Read an entry of the configuration by the fields that a channel declares.

What is accepted is what Alertmanager accepts: Go's YAML library knows `yes` and `0x10`, its
numbers take what fits, and null is a key that is not there.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from engine.document import ListNode, MapNode, Node, Reader, ScalarNode, Severity
from engine.template import TemplateError
from notifiers import scalars
from notifiers.fields import (
    NO_TEMPLATING,
    Field,
    Given,
    JsonTemplate,
    Kind,
    Secret,
    Templated,
    TemplatedMap,
    TemplatedSecret,
    Templating,
)
from notifiers.receiver_types import SLACK_API

FIELD_CODES: Mapping[str, str] = {
    "fields-conflict": "Two fields that exclude each other.",
    "host-port": "Not a host and a port.",
    "http-auth": "Several ways to say who we are, or one that does not fit.",
    "http-header": "A header that cannot be set here.",
    "proxy": "A proxy that is named twice, or what belongs to one without it.",
    "secret-twice": "A secret is given in place and by file.",
    "slack-update": "`update_message` with an incoming webhook: it can edit nothing.",
    "smtp-header": "A header of email that is there twice, or that threading writes.",
    "template": "A template that cannot be parsed.",
    "tls-pair": "A certificate without its key, or a key without its certificate.",
    "url": "Not an http or https URL with a host.",
}
"""The codes of findings at the fields of receivers and of `global:`."""

SEVERAL_MAX = 1_000
"""How many elements a list of an entry may have."""


class FieldReader:
    """Turns nodes into values by fields, and remembers which nodes are secrets."""

    def __init__(self, reader: Reader, base: Path, templates: Templating = NO_TEMPLATING) -> None:
        self.reader = reader
        self.secrets: set[int] = set()  # id() of nodes whose text nobody may see
        self.templates = templates
        self.global_ = Given(None)  # what rules may ask of `global:`
        self._base = base
        self._by_kind: Mapping[Kind, Callable[[Node, str, Field], object]] = {
            "string": self._string,
            "secret": lambda node, where, _: self._secret(node, where),
            "url": self._url,
            "secret_url": self._secret_url,
            "proxy_url": self._proxy_url,
            "bool": self._bool,
            "int": self._int,
            "float": self._float,
            "duration": self._duration,
            "go_duration": self._go_duration,
            "go_duration_text": self._go_duration,
            "file": self._file,
            "path": self._path,
            "host_port": self._host_port,
            "strings": self._several(self._text),
            "secrets": self._several(lambda node, where, _: self._secret(node, where)),
            "files": self._several(self._file),
            "string_map": self._keyed(self._text),
            "secrets_map": self._keyed(self._several(lambda n, w, _: self._secret(n, w))),
            "any_map": self._any_map,
            "map": self._map,
            "maps": self._several(self._map),
            "map_of_maps": self._keyed(self._map),
            "template": self._template,
            "html": self._html,
            "template_map": self._keyed(self._template),
            "templates": self._several(self._template),
            "template_url": self._template_url,
            "secret_template": self._secret_template,
            "secret_template_url": self._secret_template,
            "json_template": lambda node, _, __: self._json(node),
            "json_template_map": self._json_map,
        }

    def read(
        self,
        node: MapNode,
        where: str,
        fields: Mapping[str, Field],
        refused: Mapping[str, str],
        known: tuple[str, ...] = (),
    ) -> dict[str, object]:
        """Return the values of an entry with defaults; `known` names are read by the caller."""
        files = tuple(f"{name}_file" for name, spec in fields.items() if spec.file)
        later = {name: f"`{name}` is not supported: {way}" for name, way in refused.items()}
        self.reader.keys(node, where, (*fields, *files, *known), later)
        given = Given(node)
        values: dict[str, object] = {}
        for name, spec in fields.items():
            found = self._field(node, where, name, spec)
            if found is not None:
                values[name] = found
            elif spec.default is not None:
                values[name] = spec.default
            if (
                spec.required
                and not given.has(name)
                and not (spec.file and given.has(f"{name}_file"))
            ):
                self.reader.add(node.key(name) or node, "key-missing", f"{where} has no `{name}`",
                                f"set {name}")  # fmt: skip
        return values

    def _field(self, node: MapNode, where: str, name: str, spec: Field) -> object:
        value = node.get(name)
        file = node.get(f"{name}_file") if spec.file else None
        if file is not None and not _is_nothing(file):
            if value is not None and not _is_nothing(value):
                self._mark(value)
                if not spec.file_wins:
                    key = node.key(f"{name}_file")
                    assert key is not None, f"{name}_file has a value and no key"
                    self.reader.add(key, "secret-twice", f"{where} has {name} and {name}_file",
                                    "keep one of them")  # fmt: skip
                    return None
            path = self._joined(file, f"{where}.{name}_file")
            return None if path is None else self._held(spec, None, path)
        if value is None or _is_null(value):
            return None
        return self.value(value, f"{where}.{name}", spec)

    def value(self, node: Node, where: str, spec: Field) -> object:
        """Return what a node is by a field; None where it is wrong."""
        return self._by_kind[spec.kind](node, where, spec)

    def _held(self, spec: Field, text: str | None, path: Path | None) -> Secret:
        if spec.kind in ("secret_template", "secret_template_url"):
            return TemplatedSecret(self.templates.text, text, path)
        return Secret(text, path)

    def _mark(self, node: Node) -> None:
        self.secrets.add(id(node))

    # Texts.

    def _text(self, node: Node, where: str, spec: Field | None = None) -> str | None:
        """Return a text; "" for null in a list or mapping, as Go leaves it."""
        del spec
        if isinstance(node, ScalarNode):
            return "" if node.value is None else node.text
        return self.reader.text(node, where)

    def _string(self, node: Node, where: str, spec: Field) -> object:
        if spec.choices:
            return self.reader.choice(node, where, spec.choices)
        return self._text(node, where)

    def _secret(self, node: Node, where: str) -> Secret | None:
        self._mark(node)
        text = self._text(node, where)
        return None if text is None else Secret(text)

    def _joined(self, node: Node, where: str) -> Path | None:
        text = self._text(node, where)
        return None if text is None else self._base / text

    def _file(self, node: Node, where: str, spec: Field) -> Secret | None:
        del spec
        path = None if _is_nothing(node) else self._joined(node, where)
        return None if path is None else Secret(path=path)

    def _path(self, node: Node, where: str, spec: Field) -> str | None:
        del spec
        path = None if _is_nothing(node) else self._joined(node, where)
        return None if path is None else str(path)

    def _url(self, node: Node, where: str, spec: Field) -> str | None:
        del spec
        text = self._text(node, where)
        why = "" if text is None else scalars.url_problem(text)
        if why:
            self.reader.add(node, "url", f"{where} is no URL: {why}", "write https://host/path")
            return None
        return text

    def _secret_url(self, node: Node, where: str, spec: Field) -> object:
        secret = self._secret(node, where)
        if secret is not None and secret.read() == SLACK_API:
            self.secrets.discard(id(node))  # everybody knows it, and rules ask for it by name
        # What the API shows is read back by tools.
        hidden = isinstance(node, ScalarNode) and node.text == scalars.HIDDEN
        if secret is None or (not hidden and self._url(node, where, spec) is None):
            return None
        return secret

    def _proxy_url(self, node: Node, where: str, spec: Field) -> object:
        del spec
        secret = self._secret(node, where)
        why = "" if secret is None else scalars.proxy_problem(secret.read())
        if why:
            self.reader.add(node, "url", f"{where} is no URL: {why}", "write http://host:port")
            return None
        return secret

    def _host_port(self, node: Node, where: str, spec: Field) -> object:
        del spec
        text = self._text(node, where)
        if text and not scalars.is_host_port(text):
            self.reader.add(node, "host-port", f"{where}: {text!r} is no host and port",
                            "write host:port, an IPv6 address in brackets")  # fmt: skip
            return None
        return text

    # Numbers.

    def _bool(self, node: Node, where: str, spec: Field) -> bool | None:
        del spec
        value = scalars.boolean(node)
        return self.reader.boolean(node, where) if value is None else value

    def _int(self, node: Node, where: str, spec: Field) -> int | None:
        value = scalars.integer(node)
        if value is None or not spec.low <= value <= 2**64:
            return self.reader.integer(node, where, spec.low, 2**64)
        return value

    def _float(self, node: Node, where: str, spec: Field) -> float | None:
        del spec
        value = scalars.number(node)
        if value is None:
            self.reader.add(node, "value-type", f"{where} must be a number", "write a number here")
        return value

    def _duration(self, node: Node, where: str, spec: Field) -> int | None:
        del spec
        return self.reader.duration(node, where)

    def _go_duration(self, node: Node, where: str, spec: Field) -> int | None:
        text_only = spec.kind == "go_duration_text"
        value = scalars.go_duration_ms(node, bare=not text_only)
        if value is None:
            self.reader.add(node, "duration", f"{where} is no duration",
                            "use one like 500ms, 15s, 5m, 1h30m; days are 24h")  # fmt: skip
        return value

    # Several.

    def _several(
        self, one: Callable[[Node, str, Field], object]
    ) -> Callable[[Node, str, Field], object]:
        def read(node: Node, where: str, spec: Field) -> object:
            nodes = self.reader.sequence(node, where)
            if nodes is None:
                return None
            if len(nodes.elements) > SEVERAL_MAX:
                self.reader.add(node, "value-range", f"{where} is longer than {SEVERAL_MAX:,}",
                                "shorten the list")  # fmt: skip
                return None
            found = [one(each, where, spec) for each in nodes]
            return tuple(each for each in found if each is not None)

        return read

    def _keyed(
        self, one: Callable[[Node, str, Field], object]
    ) -> Callable[[Node, str, Field], object]:
        def read(node: Node, where: str, spec: Field) -> object:
            entries = self.reader.mapping(node, where)
            if entries is None:
                return None
            found = {e.name: one(e.value, f"{where}.{e.name}", spec) for e in entries}
            return {name: value for name, value in found.items() if value is not None}

        return read

    def _map(self, node: Node, where: str, spec: Field) -> object:
        if _is_null(node):
            return None
        if spec.or_text and isinstance(node, ScalarNode):
            return {"template": self._template(node, where, spec)}
        entries = self.reader.mapping(node, where)
        if entries is None:
            return None
        values = self.read(entries, where, spec.fields, spec.refused)
        self.rules(entries, where, spec)
        return values

    def rules(self, node: MapNode, where: str, spec: Field) -> None:
        """Find what is wrong over several fields of an entry."""
        given = Given(node)
        for rule in spec.rules:
            for name, code, message, help_text in rule(given, self.global_):
                at = node if name is None else node.key(name) or node
                self.reader.add(at, code, f"{where}: {message}", help_text)

    def _any_map(self, node: Node, where: str, spec: Field) -> object:
        del spec
        return None if self.reader.mapping(node, where) is None else scalars.plain(node)

    # Templates.

    def _parsed(
        self, node: ScalarNode, where: str, parse: Callable[[str], Templated]
    ) -> Templated | None:
        text = "" if node.value is None else node.text
        try:
            found = parse(text)
        except TemplateError as error:
            add_template_error(self.reader, node, where, error)
            return None
        # Alertmanager takes such a file and fails when it sends.
        problem = getattr(found, "problem", None)
        if problem is not None:
            add_template_error(self.reader, node, where, problem, "warning")
        return found

    def _template(self, node: Node, where: str, spec: Field) -> Templated | None:
        del spec
        scalar = node if isinstance(node, ScalarNode) else self.reader.scalar(node, where)
        return None if scalar is None else self._parsed(scalar, where, self.templates.text)

    def _html(self, node: Node, where: str, spec: Field) -> Templated | None:
        del spec
        scalar = node if isinstance(node, ScalarNode) else self.reader.scalar(node, where)
        return None if scalar is None else self._parsed(scalar, where, self.templates.html)

    def _template_url(self, node: Node, where: str, spec: Field) -> Templated | None:
        text = self._text(node, where)
        if text is None or ("{{" not in text and self._url(node, where, spec) is None):
            return None
        return self._template(node, where, spec)

    def _secret_template(self, node: Node, where: str, spec: Field) -> Secret | None:
        self._mark(node)
        text = self._text(node, where)
        if not text:
            return None
        is_url = spec.kind == "secret_template_url" and "{{" not in text
        if is_url and text != scalars.HIDDEN and self._url(node, where, spec) is None:
            return None
        if "{{" in text and self._template(node, where, spec) is None:
            return None
        return self._held(spec, text, None)

    def _json_map(self, node: Node, where: str, spec: Field) -> JsonTemplate:
        del spec
        return None if self.reader.mapping(node, where) is None else self._json(node)

    def _json(self, node: Node) -> JsonTemplate:
        if isinstance(node, ScalarNode):
            value = scalars.plain(node)
            if isinstance(value, str):
                return self._parsed(node, "this text", self.templates.text)
            assert value is None or isinstance(value, bool | int | float), f"no scalar: {value!r}"
            return value
        if isinstance(node, ListNode):
            return tuple(self._json(each) for each in node)
        keys = [(self._parsed(e.key, "this key", self.templates.text), e.value) for e in node]
        return TemplatedMap(tuple((key, self._json(v)) for key, v in keys if key is not None))


def add_template_error(
    reader: Reader,
    node: ScalarNode,
    where: str,
    error: TemplateError,
    severity: Severity = "error",
) -> None:
    """Add what is wrong with a template, at its place within the text."""
    inside = error.source == node.text and error.end > error.start
    at = node.at(error.start, error.end - error.start) if inside else node.span
    reader.add(at, "template", f"{where}: {error.message}",
               "templates are Go's, as in Alertmanager", severity=severity)  # fmt: skip


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _is_nothing(node: Node) -> bool:
    return isinstance(node, ScalarNode) and (node.value is None or node.text == "")

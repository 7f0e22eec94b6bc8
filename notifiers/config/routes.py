"""Read the route tree of a configuration file: inheritance, keys, and what is wrong with it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from engine.document import MapNode, Node, Reader, ScalarNode, did_you_mean
from engine.template import TemplateError
from notifiers import scalars
from notifiers.config.matchers import MATCHER_CODES, MatcherReader, is_null, scalar_text
from notifiers.config.reading import add_template_error
from notifiers.fields import Templating
from notifiers.route import Route, child_key

ROUTE_CODES: Mapping[str, str] = {
    **MATCHER_CODES,
    "receiver-unknown": "A route names a receiver that does not exist.",
    "interval-unknown": "A route names a time interval that does not exist.",
    "route-root": "The first route takes every alert: it needs a receiver, has no matchers and is "
    "never muted.",
    "group-by": "A label twice in group_by, or a wildcard beside labels.",
}
_KEYS = (
    "receiver", "group_by", "continue", "matchers", "match", "match_re", "group_wait",
    "group_interval", "repeat_interval", "routes", "labels", "mute_time_intervals",
    "active_time_intervals",
)  # fmt: skip


@dataclass(slots=True)
class RouteReader:
    """Reads routes; every mistake becomes a finding and reading goes on with what is left."""

    reader: Reader
    matchers: MatcherReader
    templates: Templating
    receivers: Collection[str]
    intervals: Collection[str]
    _seen: dict[str, int] = field(default_factory=dict)

    def root(self, node: Node) -> Route | None:
        """Read the tree from its root."""
        entry = self.reader.mapping(node, "route")
        if entry is None:
            return None
        if self._goes_on(entry):
            self.reader.add(entry.key("continue") or entry, "route-root",
                            "the root route cannot continue: nothing comes after it",
                            "remove `continue`")  # fmt: skip
        route = self._route(entry, Route("{}", "{}", ""), is_root=True)
        said = {
            "matchers": route.matchers,
            "mute_time_intervals": route.mute_time_intervals,
            "active_time_intervals": route.active_time_intervals,
        }
        for name in (name for name, value in said.items() if value):
            self.reader.add(entry.key(name) or entry, "route-root",
                            f"the root route takes every alert, always: no {name}",
                            "put them on a route under `routes:`")  # fmt: skip
        if not route.receiver:
            remedy = "write `receiver: NAME` for alerts that no other route takes"
            self.reader.add(entry, "route-root", "the root route needs a receiver", remedy)
        return route

    def _route(self, entry: MapNode, parent: Route, *, is_root: bool) -> Route:
        self.reader.keys(entry, "a route", _KEYS)
        matchers = self.matchers.selector(entry, "match", "match_re", "matchers")
        key = "{}" if is_root else child_key(parent.key, matchers)
        route = replace(
            self._inherited(entry, parent),
            key=key,
            id=self._id(key),
            matchers=matchers,
            goes_on=not is_root and self._goes_on(entry),
            mute_time_intervals=self._names(entry, "mute_time_intervals"),
            active_time_intervals=self._names(entry, "active_time_intervals"),
            routes=(),
        )
        children = entry.get("routes")
        if children is None or is_null(children):
            return route
        nodes = self.reader.sequence(children, "routes")
        entries = [self.reader.mapping(each, "a route") for each in nodes or ()]
        below = tuple(
            self._route(each, route, is_root=False) for each in entries if each is not None
        )
        return replace(route, routes=below)

    def _id(self, key: str) -> str:
        """Number routes with equal keys, so that adding one elsewhere renames none."""
        number = self._seen.get(key, 0)
        self._seen[key] = number + 1
        return f"{key}#{number}"

    def _inherited(self, entry: MapNode, parent: Route) -> Route:
        route = parent
        receiver = self._receiver(entry)
        if receiver:
            route = replace(route, receiver=receiver)
        group_by = entry.get("group_by")
        if group_by is not None and not is_null(group_by):
            labels, everything = self._group_by(group_by)
            route = replace(route, group_by=labels, group_by_all=everything)
        labels_node = entry.get("labels")
        if labels_node is not None and not is_null(labels_node):
            route = replace(route, labels={**parent.labels, **self._labels(labels_node)})
        waits = {
            "group_wait_ms": self._duration(entry, "group_wait", 0),
            "group_interval_ms": self._duration(entry, "group_interval", 1),
            "repeat_interval_ms": self._duration(entry, "repeat_interval", 1),
        }
        return replace(route, **{k: v for k, v in waits.items() if v is not None})  # type: ignore[arg-type]

    def _duration(self, entry: MapNode, name: str, low_ms: int) -> int | None:
        node = entry.get(name)
        return None if node is None or is_null(node) else self.reader.duration(node, name, low_ms)

    def _goes_on(self, entry: MapNode) -> bool:
        node = entry.get("continue")
        if node is None or is_null(node):
            return False
        value = scalars.boolean(node)
        return bool(self.reader.boolean(node, "continue") if value is None else value)

    def _receiver(self, entry: MapNode) -> str | None:
        node = entry.get("receiver")
        name = None if node is None else scalar_text(self.reader, node, "receiver")
        if node is not None and name and name not in self.receivers:
            self._unknown(node, "receiver-unknown", "receiver", name, self.receivers)
        return name

    def _unknown(self, node: Node, code: str, what: str, name: str, known: Collection[str]) -> None:
        near = did_you_mean(name, known)
        listed = ", ".join(sorted(known)) or "there are none"
        help_text = f"did you mean {near}?" if near else f"{what}s: {listed}"
        self.reader.add(node, code, f"there is no {what} {name!r}", help_text)

    def _names(self, entry: MapNode, where: str) -> tuple[str, ...]:
        node = entry.get(where)
        if node is None or is_null(node):
            return ()
        names: list[str] = []
        for each in self.reader.sequence(node, where) or ():
            name = scalar_text(self.reader, each, where)
            if name is not None and name not in self.intervals:
                self._unknown(each, "interval-unknown", "time interval", name, self.intervals)
            elif name is not None:
                names.append(name)
        return tuple(names)

    def _group_by(self, node: Node) -> tuple[frozenset[str], bool]:
        names: list[str] = []
        for each in self.reader.sequence(node, "group_by") or ():
            name = scalar_text(self.reader, each, "a label in group_by")
            if name is None:
                continue
            if name in names and name != "...":
                self.reader.add(each, "group-by", f"label {name!r} is in group_by twice",
                                "remove one")  # fmt: skip
            elif name != "...":
                self.matchers.label_name(each, name, "group_by")
            names.append(name)
        if "..." in names and set(names) != {"..."}:
            self.reader.add(node, "group-by", "'...' groups by every label: no others beside it",
                            "write group_by: ['...']")  # fmt: skip
        return frozenset(names) - {"..."}, "..." in names

    def _labels(self, node: Node) -> dict[str, str]:
        """Return the labels of a route as they are written; a group expands them later."""
        labels: dict[str, str] = {}
        for entry in self.reader.mapping(node, "labels") or ():
            text = scalar_text(self.reader, entry.value, f"labels.{entry.name}")
            name = "" if is_null(entry.key) else entry.name
            if text is None or not self.matchers.label_name(entry.key, name, "labels"):
                continue
            labels[entry.name] = text
            try:
                self.templates.text(text)
            except TemplateError as error:
                if isinstance(entry.value, ScalarNode):
                    add_template_error(self.reader, entry.value, f"labels.{entry.name}", error)
        return labels

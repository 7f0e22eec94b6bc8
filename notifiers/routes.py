"""Read the route tree of a configuration file: inheritance, keys, and what is wrong with it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from engine.document import ListNode, MapNode, Node, Reader, ScalarNode, did_you_mean
from engine.series import Matcher, MatcherTextError, Selector, compiled, parse_matchers
from notifiers.route import Route, child_key

ROUTE_CODES: Mapping[str, str] = {
    "receiver-unknown": "A route names a receiver that does not exist.",
    "route-root": "The first route takes every alert: it needs a receiver and has no matchers.",
    "group-by": "A label twice in group_by, or a wildcard beside labels.",
    "label-name": "Not a label name.",
    "matcher": "A matcher that cannot be read.",
}
_KEYS = (
    "receiver", "group_by", "continue", "matchers", "match", "match_re", "group_wait",
    "group_interval", "repeat_interval", "routes", "labels",
)  # fmt: skip
_LATER: Mapping[str, str] = {
    "mute_time_intervals": "time intervals are not supported yet",
    "active_time_intervals": "time intervals are not supported yet",
}
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
DEPTH_MAX = 32


@dataclass(slots=True)
class RouteReader:
    """Reads routes; every mistake becomes a finding and reading goes on with what is left."""

    reader: Reader
    receivers: Collection[str]
    _seen: dict[str, int] = field(default_factory=dict)

    def root(self, node: Node) -> Route | None:
        """Read the tree from its root."""
        entry = self.reader.mapping(node, "route")
        if entry is None:
            return None
        for name in ("match", "match_re", "matchers"):
            value = entry.get(name)
            if value is not None and not _is_empty(value):
                self.reader.add(entry.key(name) or entry, "route-root",
                                "the root route takes every alert and has no matchers",
                                "put them on a route under `routes:`")  # fmt: skip
        goes_on = entry.get("continue")
        if goes_on is not None and self.reader.boolean(goes_on, "continue"):
            self.reader.add(entry.key("continue") or entry, "route-root",
                            "the root route cannot continue: nothing comes after it",
                            "remove `continue`")  # fmt: skip
        if entry.get("receiver") is None:
            remedy = "write `receiver: NAME` for alerts that no other route takes"
            self.reader.add(entry, "route-root", "the root route needs a receiver", remedy)
        return self._route(entry, Route("{}", "{}", ""), is_root=True, depth=0)

    def _route(self, entry: MapNode, parent: Route, *, is_root: bool, depth: int) -> Route:
        empty = tuple(e.name for e in entry if e.name in _LATER and _is_empty(e.value))
        self.reader.keys(entry, "a route", (*_KEYS, *empty), _LATER)
        matchers = () if is_root else self._matchers(entry)
        key = "{}" if is_root else child_key(parent.key, matchers)
        route = replace(
            self._inherited(entry, parent),
            key=key,
            id=self._id(key),
            matchers=matchers,
            goes_on=not is_root and self._goes_on(entry),
            routes=(),
        )
        children = entry.get("routes")
        if children is None or _is_empty(children):
            return route
        if depth >= DEPTH_MAX:
            self.reader.add(children, "value-range", f"routes are nested deeper than {DEPTH_MAX}",
                            "flatten them")  # fmt: skip
            return route
        nodes = self.reader.sequence(children, "routes")
        entries = [self.reader.mapping(each, "a route") for each in nodes or ()]
        below = tuple(
            self._route(each, route, is_root=False, depth=depth + 1)
            for each in entries
            if each is not None
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
        if group_by is not None and not _is_null(group_by):
            labels, everything = self._group_by(group_by)
            route = replace(route, group_by=labels, group_by_all=everything)
        labels_node = entry.get("labels")
        if labels_node is not None:
            route = replace(route, labels={**parent.labels, **self._labels(labels_node)})
        waits = {
            "group_wait_ms": self._duration(entry, "group_wait", 0),
            "group_interval_ms": self._duration(entry, "group_interval", 1),
            "repeat_interval_ms": self._duration(entry, "repeat_interval", 1),
        }
        return replace(route, **{k: v for k, v in waits.items() if v is not None})  # type: ignore[arg-type]

    def _duration(self, entry: MapNode, name: str, low_ms: int) -> int | None:
        node = entry.get(name)
        return None if node is None else self.reader.duration(node, name, low_ms)

    def _goes_on(self, entry: MapNode) -> bool:
        node = entry.get("continue")
        return node is not None and bool(self.reader.boolean(node, "continue"))

    def _receiver(self, entry: MapNode) -> str | None:
        node = entry.get("receiver")
        if node is None or _is_null(node):
            return None
        name = self.reader.text(node, "receiver")
        if name is not None and name not in self.receivers:
            near = did_you_mean(name, self.receivers)
            listed = ", ".join(self.receivers) or "there are none"
            help_text = f"did you mean {near}?" if near else f"receivers: {listed}"
            self.reader.add(node, "receiver-unknown", f"there is no receiver {name!r}", help_text)
        return name

    def _group_by(self, node: Node) -> tuple[frozenset[str], bool]:
        names: list[str] = []
        for each in self.reader.sequence(node, "group_by") or ():
            name = self.reader.text(each, "a label in group_by")
            if name is None:
                continue
            if name in names:
                self.reader.add(each, "group-by", f"label {name!r} is in group_by twice",
                                "remove one")  # fmt: skip
            elif name != "..." and not _is_label_name(name):
                self.reader.add(each, "label-name", f"{name!r} is no label name",
                                "labels begin with a letter or _")  # fmt: skip
            names.append(name)
        if "..." in names and len(names) > 1:
            self.reader.add(node, "group-by", "'...' groups by every label: no others beside it",
                            "write group_by: ['...']")  # fmt: skip
        return frozenset(names) - {"..."}, "..." in names

    def _labels(self, node: Node) -> dict[str, str]:
        labels: dict[str, str] = {}
        for entry in self.reader.mapping(node, "labels") or ():
            text = self.reader.text(entry.value, f"labels.{entry.name}")
            if text is not None and "{{" in text:
                self.reader.add(entry.value, "template", "Go templates are not supported yet",
                                "write the text out")  # fmt: skip
            elif text is not None:
                labels[entry.name] = text
        return labels

    def _matchers(self, entry: MapNode) -> Selector:
        matchers = [Matcher(name, "=", value.text) for name, value in self._pairs(entry, "match")]
        for name, value in self._pairs(entry, "match_re"):
            if _is_null(value):
                self.reader.add(value, "matcher", f"match_re.{name} has no pattern",
                                "write a regular expression")  # fmt: skip
                continue
            try:
                compiled(value.text)
            except (re.error, OverflowError, RecursionError) as error:
                self.reader.add(value, "matcher", f"{value.text!r} is no pattern: {error}",
                                "write a regular expression")  # fmt: skip
                continue
            # Anchored in its text too, as Alertmanager shows it in group keys.
            matchers.append(Matcher(name, "=~", f"^(?:{value.text})$"))
        node = entry.get("matchers")
        texts = self._texts(node) if node is not None and not _is_null(node) else []
        for text in texts:
            try:
                matchers.extend(parse_matchers(text.text))
            except MatcherTextError as error:
                self.reader.add(text, "matcher", f"this is no matcher: {error}",
                                'write one like severity="critical"')  # fmt: skip
        return tuple(matchers)

    def _texts(self, node: Node) -> list[ScalarNode]:
        # A single text is taken as a list of one (Alertmanager does too).
        nodes = [node] if isinstance(node, ScalarNode) else self.reader.sequence(node, "matchers")
        found = [self.reader.scalar(each, "a matcher") for each in nodes or ()]
        return [each for each in found if each is not None]

    def _pairs(self, entry: MapNode, name: str) -> list[tuple[str, ScalarNode]]:
        node = entry.get(name)
        if node is None or _is_null(node):
            return []
        pairs: list[tuple[str, ScalarNode]] = []
        for each in self.reader.mapping(node, name) or ():
            if not _is_label_name(each.name):
                self.reader.add(each.key, "label-name", f"{each.name!r} is no label name",
                                "labels begin with a letter or _")  # fmt: skip
            elif isinstance(each.value, ScalarNode):
                pairs.append((each.name, each.value))
            else:
                self.reader.text(each.value, f"{name}.{each.name}")
        return pairs


def _is_label_name(name: str) -> bool:
    """Accept what Prometheus accepts today; "-invalid-" and blanks are typing mistakes."""
    if name.isascii():
        return _LABEL_NAME.fullmatch(name) is not None
    return bool(name) and name.isprintable() and not any(letter.isspace() for letter in name)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _is_empty(node: Node) -> bool:
    if isinstance(node, MapNode):
        return not node.entries
    return not node.elements if isinstance(node, ListNode) else node.value is None

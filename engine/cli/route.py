"""`tocsin route test|show`: who gets an alert, in which group, when, and what keeps it quiet."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.client import Subparsers
from engine.clock import system_clock
from engine.document import failed, format_duration, ordered, render

if TYPE_CHECKING:
    from engine.cli.notifications import Read
    from notifiers import NotifierConfig
    from notifiers.route import Route


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb and its actions."""
    text = "Show the routing tree, or what becomes of an alert with some labels. Nothing is sent."
    parser = subparsers.add_parser("route", help=text, description=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    test = actions.add_parser(
        "test",
        help="route, receivers, group, timers and mutes of an alert",
        description="Say what becomes of an alert with these labels: LABEL=VALUE …",
    )
    test.add_argument("words", nargs="*", metavar="LABEL=VALUE")
    test.add_argument("--labels", nargs="+", default=[], metavar="LABEL=VALUE", help="the same")
    test.add_argument("--at", metavar="TIME",
                      help="when, for time intervals: RFC 3339 (default: now)")  # fmt: skip
    test.add_argument("--tree", action="store_true", help="also show the routes on the way")
    test.add_argument("--verify", metavar="RECEIVER,…",
                      help="exit 1 unless these receivers get it, in this order")  # fmt: skip
    test.add_argument("--output", choices=("text", "names", "json"), default="text",
                      help="names: the receivers alone, as amtool has them")  # fmt: skip
    show = actions.add_parser("show", help="show the routing tree")
    for one in (test, show):
        one.add_argument("--config", default="tocsin.yaml", metavar="FILE",
                         help="a notifications file, or a tocsin.yaml that names one")  # fmt: skip
        one.add_argument("--matchers", choices=("fallback", "classic", "utf8"), default="fallback",
                         help="how matchers are read where no tocsin.yaml says it")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load the file, answer, and return the exit code."""
    from engine.cli.notifications import read

    path = Path(args.config)
    try:
        found = read(path, args.matchers)
    except OSError as error:
        print(f"tocsin route: {path}: {error.strerror}", file=sys.stderr)
        return 2
    if found.config is None:
        print(render(ordered(found.findings), found.texts), file=sys.stderr)
        assert failed(found.findings), "no configuration and nothing wrong"
        return 1
    if args.action == "show":
        print("Routing tree:")
        print("\n".join(tree(found.config.route)))
        return 0
    return _test(args, found, found.config)


def _test(args: argparse.Namespace, found: "Read", config: "NotifierConfig") -> int:
    from engine.series import MatcherTextError, parse_matcher

    labels: dict[str, str] = {}
    try:
        for word in (*args.words, *args.labels):
            matcher = parse_matcher(word, found.mode)
            if matcher.operator != "=":
                raise MatcherTextError(f"{word}: labels are written LABEL=VALUE")
            labels[matcher.name] = matcher.value
        at_ms = system_clock() if args.at is None else _time_ms(args.at)
    except ValueError as error:
        print(f"tocsin route test: {error}", file=sys.stderr)
        return 2
    routes = config.route.match(labels)
    told = [answer(config, route, labels, at_ms) for route in routes]
    names = ",".join(route.receiver for route in routes)
    if args.output == "json":
        whole = {"labels": labels, "routes": told, "inhibited_by": inhibitors(config, labels)}
        print(json.dumps(whole, indent=2, ensure_ascii=False))
    elif args.output == "names":
        print(names)
    else:
        _print(config, labels, told, args.tree)
    if args.verify is not None and args.verify != names:
        print(f"expected {args.verify}, got {names}", file=sys.stderr)
        return 1
    return 0


def _time_ms(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"--at: {text!r} is no time: write one like 2026-03-01T12:00:00Z"
        ) from None
    if at.tzinfo is None:
        raise ValueError(f"--at: {text!r} has no time zone: add Z, or +02:00")
    return round(at.timestamp() * 1_000)


def answer(
    config: "NotifierConfig", route: "Route", labels: Mapping[str, str], at_ms: int
) -> dict[str, Any]:
    """Return what one route does with an alert, as JSON has it; times in milliseconds."""
    from notifiers.time_intervals import muting

    active, mute = route.active_time_intervals, route.mute_time_intervals
    group = route.group_labels(labels)
    return {
        "route": route.key,
        "receiver": route.receiver,
        "integrations": [one.name for one in config.receivers[route.receiver].integrations],
        "group_labels": group,
        "group_key": route.group_key(group),
        "group_wait_ms": route.group_wait_ms,
        "group_interval_ms": route.group_interval_ms,
        "repeat_interval_ms": route.repeat_interval_ms,
        "route_labels": dict(route.labels),
        "mute_time_intervals": list(mute),
        "active_time_intervals": list(active),
        "muted_by": list(muting(active, mute, config.time_intervals, at_ms)),
        "continue": route.goes_on,
    }


def inhibitors(config: "NotifierConfig", labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the inhibition rules that take an alert as a target: what would mute it."""
    from engine.series import selects
    from notifiers.route import format_matchers

    return [
        {
            "rule": rule.name,
            "source": format_matchers(rule.source),
            "equal": {name: labels.get(name, "") for name in sorted(rule.equal)},
        }
        for rule in config.inhibit_rules
        if selects(rule.target, labels)
    ]


def _print(
    config: "NotifierConfig",
    labels: Mapping[str, str],
    told: Sequence[Mapping[str, Any]],
    with_tree: bool,
) -> None:
    from notifiers.route import format_labels

    if with_tree:
        print("Matching routes:")
        print("\n".join(matching_tree(config.route, labels)))
        print()
    for one in told:
        rows = {
            "receiver": f"{one['receiver']} ({', '.join(one['integrations']) or 'tells nobody'})",
            "route": one["route"],
            "group": f"{one['group_key']}"
            if one["group_labels"]
            else f"{one['group_key']} (all in one)",
            "timers": ", ".join(
                f"{word} {format_duration(one[f'{name}_ms'])}"
                for word, name in (
                    ("wait", "group_wait"),
                    ("interval", "group_interval"),
                    ("repeat", "repeat_interval"),
                )
            ),
            "labels": format_labels(one["route_labels"]) if one["route_labels"] else "",
            "muted": _muted(one),
        }
        print("\n".join(f"{name:<9} {text}" for name, text in rows.items() if text))
        print()
    for rule in inhibitors(config, labels):
        name = f"{rule['rule']}: " if rule["rule"] else ""
        equal = f", if it has {format_labels(rule['equal'])}" if rule["equal"] else ""
        print(f"inhibited {name}while an alert fires that has {rule['source']}{equal}")
    print(",".join(one["receiver"] for one in told))


def _muted(one: Mapping[str, Any]) -> str:
    if one["muted_by"]:
        names = ", ".join(one["muted_by"])
        outside = one["muted_by"] == one["active_time_intervals"]
        return f"yes, outside of {names}" if outside else f"yes, by {names}"
    if one["mute_time_intervals"] or one["active_time_intervals"]:
        return "not at this time"
    return ""


def tree(route: "Route") -> Iterator[str]:
    """Yield the lines of a routing tree."""
    yield "."
    yield from _branch(route, "", True, lambda one: (_slug(one, True), one.routes))


def matching_tree(route: "Route", labels: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the routes on the way of an alert; those that take it say to whom."""

    def below(one: "Route") -> tuple[str, Sequence["Route"]]:
        taken = []
        for child in one.routes:
            if child.match(labels):
                taken.append(child)
                if not child.goes_on:
                    break
        return _slug(one, False) if taken else f"{_words(one)}  receiver: {one.receiver}", taken

    yield "."
    yield from _branch(route, "", True, below)


def _branch(route: "Route", before: str, is_last: bool, below: Any) -> Iterator[str]:
    slug, children = below(route)
    yield f"{before}{'└── ' if is_last else '├── '}{slug}"
    inner = before + ("    " if is_last else "│   ")
    for number, child in enumerate(children):
        yield from _branch(child, inner, number == len(children) - 1, below)


def _words(route: "Route") -> str:
    from notifiers.route import format_matchers

    return format_matchers(route.matchers) if route.matchers else "default-route"


def _slug(route: "Route", whole: bool) -> str:
    goes_on = "  continue: true" if whole and route.goes_on else ""
    return f"{_words(route)}{goes_on}" + (f"  receiver: {route.receiver}" if whole else "")

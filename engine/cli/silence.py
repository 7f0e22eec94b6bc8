"""`tocsin silence add|preview|query|expire`: keep alerts quiet for a while."""

import argparse
import getpass
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.cli.client import (
    ApiError,
    Subparsers,
    add_options,
    ask,
    filters,
    note,
    plain,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from engine.series import Selector

_NAMES_SHOWN = 10
_TIME = "RFC 3339, e.g. 2026-03-01T12:00:00Z"


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb and its actions."""
    text = "Add, preview, query and expire silences."
    parser = subparsers.add_parser("silence", help=text, description=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_add(actions)
    preview = actions.add_parser("preview", help="show what a silence would mute now")
    preview.add_argument("matchers", nargs="+", metavar="MATCHER")
    add_options(preview)
    query = actions.add_parser("query", help="list silences that are active or to come")
    query.add_argument("matchers", nargs="*", metavar="MATCHER", help="that the silence has")
    query.add_argument("--expired", action="store_true", help="list those that have ended")
    add_options(query)
    expire = actions.add_parser("expire", help="end silences now")
    expire.add_argument("ids", nargs="+", metavar="ID")
    add_options(expire)


def _add_add(actions: Subparsers) -> None:
    add = actions.add_parser(
        "add",
        help="keep alerts quiet that have all these labels",
        description="Keep alerts quiet that match all of: NAME=VALUE, !=, =~ or !~. "
        "A first word without any of these is an alert name.",
    )
    add.add_argument("matchers", nargs="+", metavar="MATCHER")
    add.add_argument("--comment", required=True, help="why")
    add.add_argument("--author", default=_user(), help="who (default: your user name)")
    add.add_argument("--duration", default="1h", help="for how long, e.g. 30m (default 1h)")
    add.add_argument("--start", help=f"when it begins, {_TIME} (default: now)")
    add.add_argument("--end", help=f"when it ends, {_TIME} (instead of --duration)")
    add.add_argument("--force", action="store_true", help="even if it mutes every alert or nearly")
    add_options(add)


def run(args: argparse.Namespace) -> int:
    """Do one action and return the exit code."""
    match args.action:
        case "add":
            return _add(args)
        case "preview":
            return _preview(args)
        case "query":
            return _query(args)
        case _:
            return _expire(args)


def _add(args: argparse.Namespace) -> int:
    selector = _selector(args)
    _refuse_everything(selector, args.force)
    starts_at, ends_at = _times(args)
    body = {
        "matchers": _postable(selector),
        "startsAt": starts_at,
        "endsAt": ends_at,
        "createdBy": args.author,
        "comment": args.comment,
    }
    made = ask(args, "POST", "/api/v2/silences", body=body)
    if args.output == "json":
        print_json(made)
    else:
        print(made["silenceID"])
        note(f"until {ends_at}; to end it: tocsin silence expire {made['silenceID']}")
    return 0


def _selector(args: argparse.Namespace) -> "Selector":
    from engine.api import parse_matcher  # slow to import

    return tuple(parse_matcher(text) for text in filters(args.matchers))


def _postable(selector: "Selector") -> list[dict[str, Any]]:
    return [
        {
            "name": matcher.name,
            "value": matcher.value,
            "isRegex": matcher.operator in ("=~", "!~"),
            "isEqual": matcher.operator in ("=", "=~"),
        }
        for matcher in selector
    ]


def _refuse_everything(selector: "Selector", force: bool) -> None:
    from engine.series import breadth, names_nothing  # slow to import

    what = breadth(selector)
    # What names nothing at all is refused by the worker, whoever insists.
    if what and not force and not names_nothing(selector):
        raise ApiError(f"this would mute {what}; if that is what you want, add --force")


def _preview(args: argparse.Namespace) -> int:
    body = {"matchers": _postable(_selector(args))}
    found = ask(args, "POST", "/api/v1/silences/preview", body=body)
    if args.output == "json":
        print_json(found["data"])
        return 0
    for line in _told(found["data"]):
        note(line)
    if found["data"]["shown"]:
        print_table(
            ("ALERT", "SINCE", "RECEIVERS", "QUIET ALREADY", "LABELS"),
            (_row(alert) for alert in found["data"]["shown"]),
        )
    return 0


def _told(data: dict[str, Any]) -> Iterator[str]:
    """Say in words what a silence would mute."""
    if data["warning"]:
        yield f"warning: {data['warning']}"
    names, receivers, rules = data["alertnames"], data["receivers"], data["rules"]
    alerts = f"{data['alerts']} alert{'s' * (data['alerts'] != 1)}"
    quiet = f", {data['alreadySilenced']} of them silenced already" * bool(data["alreadySilenced"])
    yield f"it would mute {alerts} now{quiet}" + (
        f": {_listed(names)} (for {_listed(receivers)})" if data["alerts"] else ""
    )
    if data["pending"]:
        yield f"{data['pending']} more would be muted once they fire"
    yield f"{rules['number']} of {rules['of']} rules could raise such alerts"
    if data["alerts"] > len(data["shown"]):
        yield f"shown are the first {len(data['shown'])}"


def _listed(found: dict[str, Any]) -> str:
    names = found["names"][:_NAMES_SHOWN]
    more = found["number"] - len(names)
    return ", ".join(plain(name) for name in names) + (f" and {more} more" if more else "")


def _row(alert: dict[str, Any]) -> tuple[str, ...]:
    labels = dict(alert["labels"])
    name = labels.pop("alertname", "")
    return (
        name,
        alert["startsAt"],
        ", ".join(alert["receivers"]),
        "yes" if alert["silencedBy"] else "",
        " ".join(f"{key}={json.dumps(labels[key], ensure_ascii=False)}" for key in sorted(labels)),
    )


def _times(args: argparse.Namespace) -> tuple[str, str]:
    from engine.api import format_time, parse_time  # slow to import
    from engine.clock import system_clock
    from engine.document import parse_duration

    try:
        starts_ms = parse_time(args.start) if args.start else system_clock()
        if args.end:
            ends_ms = parse_time(args.end)
        else:
            duration_ms = parse_duration(args.duration)
            ends_ms = starts_ms + (duration_ms or 0)
    except ValueError as error:
        raise ApiError(str(error)) from error
    if ends_ms <= starts_ms:
        raise ApiError("the silence would end before it begins: give --duration 30m, or --end")
    return format_time(starts_ms), format_time(ends_ms)


def _query(args: argparse.Namespace) -> int:
    params: dict[str, Any] = {
        "filter": filters(args.matchers),
        "expired": str(args.expired).lower(),
        "active": str(not args.expired).lower(),
        "pending": str(not args.expired).lower(),
    }
    found = ask(args, "GET", "/api/v2/silences", params=params)
    if args.output == "json":
        print_json(found)
        return 0
    print_table(
        ("ID", "STATE", "MATCHERS", "ENDS AT", "CREATED BY", "COMMENT"),
        (
            (
                silence["id"],
                silence["status"]["state"],
                " ".join(_matcher(matcher) for matcher in silence["matchers"]),
                silence["endsAt"],
                silence["createdBy"],
                silence["comment"],
            )
            for silence in found
        ),
    )
    return 0


def _expire(args: argparse.Namespace) -> int:
    for silence_id in args.ids:
        ask(args, "DELETE", f"/api/v2/silence/{silence_id}")
    if args.output == "json":
        print_json({"expired": args.ids})
    return 0


def _matcher(matcher: dict[str, Any]) -> str:
    equal = matcher.get("isEqual", True)
    sign = "~" if matcher["isRegex"] else ("=" if not equal else "")
    operator = ("=" if equal else "!") + sign
    return f"{matcher['name']}{operator}{json.dumps(matcher['value'], ensure_ascii=False)}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this uid, as in many containers
        return ""

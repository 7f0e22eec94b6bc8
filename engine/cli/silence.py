"""`tocsin silence add|query|expire`: keep alerts quiet for a while."""

import argparse
import getpass
import json
from typing import Any

from engine.cli.client import (
    ApiError,
    Subparsers,
    add_options,
    ask,
    filters,
    note,
    print_json,
    print_table,
)

_TIME = "RFC 3339, e.g. 2026-03-01T12:00:00Z"


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb and its actions."""
    text = "Add, query and expire silences."
    parser = subparsers.add_parser("silence", help=text, description=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_add(actions)
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
    add_options(add)


def run(args: argparse.Namespace) -> int:
    """Do one action and return the exit code."""
    match args.action:
        case "add":
            return _add(args)
        case "query":
            return _query(args)
        case _:
            return _expire(args)


def _add(args: argparse.Namespace) -> int:
    from engine.api import parse_matcher  # slow to import

    matchers = [parse_matcher(text) for text in filters(args.matchers)]
    starts_at, ends_at = _times(args)
    body = {
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": matcher.operator in ("=~", "!~"),
                "isEqual": matcher.operator in ("=", "=~"),
            }
            for matcher in matchers
        ],
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

"""`tocsin delivery list|retry`: what could not be delivered, and sending it again."""

import argparse
from typing import Any

from engine.cli.client import ApiError, Subparsers, add_options, ask, note, print_json, print_table

PATH = "/api/v1/deliveries"


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb and its actions."""
    text = "Show notifications that were given up, and send them again."
    parser = subparsers.add_parser("delivery", help=text, description=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="list what was given up, and destinations in trouble",
        description="List what was given up and nobody has been told of since, and destinations "
        "that do not take notifications at the moment.",
    )
    listing.add_argument("--destinations", action="store_true", help="all destinations")
    add_options(listing)
    retry = actions.add_parser(
        "retry",
        help="send again what was given up",
        description="Ask the groups of dead letters again what there is to tell, now. What is over "
        "is not sent; the answer says so. Exit code 1 where an ID is unknown.",
    )
    retry.add_argument("ids", nargs="*", metavar="ID", help="of `tocsin delivery list`")
    retry.add_argument("--all", action="store_true", help="all of them")
    add_options(retry)


def run(args: argparse.Namespace) -> int:
    """Do one action and return the exit code."""
    return _list(args) if args.action == "list" else _retry(args)


def _list(args: argparse.Namespace) -> int:
    data = ask(args, "GET", PATH)["data"]
    if args.output == "json":
        print_json(data)
        return 0
    if data["deadLetters"]:
        print_table(
            ("ID", "RECEIVER", "INTEGRATION", "GROUP", "SINCE", "TIMES", "STATE", "WHY"),
            (_letter(letter) for letter in data["deadLetters"]),
        )
        note("to send them again: tocsin delivery retry ID, or --all")
    else:
        print("nothing was given up")
    shown = [d for d in data["destinations"] if args.destinations or _troubled(d)]
    if shown:
        print()
        print_table(
            ("DESTINATION", "STATE", "FAILURES", "QUEUED", "NEXT ATTEMPT", "LAST ERROR"),
            (_destination(each) for each in shown),
        )
    return 0


def _retry(args: argparse.Namespace) -> int:
    if args.all == bool(args.ids):
        raise ApiError("say which: one or more IDs of `tocsin delivery list`, or --all")
    body: dict[str, Any] = {"all": True} if args.all else {"ids": args.ids}
    said = ask(args, "POST", f"{PATH}/retry", body=body)["data"]["deliveries"]
    if args.output == "json":
        print_json(said)
    elif said:
        print_table(
            ("ID", "OUTCOME", ""), ((each["id"], each["outcome"], each["text"]) for each in said)
        )
    else:
        print("nothing was given up")
    return 1 if any(each["outcome"] == "unknown" for each in said) else 0


def _letter(letter: dict[str, Any]) -> tuple[str, ...]:
    return (
        letter["id"],
        letter["receiver"],
        letter["integration"],
        letter["groupKey"],
        letter["firstAt"],
        str(letter["times"]),
        letter["state"],
        f"{letter['reason']}: {letter['text']}".rstrip(": "),
    )


def _troubled(destination: dict[str, Any]) -> bool:
    waits = destination["queued"] and destination["waitSeconds"] > 1
    return bool(destination["breaker"] != "closed" or destination["failures"] or waits)


def _destination(each: dict[str, Any]) -> tuple[str, ...]:
    state = {"closed": "works", "open": "left alone", "half-open": "being probed"}
    wait_s = each["waitSeconds"]
    return (
        each["destination"],
        state.get(each["breaker"], each["breaker"]),
        str(each["failures"]),
        str(each["queued"]),
        f"in {wait_s:.0f} s" if wait_s else "now",
        each["lastError"],
    )

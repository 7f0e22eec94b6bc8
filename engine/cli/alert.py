"""`tocsin alert query`: what is wrong now."""

import argparse

from engine.cli.client import Subparsers, add_options, ask, filters, print_json, print_table


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb and its actions."""
    text = "Query the alerts that are there now."
    parser = subparsers.add_parser("alert", help=text, description=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    query = actions.add_parser(
        "query",
        help="list alerts; without a state option those that notify",
        description="List alerts that match all of: NAME=VALUE, !=, =~ or !~. A first word "
        "without any of these is an alert name.",
    )
    query.add_argument("matchers", nargs="*", metavar="MATCHER")
    query.add_argument("--active", action="store_true", help="those that notify")
    query.add_argument("--silenced", action="store_true", help="those that are silenced")
    query.add_argument("--inhibited", action="store_true", help="those that another one hides")
    query.add_argument("--receiver", default="", help="a regular expression")
    add_options(query)


def run(args: argparse.Namespace) -> int:
    """List alerts and return the exit code."""
    any_state = args.active or args.silenced or args.inhibited
    params = {
        "filter": filters(args.matchers),
        "active": str(args.active or not any_state).lower(),
        "silenced": str(args.silenced).lower(),
        "inhibited": str(args.inhibited).lower(),
        "receiver": args.receiver,
    }
    found = ask(args, "GET", "/api/v2/alerts", params=params)
    if args.output == "json":
        print_json(found)
        return 0
    print_table(
        ("ALERT", "SEVERITY", "STATE", "SINCE", "LABELS", "SUMMARY"),
        (
            (
                alert["labels"].get("alertname", ""),
                alert["labels"].get("severity", ""),
                alert["status"]["state"],
                alert["startsAt"],
                _labels(alert["labels"]),
                alert["annotations"].get("summary", ""),
            )
            for alert in found
        ),
    )
    return 0


def _labels(labels: dict[str, str]) -> str:
    shown = sorted((k, v) for k, v in labels.items() if k not in ("alertname", "severity"))
    return " ".join(f"{name}={value}" for name, value in shown)

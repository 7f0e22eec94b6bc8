"""`tocsin receiver test NAME`: send a marked test notification through each of its integrations."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.client import ApiError, Subparsers, plain, print_json
from engine.clock import system_clock
from engine.document import failed, ordered, render

if TYPE_CHECKING:
    from notifiers import NotifierConfig
    from notifiers.receiver import Integration, Receiver

_BODY_LINES_MAX = 200


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb and its action."""
    text = "Send a test notification to a receiver of the notifications file."
    parser = subparsers.add_parser("receiver", help=text, description=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    test = actions.add_parser(
        "test",
        help="send a marked test notification through each integration",
        description="Send a notification that says that it is a test, and then its end where the "
        "integration hears of ends. From this machine, past routes and silences; a running Tocsin "
        "is not asked. Exit code 1 where an integration was refused.",
    )
    test.add_argument("name", metavar="NAME", help="of the receiver")
    named = "a tocsin.yaml, or a notifications file (default tocsin.yaml)"
    test.add_argument("--config", default="tocsin.yaml", metavar="FILE", help=named)
    test.add_argument("--dry-run", action="store_true", help="print requests, send nothing")
    test.add_argument("--integration", metavar="NAME", help="only this one, e.g. slack/0")
    label = "a label of the test alert, for templates; may be given several times"
    test.add_argument("--label", action="append", default=[], metavar="NAME=VALUE", help=label)
    test.add_argument("--leave-open", action="store_true", help="do not send its end")
    test.add_argument("--output", choices=("text", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Load the file, send or show, and return the exit code."""
    labels = _labels(args.label)
    config = _config(Path(args.config))
    if config is None:
        return 2
    receiver = config.receivers.get(args.name)
    if receiver is None:
        names = ", ".join(config.receivers)
        raise ApiError(f"there is no receiver {args.name!r} in {args.config}; it has: {names}")
    found = _chosen(receiver, args.integration)
    if not found:
        print(f"{args.name} has no integrations: alerts end there")
        return 0
    if args.dry_run:
        return _show(found, args, labels, config)
    return asyncio.run(_send(found, args, labels, config))


def _labels(texts: Iterable[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if bad := [name for name, sign, _ in pairs if not (name and sign)]:
        raise ApiError(f"--label {bad[0]}: write NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _config(path: Path) -> "NotifierConfig | None":
    from engine.cli.notifications import read  # slow to import

    try:
        found = read(path)
    except OSError as error:
        raise ApiError(f"{path}: {error.strerror}; name a file with --config") from error
    if found.config is None or failed(found.findings):
        print(render(ordered(found.findings), found.texts), file=sys.stderr)
        return None
    return found.config


def _chosen(receiver: "Receiver", only: str | None) -> "Sequence[Integration]":
    if only is None:
        return receiver.integrations
    found = [each for each in receiver.integrations if each.name == only]
    if not found:
        names = ", ".join(each.name for each in receiver.integrations) or "none"
        raise ApiError(f"{receiver.name} has no integration {only!r}; it has: {names}")
    return found


async def _send(
    found: "Sequence[Integration]", args: argparse.Namespace, labels: dict[str, str],
    config: "NotifierConfig",
) -> int:  # fmt: skip
    from notifiers import close_channels, trial

    now_ms = system_clock()
    tests = [
        trial.notification(args.name, each.name, labels, now_ms, config.external_url)
        for each in found
    ]
    try:
        told = await asyncio.gather(
            *(
                trial.send(each, test, end=not args.leave_open)
                for each, test in zip(found, tests, strict=True)
            )
        )
    finally:
        await close_channels(config)
    trials = [each for several in told for each in several]
    if args.output == "json":
        print_json([
            {"integration": each.integration, "step": each.step, "accepted": each.good,
             "text": each.text}
            for each in trials
        ])  # fmt: skip
    else:
        for each in trials:
            print(f"{each.integration}: {each.step}: {plain(each.text)}")
    return 0 if all(each.good for each in trials) else 1


def _show(
    found: "Sequence[Integration]", args: argparse.Namespace, labels: dict[str, str],
    config: "NotifierConfig",
) -> int:  # fmt: skip
    from notifiers import trial

    shown: list[dict[str, Any]] = []
    now_ms = system_clock()
    for each in found:
        test = trial.notification(args.name, each.name, labels, now_ms, config.external_url)
        made = getattr(each.channel, "render", None)
        entry: dict[str, Any] = {"integration": each.name, "to": each.channel.destination}
        try:
            if made is None:
                entry["error"] = "this channel has no `render`, so only sending would show it"
            else:
                hidden = trial.secrets_of(each.channel)
                entry["request"] = _hide(_plain(made(test, now_ms)), hidden)
        except Exception as error:  # noqa: BLE001  # channels are plug-ins: any error may come
            entry["error"] = f"it cannot be rendered: {error}"
        shown.append(entry)
    if args.output == "json":
        print_json(shown)
    else:
        for entry in shown:
            _print(entry)
    return 1 if any("error" in entry for entry in shown) else 0


def _print(entry: dict[str, Any]) -> None:
    print(f"{entry['integration']} to {plain(entry['to'])}")
    if "error" in entry:
        print(f"  {plain(entry['error'])}")
        return
    lines = _text(entry["request"]).splitlines()
    for line in lines[:_BODY_LINES_MAX]:
        print(f"  {plain(line)}")
    if len(lines) > _BODY_LINES_MAX:
        print(f"  … {len(lines) - _BODY_LINES_MAX} lines more; --output json shows all")


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return text.replace("\\r\\n", "\n    ")  # an email's lines, which JSON writes as one


def _plain(value: Any) -> Any:
    """Return a request as JSON can say it, whatever type its channel has made of it."""
    if is_dataclass(value) and not isinstance(value, type):
        # What a channel hides from its own representation is as secret as the file's secrets.
        return {
            each.name: _plain(getattr(value, each.name)) if each.repr else "<secret>"
            for each in fields(value)
        }
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
        try:
            return json.loads(text)
        except ValueError:
            return text
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _hide(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "<secret>")
        return value
    if isinstance(value, dict):
        return {name: _hide(each, secrets) for name, each in value.items()}
    return [_hide(each, secrets) for each in value] if isinstance(value, list) else value

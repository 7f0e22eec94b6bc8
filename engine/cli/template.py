"""`tocsin template`: what a notification's templates write, before somebody is paged with it."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from engine.cli.client import Subparsers
from engine.clock import system_clock
from engine.document import Finding, Span, failed, render
from engine.errors import TocsinError
from notifiers import load
from notifiers.templating import TemplateSet, data_from, sample

_HERE = Span(1, 1, 1)


class TemplateProblemError(TocsinError):
    """What was asked for cannot be rendered; the text says why."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb and its actions."""
    text = "Show what templates of notifications write."
    parser = subparsers.add_parser("template", help=text, description=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    shown = actions.add_parser(
        "render",
        help="expand a template, with made-up alerts or your own",
        description="Expand a template by its name, or any text that may call templates. "
        "Without data: one alert that fires and one that has ended. The options with a point in "
        "their name are amtool's.",
    )
    shown.add_argument("name", nargs="?", metavar="NAME", help="a template: slack.default.title")
    shown.add_argument("--text", "--template.text", help="a text, instead of a name")
    shown.add_argument("--html", action="store_const", const="html", dest="type",
                       help="escape values for HTML, as in emails")  # fmt: skip
    shown.add_argument("--template.type", choices=("text", "html"), dest="type", default="text")
    shown.add_argument("--data", "--template.data", metavar="FILE",
                       help="JSON as webhooks get it, to render with")  # fmt: skip
    shown.add_argument("--label", action="append", default=[], metavar="NAME=VALUE",
                       help="of one alert that fires, instead of data; repeat it")  # fmt: skip
    shown.add_argument("--annotation", action="append", default=[], metavar="NAME=VALUE")
    listed = actions.add_parser(
        "list", help="list the templates that there are", description="List templates by name."
    )
    for action in (shown, listed):
        action.add_argument("--glob", "--template.glob", action="append", default=[],
                            metavar="GLOB", help="template files; repeat it")  # fmt: skip
        action.add_argument("--config", metavar="FILE",
                            help="a notification file: the templates that it names")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Render or list, and return the exit code."""
    templates = _templates(args)
    if args.action == "list":
        for name, where in templates.names():
            print(f"{name:40} {where}")
        return 0
    if (args.name is None) == (args.text is None):
        print("tocsin template render: give a NAME or --text", file=sys.stderr)
        return 2
    text = args.text if args.text is not None else f"{{{{ template {json.dumps(args.name)} . }}}}"
    parse = templates.html if args.type == "html" else templates.text
    now_ms = system_clock()
    shown = parse(text).expand_data(data_from(_data(args, now_ms)), now_ms)
    # The bytes are the template's own, as amtool writes them, but for people.
    print(shown, end="\n" if sys.stdout.isatty() else "")
    return 0


def _templates(args: argparse.Namespace) -> TemplateSet:
    """Read the files that were named. Raises TemplateProblemError."""
    if args.config:
        path = Path(args.config)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateProblemError(f"{path} cannot be read: {error}") from None
        config, findings = load(text, str(path))
        if config is None:
            raise TemplateProblemError(_shown(findings, {str(path): text}))
        found = config.global_.templates
        assert isinstance(found, TemplateSet), "a file that was read has its templates"
        return found
    patterns = [(pattern, _HERE) for pattern in args.glob]
    templates, findings = TemplateSet.load(patterns, Path.cwd(), file="--template.glob")
    if failed(findings):
        raise TemplateProblemError(_shown(findings, {}))
    return templates


def _shown(findings: Iterable[Finding], texts: dict[str, str]) -> str:
    kept = [finding for finding in findings if finding.severity == "error"]
    for finding in kept:
        path = Path(finding.file)
        if finding.file not in texts and path.is_file():
            texts[finding.file] = path.read_text(encoding="utf-8", errors="replace")
    return "\n" + render(kept, texts)


def _data(args: argparse.Namespace, now_ms: int) -> object:
    """Return the data to render with. Raises TemplateProblemError."""
    if not args.data:
        return sample(now_ms, _pairs(args.label), _pairs(args.annotation))
    try:
        return json.loads(Path(args.data).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemplateProblemError(f"{args.data} is no JSON: {error}") from None


def _pairs(words: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise TemplateProblemError(f"{word!r} is not NAME=VALUE")
        pairs[name] = value
    return pairs

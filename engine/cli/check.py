"""`tocsin check`: every mistake in rules or configuration at once, for people and for CI."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.config import Config
from engine.document import Finding, failed, ordered, render, render_github, render_json
from engine.errors import FileError

if TYPE_CHECKING:
    from engine.series import MatcherMode

OUTPUTS = ("text", "json", "github")
NOUNS = ("rules", "config", "notifications")


class _Subparsers(Protocol):
    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser:  # noqa: A002
        ...


def add_parser(subparsers: _Subparsers) -> None:
    """Add the verb, its two nouns and their options."""
    text = "Check rule files or a configuration; exit 0 clean, 1 findings, 2 wrong usage."
    parser = subparsers.add_parser(
        "check", help=text, description=f"{text} `tocsin check FILE` sees itself what a file is."
    )
    nouns = parser.add_subparsers(dest="noun", metavar="|".join(NOUNS), required=True)
    rules = nouns.add_parser("rules", help="check rule files and directories of them")
    rules.add_argument("paths", nargs="+", metavar="PATH", help="*.yml, *.yaml or a directory")
    rules.add_argument("--schema", action=_PrintSchema, nargs=0,
                       help="print the JSON Schema of rule files and stop")  # fmt: skip
    rules.add_argument("--against", metavar="URL",
                       help="also ask a running Tocsin what these rules would read")  # fmt: skip
    rules.add_argument("--token-file", metavar="FILE",
                       help="holds a bearer token for it (default $TOCSIN_TOKEN)")  # fmt: skip
    config = nouns.add_parser("config", help="check tocsin.yaml and every file that it names")
    config.add_argument("file", nargs="?", default="tocsin.yaml", metavar="FILE")
    notifications = nouns.add_parser(
        "notifications", help="check notifications files: alertmanager.yml"
    )
    notifications.add_argument("files", nargs="+", metavar="FILE")
    notifications.add_argument("--matchers", choices=("fallback", "classic", "utf8"),
                               default="fallback", help="how matchers are read")  # fmt: skip
    for noun in (rules, config, notifications):
        noun.add_argument("--output", choices=OUTPUTS, default="text", help="(default text)")
    parser.set_defaults(run=run)


def spelled_out(words: list[str]) -> list[str]:
    """Put the noun into `check FILE …`, by what the first file is."""
    if len(words) < 2 or words[1] in NOUNS or words[1].startswith("-"):
        return words
    from engine.cli.notifications import kind_of

    try:
        return [words[0], kind_of(Path(words[1])), *words[1:]]
    except OSError:  # the parser says which words it knows
        return words


class _PrintSchema(argparse.Action):
    """Print the schema as soon as it is asked for, as --help does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from engine.rules import schema

        print(json.dumps(schema(), indent=2))
        parser.exit()


def run(args: argparse.Namespace) -> int:
    """Check and return the exit code."""
    if args.noun == "rules":
        return check_rules(args.paths, args.output, args.against, args.token_file)
    if args.noun == "notifications":
        return check_notifications(args.files, args.output, args.matchers)
    return check_config(args.file, args.output)


def check_rules(
    paths: Sequence[str], output: str, against: str | None = None, token_file: str | None = None
) -> int:
    """Check rule files; print findings on stdout and return 0 (clean), 1 (findings) or 2.

    `against`: the URL of a running Tocsin. Raises ApiError where it does not answer.
    """
    from engine.rules import lint, load, read_paths  # late: `tocsin --help` must not wait for it

    try:
        files = read_paths(paths)
    except FileError as error:
        print(f"tocsin check rules: {error}", file=sys.stderr)
        return 2
    if not files:  # in CI a mistyped directory must not look clean
        print(f"tocsin check rules: no *.yml or *.yaml file in {', '.join(paths)}",
              file=sys.stderr)  # fmt: skip
        return 2
    rule_set, findings = load(files)
    if rule_set is not None:
        findings = [*findings, *lint(rule_set.prom, files)]
    count = f"{_counted(rule_set.size, 'rule')} in " if rule_set else ""
    checked = f"{count}{_counted(len(files), 'file')}"
    if against is None or rule_set is None:
        return _report(findings, files, output, checked)
    from engine.cli.against import Asking  # it needs httpx and the types of the API

    asking = Asking(rule_set, against, token_file)
    findings = [*findings, *asking.findings()]
    if output == "json":
        found = json.loads(render_json(ordered(findings)))
        print(json.dumps({"findings": found, **asking.as_json()}, indent=2))
        return 0
    code = _report(findings, files, output, checked)
    if output == "text":
        asking.show()
    return code


def check_notifications(files: Sequence[str], output: str, mode: "MatcherMode" = "fallback") -> int:
    """Check files as Alertmanager has them, and the templates that they name."""
    from engine.cli.notifications import read_file

    findings: list[Finding] = []
    texts: dict[str, str] = {}
    for file in files:
        try:
            found = read_file(Path(file), file, mode)
        except OSError as error:
            print(f"tocsin check notifications: {file}: {error.strerror}", file=sys.stderr)
            return 2
        findings += found.findings
        texts.update(found.texts)
    return _report(findings, texts, output, _counted(len(files), "file"))


def check_config(file: str, output: str) -> int:
    """Check tocsin.yaml, and the rules, notifications and tokens that it names."""
    from engine import config as configuration

    try:
        text = Path(file).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        print(f"tocsin check config: {file}: {error.strerror}; `tocsin init DIR` writes a first "
              "one", file=sys.stderr)  # fmt: skip
        return 2
    texts = {file: text}
    config, findings = configuration.load(file)
    if config is not None:
        found, more = _named_files(config)
        findings = [*findings, *found]
        texts.update(more)
    return _report(findings, texts, output, _counted(len(texts), "file"))


def _named_files(config: Config) -> tuple[list[Finding], dict[str, str]]:
    """Check what a configuration names; return findings and the texts to show them with."""
    from engine.api import tokens
    from engine.cli.notifications import read_named
    from engine.clock import system_clock
    from engine.rules import load as load_rules
    from engine.rules import read_paths
    from notifiers import load_silences

    findings: list[Finding] = []
    texts: dict[str, str] = {}
    try:
        rules = read_paths(config.rules, config.base)
        findings += load_rules(rules, limits=config.limits)[1]
        texts.update(rules)
    except FileError as error:
        findings.append(_about(config, "path-missing", str(error)))
    try:
        silences = read_paths(config.silences, config.base, "silences")
        findings += load_silences(
            silences, system_clock(), limits=config.limits, mode=config.matcher_parsing
        )[1]
        texts.update(silences)
    except FileError as error:
        findings.append(_about(config, "path-missing", str(error)))
    shown = _relative(config.notifications, config.base)
    try:
        found = read_named(config, shown)
        findings += found.findings
        texts.update(found.texts)
    except OSError as error:
        findings.append(_about(config, "path-missing", f"{shown}: {error.strerror}"))
    if config.auth.tokens_file is not None:
        # Its text is left out of what is shown: the lines hold secrets.
        text = config.auth.tokens_file.read_text(encoding="utf-8", errors="surrogateescape")
        findings += tokens.load(text, _relative(config.auth.tokens_file, config.base))[1]
    return findings, texts


def _about(config: Config, code: str, message: str) -> Finding:
    help_text = "create it, or correct the path in the configuration"
    return Finding(config.file.name, 1, 1, 1, code, message, help_text)


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


def _report(
    findings: Sequence[Finding], texts: Mapping[str, str], output: str, checked: str
) -> int:
    findings = ordered(findings)
    if output == "json":
        print(render_json(findings))
    elif output == "github":
        if findings:
            print(render_github(findings))
    else:
        if findings:
            print(render(findings, texts) + "\n")
        errors = sum(finding.severity == "error" for finding in findings)
        warnings = len(findings) - errors
        verdict = "clean" if not findings else ", ".join(
            _counted(count, word) for count, word in ((errors, "error"), (warnings, "warning"))
            if count
        )  # fmt: skip
        print(f"{checked}: {verdict}")
    return 1 if failed(findings) else 0


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"

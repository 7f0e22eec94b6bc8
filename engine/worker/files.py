"""Everything that a worker reads of its files: rules, notifications, silences, tokens.

All of it is good, or nothing is used: a bad file never replaces a good one, and what was wrong is
said of all files at once.
"""

from dataclasses import dataclass
from pathlib import Path

import notifiers
from engine import api
from engine.config import Config
from engine.document import render
from engine.errors import FileError
from engine.rules import RuleSet
from engine.worker.plans import Loaded, lines, read_rules
from engine.worker.silencing import read_silences
from engine.worker.watching import Look, look
from notifiers import Egress, FileSilence, NotifierConfig


@dataclass(frozen=True, slots=True)
class Files:
    """What the configured files said, all of it good."""

    rules: RuleSet
    notifications: NotifierConfig
    silences: tuple[FileSilence, ...] = ()
    tokens: tuple[api.Token, ...] | None = None
    seen: Look = ()  # what the files were like before they were read


@dataclass(frozen=True, slots=True)
class Reading:
    """How reading went."""

    seen: Look  # what the files were like before they were read
    files: Files | None  # None: something is bad
    text: str  # the findings of all files
    bad: str  # the findings of those that are refused


def read_files(config: Config, now_ms: int, *, with_tokens: bool = True) -> Reading:
    """Read all files; `now_ms` decides only which silences are called over."""
    seen = look(config)
    rules, rules_text = _rules(config)
    notifications, notifications_text = read_notifications(config)
    silences, silences_text = read_silences(config, now_ms)
    tokens, tokens_text = _tokens(config) if with_tokens else (None, "")
    refused = with_tokens and tokens is None and not config.auth.open
    told = (
        (rules_text, rules is None),
        (notifications_text, notifications is None),
        (silences_text, silences is None),
        (tokens_text, refused),
    )
    text = "".join(each for each, _ in told)
    bad = "".join(each for each, wrong in told if wrong)
    if rules is None or notifications is None or silences is None or refused:
        return Reading(seen, None, text, bad)
    return Reading(seen, Files(rules, notifications, silences, tokens, seen), text, "")


def read_notifications(config: Config) -> tuple[NotifierConfig | None, str]:
    """Read the notification configuration; returns it, or None, and its findings as text."""
    path = config.notifications
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        remedy = "write it (`tocsin init DIR` shows one), or correct `notifications:`"
        return None, f"{path}: cannot be read: {error.strerror}; {remedy}\n"
    shown = _shown(path, config.base)
    found, findings = notifiers.load(
        text,
        shown,
        external_url=config.external_url,
        base=path.parent,
        matchers=config.matcher_parsing,
        egress=Egress(config.egress_allow),
    )
    return found, lines(render(findings, {shown: text}))


def _shown(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()


def _rules(config: Config) -> tuple[RuleSet | None, str]:
    try:
        loaded: Loaded = read_rules(config)
    except FileError as error:
        return None, f"{error}\n"
    return loaded.rules, loaded.text


def _tokens(config: Config) -> tuple[tuple[api.Token, ...] | None, str]:
    """Read the tokens file; None where there is none, or where it is refused."""
    path = config.auth.tokens_file
    if path is None:
        return None, ""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        return None, f"{path}: cannot be read: {error.strerror}; correct `auth.tokens_file`\n"
    tokens, findings = api.load_tokens(text, path.name)
    # Without the text: its lines hold secrets.
    return tokens, lines(render(findings, {}))

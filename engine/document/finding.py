"""Findings: what is wrong in a file, where, and what to do about it; and how they are shown."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from engine.document.places import BREAK

Severity = Literal["error", "warning"]

_SHOWN_MAX = 100
_SECRET = re.compile(
    r"(?<=://)[^/@\s]*(?=@)"
    r"|(?<=password:)\s+\S.*|(?<=secret:)\s+\S.*|(?<=token:)\s+\S.*"
    r"|(?<=hook_url:)\s+\S.*|(?<=[\s{,]url:)\s+\S.*"
    r"|(?<=api_url:)\s+\S.*|(?<=_key:)\s+\S.*|(?<=credentials:)\s+\S.*"
    r"|(?<=token_id:)\s+\S.*|(?<=[\s{,]key:)\s+\S.*"
)
"""What a shown line must not give away: findings go to logs and to build output."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake. `code` is stable and is the anchor of its explanation in the documentation."""

    file: str
    line: int  # from 1
    column: int  # from 1, in characters
    length: int  # of what the caret underlines
    code: str
    message: str
    help: str = ""
    severity: Severity = "error"
    note: str = ""  # stands after the carets

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Sort key: as a reader goes through the files."""
        return (self.file, self.line, self.column, self.code, self.message)


def failed(findings: Iterable[Finding]) -> bool:
    """Say whether anything in there is more than a warning."""
    return any(finding.severity == "error" for finding in findings)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings in reading order, each once."""
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.order)


def render(findings: Iterable[Finding], texts: Mapping[str, str]) -> str:
    """Show findings for people: position, source line, caret, remedy."""
    lines: dict[str, list[str]] = {}
    parts = []
    for finding in findings:
        if finding.file not in lines:
            lines[finding.file] = BREAK.split(texts.get(finding.file, "").removeprefix("\ufeff"))
        parts.append(_render_one(finding, lines[finding.file]))
    return "\n".join(parts)


def _render_one(finding: Finding, lines: list[str]) -> str:
    head = f"{finding.file}:{finding.line}:{finding.column}"
    shown = [f"{head}: {finding.severity}[{finding.code}]: {_visible(finding.message)}"]
    gutter = " " * len(str(finding.line))
    source = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    if source.strip():
        text, column, length = _clip(source, finding.column - 1, finding.length)
        carets = " " * column + "^" * length
        note = f" {_visible(finding.note)}" if finding.note else ""
        shown.append(f"{finding.line} | {text}")
        shown.append(f"{gutter} | {carets}{note}")
    if finding.help:
        shown.append(f"{gutter} = help: {_visible(finding.help)}")
    return "\n".join(shown)


def _clip(source: str, column: int, length: int) -> tuple[str, int, int]:
    """Cut a long line around what is underlined; return it with the caret's new place."""
    hidden = _SECRET.sub(lambda found: re.sub(r"\S", "*", found[0]), source)
    text = _visible(hidden.replace("\t", " ").rstrip(), width_kept=True)
    column = min(column, len(text))
    start = max(0, column - _SHOWN_MAX // 2) if len(text) > _SHOWN_MAX else 0
    cut = text[start : start + _SHOWN_MAX]
    if start:
        cut = "…" + cut[1:]
    if start + _SHOWN_MAX < len(text):
        cut = cut[:-1] + "…"
    column -= start
    return cut, column, max(1, min(length, len(cut) - column))


def _visible(text: str, width_kept: bool = False) -> str:
    """Replace what would steer a terminal or break a line; files may come from anywhere."""
    if text.isprintable():
        return text
    if width_kept:
        return "".join(character if character.isprintable() else "·" for character in text)
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def render_json(findings: Iterable[Finding]) -> str:
    """Show findings for programs: a JSON list of objects with the fields of `Finding`."""
    return json.dumps([asdict(finding) for finding in findings], indent=2)


def render_github(findings: Iterable[Finding]) -> str:
    """Show findings as GitHub workflow commands, which it prints beside the changed lines."""
    shown = []
    for finding in findings:
        text = finding.message + (f"\nhelp: {finding.help}" if finding.help else "")
        end = finding.column + max(finding.length, 1)
        where = f"file={_property(finding.file)},line={finding.line},col={finding.column}"
        shown.append(
            f"::{finding.severity} {where},endColumn={end},title={_property(finding.code)}"
            f"::{_escaped(text)}"
        )
    return "\n".join(shown)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")

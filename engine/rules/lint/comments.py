"""Comments that switch lints off: `# tocsin disable promql-rate`, and pint's own."""

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from engine.document import Finding

_COMMENT = re.compile(r"(?:^|\s)#\s*(tocsin|pint)\s+(\S+)[ \t]*([^#\n]*)")
_WHOLE = frozenset({"ignore/file"})
_OTHERS = frozenset(
    {"ignore/begin", "ignore/end", "ignore/line", "ignore/next-line", "rule/owner", "file/owner",
     "rule/set", "snooze", "file/snooze"}
)  # fmt: skip
_VERBS = ("disable", "file/disable", "ignore/file")


@dataclass(frozen=True, slots=True)
class Switch:
    """One comment: a code that is off, on a line or in the whole file."""

    line: int
    code: str  # "" for all
    whole_file: bool


def switches(file: str, text: str, codes: Collection[str]) -> tuple[list[Switch], list[Finding]]:
    """Return the comments of a file, and warnings of those that say nothing known."""
    found: list[Switch] = []
    findings: list[Finding] = []
    if "#" not in text:
        return [], []
    for number, line in enumerate(text.split("\n"), 1):
        match = _COMMENT.search(line)
        if match is None:
            continue
        tool, verb, rest = match.group(1), match.group(2), match.group(3).strip()
        if verb in _WHOLE:
            found.append(Switch(number, "", whole_file=True))
        elif verb in ("disable", "file/disable"):
            code = _code(rest)
            if code in codes:
                found.append(Switch(number, code, verb == "file/disable"))
            elif tool == "tocsin":
                findings.append(_unknown(file, number, match, rest, codes))
        elif tool == "tocsin" and verb not in _OTHERS:
            findings.append(_unknown(file, number, match, verb, _VERBS))
    return found, findings


def _code(rest: str) -> str:
    """Return the code of `promql/series(foo)` or `promql-series`."""
    name = re.split(r"[(\s]", rest, maxsplit=1)[0]
    return name.replace("/", "-").replace("_", "-")


def _unknown(
    file: str, number: int, match: re.Match[str], what: str, known: Collection[str]
) -> Finding:
    near = difflib.get_close_matches(what.replace("/", "-"), known, n=1)
    help_text = f"did you mean {near[0]}?" if near else "one of: " + ", ".join(sorted(known))
    return Finding(file, number, match.start(1) + 1, len(match.group().strip(" #")), "lint-comment",
                   f"this comment names nothing known: {what or 'no code'}", help_text,
                   "warning")  # fmt: skip


def kept(
    findings: Iterator[Finding], found: list[Switch], first_line: int, last_line: int
) -> Iterator[Finding]:
    """Leave out what is off for the file, or by a comment within the rule's lines."""
    off = {each.code for each in found if each.whole_file or first_line <= each.line <= last_line}
    if "" in off:
        return
    for finding in findings:
        if finding.code not in off:
            yield finding

"""Show reports: for people, for programs, for GitHub."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from engine.document import Finding, render, render_github
from engine.ruletests.outcome import Outcome, Pair
from engine.ruletests.run import FileReport

_SIDE = 44


def show_text(reports: Iterable[FileReport]) -> str:
    """Return a line a file, and both sides of what failed."""
    parts = []
    for report in reports:
        done = len(report.outcomes)
        verdict = "ok    " if report.passed else "FAILED"
        bad = [outcome for outcome in report.outcomes if not outcome.passed]
        count = f"{done} checks" if done != 1 else "1 check"
        parts.append(f"{verdict} {report.path} ({count}{f', {len(bad)} failed' if bad else ''})")
        if report.findings:
            parts.append(render(report.findings, report.texts))
        parts += [_failure(outcome) for outcome in bad]
    return "\n".join(parts)


def _failure(outcome: Outcome) -> str:
    name = f" [{outcome.group}]" if outcome.group else ""
    lines = [f"{outcome.file}:{outcome.line}:{outcome.column}:{name} {outcome.title}"]
    if outcome.message:
        lines.append(f"    {outcome.message}")
    if outcome.pairs:
        what = max(len(pair.what) for pair in outcome.pairs)
        what = min(max(what, 4), _SIDE)
        lines.append(f"      {'':{what}}  {'expected':{_SIDE}}  got")
        for pair in outcome.pairs:
            lines += _sides(pair, what)
    return "\n".join(lines)


def _sides(pair: Pair, what: int) -> list[str]:
    columns = [
        textwrap.wrap(text, width) or [""]
        for text, width in ((pair.what, what), (pair.expected, _SIDE), (pair.got, _SIDE))
    ]
    height = max(map(len, columns))
    rows = [[(column + [""] * height)[row] for column in columns] for row in range(height)]
    mark = " " if pair.same else "!"
    return [
        f"    {mark} {left:{what}}  {middle:{_SIDE}}  {right}".rstrip()
        for left, middle, right in rows
    ]


def show_json(reports: Sequence[FileReport]) -> str:
    """Return reports as a JSON list of objects."""
    return json.dumps(
        [
            {
                "path": report.path,
                "passed": report.passed,
                "findings": [asdict(finding) for finding in report.findings],
                "outcomes": [asdict(outcome) for outcome in report.outcomes],
            }
            for report in reports
        ],
        indent=2,
    )


def show_github(reports: Iterable[FileReport]) -> str:
    """Return failures as GitHub workflow commands."""
    findings: list[Finding] = []
    for report in reports:
        findings += report.findings
        for outcome in report.outcomes:
            if not outcome.passed:
                sides = [
                    f"{p.what}: expected {p.expected or 'nothing'}, got {p.got or 'nothing'}"
                    for p in outcome.pairs
                    if not p.same
                ]
                text = "\n".join([f"{outcome.title}: {outcome.message}", *sides])
                findings.append(
                    Finding(outcome.file, outcome.line, outcome.column, 1, "rule-test", text)
                )
    return render_github(findings)

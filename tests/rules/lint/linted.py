"""What the tests of lints share: rules in, warnings out."""

from textwrap import indent

from engine.document import Finding
from engine.rules import load
from engine.rules.lint import Options, lint

FILE = "rules.yml"


def group(*rules: str, interval: str = "1m") -> str:
    head = f"groups:\n- name: g\n  interval: {interval}\n  rules:\n"
    return head + "".join("  - " + indent(rule.strip(), "    ").lstrip() + "\n" for rule in rules)


def linted(text: str, options: Options | None = None) -> list[Finding]:
    rules, findings = load({FILE: text})
    assert rules is not None, findings
    return lint(rules.prom, {FILE: text}, options or Options())


def codes(text: str, options: Options | None = None) -> set[str]:
    found = linted(text, options)
    assert all(each.severity == "warning" and each.message for each in found)
    return {each.code for each in found}


def alert(expr: str, *more: str) -> str:
    return "\n".join(
        ["alert: A", f"expr: {expr!r}" if "'" not in expr else f'expr: "{expr}"', *more]
    )


def record(name: str, expr: str) -> str:
    return f"record: {name}\nexpr: {expr}"


def underlined(text: str, finding: Finding) -> str:
    line = text.split("\n")[finding.line - 1]
    return line[finding.column - 1 : finding.column - 1 + finding.length]

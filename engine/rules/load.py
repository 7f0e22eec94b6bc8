"""Load rule files: every finding of every file at once, or a rule set."""

from collections.abc import Mapping

from engine.document import Finding, failed, ordered
from engine.limits import DEFAULT_LIMITS, Limits
from engine.plan import PromGroup
from engine.rules.go_texts import GoTexts
from engine.rules.groups import RuleFile, Settings
from engine.rules.identity import identified, repeated
from engine.rules.meaning import digest
from engine.rules.model import INTERVAL_MS, NativeRule, RuleSet
from engine.rules.prom import PromReading
from engine.rules.promql import Expressions


def load(
    files: Mapping[str, str], *, limits: Limits = DEFAULT_LIMITS, interval_ms: int = INTERVAL_MS
) -> tuple[RuleSet | None, list[Finding]]:
    """Read rule files (path -> text); `interval_ms` is that of groups which name none.

    Returns the rule set and warnings, or None and all findings in reading order. Raises nothing
    on what a user wrote.
    """
    settings = Settings(limits, interval_ms, PromReading(Expressions(limits), GoTexts()))
    findings: list[Finding] = []
    native: list[NativeRule] = []
    prom: list[PromGroup] = []
    for file in sorted(files):
        rules, reader = RuleFile(file, settings).read(files[file])
        native += rules.native
        prom += rules.prom
        findings += reader.findings
    groups, twice = identified(prom, {rule.identity for rule in native})
    findings += _duplicates(native) + twice + repeated(groups) + _too_many(native, groups, limits)
    findings = ordered(findings)
    if failed(findings):
        return None, findings
    known = digest(files, interval_ms)
    return RuleSet(known, dict(files), tuple(native), groups, interval_ms), findings


def _duplicates(rules: list[NativeRule]) -> list[Finding]:
    first: dict[str, NativeRule] = {}
    findings = []
    for rule in rules:
        other = first.setdefault(rule.identity, rule)
        if other is not rule:
            findings.append(
                Finding(rule.file, rule.line, 1, 1, "rule-duplicate",
                        f"a second rule with the identity {rule.identity!r}",
                        f"the first is {other.file}:{other.line}; rename one, give one an id:, "
                        "or use levels in when:")
            )  # fmt: skip
    return findings


def _too_many(
    native: list[NativeRule], groups: tuple[PromGroup, ...], limits: Limits
) -> list[Finding]:
    places = [(rule.file, rule.line) for rule in native]
    places += [(rule.file, rule.line) for group in groups for rule in group.rules]
    if len(places) <= limits.rules_max:
        return []
    file, line = sorted(places)[limits.rules_max]
    message = f"{len(places):,} rules, the limit is {limits.rules_max:,}"
    help_text = "raise limits.rules_max, or split the tenants"
    return [Finding(file, line, 1, 1, "rules-limit", message, help_text)]

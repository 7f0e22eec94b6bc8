"""Identities of Prometheus rules, and rules that a file repeats."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from engine.document import Finding
from engine.plan import PromGroup, PromRule


def identified(
    groups: Sequence[PromGroup], taken: Collection[str]
) -> tuple[tuple[PromGroup, ...], list[Finding]]:
    """Give every rule its identity and version; `taken` are those of native rules.

    A rule's identity is its `id`, else "<group>/<name>". Of several of one name the first in
    reading order has that, the others add their own labels that are no templates, and a number
    where those are equal too: so expressions, durations, annotations, files and what stands
    around a rule may change. Two equal `id` are findings.
    """
    used = set(taken)
    findings = []
    explicit: dict[str, PromRule] = {}
    for rule in (rule for group in groups for rule in group.rules if rule.identity):
        if rule.identity in used:
            findings.append(_twice(rule, explicit.get(rule.identity)))
        explicit.setdefault(rule.identity, rule)
        used.add(rule.identity)
    done = []
    for group in groups:
        rules = []
        for rule in group.rules:
            identity = rule.identity or _identity(group, rule, used)
            used.add(identity)
            rules.append(replace(rule, identity=identity, version=_version(group, rule, identity)))
        done.append(replace(group, rules=tuple(rules)))
    return tuple(done), findings


def _identity(group: PromGroup, rule: PromRule, used: Collection[str]) -> str:
    plain = f"{group.name}/{rule.name}"
    if plain not in used:
        return plain
    fixed = sorted((k, v) for k, v in rule.labels.items() if "{{" not in v)
    labelled = plain + "{" + ",".join(f"{name}={value!r}" for name, value in fixed) + "}"
    if fixed and labelled not in used:
        return labelled
    base, number = labelled if fixed else plain, 2
    while f"{base}#{number}" in used:
        number += 1
    return f"{base}#{number}"


def _twice(rule: PromRule, first: PromRule | None) -> Finding:
    where = f"{first.file}:{first.line}" if first is not None else "a native rule"
    return Finding(rule.file, rule.line, 1, 1, "rule-duplicate",
                   f"a second rule with the identity {rule.identity!r}",
                   f"the first is {where}; give one another id:")  # fmt: skip


def _version(group: PromGroup, rule: PromRule, identity: str) -> str:
    """Digest what decides: not where it stands, and the expression as Prometheus prints it."""
    parts = [
        group.tenant, group.name, str(group.interval_ms), str(group.query_offset_ms),
        str(group.limit), rule.kind, rule.name, identity, rule.version, str(rule.for_ms),
        str(rule.keep_firing_for_ms), str(len(rule.labels)),
    ]  # fmt: skip
    for texts in (rule.labels, rule.annotations):
        for name in sorted(texts):
            parts += (name, texts[name])
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", errors="surrogatepass")
        state.update(len(encoded).to_bytes(8, "big"))
        state.update(encoded)
    return state.hexdigest()


def repeated(groups: Iterable[PromGroup]) -> list[Finding]:
    """Warn where two rules of one file would write the same series or alerts."""
    first: dict[tuple[str, str, frozenset[tuple[str, str]]], PromRule] = {}
    findings = []
    for rule in (rule for group in groups for rule in group.rules):
        other = first.setdefault((rule.file, rule.name, frozenset(rule.labels.items())), rule)
        if other is not rule:
            findings.append(
                Finding(rule.file, rule.line, 1, 1, "rule-repeated",
                        f"a second rule {rule.name!r} with the same labels",
                        f"the first is on line {other.line}; remove one, or tell them apart by a "
                        "label", "warning")
            )  # fmt: skip
    return findings

"""Other projects' unit tests of their rules: what promtool passes, passes; what must fail, fails."""

import time

from engine.ruletests import FileReport, run_tests
from tests.conformance.corpora import ROOT, Part, Tally

# promtool 3.15.0 fails these (corpora/README.md): vmalert's own format, or meant to.
FAILING = {
    "vmalert-tool/disable-group-label.yaml",
    "vmalert-tool/failed-test.yaml",
    "vmalert-tool/long-period.yaml",
    "capa/platform/atlas/alerting-rules/kube-state-metrics.rules.test.yml",
}


def parts(only: str = "") -> list[Part]:
    """Return every test file of the two corpora as a part."""
    found: list[tuple[int, Part]] = []
    for corpus in ("ruletests", "ruletests-giantswarm"):
        for path in sorted((ROOT / corpus).glob("**/*.y*ml")):
            name = path.relative_to(ROOT / corpus).as_posix()
            if "\ntests:" in f"\n{path.read_text()}" and only in name:
                found.append((path.stat().st_size, (run, (corpus, name))))
    # The largest first: nothing long is left for the end, when one core would wait for it.
    return [part for _, part in sorted(found, key=lambda one: -one[0])]


def run(corpus: str, name: str) -> Tally:
    """Run a test file."""
    tally = Tally("ruletests")
    path = ROOT / corpus / name
    tally.add(f"{corpus}/{name}", _judge(name, str(path), path.read_text()))
    return tally


def _judge(name: str, path: str, text: str) -> str:
    began = time.monotonic()
    try:
        report = run_tests(path, text)
    except Exception as error:  # noqa: BLE001 - counts as one failing case
        return f"raised {error!r}"
    must_fail = name in FAILING
    took = time.monotonic() - began
    if took > 5:
        print(f"slow: {name} took {took:.1f} s")
    if report.passed == must_fail:
        return "passes, and must fail" if must_fail else why(report)
    return ""


def why(report: FileReport) -> str:
    """Return the first thing that is wrong."""
    for finding in report.findings:
        if finding.severity == "error":
            return f"{finding.file}:{finding.line}: {finding.message}"
    bad = [outcome for outcome in report.outcomes if not outcome.passed]
    first = bad[0]
    sides = [f"{p.what}: {p.expected!r} != {p.got!r}" for p in first.pairs if not p.same]
    return f"{len(bad)} of {len(report.outcomes)}: line {first.line}: {first.title}: " + "; ".join(
        [first.message, *sides[:3]]
    )

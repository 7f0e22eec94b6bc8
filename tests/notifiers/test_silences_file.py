"""Files of silences: what they say, every mistake in them, and what becomes of a change."""

import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from engine.alerts import SilenceMatcher, SilenceRecord
from engine.limits import Limits
from notifiers import SILENCES_CODES, FileSilence, load_silences, silence_changes
from notifiers.silence import Silences, state_of

NOW_MS = 1_764_000_000_000  # 2025-11-24T16:00:00Z
HOUR_MS = 3_600_000
WHOLE = """\
silences:
- name: db-maintenance
  matchers: ['service="db", cluster!="test"', 'severity=~"warning|critical"']
  starts_at: 2025-11-24T18:00:00+01:00
  duration: 4h
  comment: the disks are replaced, OPS-1204
  created_by: ann@example.org
  annotations: {ticket: OPS-1204}
- name: noisy
  matchers: alertname="Noisy"
  ends_at: 2025-12-01T00:00:00Z
  comment: until it is fixed
"""


def read(
    text: str, now_ms: int = NOW_MS, **limits: int
) -> tuple[tuple[FileSilence, ...] | None, list[str]]:
    """The silences, and findings as `line:column code: underlined`."""
    found, findings = load_silences({"s.yaml": text}, now_ms, limits=Limits(**limits))
    lines = [*text.split("\n"), ""]
    return found, [
        f"{f.line} {f.code}: {lines[f.line - 1][f.column - 1 : f.column - 1 + f.length]}"
        for f in findings
    ]


def good(text: str, now_ms: int = NOW_MS) -> tuple[FileSilence, ...]:
    found, findings = read(text, now_ms)
    assert found is not None, findings
    return found


def entry(**keys: str) -> str:
    """One good silence with other values of some keys; None takes a key away."""
    values = {"name": "a", "matchers": "['a=\"b\"']", "ends_at": "2025-12-01T00:00:00Z",
              "comment": "why", **keys}  # fmt: skip
    said = "\n  ".join(f"{key}: {value}" for key, value in values.items() if value is not None)
    return f"silences:\n- {said}\n"


def test_everything_that_can_be_said() -> None:
    found, findings = read(WHOLE)
    assert findings == []
    assert found == (
        FileSilence(
            "db-maintenance", "s.yaml",
            (
                SilenceMatcher("service", "db"),
                SilenceMatcher("cluster", "test", is_equal=False),
                SilenceMatcher("severity", "warning|critical", is_regex=True),
            ),
            NOW_MS + HOUR_MS, NOW_MS + 5 * HOUR_MS,
            "the disks are replaced, OPS-1204", "ann@example.org", {"ticket": "OPS-1204"},
        ),
        FileSilence(
            "noisy", "s.yaml", (SilenceMatcher("alertname", "Noisy"),),
            0, 1_764_547_200_000, "until it is fixed", "git", {},
        ),
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "# nothing\n", "silences:\n", "silences: []\n"])
def test_a_file_without_silences(text: str) -> None:
    assert good(text) == ()


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("- a\n", ["1 value-type: -"]),
        ("silence: []\n", ["1 key-missing: silence", "1 key-unknown: silence"]),
        ("silences: {a: b}\n", ["1 value-type: a"]),
        (entry(name="''"), ["2 value-type: ''"]),
        (entry(name="x" * 201), [f"2 silence-name: {'x' * 201}"]),
        (entry(match="{a: b}"), ["6 key-unknown: match"]),
        (entry(matchers="['a=~\"(\"']"), ["3 silence-matcher: 'a=~\"(\"'"]),
        (entry(matchers="['=']"), ["3 silence-matcher: '='"]),
        (entry(matchers="[]"), ["3 silence-matcher: ["]),
        (entry(matchers="['a=~\".*\"']"), ["3 silence-matcher: ["]),
        (entry(matchers="{a: b}"), ["3 value-type: a"]),
        (entry(ends_at="tomorrow"), ["4 silence-time: tomorrow"]),
        (entry(ends_at="2025-12-01T00:00:00"), ["4 silence-time: 2025-12-01T00:00:00"]),
        (entry(ends_at="1969-12-31T00:00:00Z"), ["4 silence-time: 1969-12-31T00:00:00Z"]),
        (entry(duration="4h"), ["6 silence-time: 4h"]),
        (entry(starts_at="2025-12-02T00:00:00Z"), ["4 silence-time: 2025-12-01T00:00:00Z"]),
        (entry(comment="''"), ["5 value-type: ''"]),
        (entry(created_by="[ann]"), ["6 value-type: ["]),
        (entry(annotations="[a]"), ["6 value-type: ["]),
        (entry() + entry().removeprefix("silences:\n"), ["6 silence-duplicate: a"]),
    ],
)  # fmt: skip
def test_mistakes(text: str, findings: list[str]) -> None:
    found, said = read(text)
    assert found is None
    assert said == findings


def test_what_is_missing() -> None:
    found, findings = read("silences:\n- {annotations: {a: b}}\n")
    assert found is None
    assert sorted(line.split(":")[0] for line in findings) == [
        "2 key-missing", "2 key-missing", "2 key-missing", "2 silence-time",
    ]  # fmt: skip
    _, findings = read("silences:\n- {name: a, matchers: [a=b], duration: 1h, comment: c}\n")
    assert findings == ["2 silence-time: 1h"], "a duration from when?"


def test_warnings_refuse_nothing() -> None:
    text = entry(matchers="['alertname=~\".+\"']", ends_at="2025-11-24T15:59:59Z")
    found, findings = read(text)
    assert found is not None
    assert findings == ["3 silence-everything: [", "4 silence-ended: 2025-11-24T15:59:59Z"]


def test_names_are_unique_over_files() -> None:
    found, findings = load_silences({"a.yaml": entry(), "b.yaml": entry()}, NOW_MS)
    assert found is None
    assert [(f.file, f.code) for f in findings] == [("b.yaml", "silence-duplicate")]
    assert "a.yaml" in findings[0].message


def test_limits() -> None:
    two = entry() + entry(name="b").removeprefix("silences:\n")
    assert read(two, silences_max=1)[1] == ["6 value-range: name"]
    assert read(entry(comment="x" * 500), silence_bytes_max=400)[1] == ["2 silence-size: name"]
    many = ", ".join(f"'a{n}=b'" for n in range(65))
    assert read(entry(matchers=f"[{many}]"))[1] == ["3 silence-matcher: ["]


@given(st.text(), st.sampled_from(["name", "matchers", "ends_at", "duration", "annotations"]))
def test_no_text_raises(text: str, key: str) -> None:
    for each in (text, entry(**{key: text}), entry(**{key: f"'{text}'"})):
        _, findings = load_silences({"s.yaml": each}, NOW_MS)
        assert all(f.help or f.severity == "warning" for f in findings)


# What becomes of a change -----------------------------------------------------------------------


class Log:
    """The silences of the log, as the notifier folds them."""

    def __init__(self) -> None:
        self.held = Silences(100)
        self.now_ms = NOW_MS

    def follow(self, *texts: str) -> list[SilenceRecord]:
        """Bring the log in step with files; what that took."""
        files = {f"silences/{n}.yaml": text for n, text in enumerate(texts)}
        found, findings = load_silences(files, self.now_ms)
        assert found is not None, findings
        records = silence_changes(found, self.held.all(), "default", self.now_ms)
        for record in records:
            assert self.held.put(record)
        again = silence_changes(found, self.held.all(), "default", self.now_ms)
        assert again == [], "once in step nothing is to be done"
        return records

    def states(self) -> dict[str, str]:
        listed = self.held.listed("default", self.now_ms)
        return {s.annotations["tocsin.silence"]: state_of(s, self.now_ms) for s in listed}


def test_what_is_new_what_changed_what_went() -> None:
    log = Log()
    first = log.follow(WHOLE)
    assert log.states() == {"db-maintenance": "pending", "noisy": "active"}
    db, noisy = first
    assert (db.created_by, db.comment) == ("ann@example.org", "the disks are replaced, OPS-1204")
    assert db.annotations == {"ticket": "OPS-1204", "tocsin.silence": "db-maintenance",
                              "tocsin.file": "silences/0.yaml"}  # fmt: skip
    assert (db.origin, db.starts_at_ms) == ("file:silences/0.yaml", NOW_MS + HOUR_MS)
    assert uuid.UUID(db.id).version == 5
    assert noisy.starts_at_ms == NOW_MS, "without starts_at it begins when it is first seen"
    log.now_ms += HOUR_MS
    (changed,) = log.follow(WHOLE.replace("until it is fixed", "until we know more"))
    assert (changed.id, changed.comment) == (noisy.id, "until we know more")
    assert changed.starts_at_ms == NOW_MS, "it has not begun anew"
    assert log.states() == {"db-maintenance": "active", "noisy": "active"}
    (gone,) = log.follow(WHOLE[: WHOLE.index("- name: noisy")])
    assert (gone.id, gone.ends_at_ms) == (noisy.id, log.now_ms)
    assert log.states() == {"db-maintenance": "active", "noisy": "expired"}
    (back,) = log.follow(WHOLE)
    assert (back.id, back.starts_at_ms) == (noisy.id, log.now_ms)


def test_other_matchers_are_the_same_silence() -> None:
    log = Log()
    (made,) = log.follow(entry())
    (changed,) = log.follow(entry(matchers="['a=~\"b|c\"']"))
    assert changed.id == made.id
    assert len(log.held) == 1
    assert log.held.muting("default", "f", {"a": "c"}, NOW_MS) == [made.id]


def test_a_file_that_is_moved_keeps_its_silences() -> None:
    log = Log()
    (made,) = log.follow(entry())
    (moved,) = log.follow("silences: []", entry())
    assert (moved.id, moved.origin) == (made.id, "file:silences/1.yaml")
    assert state_of(moved, log.now_ms) == "active"


def test_what_is_over_is_left_alone() -> None:
    log = Log()
    ended = entry(starts_at="2025-11-24T10:00:00Z", ends_at="2025-11-24T15:00:00Z")
    assert log.follow(ended) == [], "it was over before anybody saw it"
    log.follow(entry())
    log.now_ms += 30 * 24 * HOUR_MS
    assert log.follow(entry()) == []
    assert log.follow() == [], "and what has ended by itself is not ended again"
    (again,) = log.follow(entry(ends_at="2026-12-01T00:00:00Z"))
    assert again.starts_at_ms == log.now_ms


def test_an_end_that_is_moved_into_the_past_ends_it() -> None:
    log = Log()
    log.follow(entry())
    log.now_ms += HOUR_MS
    log.follow(entry(ends_at="2025-11-24T16:30:00Z"))
    assert log.states() == {"a": "expired"}


def test_silences_of_the_api_and_of_other_tenants_stay() -> None:
    log = Log()
    (made,) = log.follow(entry())
    own = structs.replace(made, id=str(uuid.uuid4()), origin="")
    theirs = structs.replace(made, tenant="other")
    for record in (own, theirs):
        log.held.put(record)
    (gone,) = log.follow()
    assert (gone.id, gone.tenant) == (made.id, "default")


def test_ids_differ_by_name_and_tenant() -> None:
    (a,), (b,) = good(entry()), good(entry(name="b"))
    assert len({a.id("default"), a.id("other"), b.id("default")}) == 3


def test_the_readme_lists_every_code() -> None:
    text = (Path(__file__).parents[2] / "notifiers/README.md").read_text("utf-8")
    assert [code for code in SILENCES_CODES if f"| `{code}` |" not in text] == []

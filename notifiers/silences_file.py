"""Silences in git: files of silences, read into values, and what must change in the log.

    silences:
    - name: db-maintenance
      matchers: ['service="db"', severity=~"warning|critical"]
      starts_at: 2026-11-22T22:00:00+01:00
      duration: 4h
      comment: the disks are replaced, OPS-1204

A silence is known by its name: whatever else of it changes, it is the same silence, with the same
id. What of it is in force is in the log `alerts`, like every silence; the files say what should be
there (`changes`). The API shows it and refuses to change it.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from engine.alerts import SilenceMatcher, SilenceRecord
from engine.document import Finding, MapNode, Node, Reader, ScalarNode, load_yaml, ordered
from engine.limits import DEFAULT_LIMITS, Limits
from engine.series import (
    MatcherMode,
    MatcherTextError,
    Selector,
    breadth,
    names_nothing,
    parse_matchers,
)

SILENCES_CODES: Mapping[str, str] = {
    "silence-name": "A silence without a name, or with one that is too long.",
    "silence-duplicate": "Two silences have one name, in one file or in two.",
    "silence-time": "Times of a silence that cannot be read, or that contradict each other.",
    "silence-ended": "A silence that is over (warning): remove it.",
    "silence-everything": "A silence that mutes every alert, or nearly (warning).",
    "silence-matcher": "Matchers that cannot be read, or that every label set passes.",
    "silence-size": "A silence that is too large for the log.",
}
"""The codes of findings in files of silences."""

ORIGIN_FILE = "file:"
"""How `SilenceRecord.origin` begins where a file says what the silence is."""
NAME_ANNOTATION = "tocsin.silence"
FILE_ANNOTATION = "tocsin.file"
NAME_CHARACTERS_MAX = 200
MATCHERS_MAX = 64
DURATION_MS_MAX = 10 * 366 * 86_400_000
"""Ten years; who needs longer needs a route without a receiver."""
_KEYS = (
    "name", "matchers", "starts_at", "ends_at", "duration", "comment", "created_by", "annotations",
)  # fmt: skip
_ROOM = uuid.UUID("5d0c6f1e-6a0f-5c43-9f57-2f6a4cf0d2b1")
"""The name space of our ids: a UUID says that they are ours, and no other silence has one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AUTHOR = "git"


@dataclass(frozen=True, slots=True)
class FileSilence:
    """One silence of a file, without mistakes."""

    name: str
    file: str  # as shown: relative to tocsin.yaml
    matchers: tuple[SilenceMatcher, ...]
    starts_at_ms: int  # 0: when it is first seen
    ends_at_ms: int
    comment: str
    created_by: str = _AUTHOR
    annotations: Mapping[str, str] = field(default_factory=dict)

    def id(self, tenant: str) -> str:
        """Return its id, the same for one name whatever else changes."""
        return str(uuid.uuid5(_ROOM, f"{tenant}\0{self.name}"))


def load(
    files: Mapping[str, str],
    now_ms: int,
    *,
    limits: Limits = DEFAULT_LIMITS,
    mode: MatcherMode = "fallback",
) -> tuple[tuple[FileSilence, ...] | None, list[Finding]]:
    """Read files, shown path -> text; None where there is an error in any of them.

    `now_ms` only decides which silences are called ended, `mode` how matchers are read. Silences
    come in the order of the files.
    """
    found: dict[str, FileSilence] = {}
    findings: list[Finding] = []
    for file, text in files.items():
        tree, problems = load_yaml(text, file, limits.rule_file_bytes_max)
        reading = _Reading(file, found, now_ms, limits, mode)
        reading.reader.findings.extend(problems)
        if tree is not None:
            reading.document(tree)
        findings.extend(reading.reader.findings)
    bad = any(finding.severity == "error" for finding in findings)
    return (None if bad else tuple(found.values())), ordered(findings)


class _Reading:
    """Reads one file; `found` is what all files have given so far, by name."""

    def __init__(
        self, file: str, found: dict[str, FileSilence], now_ms: int, limits: Limits,
        mode: MatcherMode,
    ) -> None:  # fmt: skip
        self.reader = Reader(file, SILENCES_CODES)
        self._file, self._found, self._now_ms = file, found, now_ms
        self._limits, self._mode = limits, mode

    def document(self, tree: Node) -> None:
        """Read `silences:` of a document."""
        top = self.reader.mapping(tree, "a file of silences")
        if top is None:
            return
        self.reader.keys(top, "a file of silences", ("silences",))
        node = self.reader.require(top, "a file of silences", "silences",
                                   "write `silences: [{name: ...}]`")  # fmt: skip
        if isinstance(node, ScalarNode) and node.value is None:
            return
        for element in self.reader.sequence(node, "silences") or ():
            entry = self.reader.mapping(element, "a silence")
            if entry is not None:
                self._silence(entry)

    def _silence(self, entry: MapNode) -> None:
        reader, before = self.reader, len(self.reader.findings)
        reader.keys(entry, "a silence", _KEYS)
        name = self._name(entry)
        selector = self._matchers(entry)
        starts_at_ms, ends_at_ms = self._times(entry)
        comment = reader.text(
            reader.require(entry, "a silence", "comment", "say why, and where one can read more"),
            "comment",
        )
        author = entry.get("created_by")
        created_by = reader.text(author, "created_by") if author is not None else _AUTHOR
        annotations = self._annotations(entry.get("annotations"))
        errors = [f for f in reader.findings[before:] if f.severity == "error"]
        if errors or name is None:
            return
        if len(self._found) >= self._limits.silences_max:
            reader.add(entry, "value-range", f"more than {self._limits.silences_max:,} silences",
                       "remove those that are over, or raise limits.silences_max")  # fmt: skip
            return
        silence = FileSilence(
            name, self._file, selector, starts_at_ms, ends_at_ms,
            comment or "", created_by or _AUTHOR, annotations,
        )  # fmt: skip
        size = len(msgspec.json.encode(record_of(silence, "", 0, self._now_ms)))
        if size > self._limits.silence_bytes_max:
            reader.add(entry, "silence-size", f"this silence has {size:,} bytes, the limit is "
                       f"{self._limits.silence_bytes_max:,}", "shorten it")  # fmt: skip
        self._found[name] = silence

    def _name(self, entry: MapNode) -> str | None:
        node = self.reader.require(
            entry, "a silence", "name", "name it: by its name it is known over changes"
        )
        scalar = self.reader.scalar(node, "name") if node is not None else None
        if scalar is None:
            return None
        if len(scalar.text) > NAME_CHARACTERS_MAX:
            self.reader.add(scalar, "silence-name", f"this name has {len(scalar.text)} characters",
                            f"use at most {NAME_CHARACTERS_MAX}")  # fmt: skip
            return None
        other = self._found.get(scalar.text)
        if other is not None:
            self.reader.add(scalar, "silence-duplicate",
                            f"{other.file} has a silence {scalar.text!r} already",
                            "rename one")  # fmt: skip
            return None
        return scalar.text

    def _matchers(self, entry: MapNode) -> tuple[SilenceMatcher, ...]:
        node = self.reader.require(
            entry, "a silence", "matchers", "write matchers: ['service=\"db\"']"
        )
        elements: Iterable[Node] | None = (node,) if isinstance(node, ScalarNode) else None
        if elements is None:
            elements = self.reader.sequence(node, "matchers")
        if elements is None:
            return ()
        found: list[SilenceMatcher] = []
        selector: Selector = ()
        for element in elements:
            scalar = self.reader.scalar(element, "a matcher")
            if scalar is None:
                return ()
            try:
                selector += parse_matchers(scalar.text, self._mode)
            except MatcherTextError as error:
                self.reader.add(scalar, "silence-matcher", str(error),
                                'write NAME="VALUE", !=, =~ or !~')  # fmt: skip
                return ()
        for each in selector:
            regex, equal = each.operator in ("=~", "!~"), each.operator in ("=", "=~")
            found.append(SilenceMatcher(each.name, each.value, regex, equal))
        assert node is not None, "it has elements"
        self._judge(node, selector)
        return tuple(found)

    def _judge(self, node: Node, selector: Selector) -> None:
        if len(selector) > MATCHERS_MAX:
            self.reader.add(node, "silence-matcher", f"{len(selector)} matchers",
                            f"use at most {MATCHERS_MAX}")  # fmt: skip
        elif names_nothing(selector):
            self.reader.add(node, "silence-matcher", "at least one matcher must not match the "
                            "empty text", "name a label and a value")  # fmt: skip
        elif what := breadth(selector):
            self.reader.add(node, "silence-everything", f"this mutes {what}",
                            "name what it is about", severity="warning")  # fmt: skip

    def _times(self, entry: MapNode) -> tuple[int, int]:
        reader, start, end = self.reader, entry.get("starts_at"), entry.get("ends_at")
        length = entry.get("duration")
        starts_at_ms = self._time(start, "starts_at") if start is not None else 0
        if (end is None) == (length is None):
            both = "ends_at and duration are both given" if end is not None else "it never ends"
            reader.add(length or entry, "silence-time", both,
                       "say either ends_at, or starts_at and duration")  # fmt: skip
            return 0, 0
        if length is not None:
            duration_ms = reader.duration(length, "duration", 1_000, DURATION_MS_MAX)
            if start is None:
                reader.add(length, "silence-time", "a duration from when?",
                           "add starts_at, or say ends_at instead")  # fmt: skip
            ends_at_ms = (starts_at_ms or 0) + (duration_ms or 0) if starts_at_ms else None
        else:
            ends_at_ms = self._time(end, "ends_at")
        if starts_at_ms is None or not ends_at_ms:
            return 0, 0
        self._judge_times(end or length or entry, starts_at_ms, ends_at_ms)
        return starts_at_ms, ends_at_ms

    def _judge_times(self, at: Node, starts_at_ms: int, ends_at_ms: int) -> None:
        if starts_at_ms >= ends_at_ms:
            self.reader.add(at, "silence-time", "it ends before it begins", "correct the times")
        elif ends_at_ms <= self._now_ms:
            self.reader.add(at, "silence-ended", "this silence is over", "remove it",
                            severity="warning")  # fmt: skip

    def _time(self, node: Node | None, where: str) -> int | None:
        scalar = self.reader.scalar(node, where)
        if scalar is None:
            return None
        example = "2026-11-22T22:00:00+01:00, or Z for UTC"
        try:
            moment = datetime.fromisoformat(scalar.text.strip().upper())
        except ValueError:
            self.reader.add(scalar, "silence-time", f"{where}: {scalar.text[:60]!r} is no time",
                            f"write it like {example}")  # fmt: skip
            return None
        if moment.tzinfo is None:
            self.reader.add(scalar, "silence-time", f"{where}: in which time zone?",
                            f"write it like {example}")  # fmt: skip
            return None
        time_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
        if time_ms <= 0:
            self.reader.add(scalar, "silence-time", f"{where} is before 1970", "correct it")
            return None
        return time_ms

    def _annotations(self, node: Node | None) -> dict[str, str]:
        entries = self.reader.mapping(node, "annotations") if node is not None else None
        texts = {e.name: self.reader.text(e.value, f"annotations.{e.name}") for e in entries or ()}
        return {name: text for name, text in texts.items() if text is not None}


def record_of(silence: FileSilence, tenant: str, starts_at_ms: int, now_ms: int) -> SilenceRecord:
    """Return a silence of a file as the log has it; `starts_at_ms` is where its file has none."""
    own = {NAME_ANNOTATION: silence.name, FILE_ANNOTATION: silence.file}
    return SilenceRecord(
        tenant=tenant,
        id=silence.id(tenant),
        matchers=list(silence.matchers),
        starts_at_ms=silence.starts_at_ms or starts_at_ms,
        ends_at_ms=silence.ends_at_ms,
        created_by=silence.created_by,
        comment=silence.comment,
        updated_at_ms=now_ms,
        annotations={**silence.annotations, **own},
        origin=f"{ORIGIN_FILE}{silence.file}",
    )


def changes(
    wanted: Sequence[FileSilence], held: Iterable[SilenceRecord], tenant: str, now_ms: int
) -> list[SilenceRecord]:
    """Return the records that make the log say what the files say; none where it does.

    What no file has any more ends now. What has ended by itself is left alone, and one that was
    over before anybody saw it never begins. `held` are all silences of the log, of any tenant.
    """
    known = {record.id: record for record in held if record.tenant == tenant}
    found: list[SilenceRecord] = []
    ids: set[str] = set()
    for silence in wanted:
        old = known.get(silence.id(tenant))
        ids.add(silence.id(tenant))
        if silence.ends_at_ms <= now_ms and (old is None or old.ends_at_ms <= now_ms):
            continue
        record = record_of(silence, tenant, _begin(old, now_ms), now_ms)
        if old is None or _differs(old, record):
            found.append(record)
    found.extend(
        msgspec.structs.replace(
            old,
            starts_at_ms=min(old.starts_at_ms, now_ms),
            ends_at_ms=now_ms,
            updated_at_ms=now_ms,
        )
        for old in known.values()
        if old.origin.startswith(ORIGIN_FILE) and old.id not in ids and old.ends_at_ms > now_ms
    )
    return found


def _begin(old: SilenceRecord | None, now_ms: int) -> int:
    """Return since when a silence without `starts_at` is in force."""
    return old.starts_at_ms if old is not None and old.ends_at_ms > now_ms else now_ms


def _differs(old: SilenceRecord, new: SilenceRecord) -> bool:
    return msgspec.structs.replace(old, updated_at_ms=new.updated_at_ms) != new

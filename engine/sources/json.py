"""JSON records to columns: one object a record, decoded by the whole fetch.

A fetch is decoded in one call as lines. That is sound because every record is checked to begin with
"{" and end with "}" and to hold no line break: two records can then not be read as one, and one
that holds two objects changes the count. Whatever fails falls back to record by record.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from engine.limits import Limits
from engine.series import METRIC_NAME, text_hash
from engine.sources.decoded import Decoded
from engine.sources.dictionary import Dictionary, SeriesError
from engine.sources.fetch import Reject
from engine.sources.projection import Projection

Timestamp = int | float | str
HASH_CACHE_MAX = 100_000
HASH_CACHE_TEXT_MAX = 256
REJECT_TEXT_MAX = 512  # an error's text may quote a field's name, which may be the whole record
TIME_MAX_MS = 2**62
Rows = list[tuple[int, Any]]  # position, record


class MetricRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One sample: {"timestamp": ms or RFC 3339, "name": "...", "labels": {...}, "value": 1.0}."""

    timestamp: Timestamp
    name: str
    value: float | Literal["NaN", "+Inf", "-Inf", "Inf"]
    labels: msgspec.Raw = msgspec.Raw(b"{}")


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_labels = msgspec.json.Decoder(dict[str, str])
_metrics = msgspec.json.Decoder(MetricRecord)


class LogDecoder:
    """Decodes log records with the fields that the rules in use read; others are skipped."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        fields: list[Any] = [
            ("timestamp", Timestamp),
            ("message", str),
            ("labels", msgspec.Raw, msgspec.Raw(b"{}")),
        ]
        rename = {}
        for number, name in enumerate(projection.fields):
            fields.append((f"f{number}", Any, None))
            rename[f"f{number}"] = name
        record = msgspec.defstruct("LogRecord", fields, rename=rename, gc=False)
        self.one = msgspec.json.Decoder(record)
        self.slot = {name: f"f{number}" for number, name in enumerate(projection.fields)}
        self._hashes: dict[str, int] = {}

    def text_hash(self, value: Any) -> int:
        """Return the hash of a field's value, 0 for none."""
        text = field_text(value)
        if text is None:
            return 0
        if len(text) > HASH_CACHE_TEXT_MAX:
            return text_hash(text)
        found = self._hashes.get(text)
        if found is None:
            if len(self._hashes) >= HASH_CACHE_MAX:
                self._hashes.clear()
            found = self._hashes[text] = text_hash(text)
        return found


def field_text(value: Any) -> str | None:
    """Return a field's JSON scalar as a label value, None where it is no scalar."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _split(
    values: Sequence[bytes | None], positions: Sequence[int], limits: Limits
) -> tuple[list[bytes], list[int], list[Reject]]:
    """Set aside what cannot be a record: nothing, or too much."""
    if all(values) and max(map(len, values), default=0) <= limits.record_bytes_max:  # type: ignore[arg-type]
        return list(values), list(positions), []  # type: ignore[arg-type]
    good, places, rejects = [], [], []
    for value, position in zip(values, positions, strict=True):
        if not value or not value.strip():
            rejects.append(Reject(position, "empty", "the record is empty", b""))
        elif len(value) > limits.record_bytes_max:
            text = f"{len(value)} bytes; limits.record_bytes_max is {limits.record_bytes_max}"
            rejects.append(_reject(position, "record_too_large", text, value, limits))
        else:
            good.append(value)
            places.append(position)
    return good, places, rejects


def _reject(position: int, reason: str, text: str, record: bytes, limits: Limits) -> Reject:
    return Reject(position, reason, text[:REJECT_TEXT_MAX], record[: limits.reject_bytes_max])


def _records(
    values: list[bytes],
    positions: list[int],
    lines: Callable[[bytes], list[Any]],
    one: Callable[[bytes], Any],
    limits: Limits,
) -> tuple[list[Any], list[int], list[bytes], list[Reject]]:
    """Decode all at once; where anything is wrong, one by one."""
    joined = b"\n".join(values)
    whole = _one_a_line(joined, len(values))
    if not whole:
        values = [value.strip() for value in values]
        joined = b"\n".join(values)
        whole = _one_a_line(joined, len(values))
    if whole:
        try:
            records = lines(joined)
        except _UNREADABLE:
            records = []
        if len(records) == len(values):
            return records, positions, values, []
    records, places, kept, rejects = [], [], [], []
    for value, position in zip(values, positions, strict=True):
        if not value:
            rejects.append(Reject(position, "empty", "the record is empty", b""))
            continue
        try:
            records.append(one(value))
        except _UNREADABLE as error:
            reason = decode_reason(error)
            rejects.append(_reject(position, reason, str(error), value, limits))
        else:
            places.append(position)
            kept.append(value)
    return records, places, kept, rejects


def _one_a_line(joined: bytes, count: int) -> bool:
    """Whether each of `count` records begins with "{", ends with "}" and has no line break.

    So it is where all line breaks are the ones between records, and stand between "}" and "{".
    """
    return (
        joined.startswith(b"{")
        and joined.endswith(b"}")
        and joined.count(b"\n") == joined.count(b"}\n{") == count - 1
    )


def decode_reason(error: Exception) -> str:
    """Return the named reason of a decoding error."""
    text = str(error)
    if isinstance(error, RecursionError):
        return "too_deep"
    if isinstance(error, UnicodeDecodeError) or "utf-8" in text.lower():
        return "invalid_utf8"
    if isinstance(error, msgspec.ValidationError):
        if "unknown field" in text:
            return "unknown_field"
        if "missing required" in text:
            return "missing_field"
        return "wrong_type"
    return "malformed_json"


def decode_metrics(
    values: Sequence[bytes | None],
    positions: Sequence[int],
    dictionary: Dictionary,
    limits: Limits,
) -> Decoded:
    """Decode metric records."""
    good, places, rejects = _split(values, positions, limits)
    records: list[MetricRecord] = []
    if good:
        records, places, good, more = _records(
            good, places, _metrics.decode_lines, _metrics.decode, limits
        )
        rejects += more
    return _columns(
        records, places, good, _metric_entries(records, dictionary), rejects, limits,
        _floats(records), None, {}, {},
    )  # fmt: skip


def _metric_entries(records: list[MetricRecord], dictionary: Dictionary) -> list[int | SeriesError]:
    keys = [(record.name, bytes(record.labels)) for record in records]
    found = list(map(dictionary.alias.get, keys))
    if None not in found:
        return found  # type: ignore[return-value]
    entries: list[int | SeriesError] = []
    for key, record, known in zip(keys, records, found, strict=True):
        # Looked up again: it may be new, and twice in this very fetch.
        entry = dictionary.alias.get(key) if known is None else known
        entries.append(_metric_series(dictionary, key, record) if entry is None else entry)
    return entries


def _floats(records: list[MetricRecord]) -> npt.NDArray[np.float64]:
    values = [record.value for record in records]
    if str in set(map(type, values)):  # "NaN", "+Inf"
        values = [float(value) for value in values]
    return np.array(values, np.float64)


def _metric_series(
    dictionary: Dictionary, key: tuple[str, bytes], record: MetricRecord
) -> int | SeriesError:
    try:
        labels = _labels.decode(record.labels)
        if not record.name:
            raise SeriesError("metric_name", "the metric name is empty")
        if METRIC_NAME in labels:
            raise SeriesError("label_name", "`__name__` is given by `name`, not as a label")
    except SeriesError as error:
        return error
    except _UNREADABLE as error:
        return SeriesError(decode_reason(error), f"labels: {error}")
    return dictionary.intern(key, {**labels, METRIC_NAME: record.name})


def decode_logs(
    values: Sequence[bytes | None],
    positions: Sequence[int],
    dictionary: Dictionary,
    decoder: LogDecoder,
    limits: Limits,
) -> Decoded:
    """Decode log records."""
    good, places, rejects = _split(values, positions, limits)
    records: list[Any] = []
    if good:
        records, places, good, more = _records(
            good, places, decoder.one.decode_lines, decoder.one.decode, limits
        )
        rejects += more
    promoted = [(name, decoder.slot[name]) for name in decoder.projection.promoted]
    entries = [_log_stream(dictionary, record, promoted, limits) for record in records]
    numbers = {
        name: np.array([_number(getattr(r, decoder.slot[name])) for r in records], np.float64)
        for name in decoder.projection.numbers
    }
    hashes = {
        name: np.array(
            [decoder.text_hash(getattr(r, decoder.slot[name])) for r in records], np.uint64
        )
        for name in decoder.projection.hashes
    }
    messages = [record.message for record in records]
    return _columns(
        records, places, good, entries, rejects, limits, None, messages, numbers, hashes
    )


def _number(value: Any) -> float:
    """Return a field as a number; what is none is NaN, as if the row had no such field."""
    try:
        return float(value) if type(value) in (int, float) else math.nan
    except OverflowError:  # an integer of more than 308 digits
        return math.nan


def _log_stream(
    dictionary: Dictionary, record: Any, promoted: list[tuple[str, str]], limits: Limits
) -> int | SeriesError:
    if len(record.message) > limits.message_bytes_max:
        text = f"{len(record.message)} characters; limits.message_bytes_max is " + str(
            limits.message_bytes_max
        )
        return SeriesError("message_too_large", text)
    raw = bytes(record.labels)
    extra = [getattr(record, slot) for _, slot in promoted]
    texts = [field_text(value) for value in extra]
    key = (raw, *texts)  # as texts: True, 1 and 1.0 are one key of a dict and three labels
    found = dictionary.alias.get(key)
    if found is not None:
        return found
    try:
        labels = _labels.decode(raw)
    except _UNREADABLE as error:
        return SeriesError(decode_reason(error), f"labels: {error}")
    if METRIC_NAME in labels:
        return SeriesError("label_name", "a log record cannot have the label `__name__`")
    for (name, _), value in zip(promoted, texts, strict=True):
        if name not in labels and value is not None:
            labels[name] = value
    return dictionary.intern(key, labels)


def _columns(
    records: list[Any],
    places: list[int],
    raw: list[bytes],
    entries: list[int | SeriesError],
    rejects: list[Reject],
    limits: Limits,
    values: npt.NDArray[np.float64] | None,
    messages: list[str] | None,
    numbers: dict[str, npt.NDArray[np.float64]],
    hashes: dict[str, npt.NDArray[np.uint64]],
) -> Decoded:
    """Make columns; rows whose labels or time are refused become rejects."""
    keep = np.ones(len(records), np.bool_)
    if set(map(type, entries)) - {int}:
        for i, entry in enumerate(entries):
            if isinstance(entry, SeriesError):
                keep[i] = False
                rejects.append(_reject(places[i], entry.reason, str(entry), raw[i], limits))
                entries[i] = -1
    times = _times(records, places, raw, keep, rejects, limits)
    decoded = Decoded(
        np.array(places, np.int64), times, np.array(entries, np.int64), values, messages,
        numbers, hashes, rejects,
    )  # fmt: skip
    return decoded if keep.all() else decoded.take(keep)


def _times(
    records: list[Any],
    places: list[int],
    raw: list[bytes],
    keep: npt.NDArray[np.bool_],
    rejects: list[Reject],
    limits: Limits,
) -> npt.NDArray[np.int64]:
    """Return the rows' times in ms; rows whose timestamp is none are no longer kept."""
    stamps = [record.timestamp for record in records]
    try:
        if str in set(map(type, stamps)):
            raise TypeError
        wide = np.array(stamps, np.float64)
        if (np.abs(wide) >= TIME_MAX_MS).any():
            raise OverflowError
        return wide.astype(np.int64)
    except (TypeError, OverflowError):
        times = np.zeros(len(stamps), np.int64)
        for i, stamp in enumerate(stamps):
            parsed = time_ms(stamp)
            if parsed is None:
                if keep[i]:
                    text = f"timestamp {str(stamp)[:64]!r} is neither milliseconds nor RFC 3339"
                    rejects.append(_reject(places[i], "timestamp", text, raw[i], limits))
                keep[i] = False
            else:
                times[i] = parsed
    return times


def time_ms(stamp: Timestamp) -> int | None:
    """Return a timestamp in ms since the epoch, None where it is none."""
    if isinstance(stamp, str):
        try:
            moment: datetime = msgspec.convert(stamp, datetime)
        except msgspec.ValidationError:
            return None
        if moment.tzinfo is None:
            return None
        return round(moment.timestamp() * 1000)
    if not -TIME_MAX_MS < stamp < TIME_MAX_MS:
        return None
    return int(stamp)

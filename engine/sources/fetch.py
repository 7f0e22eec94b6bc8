"""What a source hands over: a fetch as columns, a mark of time, a reject."""

from typing import NamedTuple


class Fetch(NamedTuple):
    """All records that one poll brought from one partition, as columns of equal length."""

    start: int  # the position it was fetched from; == offsets[0] or before
    offsets: list[int]
    timestamps_ms: list[int]
    values: list[bytes | None]


class Mark(NamedTuple):
    """A proof: everything of a source partition below `end_offset` was sent on, and nothing that
    comes after it was appended before `time_ms`."""

    topic: str
    partition: int
    end_offset: int
    time_ms: int


class Reject(NamedTuple):
    """A record that was not taken."""

    position: int  # offset in the partition, or the line of a request, from 1
    reason: str  # the label of tocsin_rejects_total
    text: str  # what is wrong, for people
    record: bytes  # as it came, cut at reject_bytes_max

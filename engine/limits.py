"""Every bound, in one frozen value: what has no entry here must not grow."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one process; each is set in tocsin.yaml under `limits:` by its name."""

    # What comes in
    record_bytes_max: int = 1_000_000  # one record of a source topic, one NDJSON line
    request_bytes_max: int = 16_000_000  # one HTTP body, after decompression
    labels_per_series_max: int = 40
    label_name_bytes_max: int = 256
    label_value_bytes_max: int = 4_096
    labels_bytes_max: int = 16_384  # all labels of one series
    message_bytes_max: int = 65_536  # a log line; longer ones are rejected
    future_ms_max: int = 600_000  # a record's time ahead of its arrival
    past_ms_max: int = 86_400_000  # a record's time behind its arrival
    rejects_per_second_max: int = 100  # kept in the topic `rejects`; all are counted
    reject_bytes_max: int = 4_096  # of the offending record, kept beside its position

    # HTTP
    http_connections_max: int = 1_024  # open at once; more are answered 503
    http_requests_max: int = 256  # answered at once; more get 503 and come again
    alerts_per_request_max: int = 10_000  # of one POST /api/v2/alerts
    silence_bytes_max: int = 262_144  # of one POST /api/v2/silences

    # What is remembered
    series_max: int = 200_000  # of one shard
    groups_per_rule_max: int = 20_000  # label sets that one rule keeps in one shard
    panes_per_leaf_max: int = 4_000
    ring_ms_max: int = 3_600_000  # ranges and offsets of PromQL up to this read samples, then panes
    ring_long_ms_max: int = 172_800_000  # ranges of functions that panes cannot serve
    ring_rows_max: int = 40_000_000  # samples of all rings of one shard, 12 bytes each
    long_cells_max: int = 10_000_000  # series x panes of a leaf longer than rings, 32-64 bytes each
    exact_rows_max: int = 1_024  # rows of a cell before quantile turns into a sketch
    distinct_exact_max: int = 4_096  # values of a cell before distinct turns into a sketch
    parked_rows_max: int = 100_000  # rows whose series is not yet known, by shard
    evidence_lines_max: int = 3
    evidence_line_bytes_max: int = 1_024

    # Rules
    rules_max: int = 20_000
    rule_file_bytes_max: int = 4_000_000
    template_output_bytes_max: int = 16_384
    window_ms_max: int = 86_400_000  # of native rules; state grows with width / every
    computes_per_rule_max: int = 32
    levels_per_rule_max: int = 8

    # Flow
    fetch_bytes_max: int = 1_000_000  # one event of one partition
    worker_buffer_bytes_max: int = 64_000_000
    batch_bytes_max: int = 900_000  # one message on an internal topic

    # Notifications
    alerts_max: int = 100_000  # alerts the notifier holds
    silences_max: int = 10_000
    groups_max: int = 20_000
    outbox_max: int = 10_000  # notifications decided and not yet confirmed


DEFAULT_LIMITS = Limits()

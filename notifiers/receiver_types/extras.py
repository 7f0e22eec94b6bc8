"""Parts of Alertmanager's file that are read and of no effect here: tracing, its event recorder."""

from collections.abc import Iterator, Mapping

from notifiers.fields import HTTP_CONFIG, TLS_CONFIG, Field, Given, Mistake

_HEADERS = HTTP_CONFIG.fields["http_headers"]
_COUNT = Field("int", low=-(2**63))


def _tracing(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    if not given.has("endpoint"):
        yield Mistake(None, "key-missing", "there is no endpoint", "set it, or remove tracing")
    for name, allowed in (("client_type", ("http", "grpc")), ("compression", ("gzip",))):
        if given.has(name) and given.text(name) not in allowed:
            yield Mistake(name, "value-choice", f"there is no {name} of this name",
                          f"use {' or '.join(allowed)}")  # fmt: skip


_TRACING = Field(
    "map",
    fields={
        "client_type": Field(),
        "endpoint": Field(),
        "sampling_fraction": Field("float"),
        "insecure": Field("bool"),
        "tls_config": TLS_CONFIG,
        "headers": _HEADERS,
        "compression": Field(),
        "timeout": Field("duration"),
    },
    rules=(_tracing,),
)


def _batches(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    for name in ("batch_max_events", "batch_max_bytes", "batch_flush_interval"):
        text = given.text(name)
        if text.startswith("-"):
            yield Mistake(name, "value-range", f"{name} is negative", "write a positive one")
        elif text.strip("0ms") and not given.true("batch"):
            yield Mistake(name, "fields-conflict", f"{name} without batch", "set batch: true")


def _kafka(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    if not all(given.texts("brokers") or ("",)):
        yield Mistake(None, "key-missing", "there are no brokers, or an empty one", "name one")
    choices: Mapping[str, tuple[str, ...]] = {
        "format": ("json", "protobuf"),
        "acks": ("none", "leader", "all"),
        "compression": ("none", "gzip", "snappy", "lz4", "zstd"),
    }
    for name, allowed in choices.items():
        if given.has(name) and given.text(name) not in allowed:
            yield Mistake(name, "value-choice", f"there is no {name} of this name",
                          f"use one of {', '.join(allowed)}")  # fmt: skip


_EVENT_RECORDER = Field(
    "map",
    fields={
        "file_outputs": Field("maps", fields={"path": Field(required=True)}),
        "webhook_outputs": Field(
            "maps",
            fields={
                "url": Field("secret_url", required=True, has_file=False),
                "http_config": HTTP_CONFIG,
                "timeout": Field("duration"),
                "workers": _COUNT,
                "max_retries": _COUNT,
                "retry_backoff": Field("duration"),
                "batch": Field("bool"),
                "batch_max_events": _COUNT,
                "batch_max_bytes": _COUNT,
                "batch_flush_interval": Field("duration"),
            },
            rules=(_batches,),
        ),
        "kafka_outputs": Field(
            "maps",
            fields={
                "brokers": Field("strings"),
                "topic": Field(required=True),
                "client_id": Field(),
                "format": Field(),
                "acks": Field(),
                "compression": Field(),
                "buffer_size": _COUNT,
                "tls_config": TLS_CONFIG,
            },
            rules=(_kafka,),
        ),
        "stdout_outputs": Field("maps"),
    },
)

IGNORED: Mapping[str, tuple[Field, str]] = {
    "tracing": (_TRACING, "Tocsin sends no traces; GET /metrics and its log say what it does"),
    "event_recorder": (
        _EVENT_RECORDER,
        "every event is a record of the topic `alerts`: read it there",
    ),
}
"""Parts at the top of the file -> what they may hold, and what there is instead."""

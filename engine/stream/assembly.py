"""Put the parts of one process together: broker, apps, roles."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.clock import Clock
from engine.errors import StreamError
from engine.owner import Owner
from engine.stream import apps
from engine.stream.broker import Broker, EmbeddedBroker
from engine.stream.checkpoints import CLAIM_VERSION, Claim
from engine.stream.embedded_log import EmbeddedLog
from engine.stream.evaluate import Evaluate
from engine.stream.hosted import EndProcess
from engine.stream.ingest import Ingest
from engine.stream.settings import SourceStage, StreamSettings
from engine.stream.state_store import StateStore
from engine.stream.takeover import Events, Takeover
from engine.stream.topics import Topics


@dataclass(slots=True)
class Parts:
    """What one process is made of."""

    topics: Topics
    broker: Broker
    log: EmbeddedLog | None
    evaluate: Evaluate | None
    ingest: Ingest | None
    apps: list[Any]  # in the order in which they start


def assemble(
    settings: StreamSettings,
    *,
    stage: SourceStage | None,
    make: dict[str, Callable[[int], Owner]],
    clock: Clock,
    events: Events,
    end_process: EndProcess,
) -> Parts:
    """Make the parts; opens the embedded log. Raises StreamError."""
    if "ingest" in settings.roles and stage is None:
        raise StreamError("the role ingest needs a source stage")
    topics = Topics(settings)
    log = _open(settings)
    broker = _broker(settings, log)
    parts = Parts(topics, broker, log, None, None, [])
    if "evaluate" in settings.roles:
        app = apps.make_app(settings, topics.evaluate_group, settings.shards, log)
        claim = Claim(CLAIM_VERSION, settings.instance_id, settings.advertised_url)

        def takeover(store: StateStore) -> Takeover:
            return Takeover(
                store=store, broker=broker, topics=topics, claim=claim, make=make,
                end_process=end_process, events=events,
            )  # fmt: skip

        parts.evaluate = Evaluate(
            settings, topics, broker, app,
            takeover=takeover, clock=clock, end_process=end_process, events=events,
        )  # fmt: skip
        parts.apps.append(app)
    if "ingest" in settings.roles and stage is not None:
        reading = None  # HTTP only: nothing to read
        if settings.sources:
            reading = apps.make_app(settings, topics.ingest_group, 1, log)
            parts.apps.append(reading)
        parts.ingest = Ingest(
            settings, topics, broker, reading, stage,
            clock=clock, end_process=end_process, events=events,
        )  # fmt: skip
    return parts


def _open(settings: StreamSettings) -> EmbeddedLog | None:
    if not settings.embedded:
        return None
    path = Path(settings.broker.removeprefix("embedded://"))
    return EmbeddedLog.at(str(path), settings.fsync)


def _broker(settings: StreamSettings, log: EmbeddedLog | None) -> Broker:
    if log is not None:
        return EmbeddedBroker(log)
    from engine.stream.kafka_broker import KafkaBroker

    return KafkaBroker(settings)

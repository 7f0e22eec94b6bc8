"""A worker process of the tests: Streams with the fakes, a generator, and reports on stdout.

    python -m tests.stream.child '{"broker": "embedded:///tmp/x", ...}'

Lines on stdout: one JSON object an event; with "drain" it stops when all is applied and prints
{"event": "result", ...}.
"""

import json
import logging
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import mode
from faust.types import TP

from engine.clock import system_clock
from engine.stream import Hooks, SourceTopic, Streams, StreamSettings
from tests.stream.fakes import FakeNotifier, FakeShard, FakeStage


def say(event: str, fields: dict[str, Any]) -> None:
    text = json.dumps({"at": system_clock(), "event": event, **fields}, default=str)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Generator(mode.Service):
    """Appends numbers to the sources (embedded only) and writes down what was acknowledged."""

    def __init__(self, streams: Streams, plan: dict[str, Any]) -> None:
        super().__init__()
        self.streams, self.plan = streams, plan

    async def on_start(self) -> None:
        if self.plan.get("rate"):
            self.add_future(self.generate())
        if self.plan.get("drain"):
            self.add_future(self.drain())

    async def generate(self) -> None:
        log = self.streams._parts.log
        acked = os.open(self.plan["acked"], os.O_RDWR | os.O_CREAT)
        start_s, made, at_once = time.monotonic(), 0, self.plan.get("at_once", 4_000)
        while not self.should_stop:
            due = int((time.monotonic() - start_s) * self.plan["rate"]) - made
            for source in self.plan["sources"]:
                topic = source["topic"]
                count = min(due, at_once) // log.topics[topic].partitions
                if count <= 0:
                    continue
                records = []
                for p in range(log.topics[topic].partitions):
                    first = log.partitions[topic, p].next
                    pad = self.plan.get("pad", 60)
                    records += [(p, b"%012d" % (first + i) + b"." * pad) for i in range(count)]
                offsets = await self.streams.append_source(topic, records)
                made += len(offsets)
                os.pwrite(acked, b"%020d" % (max(offsets) + 1), 0)
            await self.sleep(0.005)

    async def drain(self) -> None:
        ends: dict[Any, int] = {}
        while not (ends := await self.ends()) or not self.done(ends):
            await self.sleep(0.05)
        # The shards have all of the sources; what they said last may still be on its way.
        for hosted in self.streams._parts.evaluate.live("shards"):
            await hosted.settled()
        while not (ends := await self.ends()) or not self.done(ends):
            await self.sleep(0.05)
        say("result", self.result(ends))
        os.kill(os.getpid(), signal.SIGTERM)

    async def ends(self) -> dict[Any, int]:
        """Return the ends of all topics, {} while something is not up yet."""
        if not self.streams.status().ready or self.streams.notifier_epoch is None:
            return {}
        broker = self.streams._broker
        topics = [source["topic"] for source in self.plan["sources"]]
        wanted = [TP(t, p) for t in topics for p in range(broker.partitions(t))]
        found = await broker.ends(wanted)
        name = f"{self.plan['app_id']}.alerts"
        return {**found, **await broker.ends([TP(name, 0)])}

    def done(self, ends: dict[Any, int]) -> bool:
        """Whether all of the sources is in the shards, and all alerts in the notifier."""
        name = f"{self.plan['app_id']}.alerts"
        for shard in self.streams.shards.values():
            for tp, end in ends.items():
                if tp.topic != name and shard.seen.get(f"{tp.topic}/{tp.partition}", 0) < end:
                    return False
        return self.streams.applied_offset() >= ends[TP(name, 0)]

    def result(self, ends: dict[Any, int]) -> dict[str, Any]:
        log = self.streams._parts.log
        shards = {s: vars(owner) for s, owner in self.streams.shards.items()}
        return {
            "shards": {s: {k: v for k, v in o.items() if k != "hold"} for s, o in shards.items()},
            "notifier": vars(self.streams.notifier),
            "ends": {f"{tp.topic}/{tp.partition}": end for tp, end in ends.items()},
            "generation": log.generation if log else 0,
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "status": {"restored": self.streams.status().restored},
        }


def main() -> int:
    plan = json.loads(sys.argv[1])
    logging.basicConfig(level=plan.get("level", "WARNING"), stream=sys.stderr)
    settings = StreamSettings(
        app_id=plan.setdefault("app_id", "t"),
        broker=plan["broker"],
        data_dir=Path(plan["data_dir"]),
        instance_id=plan.get("instance", "w0"),
        advertised_url=plan.get("url", "http://127.0.0.1:1"),
        shards=plan.get("shards", 4),
        sources=tuple(SourceTopic(s["topic"], s.get("partitions")) for s in plan["sources"]),
        checkpoint_every_ms=plan.get("checkpoint_every_ms", 300),
        session_timeout_ms=plan.get("session_timeout_ms", 6_000),
        fsync=plan.get("fsync", "interval"),
        roles=tuple(plan.get("roles", ("ingest", "evaluate"))),
    )
    hooks = Hooks(
        notifier_live=lambda _owner, epoch: say("notifier_live", {"epoch": epoch}),
        notifier_gone=lambda: say("notifier_gone", {}),
        control=lambda key, record: say("control", {"key": key, "value": str(record.value)}),
    )
    streams = Streams(
        settings,
        stage=FakeStage(settings.shards, plan.get("batch_pad", 0)),
        make_shard=FakeShard,
        make_notifier=FakeNotifier,
        clock=system_clock,
        on_event=say,
        hooks=hooks,
    )
    return streams.run([Generator(streams, plan)])


if __name__ == "__main__":
    sys.exit(main())

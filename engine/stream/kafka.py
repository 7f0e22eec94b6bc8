"""Be Faust's transport `tocsin-kafka://`: Faust's own, but a fetch is one event.

An agent gets all that one poll brought from its topic (`Round`, of a `KafkaPolled` a partition), so
Faust's overhead is paid once a poll. The app's own changelogs come as single records, which is what
recovery applies.
"""

import asyncio
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from engine.stream import faust_private
from engine.stream.fetches import Budget, KafkaPolled, Polled, Round

FETCH_WAIT_MS_MAX = 250  # a partition that can be read again waits this out
RESPONSE_BYTES_MAX = 16 << 20  # of one answer of a broker, all partitions
LOOK_AGAIN_S = 0.02  # while some partitions may not be read
REST_S = 0.01


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The group's consumer, with shorter polls than the driver's 1.5 s."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        faust_private.bound_polls(consumer, FETCH_WAIT_MS_MAX, RESPONSE_BYTES_MAX)
        return consumer

    async def fetch(
        self, partitions: set[TP], timeout_s: float, max_records: int
    ) -> faust_private.Drained:
        """Return what is there, with the positions around it."""
        consumer = self._ensure_consumer()
        found: faust_private.Drained = await self.call_thread(
            faust_private.drain_fetcher,
            consumer,
            partitions,
            timeout_s,
            max_records,
            lambda: self.consumer.flow_active,
        )
        return found


class Consumer(driver.Consumer):
    """Hands over whole fetches."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._budget: Budget = faust_private.budget_of(self.app)
        # Together they prove that an idle partition is at its end, though it may end in a marker.
        self.handed: dict[TP, int] = {}  # the position after the last record handed out
        self.reached: dict[TP, int] = {}  # where the next poll reads

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's
    ) -> dict[TP, list[Any]]:
        active = set(self.assignment() if active_partitions is None else active_partitions)
        wanted = {tp for tp in active if self._may_fetch(tp)}
        if not wanted:
            await asyncio.sleep(REST_S)
            return {}
        # What may not be read now may be read in a moment, and a poll cannot be widened.
        if len(wanted) < len(active) or self._buffered_partitions:
            timeout = min(timeout, LOOK_AGAIN_S)
        limit = self.app.conf.broker_max_poll_records
        found = await self._thread.fetch(wanted, timeout, limit)
        self.reached.update(found.reached)
        events: dict[TP, list[Any]] = {}
        topics: dict[str, list[tuple[TP, Polled]]] = {}
        for tp, (start, records) in found.records.items():
            if self._is_changelog_tp(tp):
                events[tp] = records
            else:
                polled = KafkaPolled(start, records, self._budget)
                self.handed[tp] = polled.next_offset
                topics.setdefault(tp.topic, []).append((tp, polled))
        for parts in topics.values():
            together = Round(parts)
            events[together.first[0]] = [together]
        return events

    def _may_fetch(self, tp: TP) -> bool:
        # Faust's flow_control.resume(), after its seek, empties the queues: what was handed out
        # before it would be a hole. So nothing of a stream while the app rebalances.
        if self._is_changelog_tp(tp):
            return True
        return not self.app.rebalancing and self._budget.has_room

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Round):
            return super()._to_message(tp, record)
        last = record.first[1].records[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type,
            [], None, record, None, 0, 0, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip


class Transport(driver.Transport):
    """The transport, as the entry point group `faust.transports` names it."""

    Consumer = Consumer

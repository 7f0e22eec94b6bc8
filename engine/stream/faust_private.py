"""Every private call into Faust and aiokafka, wrapped once.

Each function has a contract test in tests/stream/test_faust_private.py, so that an upgrade which
moves something fails there by name and not in production.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import faust
from aiokafka.errors import ConsumerStoppedError
from faust.assignor.client_assignment import ClientAssignment
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import TRANSPORTS
from faust.types import TP

from engine.stream.fetches import Budget

if TYPE_CHECKING:
    from engine.stream.embedded_log import EmbeddedLog

BUFFER_BYTES_MAX = 64_000_000


class RoleApp(faust.App):
    """An app of ours: carries what its transport needs, and tells before it stops."""

    budget: Budget
    store_log: "EmbeddedLog | None" = None
    before_stop: Callable[[], Any] | None = None

    async def on_stop(self) -> None:
        """Write the last checkpoint while the consumer still is a member of its group."""
        if self.before_stop is not None:
            await self.before_stop()
        await super().on_stop()


def budget_of(app: Any) -> Budget:
    """Return the app's byte budget, or a default one for an app that is not ours."""
    found = getattr(app, "budget", None)
    return found if isinstance(found, Budget) else Budget(BUFFER_BYTES_MAX)


def log_of(app: Any) -> "EmbeddedLog | None":
    """Return the log that an app of ours brings."""
    return cast("EmbeddedLog | None", getattr(app, "store_log", None))


def tell_assignor(app: Any, partitions: set[TP]) -> None:
    """Tell Faust's assignor what is assigned, or recovery thinks that it owns no changelog."""
    actives: dict[str, list[int]] = {}
    for tp in sorted(partitions):
        actives.setdefault(tp.topic, []).append(tp.partition)
    app.assignor._assignment = ClientAssignment(actives=actives, standbys={})
    app.assignor._active_tps = set(partitions)
    app.assignor._topic_groups = dict.fromkeys(actives, 0)


def queues_of(app: Any, tp: TP) -> list[Any]:
    """Return the queues that a record of this partition goes into."""
    return [channel.queue for channel in app.topics._tp_index.get(tp, ())]


def when_drained(queue: Any, call: Callable[[], None]) -> None:
    """Have Faust call back when a queue has room again."""
    queue._pending_pressure_drop_callbacks.add(call)


def is_changelog(app: Any, topic: str) -> bool:
    """Whether it is a changelog of this app's own tables; a user's topic may have any name."""
    return topic in app.tables.changelog_topics


async def commit(app: Any, offsets: Mapping[TP, int]) -> bool:
    """Commit exactly these offsets; False if the broker says that they are not ours."""
    return bool(await app.consumer._commit(dict(offsets)))


async def committed(app: Any, partitions: Iterable[TP]) -> dict[TP, int | None]:
    """Ask what the group has committed."""
    wanted = list(partitions)
    store = log_of(app)
    if store is not None:
        return {tp: store.committed(app.conf.id, tp) for tp in wanted}
    thread = app.consumer._thread
    return {tp: await thread.call_thread(thread._consumer.committed, tp) for tp in wanted}


async def seek(app: Any, tp: TP, offset: int) -> None:
    """Read on at an offset, 0 included."""
    await app.consumer.seek(tp, offset)


def recovering_partitions(app: Any, table: Any) -> list[int]:
    """Return the changelog partitions that the running recovery has restored for a table."""
    return sorted(tp.partition for tp in app.tables.recovery.actives_for_table[table])


def recovery_progress(app: Any) -> tuple[object, ...]:
    """Return something that changes while a recovery gets on."""
    recovery = app.tables.recovery
    return (sum(filter(None, recovery.active_offsets.values())), recovery.completed.is_set())


def table_entries(table: Any, partition: int, prefix: bytes) -> dict[bytes, bytes]:
    """Return what a table holds of a partition."""
    if hasattr(table.data, "_db_for_partition"):
        entries = table.data._db_for_partition(partition).items()
        return {k: v for k, v in entries if k.startswith(prefix)}
    return {k: v for k, v in table.data.data.items() if k.startswith(prefix) and v is not None}


def table_put(
    table: Any, partition: int, entries: Iterable[tuple[bytes, bytes | None]], offset: int
) -> None:
    """Store what the changelog has up to `offset`, entries before the offset."""
    if not hasattr(table.data, "_db_for_partition"):
        return  # memory: read once at start, the log has it
    db = table.data._db_for_partition(partition)
    for key, value in entries:
        if value is None:
            db.delete(key)
        else:
            db.put(key, value)
    table.data.set_persisted_offset(TP(table.changelog_topic_name, partition), offset)


def table_forget(table: Any, prefix: bytes) -> None:
    """Free what a memory table has recovered and its owner has read."""
    if hasattr(table.data, "_db_for_partition"):
        return
    for key in [k for k in table.data.data if k.startswith(prefix)]:
        del table.data.data[key]


async def call_consumer(app: Any, name: str, *args: Any) -> Any:
    """Call a method of the group's aiokafka consumer in its own thread."""
    thread = app.consumer._thread
    return await asyncio.wait_for(thread.call_thread(getattr(thread._consumer, name), *args), 10)


def membership_lost(app: Any) -> bool:
    """Whether the group has gone on without us (a generation was reset, not handed over)."""
    if log_of(app) is not None:
        return False
    coordinator = app.consumer._thread._consumer._coordinator
    return bool(coordinator.generation < 0)


def assignment(app: Any) -> set[TP]:
    """Return what is assigned; nothing before the consumer has started."""
    try:
        return {TP(*tp) for tp in app.consumer.assignment()}
    except ConsumerNotStarted:
        return set()


def settled(app: Any) -> bool:
    """Whether the first recovery, or the first assignment of an app without tables, is done."""
    return bool(app.tables.recovery.completed.is_set())


def register_transports() -> None:
    """Make Faust know our schemes, also where the package's entry points are not installed."""
    TRANSPORTS.aliases["embedded"] = "engine.stream.embedded:Transport"
    TRANSPORTS.aliases["tocsin-kafka"] = "engine.stream.kafka:Transport"


def bound_polls(consumer: Any, wait_ms: int, bytes_max: int) -> None:
    """Shorten the polls of an aiokafka consumer that has not started."""
    consumer._fetch_max_wait_ms = wait_ms
    consumer._fetch_max_bytes = bytes_max


class Drained(NamedTuple):
    """What one look into aiokafka's fetcher brought."""

    records: dict[TP, tuple[int, list[Any]]]  # with the position that they were fetched from
    reached: dict[TP, int]  # where each partition is read on, after this


async def drain_fetcher(
    consumer: Any,
    partitions: set[TP],
    timeout_s: float,
    max_records: int,
    flow_active: Callable[[], bool],
) -> Drained:
    """Drain aiokafka's fetcher; say from which position each run was fetched, and where it ends.

    Runs in the consumer's thread. Compacted and transactional topics have natural holes, and may
    end in one, so record offsets do not tell whether something was skipped; positions do. A drain
    without a timeout does not await, so nothing moves between the looks and the drain.
    """
    loop, fetcher = asyncio.get_running_loop(), consumer._fetcher
    deadline_s = loop.time() + timeout_s
    while flow_active():
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        if fetcher._subscriptions.reassignment_in_progress:
            break
        with fetcher._subscriptions.fetch_context():
            before = _positions(fetcher, partitions)
            found = await fetcher.fetched_records(partitions, timeout=0, max_records=max_records)
            after = _positions(fetcher, partitions)
            left_s = deadline_s - loop.time()
            if found or after != before or left_s <= 0:
                runs = {TP(*tp): (before[tp], records) for tp, records in found.items()}
                return Drained(runs, after)
            waiter = fetcher._create_fetch_waiter()
            done, _ = await asyncio.wait([waiter], timeout=left_s)
            if done:
                waiter.result()  # authorization errors
            else:
                waiter.cancel()
    return Drained({}, {})


def _positions(fetcher: Any, partitions: set[TP]) -> dict[TP, int]:
    subscription = fetcher._subscriptions.subscription
    if subscription is None or subscription.assignment is None:
        return {}
    assignment = subscription.assignment
    found = {}
    for tp in partitions:
        if tp in assignment.tps:
            state = assignment.state_value(tp)
            if state.has_valid_position:
                found[tp] = state.position
    return found


def read_through(app: Any, tp: TP, told: int) -> int:
    """Return up to where a partition was read, if all that was handed out lies below `told`.

    More than `told` where the partition ends in a hole (a transaction's marker).
    """
    consumer = app.consumer
    handed, reached = getattr(consumer, "handed", None), getattr(consumer, "reached", None)
    if handed is None or reached is None or told < handed.get(tp, 0):
        return told
    return max(told, int(reached.get(tp, 0)))

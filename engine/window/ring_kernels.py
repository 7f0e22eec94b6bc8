"""Kernels over rings: samples in, samples out, windows evaluated in place.

A ring is a record of RING and a block of the arena: times u32 over the ring's base, value bits i64.
Its samples are the run start..start+count of the block, in order of time and never wrapped, so that
windows are found by bisection. Bits are carried as integers: the staleness marker is a signalling
NaN, and a float register may quieten it.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels import jit
from engine.window.range_functions import after, whole

Array = npt.NDArray[Any]

STALE_BITS: Final = 0x7FF0000000000002
"""The staleness marker of Prometheus, as bits."""

FOREVER_MS: Final = 1 << 62
SPAN_MAX_MS: Final = (1 << 32) - 1  # what a time over a base can be
NEED_MAX_MS: Final = 1 << 31  # 24 days

RING: Final = np.dtype(
    [
        ("offset", "<i8"),  # of the block in the arena
        ("base_ms", "<i8"),
        ("need_ms", "<i8"),  # 0: nobody reads this series
        ("cut_ms", "<i8"),  # nothing at or before it is held: the floor when the need last rose
        ("start", "<i4"),
        ("count", "<i4"),
        ("room", "<i4"),  # samples that fit in the block
        ("fresh", "<i4"),  # samples at the end that no segment holds yet
        ("marked", "<i4"),  # 1: there may be staleness markers
    ],
    align=True,
)

# Size classes of blocks: fine steps where most rings are, an eighth above.
_SIZES = list(range(4, 257, 4))
while _SIZES[-1] < 1 << 40:
    _SIZES.append((_SIZES[-1] * 9 // 8 + 3) // 4 * 4)
SIZES: Final = np.array(_SIZES, np.int64)

# Places in the array `state` that kernels count in.
TOP, PASSED, ROWS_MAX, LATE, CROWDED, GUESS, GUESS_NEED = range(7)
STATE_SIZE: Final = 7


@jit
def allocate(times: Array, bits: Array, free: Array, state: Array, sizes: Array, want: Any) -> int:
    """Return a block's offset for class `want` of `sizes`; -1: enlarge the arena; -2: the limit."""
    offset = free[want]
    if offset >= 0:
        free[want] = bits[offset]
        return int(offset)
    size = sizes[want]
    if state[TOP] + size > state[ROWS_MAX]:
        return -2
    if state[TOP] + size > times.size:
        return -1
    offset = state[TOP]
    state[TOP] += size
    return int(offset)


@jit
def release(ring: Any, bits: Array, free: Array, sizes: Array) -> None:
    """Give a ring's block back; free blocks of a class are chained through their first value."""
    if ring.room:
        size_class = np.searchsorted(sizes, ring.room)
        bits[ring.offset] = free[size_class]
        free[size_class] = ring.offset
    ring.room = 0
    ring.start = 0
    ring.count = 0
    ring.fresh = 0
    ring.marked = 0


@jit
def expire(ring: Any, times: Array, floor_ms: int) -> None:
    """Take samples at or before a time out of a ring."""
    lo = ring.offset + ring.start
    gone = after(times, lo, lo + ring.count, floor_ms - ring.base_ms) - lo
    ring.start += gone
    ring.count -= gone
    ring.fresh = min(ring.fresh, ring.count)


@jit
def shift(ring: Any, times: Array, bits: Array) -> None:
    """Move a ring's samples to the beginning of its block."""
    to = ring.offset
    at = ring.offset + ring.start
    marked = 0
    for i in range(ring.count):
        times[to + i] = times[at + i]
        bits[to + i] = bits[at + i]
        marked |= bits[at + i] == STALE_BITS
    ring.start = 0
    ring.marked = marked


@jit
def rebase(ring: Any, times: Array, time_ms: int, floor_ms: int) -> bool:
    """Move a ring's base so that a time can be told; False where no base can tell all of them."""
    expire(ring, times, floor_ms)
    if ring.count == 0:
        ring.base_ms = time_ms - ring.need_ms
        return True
    lo = ring.offset + ring.start
    oldest = min(time_ms, ring.base_ms + whole(times[lo]))
    newest = max(time_ms, ring.base_ms + whole(times[lo + ring.count - 1]))
    if newest - oldest > SPAN_MAX_MS:
        return False
    moved = ring.base_ms - oldest
    for i in range(lo, lo + ring.count):
        times[i] = np.uint32(whole(times[i]) + moved)
    ring.base_ms = oldest
    return True


@jit
def wanted(ring: Any, times: Array, state: Array, time_ms: int) -> Any:
    """Return how many samples a ring's next block should hold: need / observed interval."""
    n = whole(ring.count)
    if ring.room == 0 or n == 0:
        # As the last ring that grew came to need: most series come at the same interval.
        return min(whole(32), state[GUESS]) if state[GUESS_NEED] == ring.need_ms else whole(4)
    oldest = whole(times[ring.offset + ring.start])
    newest = max(time_ms - ring.base_ms, whole(times[ring.offset + ring.start + n - 1]))
    guess = ring.need_ms * n // max(newest - oldest, 1) + 2
    guess += max(4, guess >> 3)
    # A burst says little about the interval: never more than a few times at once.
    guess = min(guess, max(4 * whole(ring.room), 32))
    least = n + max(4, n >> 3) + 1
    state[GUESS] = max(guess, 4)
    state[GUESS_NEED] = ring.need_ms
    return guess if guess >= least else least + (n >> 1)


@jit
def make_room(
    ring: Any, times: Array, bits: Array, free: Array, state: Array, sizes: Array, time_ms: int
) -> Any:
    """Make place for one more sample at the end of a ring. 0: done; -1: enlarge; -2: no memory."""
    n = whole(ring.count)
    if ring.room and n + max(4, n >> 3) <= ring.room:
        # So samples are moved once in that many appends.
        shift(ring, times, bits)
        return 0
    size_class = np.searchsorted(sizes, wanted(ring, times, state, time_ms))
    block = allocate(times, bits, free, state, sizes, size_class)
    if block == -1 or (block == -2 and ring.room == 0):
        return block
    if block == -2:
        if n == ring.room:
            ring.start += 1  # the limit: this ring's oldest sample goes
            ring.count -= 1
            ring.fresh = min(ring.fresh, ring.count)
            state[CROWDED] += 1
        shift(ring, times, bits)
        return 0
    at = ring.offset + ring.start
    for i in range(n):
        times[block + i] = times[at + i]
        bits[block + i] = bits[at + i]
    fresh, marked = ring.fresh, ring.marked
    release(ring, bits, free, sizes)
    ring.offset = block
    ring.room = sizes[size_class]
    ring.count = n
    ring.fresh = fresh
    ring.marked = marked
    return 0


@jit
def beats(a_bits: int, b_bits: int, a: float, b: float) -> bool:
    """Say whether a sample replaces another of the same time: number > NaN > staleness marker."""
    if a_bits in (b_bits, STALE_BITS):
        return False
    if b_bits == STALE_BITS:
        return True
    if np.isnan(a) or np.isnan(b):
        return a_bits > b_bits if np.isnan(a) and np.isnan(b) else bool(np.isnan(b))
    return a > b or (a == b and a_bits > b_bits)


@jit
def floor_of(ring: Any, times: Array, passed_ms: int, time_ms: int) -> Any:
    """Return the newest time that no window can reach any more, once a sample of a time is in.

    What is at or before it may still lie in the block, by chance, and is not seen.
    """
    if passed_ms != FOREVER_MS:
        return max(passed_ms - ring.need_ms, ring.cut_ms)
    newest = time_ms
    if ring.count:
        last = ring.offset + ring.start + ring.count - 1
        newest = max(time_ms, ring.base_ms + whole(times[last]))
    return max(newest - ring.need_ms, ring.cut_ms)


@jit
def behind(ring: Any, times: Array, delta: int) -> int:
    """Return how many samples of a ring are newer than a time over its base."""
    end = ring.offset + ring.start + ring.count
    back = 0
    while back < ring.count and whole(times[end - 1 - back]) > delta:
        back += 1
    return back


@jit
def insert(ring: Any, times: Array, bits: Array, back: int, delta: int, row_bits: int) -> None:
    """Put a sample before the last `back` ones; there is room."""
    at = ring.offset + ring.start + ring.count
    for _ in range(back):
        times[at] = times[at - 1]
        bits[at] = bits[at - 1]
        at -= 1
    times[at] = np.uint32(delta)
    bits[at] = row_bits
    ring.marked |= row_bits == STALE_BITS
    ring.count += 1
    ring.fresh = max(ring.fresh + 1, back + 1)


@jit
def append_row(
    ring: Any, times: Array, bits: Array, values: Array, free: Array, state: Array, sizes: Array,
    time_ms: int, row_bits: int, row_value: float,
) -> bool:  # fmt: skip
    """Append one row, or count why not; False: the arena has to be enlarged first."""
    if ring.count == 0:
        ring.base_ms = time_ms - ring.need_ms
    floor = floor_of(ring, times, state[PASSED], time_ms)
    delta = time_ms - ring.base_ms
    if time_ms > floor and (delta < 0 or delta > SPAN_MAX_MS):
        told = rebase(ring, times, time_ms, floor)
        delta = time_ms - ring.base_ms
    else:
        told = time_ms > floor
    if not told:
        state[LATE] += 1
        return True
    back = behind(ring, times, delta)
    at = ring.offset + ring.start + ring.count - 1 - back
    if back < ring.count and whole(times[at]) == delta:
        if beats(row_bits, bits[at], row_value, values[at]):
            bits[at] = row_bits
            ring.fresh = max(ring.fresh, back + 1)
        return True
    if ring.start + ring.count == ring.room:
        expire(ring, times, floor)
        done = make_room(ring, times, bits, free, state, sizes, time_ms)
        if done == -1:
            return False
        if done == -2:
            state[CROWDED] += 1
            return True
    insert(ring, times, bits, min(back, ring.count), delta, row_bits)
    return True


@jit
def append_rows(
    rings: Array, times: Array, bits: Array, values: Array, free: Array, state: Array,
    sizes: Array, series: Array, row_times: Array, row_bits: Array, row_values: Array, first: int,
) -> int:  # fmt: skip
    """Append rows from `first` on; returns the row to go on with once the arena is larger."""
    for i in range(first, series.size):
        s = series[i]
        if s < 0 or s >= rings.size or rings[s].need_ms == 0:
            continue
        if not append_row(
            rings[s], times, bits, values, free, state, sizes,
            row_times[i], row_bits[i], row_values[i],
        ):  # fmt: skip
            return i
    return series.size


@jit
def sweep(rings: Array, times: Array, bits: Array, free: Array, state: Array, sizes: Array) -> int:
    """Free the blocks of rings that no coming tick can read; returns how many."""
    freed = 0
    for s in range(rings.size):
        ring = rings[s]
        if ring.count == 0:
            continue
        newest = ring.base_ms + whole(times[ring.offset + ring.start + ring.count - 1])
        if newest <= state[PASSED] - ring.need_ms:
            release(ring, bits, free, sizes)
            freed += 1
    return freed


@jit
def rows_of(
    rings: Array, times: Array, bits: Array, first: int, last: int, only_fresh: bool,
    out_series: Array, out_times: Array, out_bits: Array,
) -> int:  # fmt: skip
    """Copy the rows of rings first..last-1 that are fresh, or all, and mark them written.

    With empty outputs: only count them. Returns the number of rows.
    """
    n = 0
    for s in range(first, min(last, rings.size)):
        ring = rings[s]
        size = ring.fresh if only_fresh else ring.count
        if out_series.size:
            end = ring.offset + ring.start + ring.count
            for at in range(end - size, end):
                out_series[n] = s
                out_times[n] = ring.base_ms + whole(times[at])
                out_bits[n] = bits[at]
                n += 1
            ring.fresh = 0
        else:
            n += size
    return n


@jit
def raise_needs(rings: Array, times: Array, state: Array, series: Array, needs: Array) -> int:
    """Raise retention; returns how many series need more now.

    What a ring held beyond its need until now was there by chance, so it stays cut off.
    """
    raised = 0
    for i in range(series.size):
        if series[i] < 0:
            continue
        ring = rings[series[i]]
        need = min(needs[i], NEED_MAX_MS)
        if need <= ring.need_ms:
            continue
        if ring.need_ms == 0:
            ring.cut_ms = -FOREVER_MS
        else:
            ring.cut_ms = floor_of(ring, times, state[PASSED], -FOREVER_MS)
        ring.need_ms = need
        raised += 1
    return raised


@jit
def cut_all(rings: Array, times: Array, state: Array) -> None:
    """Keep every ring's floor where it is although it will be told by passed ticks from now on."""
    for s in range(rings.size):
        ring = rings[s]
        if ring.count:
            ring.cut_ms = floor_of(ring, times, state[PASSED], -FOREVER_MS)

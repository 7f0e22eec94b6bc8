"""The kernel that sends rows to the feeds that read them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernels import jit

Array = npt.NDArray[Any]


@jit
def expand(
    series: Array,
    start: Array,
    count: Array,
    feed: Array,
    group: Array,
    member: Array,
    bits: Array,
    hits: Array,
) -> tuple[Array, Array, Array, Array]:
    """Repeat each row for every feed that reads it. -> row, feed, group, member, i64[k] each.

    bits i64[feeds]: which predicate a feed wants, -1 none, -2 one that the batch does not know.
    hits u64[n, words]: the predicates that a row passed.
    """
    total = 0
    for i in range(series.size):
        s = series[i]
        if s >= 0:
            total += count[s]
    out_row = np.empty(total, np.int64)
    out_feed = np.empty(total, np.int64)
    out_group = np.empty(total, np.int64)
    out_member = np.empty(total, np.int64)
    n = 0
    for i in range(series.size):
        s = series[i]
        if s < 0:
            continue
        for k in range(start[s], start[s] + count[s]):
            bit = bits[feed[k]]
            if bit == -2:
                continue
            if bit >= 0:
                word = hits[i, bit >> 6] >> np.uint64(bit & 63)
                if word & np.uint64(1) == np.uint64(0):
                    continue
            out_row[n] = i
            out_feed[n] = feed[k]
            out_group[n] = group[k]
            out_member[n] = member[k]
            n += 1
    return out_row[:n], out_feed[:n], out_group[:n], out_member[:n]

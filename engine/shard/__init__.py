"""The shard owner: one partition of `shards` in, alert records out (start reading at owner.py).

Invariant: no clock, no socket, no dict of rows. The same log gives the same bytes.
"""

from engine.shard.inspection import Held, covers, held, rows_now
from engine.shard.owner import ShardOwner

__all__ = ["Held", "ShardOwner", "covers", "held", "rows_now"]

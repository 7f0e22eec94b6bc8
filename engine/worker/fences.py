"""Choose the fence store: Redis where it is configured, else a small store of this process."""

from typing import Any

from engine.clock import Clock
from engine.config import Config
from engine.stream import EmbeddedFence
from notifiers import Claim, FenceStore, RedisFence, decode_entry, encode_entry


def make_fence(config: Config, clock: Clock) -> FenceStore:
    """Return the fence store of a configuration."""
    if config.dedup is not None:
        return RedisFence(config.dedup, config.app_id)
    config.data_dir.mkdir(parents=True, exist_ok=True)
    path = config.data_dir / f"{config.app_id}-fence"
    # A log that a power cut may shorten knows no more of a notification than an unsynced fence.
    synced = not config.embedded or config.fsync == "always"
    fence: Any = EmbeddedFence(
        path, clock, encode_entry, decode_entry, Claim("free"), synced=synced
    )
    store: FenceStore = fence
    return store

"""Sources: bytes from a stream or a request to row batches for the shards. No state, no clock."""

from engine.sources.fetch import Fetch, Mark, Reject
from engine.sources.remote_write import RemoteWriteError
from engine.sources.stage import Endpoint, HttpTaken, SourceSpec, SourceStage

__all__ = [
    "Endpoint",
    "Fetch",
    "HttpTaken",
    "Mark",
    "Reject",
    "RemoteWriteError",
    "SourceSpec",
    "SourceStage",
]

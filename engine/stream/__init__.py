"""Host owners on Faust: transports, topics, checkpoints, epochs.

The one room that knows faust, aiokafka and rocksdict. A host feeds an owner its log, sends its
outputs, keeps its snapshots, and falls silent when a younger owner exists (DESIGN.md section 5).
"""

from engine.stream.fence import EmbeddedFence
from engine.stream.settings import (
    Hooks,
    SourceStage,
    SourceTopic,
    StalledOwner,
    StreamSettings,
    StreamsStatus,
)
from engine.stream.streams import Streams

__all__ = [
    "EmbeddedFence",
    "Hooks",
    "SourceStage",
    "SourceTopic",
    "StalledOwner",
    "StreamSettings",
    "Streams",
    "StreamsStatus",
]

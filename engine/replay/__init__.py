"""Replay: the owners of production under a virtual clock. Nothing is evaluated in a second way."""

from engine.replay.pipeline import MemoryLog, Pipeline

__all__ = ["MemoryLog", "Pipeline"]

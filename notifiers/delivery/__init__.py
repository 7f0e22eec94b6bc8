"""Delivery: decisions go out effectively once, each destination at its own pace."""

from notifiers.delivery.attempts import attempt
from notifiers.delivery.delivery import Delivery, Failure, close_channels
from notifiers.delivery.lanes import LaneView

__all__ = ["Delivery", "Failure", "LaneView", "attempt", "close_channels"]

"""PagerDuty: an event for each notification, one incident for each group."""

from notifiers.channels.pagerduty.channel import PagerDuty

__all__ = ["PagerDuty"]

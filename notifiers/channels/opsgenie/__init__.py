"""Opsgenie, and Jira Service Management's Operations that follow it: one alert for each group."""

from notifiers.channels.opsgenie.channel import Opsgenie

__all__ = ["Opsgenie"]

"""Slack: by bot token (posts once, edits in place, keeps the history in a thread) or by webhook.

An edit notifies nobody, so what people should look at (a new alert, a higher level, a reminder)
is also said in the thread and broadcast to the channel; what calms them is said in the thread.
"""

from notifiers.channels.slack.channel import Slack

__all__ = ["Slack"]

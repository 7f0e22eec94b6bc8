"""Discord, by a webhook: one message for each group, edited in place."""

from notifiers.channels.discord.channel import Discord

__all__ = ["Discord"]

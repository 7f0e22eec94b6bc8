"""Telegram, as a bot: one message for each group, edited in place."""

from notifiers.channels.telegram.channel import Telegram

__all__ = ["Telegram"]

"""Email: text and HTML in one message, one thread an episode, TLS unless told otherwise."""

from notifiers.channels.email.channel import Email

__all__ = ["Email"]

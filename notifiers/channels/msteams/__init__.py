"""Microsoft Teams, by Workflows: an Adaptive Card for each notification."""

from notifiers.channels.msteams.channel import MsTeams, MsTeamsV2

__all__ = ["MsTeams", "MsTeamsV2"]

"""Stand-ins of services: they refuse what the real ones refuse, and answer otherwise on command.

service = PagerDuty(clock)
async with serving(service.app()) as url: ...
service.say(429, {"retry_after": 2})        # the next request is answered so, whatever it is
service.accepted                            # what was taken, in order
"""

from tests.channels.standins.discord import Discord
from tests.channels.standins.opsgenie import Opsgenie
from tests.channels.standins.pagerduty import PagerDuty
from tests.channels.standins.service import Hit, Service
from tests.channels.standins.teams import Teams
from tests.channels.standins.telegram import Telegram

__all__ = ["Discord", "Hit", "Opsgenie", "PagerDuty", "Service", "Teams", "Telegram"]

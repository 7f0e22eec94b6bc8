"""The notification configuration: an Alertmanager configuration file, read once into values.

    config, findings = load(text, "alertmanager.yml", matchers="fallback")

`load` is the way in. Each part of the file has a module (`routes`, `receivers`, `matchers`,
`inhibit_rules`, `intervals`), `reading` turns an entry into values by the fields that a channel or
Alertmanager's table declares, `shown` gives the text back without secrets.

**Invariant:** what a user wrote never raises; a file with an error gives no configuration; the
verdict is Alertmanager 0.34's, and what Tocsin has not is refused by name.
Absent: sending, clocks, which types of receivers there are (notifiers.receiver_types).
"""

from notifiers.config.load import CONFIG_CODES, NotifierConfig, installed_channels, load
from notifiers.config.matchers import is_label_name
from notifiers.receiver import Integration, Receiver
from notifiers.receiver_types import GLOBAL_FIELDS

__all__ = [
    "CONFIG_CODES",
    "GLOBAL_FIELDS",
    "Integration",
    "NotifierConfig",
    "Receiver",
    "installed_channels",
    "is_label_name",
    "load",
]

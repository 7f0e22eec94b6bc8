"""What Alertmanager's own tests say: the corpora alertmanager-scenarios and alertmanager-configs.

Everything goes through what a worker has: files through `notifiers.load`, alerts and silences
through the notifier's log, timelines and API flows through a running `tocsin run`.

Each module has `parts(only) -> list[Part]`; a part gives a Tally named "alertmanager" whose cases
begin with the kind: "inhibition: match-0". `only` is a text that a case's name must hold.
"""

import importlib

from tests.conformance.corpora import ROOT, Part

NAME = "alertmanager"
SCENARIOS = ROOT / "alertmanager-scenarios"
CONFIGS = ROOT / "alertmanager-configs"
MODULES = (
    "api", "configs", "config_strings", "routing", "matchers", "templates",
    "inhibition", "timeinterval", "dedup", "merge", "silences", "fingerprints",
)  # fmt: skip


def parts(only: str = "") -> list[Part]:
    """Return the parts of the corpus but for the timelines, those first that take long.

    Timelines want the machine for themselves: the runner has their parts before the others'.
    """
    found: list[Part] = []
    for name in MODULES:
        found += importlib.import_module(f"{__name__}.{name}").parts(only)
    return found

"""Small configurations in their tests' words, with Alertmanager's verdict."""

from tests.conformance.alertmanager.configs import verdict
from tests.conformance.alertmanager.scenes import judged, one_part, scenario
from tests.conformance.corpora import Part, Tally

_FILE = "config_strings.yaml"


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    cases = scenario(_FILE)["cases"]
    named = {
        f"{number} {case['name']}": (lambda one: verdict(one["config"], one), case)
        for number, case in enumerate(cases)
    }
    return judged("config string", named, only)

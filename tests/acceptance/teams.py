"""A team for every value of a label, each with places of its own.

Slack takes one message a second and channel: on one channel many alerts would only wait for it, and
what ended before anybody was told is told to nobody.
"""

from collections.abc import Iterable

from tests.acceptance.whole import Whole

_ROUTE = "  - {{matchers: ['{label}=\"{value}\"'], receiver: team-{value}}}\n"
_RECEIVER = """\
  - name: team-{value}
    slack_configs: [{{channel: '#team-{value}', send_resolved: true}}]
    email_configs: [{{to: on-call@example.org, send_resolved: true}}]
    webhook_configs: [{{url: '{url}/hook/on-call', send_resolved: true}}]
"""


def route_by(run: Whole, label: str, values: Iterable[str], *, everywhere: bool = False) -> None:
    """Rewrite the notification file; before a worker starts.

    `everywhere`: each team is told by every other kind of receiver as well.
    """
    path, values = run.directory / "shared/notifiers.yaml", list(values)
    route, _, receivers = path.read_text().partition("receivers:\n")
    url = f"http://127.0.0.1:{run.far.port}"
    routes = "".join(_ROUTE.format(label=label, value=value) for value in values)
    teams = "".join(
        _RECEIVER.format(value=value, url=url)
        + (run.far.elsewhere.receivers(value, url) if everywhere else "")
        for value in values
    )
    path.write_text(f"{route}  routes:\n{routes}receivers:\n{teams}{receivers}")
    for value in values:
        run.far.slack.add_channel(f"#team-{value}")

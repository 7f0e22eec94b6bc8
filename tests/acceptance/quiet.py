"""Services that nobody may hear of: one silenced by a file, one by the API, through whatever comes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.acceptance.talking import ask
from tests.acceptance.whole import Whole
from tests.waiting import until

_FILE = """\
silences:
- name: kept-in-git
  matchers: [service={service}]
  starts_at: 2020-01-01T00:00:00Z
  ends_at: 2099-01-01T00:00:00Z
  comment: nobody may hear of it
  created_by: ann@example.org
"""


class Quiet:
    """The two silences of an application, and that they stay what they are."""

    def __init__(self, run: Whole, by_file: str, by_api: str) -> None:
        """Configure the first; before a worker starts."""
        self._run, self._by_file, self._by_api = run, by_file, by_api
        path = run.directory / "shared/silences.yaml"
        path.write_text(_FILE.format(service=by_file))
        run.config += f"silences: {path}\n"
        self.known: list[dict[str, Any]] = []

    def set(self, url: str) -> None:
        """Set the second, and look at both."""
        now = datetime.now(UTC)
        body = {
            "matchers": [{"name": "service", "value": self._by_api, "isRegex": False}],
            "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=2)).isoformat(),
            "createdBy": "bob", "comment": "nor of this",
        }  # fmt: skip
        answer = ask(f"{url}/api/v2/silences", json.dumps(body).encode())
        assert answer.status == 200, answer
        until(lambda: len(self.listed(url)) == 2, 20, self._run.logs)
        self.known = self.listed(url)

    @staticmethod
    def listed(url: str) -> list[dict[str, Any]]:
        """Return what a worker says of both."""
        answer = ask(f"{url}/api/v2/silences")
        found: list[dict[str, Any]] = answer.json() if answer.status == 200 else []
        return sorted(found, key=lambda each: str(each["id"]))

    def check(self, listed: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
        """Fail unless both are what they were, were said once, and nobody was told anything.

        `entries` are all records of `alerts`.
        """
        assert listed == self.known
        said = [entry["id"] for entry in entries if entry["kind"] == "silence"]
        assert sorted(said) == sorted(each["id"] for each in self.known)
        told = [e for e in entries if e["kind"] == "notified" and any(
            f'service=\\"{quiet}\\"' in json.dumps(e["group_key"])
            for quiet in (self._by_file, self._by_api)
        )]  # fmt: skip
        assert told == []

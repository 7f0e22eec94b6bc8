"""Every finding code of tocsin.yaml; engine/README.md lists them (a test compares)."""

from collections.abc import Mapping

CONFIG_CODES: Mapping[str, str] = {
    "config-file": "The configuration file cannot be read.",
    "broker": "`broker` is neither kafka://host:port nor embedded://PATH.",
    "dedup": "`dedup` is no redis:// or rediss:// address.",
    "dedup-embedded": "Kafka with the embedded store: right for one worker only (warning).",
    "dedup-unused": "A password file without an address that it belongs to.",
    "secret-inline": "A password stands in the configuration file (warning).",
    "secret-file": "A file with a secret cannot be read or is empty.",
    "listen": "`listen` is no host:port.",
    "listen-open": "Listening beyond loopback without saying who may do what.",
    "auth": "`auth` is neither none nor {tokens_file: PATH}.",
    "path-missing": "A file or directory that the configuration names does not exist.",
    "source-topic": "A topic name that Kafka does not allow, or one of Tocsin's own.",
    "source-duplicate": "Two sources read the same topic.",
    "source-kind": "A source whose name does not say whether it holds metrics or logs.",
    "identifier": "An app or instance id with characters that topics do not allow.",
    "route-prefix": "`route_prefix` is no path that begins with a slash.",
    "egress": "`egress.allow` holds something that is no network, such as 10.0.0.0/8.",
    "url": "Not an http:// or https:// address.",
    "timeouts": "Timeouts that contradict each other.",
}

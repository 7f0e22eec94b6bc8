"""Configuration: tocsin.yaml as one frozen value, or every mistake in it at once.

An empty file is valid: one process, the embedded log, HTTP on loopback. Paths are relative to the
file. Secrets come from files and are left out of every `repr`.
Absent: notifications (notifiers.config), rules (engine.rules), and defaults anywhere else.
"""

from engine.config.addresses import glob_directory
from engine.config.codes import CONFIG_CODES
from engine.config.load import KEYS, load, parse
from engine.config.model import (
    Auth,
    Config,
    HttpLateness,
    Listen,
    MatcherParsing,
    Network,
    Source,
)
from engine.config.sources import SOURCE_KEYS

__all__ = [
    "CONFIG_CODES",
    "KEYS",
    "SOURCE_KEYS",
    "Auth",
    "Config",
    "HttpLateness",
    "Listen",
    "MatcherParsing",
    "Network",
    "Source",
    "glob_directory",
    "load",
    "parse",
]

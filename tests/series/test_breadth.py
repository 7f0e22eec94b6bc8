"""What a silence for everything looks like, and what only looks like one."""

import pytest

from engine.series import breadth, names_nothing, parse_matchers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('alertname=~".+"', "every alert"),
        ('alertname=~".*"', "every alert"),
        ('alertname!=""', "every alert"),
        ('alertname=~"(?i).+|Disk"', "every alert"),
        ('service=~".+"', "every alert that has the label service"),
        ('service!="",cluster=~".+",service=~"..*|.+"',
         "every alert that has the labels service, cluster"),
        ('severity!="info"', 'every alert but those with severity="info"'),
        ('severity!~"info|debug",alertname=~".+"',
         'every alert but those with severity=~"info|debug"'),
        ('alertname="Disk"', ""),
        ('alertname=~".+",service="db"', ""),
        ('alertname=~"Disk.*"', ""),
        ('service=~"db|web"', ""),
        ('severity!="info",team="db"', ""),
        ('service=""', ""),
        ('service=~"[a-z]+"', ""),
    ],
)  # fmt: skip
def test_breadth(text: str, said: str) -> None:
    assert breadth(parse_matchers(text)) == said


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ('a=""', True), ('a=~".*"', True), ('a=~"|x",b=""', True),
        ('a!="b"', False), ('a!~".+"', False), ('a=~".+"', False), ('a="b",c=""', False),
    ],
)  # fmt: skip
def test_what_alertmanager_refuses_names_nothing(text: str, nothing: bool) -> None:
    assert names_nothing(parse_matchers(text)) is nothing

"""The demo's directory, and what `--once` waits for."""

from pathlib import Path

import pytest
import yaml

from engine.demo.home import Addresses, DemoError, Home, write_configuration
from engine.demo.verdict import Receipt, missing

ADDRESSES = Addresses(9099, 2525, "http://127.0.0.1:9099/demo/slack/chat.postMessage", "xoxb-demo")


def test_the_configuration_is_yaml_and_names_what_listens(tmp_path):
    path = write_configuration(tmp_path / "here", ADDRESSES)
    told = yaml.safe_load(path.read_text())
    assert told["listen"] == "127.0.0.1:9099"
    assert [one["topic"] for one in told["sources"]] == ["metrics", "logs"]
    notifiers = yaml.safe_load((tmp_path / "here" / "notifiers.yaml").read_text())
    assert notifiers["global"]["smtp_smarthost"] == "127.0.0.1:2525"
    assert set(notifiers["receivers"][0]) == {"name", "slack_configs", "email_configs"}
    assert list((tmp_path / "here" / "rules").glob("*.yml"))


def test_a_second_demo_in_the_directory_is_refused_and_the_first_keeps_its_log(tmp_path):
    first = Home(tmp_path / "demo")
    first.open()
    (tmp_path / "demo" / "data").mkdir()
    with pytest.raises(DemoError, match=r"--dir .* --port"):
        Home(tmp_path / "demo").open()
    assert (tmp_path / "demo" / "data").is_dir()
    first.close()


def test_the_log_of_an_earlier_run_is_removed(tmp_path):
    home = Home(tmp_path)
    home.open()
    (tmp_path / "data").mkdir()
    home.close()
    home.open()
    assert not (tmp_path / "data").exists()
    home.close()


def test_a_directory_with_other_files_is_not_touched(tmp_path):
    precious = Path(tmp_path / "data" / "precious")
    precious.parent.mkdir()
    precious.write_text("x")
    with pytest.raises(DemoError, match="--dir"):
        Home(tmp_path).open()
    assert precious.read_text() == "x"


def test_once_waits_for_all_four_of_one_alert():
    receipts = [Receipt("slack", "A", "firing"), Receipt("email", "B", "firing")]
    assert len(missing(())) == 4
    assert missing(receipts) == (
        "a firing alert in the mailbox",
        "its resolution in Slack",
        "its resolution in the mailbox",
    )
    receipts += [Receipt("email", "A", "firing"), Receipt("slack", "A", "resolved")]
    assert missing(receipts) == ("its resolution in the mailbox",)
    receipts.append(Receipt("email", "B", "resolved"))
    assert missing(receipts) == ("its resolution in the mailbox",)
    receipts.append(Receipt("email", "A", "resolved"))
    assert missing(receipts) == ()

"""Emails as a browser shows them: readable in light and dark, and as narrow as a phone."""

import pytest

from tests.channels import browser

pytestmark = [pytest.mark.slow, pytest.mark.real("chromium")]

CONTRAST_MIN = 4.5  # WCAG 2.2, 1.4.3, for texts of this size
PHONE_PX = 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", browser.EMAILS)
def test_every_text_can_be_read_on_a_phone(name, scheme):
    page = browser.measure(browser.html_of(browser.EMAILS[name]), scheme, PHONE_PX)
    assert page["width"] == PHONE_PX
    assert page["texts"]
    assert page["scroll"] <= PHONE_PX, "it scrolls sideways"
    outside = [text["text"] for text in page["texts"] if text["right"] > PHONE_PX]
    assert not outside
    faint = [text for text in page["texts"] if text["contrast"] < CONTRAST_MIN]
    assert not faint
    assert min(text["size"] for text in page["texts"]) >= 12

"""What Slack would show of a text, and that none of it runs."""

import pytest

from engine.demo import mrkdwn


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* and _italic_ and ~gone~", "<b>bold</b> and <i>italic</i> and <s>gone</s>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("a &lt;b&gt; &amp;amp;", "a &lt;b&gt; &amp;amp;"),
        ("`*raw*`", "<code>*raw*</code>"),
        ("```a\n*b*```", "<pre>a\n*b*</pre>"),
        ("one\ntwo", "one<br>two"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        ("<!channel>", '<span class="mention">@channel</span>'),
        (
            "<https://x/?a=1&amp;b=2|see>",
            '<a href="https://x/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">see</a>',
        ),
        (
            "<!date^1795269785^{date_short_pretty} {time_secs}|14:03 UTC>",
            '<time data-seconds="1795269785" title="14:03 UTC">14:03 UTC</time>',
        ),
        ('<https://x/"onclick=1|y>',
         '<a href="https://x/&quot;onclick=1" target="_blank" rel="noopener noreferrer">y</a>'),
    ],
)  # fmt: skip
def test_mrkdwn(text, html):
    assert mrkdwn.to_html(text) == html


def test_plain_text_knows_no_markup():
    assert mrkdwn.plain_to_html("*a* <b>\n&amp;") == "*a* &lt;b&gt;<br>&amp;amp;"

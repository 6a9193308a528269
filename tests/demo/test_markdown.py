"""Discord's markdown as HTML, and nothing of what people write as HTML."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from tracker.demo.markdown import Names, moment, to_html

NAMES = Names(zone=ZoneInfo("Asia/Seoul"), users={7: "수아 <3"}, channels={8: "출석-로그"}, roles={9: "스터디원"})


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("**굵게** 그리고 *기울임*", "<strong>굵게</strong> 그리고 <em>기울임</em>"),
        ("__under__ ~~gone~~ ||secret||", '<u>under</u> <s>gone</s> <span class="spoiler">secret</span>'),
        ("snake_case_name", "snake_case_name"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("`a **b**`", "<code>a **b**</code>"),
        ("` 4`", "<code> 4</code>"),
        ("```py\nx = 1\n```", "<pre>x = 1</pre>"),
        ("**a \\*b\\* `c`**", "<strong>a *b* <code>c</code></strong>"),
        ("\\(UTC\\-5\\)", "(UTC-5)"),
        ("\\<script\\>", "&lt;script&gt;"),
        ("# Head\n-# small\n> quote", '<h1>Head</h1><div class="subtext">small</div><blockquote>quote</blockquote>'),
        ("- one\n- two", '<div class="item">one</div><div class="item">two</div>'),
        ("a\nb", "a\nb"),
        ("<@7> <@&9> <#8>", "".join(
            f'<span class="mention">{name}</span> ' for name in ("@수아 &lt;3", "@스터디원", "#출석-로그")
        ).rstrip()),
        ("<@1>", '<span class="mention">@알 수 없는 사용자</span>'),
        ("</report:5>", '<span class="mention">/report</span>'),
        ("<:book:123>", ":book:"),
        ("<t:1772722800:t>", '<span class="time">00:00</span>'),
        ("[here](https://example.com/a_b)", '<a href="https://example.com/a_b" rel="noreferrer">here</a>'),
        ("https://example.com/x.", '<a href="https://example.com/x" rel="noreferrer">https://example.com/x</a>.'),
    ],
)  # fmt: skip
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert to_html(text, NAMES) == html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "**<img src=x onerror=alert(1)>**",
        "`</code><script>`",
        "```</pre><script>```",
        '[x](https://e.com/"onmouseover="alert(1))',
        "[x](javascript:alert(1))",
        "https://e.com/<script>",
        "<t:99999999999999999999:R>",
        "</<b>:5>",
        "||<iframe>||",
    ],
)
def test_no_tag_or_attribute_of_the_writers_own_comes_out(text: str) -> None:
    html = to_html(text, NAMES)
    for bad in ("<script", "<img", "<iframe", "<b>", 'href="javascript', '"onmouseover'):
        assert bad not in html


def test_an_instant_is_shown_in_the_guilds_zone() -> None:
    assert moment(1_772_722_800_000, NAMES.zone) == "2026년 3월 6일 00:00"

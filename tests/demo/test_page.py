"""The page of the log channel: self-contained, and safe whatever people are called."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from tracker.clock import PlayClock
from tracker.demo.embed import rows_of
from tracker.demo.page import channel_page
from tracker.demo.timetable import START
from tracker.sandbox.model import Attachment, Channel, Guild, Json, Message
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.world import World

SEOUL = ZoneInfo("Asia/Seoul")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "nav", "h1", "h2", "h3", "ul", "li", "i", "main", "header", "b",
    "span", "ol", "div", "time", "article", "footer", "strong", "em", "code", "pre", "img", "small", "a", "u", "s",
    "blockquote",
}  # fmt: skip
PIXEL = b"\x89PNG\r\n"


class Tags(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def world() -> World:
    return World(clock=PlayClock(points=((0, START), (1, START + 1))), options=SandboxOptions())


def _guild(world: World, name: str = "아침 스터디") -> tuple[Guild, Channel]:
    guild = world.add_guild(name)
    return guild, world.add_channel(guild, "출석-로그")


def _post(world: World, channel: Channel, content: str = "", **parts: object) -> Message:
    message = Message(
        id=world.next_id(), channel_id=channel.id, author=world.bot, created_at=START, content=content, **parts  # type: ignore[arg-type]
    )  # fmt: skip
    channel.messages[message.id] = message
    return message


def test_hostile_names_and_texts_make_no_tags_of_their_own(world: World) -> None:
    guild = world.add_guild(HOSTILE)
    channel = world.add_channel(guild, HOSTILE)
    member = world.add_member(guild, HOSTILE, nick=HOSTILE, roles=[world.add_role(guild, HOSTILE)])
    embed: Json = {
        "title": HOSTILE,
        "description": HOSTILE,
        "author": {"name": HOSTILE},
        "footer": {"text": HOSTILE},
        "fields": [{"name": HOSTILE, "value": HOSTILE, "inline": True}],
        "image": {"url": HOSTILE},
    }
    button = {"type": 1, "components": [{"type": 2, "style": 1, "label": HOSTILE, "emoji": {"name": HOSTILE}}]}
    select = {"type": 1, "components": [{"type": 3, "placeholder": HOSTILE}]}
    file = Attachment(id=1, filename=HOSTILE, content=b"x", content_type=HOSTILE)
    picture = Attachment(id=2, filename=HOSTILE, content=PIXEL, content_type="image/png")
    world.send_message(member, channel, HOSTILE + f" <@{member.id}> [{HOSTILE}](https://e.com)")
    used = {"user": {"id": str(member.id), "username": HOSTILE}, "name": HOSTILE}
    _post(
        world, channel, embeds=[embed], components=[button, select], attachments=[file, picture], interaction=used
    )  # fmt: skip
    seen = Tags(channel_page(guild, channel, SEOUL)).tags
    assert {tag for tag, _ in seen} <= ALLOWED
    assert not [name for _, attributes in seen for name in attributes if name.startswith("on")]
    assert all((attributes["src"] or "").startswith("data:image/") for tag, attributes in seen if tag == "img")


def test_the_page_needs_nothing_from_elsewhere(world: World) -> None:
    guild, channel = _guild(world)
    _post(world, channel, embeds=[{"title": "t"}])
    html = channel_page(guild, channel, SEOUL)
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|@import", html)
    assert "default-src 'none'" in html


def test_a_picture_attached_for_an_embed_is_shown_in_it_once(world: World) -> None:
    guild, channel = _guild(world)
    picture = Attachment(id=1, filename="chart.png", content=PIXEL, content_type="image/png")
    _post(
        world, channel, embeds=[{"image": {"url": "http://127.0.0.1/attachments/1/1/chart.png"}}], attachments=[picture]
    )
    assert channel_page(guild, channel, SEOUL).count("data:image/png;base64,") == 1


def test_an_embed_has_its_colour_title_and_fields(world: World) -> None:
    guild, channel = _guild(world)
    field = {"name": "총 음성 시간", "value": "18시간 21분\n▲ 2시간", "inline": True}
    _post(world, channel, embeds=[{"title": "일간 **보고서**", "color": 0x5865F2, "fields": [field]}])
    html = channel_page(guild, channel, SEOUL)
    assert "border-color:#5865f2" in html
    assert "일간 <strong>보고서</strong>" in html
    assert "18시간 21분\n▲ 2시간" in html


def test_an_answer_that_one_person_sees_says_so(world: World) -> None:
    guild, channel = _guild(world)
    _post(world, channel, "하나", ephemeral_to=5)
    assert "나에게만 보이는 메시지" in channel_page(guild, channel, SEOUL)


def test_messages_of_one_author_stand_under_one_name_and_days_are_parted(world: World) -> None:
    guild, channel = _guild(world)
    _post(world, channel, "하나")
    _post(world, channel, "둘")
    html = channel_page(guild, channel, SEOUL)
    assert html.count('class="avatar"') == 1
    assert html.count('class="day"') == 1


def test_inline_fields_stand_three_in_a_row_and_others_alone() -> None:
    inline, alone = {"inline": True}, {"inline": False}
    rows = rows_of([inline, inline, inline, inline, alone, alone, inline])
    assert [len(row) for row in rows] == [3, 1, 1, 1, 1]


def test_a_picture_that_no_embed_shows_stands_under_the_text(world: World) -> None:
    guild, channel = _guild(world)
    card = Attachment(id=1, filename="level.png", content=PIXEL, content_type="image/png")
    _post(world, channel, "레벨 2에 도달했습니다!", attachments=[card])
    html = channel_page(guild, channel, SEOUL)
    assert html.index("레벨 2에 도달했습니다!") < html.index("data:image/png;base64,")

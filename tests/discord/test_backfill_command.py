"""`/backfill`: what is said before, meanwhile and afterwards, in both languages, and to whom."""

from __future__ import annotations

import pytest

import store.backfills
from store.backfills import Backfill, Place, Progress
from tests.discord.archivist import BackfillHouse
from tests.discord.house import check_embed, until
from tracker.discord.backfill_text import BackfillPost, progress_lines, render_backfill
from tracker.discord.commands import backfill as command
from tracker.discord.desk import ReportDesk
from tracker.discord.outbox import Outbox
from tracker.discord.texts import translate
from tracker.ids import ChannelId, GuildId, MessageId, Ms
from tracker.ingest.reader import Reader
from tracker.sandbox import Channel, Message
from tracker.sandbox.model import Overwrite
from tracker.sandbox.permissions import Permission

MONTH = {"days": 30}


async def begun(past: BackfillHouse, *, locale: str = "en-US") -> Message:
    """The answer, after Confirm."""
    message, _ = await past.ask("backfill start", MONTH, locale=locale)
    await past.press(message, "yes", locale=locale)
    return message


def hide(past: BackfillHouse, channel: Channel) -> Channel:
    past.world.set_overwrite(channel, Overwrite(id=past.guild.id, deny=int(Permission.READ_MESSAGE_HISTORY)))
    return channel


async def logging(past: BackfillHouse, locale: str) -> Channel:
    """A log channel, and posts that are owed delivered into it."""
    log = past.world.add_channel(past.guild, "기록")
    await past.order("config log-channel", {"channel": log})
    await past.order("config language", {"language": locale})
    return log


def outbox(past: BackfillHouse) -> Outbox:
    return Outbox(
        rest=past.front.rest,
        intake=past.desk.ingest,
        reports=ReportDesk(past.desk.ingest, Reader(past.desk.database, past.desk.clock)),
        deliveries=past.posts,
        renderers={"backfill": render_backfill},
    )


async def test_it_is_said_what_will_be_read_and_nothing_is_before_it_is_confirmed(past: BackfillHouse) -> None:
    past.wrote(past.ana, past.text, 3, 5)
    past.world.add_thread(past.text, "스레드")
    staff = hide(past, past.world.add_channel(past.guild, "운영"))
    await past.open()
    message, _ = await past.ask("backfill start", MONTH)
    assert message.content.split("\n")[:5] == [
        "Messages written from <t:1768808000:D> to <t:1771400000:D> will be counted as if I had been here then.",
        "Channels to read: **4**",
        "Threads to read: **1**, and archived ones of that time",
        f"Not readable: <#{staff.id}>",
        "I lack View Channel or Read Message History there (or Connect, in voice channels).",
    ]
    assert "Messages that were deleted cannot be seen, and time in voice cannot be read back." in message.content
    assert message.content.endswith("Nothing is read before you press Confirm, within 10 minutes.")
    answered, _ = await past.press(message, "no")
    assert answered.content == "Cancelled. Nothing was changed."
    assert store.backfills.latest(past.desk.database, past.guild_id) is None
    assert past.logged_messages() == {}


async def test_the_answer_shows_how_far_it_is_and_how_it_ended(past: BackfillHouse) -> None:
    past.wrote(past.ana, past.text, 3, 250)
    await past.open()
    past.hurry()
    past.sandbox.faults.delay_rest(0.15, "/messages$", method="GET")
    message = await begun(past, locale="ko")
    await until(lambda: "지난 메시지를 읽는 중" in message.content)
    assert "채널과 스레드 4개 중 " in message.content
    assert past.buttons(message) == []
    over = await past.over()
    assert over.asked_by == past.boss.id
    assert message.content.split("\n") == [
        "**지난 메시지를 모두 읽었습니다**",
        "<t:1768808000:D>부터 <t:1771400000:D>까지 쓴 메시지",
        "채널과 스레드: 4개",
        "살펴본 메시지: 250개",
        "새로 센 메시지: **250개**",
        "읽은 메시지를 넣어 이 서버의 기록을 처음부터 다시 셉니다. 잠시 걸리며, 지난 레벨을 새로 축하하지는 않습니다.",
    ]


async def test_the_log_channel_gets_one_summary_in_the_servers_language(past: BackfillHouse) -> None:
    past.wrote(past.ana, past.text, 3, 7)
    staff = hide(past, past.world.add_channel(past.guild, "운영"))
    await past.open()
    past.hurry()
    log = await logging(past, "ko")
    await begun(past)
    await past.over()
    deliver = outbox(past)
    assert await deliver.deliver() == 1
    assert await deliver.deliver() == 0
    (post,) = past.world.messages(log)
    (embed,) = post.embeds
    check_embed(embed)
    assert embed["title"] == "지난 메시지를 모두 읽었습니다"
    assert embed["description"] == "<t:1768808000:D>부터 <t:1771400000:D>까지 쓴 메시지"
    assert [(field["name"], field["value"].split("\n")) for field in embed["fields"]] == [
        ("결과", ["채널과 스레드: 5개", "살펴본 메시지: 7개", "새로 센 메시지: **7개**"]),
        (
            "읽을 수 없는 채널",
            [
                f"<#{staff.id}>",
                "봇에 '채널 보기'나 '메시지 기록 보기' 권한이 없습니다. (음성 채널은 '연결'도 필요합니다.)",
                "채널 권한에서 허용한 뒤 명령어를 다시 실행하세요. 두 번 세지는 않습니다.",
            ],
        ),
        (
            "다음 단계",
            [
                "읽은 메시지를 넣어 이 서버의 기록을 처음부터 다시 셉니다. 잠시 걸리며, 지난 레벨을 새로 축하하지는 "
                "않습니다."
            ],
        ),
    ]
    assert post.mentions == []


async def test_after_fourteen_minutes_the_answer_stays_as_it_is_and_the_summary_comes(
    past: BackfillHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_SHOWN_S", 0.0)
    past.wrote(past.ana, past.text, 3, 7)
    await past.open()
    past.hurry()
    await logging(past, "en")
    message = await begun(past)
    await past.over()
    assert message.content.startswith("Reading has begun.")
    (owed,) = await past.posts.due(past.desk.clock.now())
    assert render_backfill(owed.payload, "en").title == "Messages have been read"


async def test_it_can_be_cancelled_and_what_was_read_stays(past: BackfillHouse) -> None:
    past.wrote(past.ana, past.text, 3, 350)
    await past.open()
    past.hurry()
    assert await past.order("backfill cancel") == "Nothing is being read at the moment."
    past.sandbox.faults.delay_rest(0.1, "/messages$", method="GET")
    await begun(past)
    await until(lambda: len(past.logged_messages()) >= 100)
    told = await past.order("backfill cancel")
    assert told.split("\n")[0] == "**Reading messages was cancelled**"
    assert told.endswith("What was read stays, and running it again adds only what is missing.")
    kept = past.logged_messages().keys()
    assert 100 <= len(kept) < 350
    over = await past.over()
    assert over.state == "cancelled"
    past.sandbox.faults.clear()
    await begun(past)
    again = await past.over(over)
    assert again.state == "done"
    assert len(past.logged_messages()) == 350
    assert past.progress(again).added == 350 - len(kept)


async def test_while_one_is_going_on_another_one_is_not_begun(past: BackfillHouse) -> None:
    past.wrote(past.ana, past.text, 3, 350)
    await past.open()
    past.hurry()
    past.sandbox.faults.delay_rest(0.1, "/messages$", method="GET")
    await begun(past)
    await until(lambda: len(past.logged_messages()) >= 100)
    told = await past.order("backfill start", MONTH, locale="ko")
    assert told.startswith(
        "이미 메시지를 읽고 있습니다. 그만두려면 `/지난메시지 취소`를 사용하세요.\n**지난 메시지를 읽는 중**"
    )
    await past.over()


async def test_the_status_is_that_of_the_newest_one(past: BackfillHouse) -> None:
    past.wrote(past.ana, past.text, 3, 7)
    await past.open()
    past.hurry()
    assert (await past.order("backfill status")).startswith("No messages have been read back in this server yet.")
    await begun(past)
    await past.over()
    told = await past.order("backfill status")
    assert told.split("\n")[0] == "**Messages have been read**"
    assert "New and counted: **7**" in told


async def test_one_channel_that_may_not_be_read_is_said_to_be_so(past: BackfillHouse) -> None:
    hide(past, past.text)
    await past.open()
    message, _ = await past.ask("backfill start", {"days": 3, "channel": past.text}, locale="ko")
    assert message.content.startswith(f"<#{past.text.id}> 채널을 읽을 수 없습니다.")
    assert past.buttons(message) == []


async def test_a_discord_that_does_not_answer_is_told_and_nothing_is_begun(
    past: BackfillHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hikari.impl.rate_limits

    monkeypatch.setattr(hikari.impl.rate_limits.ExponentialBackOff, "__next__", lambda self: 0.01)
    await past.open()
    past.sandbox.faults.fail_rest(500, "/channels$", method="GET", times=None)
    told = await past.order("backfill start", MONTH)
    assert told.startswith("Discord did not answer when I asked for the server's channels.")


async def test_it_is_for_those_who_manage_the_server(past: BackfillHouse) -> None:
    await past.open()
    for name in ("start", "status", "cancel"):
        with pytest.raises(PermissionError):
            past.world.use_command(past.ana, past.text, f"backfill {name}", MONTH if name == "start" else None)


@pytest.mark.parametrize("locale", ["en", "ko"])
@pytest.mark.parametrize("state", ["waiting", "reading", "done", "cancelled", "failed"])
def test_every_state_can_be_told_whatever_there_is_to_name(locale: str, state: str) -> None:
    refused = tuple(
        Place(channel_id=ChannelId((1 << 62) + n), name="x", before=MessageId(1), state="refused") for n in range(500)
    )
    found = Progress(places=123_456, over=100_000, messages=98_765_432, added=12_345_678, refused=refused)
    ended = None if state in ("waiting", "reading") else Ms(5)
    wanted = Backfill(
        guild_id=GuildId(1), run=Ms(1), since=Ms(1), until=Ms(2), state=state, ended_at=ended,  # type: ignore[arg-type]
        channel_id=ChannelId(1 << 62),
    )  # fmt: skip
    text = "\n".join(progress_lines(wanted, found, translate(locale)))
    assert len(text) < 2000
    assert str(refused[14].channel_id) in text
    assert str(refused[15].channel_id) not in text
    if ended is not None:
        embed = render_backfill(BackfillPost.of(wanted, found, Ms(5)).text(), locale)
        assert all(0 < len(field.value) <= 1024 for field in embed.fields)
        assert "485" in embed.fields[2].value

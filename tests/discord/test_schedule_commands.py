"""`/schedule`, with the real ingest on SQLite behind it."""

from __future__ import annotations

import pytest

from tests.discord.house import Options, until
from tests.discord.ruled import RuledHouse
from tracker.discord.channel_access import ChannelAccess
from tracker.ids import UserId
from tracker.sandbox import Overwrite, Permission


async def test_reports_are_scheduled_listed_and_removed(ruled: RuledHouse) -> None:
    await ruled.open()
    assert await ruled.order("schedule list", locale="ko") == "0개"
    answer = await ruled.order("schedule add", {"period": "daily", "at": "9:00", "role": ruled.role})
    assert answer == (
        "Scheduled reports: **1** (before: 0)\n"
        "No log channel is set yet, so there is nowhere to post it: set one with /config log-channel."
    )
    weekly: Options = {"period": "weekly", "at": "21:30", "weekday": "fri", "channel": ruled.text}
    assert await ruled.order("schedule add", weekly, locale="ko") == "예약된 보고서: **2개** (이전: 1개)"
    assert ruled.document["reports"] == [
        {"period": "daily", "at": "09:00", "role_id": str(ruled.role.id)},
        {"period": "weekly", "at": "21:30", "channel_id": str(ruled.text.id), "weekday": "fri"},
    ]
    assert await ruled.order("schedule list") == (
        f"1. <@&{ruled.role.id}> · every day at 09:00 → Log channel\n"
        f"2. Everyone · every Friday at 21:30 → <#{ruled.text.id}>"
    )
    call = ruled.world.type_command(ruled.boss, ruled.text, "schedule remove", "report", {"report": "금"}, locale="ko")
    await call.acknowledged()
    assert call.choices is not None
    (choice,) = call.choices
    assert choice["name"] == "2. 매주 금요일 21:30"
    answer = await ruled.order("schedule remove", {"report": choice["value"]}, locale="ko")
    assert answer == "예약된 보고서: **1개** (이전: 2개)"
    assert [entry["period"] for entry in ruled.document["reports"]] == ["daily"]
    assert [change.by for change in await ruled.changes()] == [UserId(ruled.boss.id)] * 3


async def test_how_many_missed_reports_are_posted_late_can_be_said_and_seen(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.order("schedule add", {"period": "daily", "at": "09:00", "channel": ruled.text, "catch_up": 0})
    usual: Options = {"period": "monthly", "at": "09:00", "channel": ruled.text, "catch_up": 7}
    await ruled.order("schedule add", usual, locale="ko")
    assert [entry["catch_up"] for entry in ruled.document["reports"]] == [0, 7]
    assert await ruled.order("schedule list") == (
        f"1. Everyone · every day at 09:00 → <#{ruled.text.id}> · late: at most 0\n"
        f"2. Everyone · on day 1 of the month at 09:00 → <#{ruled.text.id}>"
    )
    listed = await ruled.order("schedule list", locale="ko")
    assert listed.splitlines()[0] == f"1. 전체 · 매일 09:00 → <#{ruled.text.id}> · 늦게 올릴 보고서는 0개까지"


async def test_what_cannot_be_scheduled_or_removed_changes_nothing(ruled: RuledHouse) -> None:
    await ruled.open()
    answer = await ruled.order("schedule add", {"period": "daily", "at": "25:00"}, locale="ko")
    assert answer == "시각은 09:00처럼 입력해 주세요. 바뀐 것은 없습니다."
    await ruled.order("schedule add", {"period": "monthly", "at": "00:00", "day": 15})
    answer = await ruled.order("schedule add", {"period": "monthly", "at": "10:00"})
    assert answer == "The same report is scheduled for that channel already. Nothing was changed."
    assert (await ruled.order("schedule remove", {"report": "nothing"})).endswith("Nothing was changed.")
    assert len(await ruled.changes()) == 1


async def test_a_channel_in_which_the_bot_may_not_post_is_refused_with_what_to_change(ruled: RuledHouse) -> None:
    await ruled.open()
    deny = Overwrite(id=ruled.guild.id, deny=Permission.SEND_MESSAGES | Permission.ATTACH_FILES)
    silent = ruled.world.add_channel(ruled.guild, "조용", overwrites=[deny])
    asked: Options = {"period": "daily", "at": "09:00", "channel": silent}
    assert await ruled.order("schedule add", asked) == (
        f"I cannot post in <#{silent.id}>: there I lack Send Messages, Attach Files. Allow me that in the channel's "
        "settings → Permissions, or choose another channel. Nothing was changed."
    )
    hidden = ruled.world.add_channel(
        ruled.guild, "비밀", overwrites=[Overwrite(id=ruled.guild.id, deny=Permission.VIEW_CHANNEL)]
    )
    answer = await ruled.order("config log-channel", {"channel": hidden}, locale="ko")
    assert answer.startswith(f"<#{hidden.id}> 채널에 글을 올릴 수 없습니다. 부족한 권한: 채널 보기.")
    answer = await ruled.order("announce channel", {"channel": silent}, locale="ko")
    assert "부족한 권한: 메시지 보내기, 파일 첨부." in answer
    assert await ruled.changes() == []


async def test_what_the_bots_own_role_or_member_may_there_counts(ruled: RuledHouse) -> None:
    await ruled.open()
    me = ruled.world.me(ruled.guild)
    deny = Overwrite(id=ruled.guild.id, deny=Permission.SEND_MESSAGES)
    of_role = Overwrite(id=me.roles[0], allow=Permission.SEND_MESSAGES)
    own = Overwrite(id=me.id, member=True, deny=Permission.EMBED_LINKS)
    by_role = ruled.world.add_channel(ruled.guild, "a", overwrites=[deny, of_role])
    by_member = ruled.world.add_channel(ruled.guild, "b", overwrites=[deny, of_role, own])
    answer = await ruled.order("config log-channel", {"channel": by_role})
    assert answer == f"Log channel: **<#{by_role.id}>** (before: none)"
    assert "there I lack Embed Links." in await ruled.order("config log-channel", {"channel": by_member})
    assert len(await ruled.changes()) == 1


async def test_the_log_channel_is_looked_at_too_when_reports_would_go_there(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.order("config log-channel", {"channel": ruled.text})
    ruled.world.set_overwrite(ruled.text, Overwrite(id=ruled.guild.id, deny=Permission.EMBED_LINKS))
    answer = await ruled.order("schedule add", {"period": "daily", "at": "09:00"}, locale="ko")
    assert answer.startswith(f"<#{ruled.text.id}> 채널에 글을 올릴 수 없습니다. 부족한 권한: 링크 첨부.")
    assert "there I lack Embed Links" in await ruled.order("announce channel")
    assert len(await ruled.changes()) == 1


async def test_a_discord_that_does_not_answer_changes_nothing(
    ruled: RuledHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ruled.open()

    async def silent(*_: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(ChannelAccess, "lacking", silent)
    answer = await ruled.order("config log-channel", {"channel": ruled.text})
    assert answer == "Discord did not answer when I asked about the channel. Please try again. Nothing was changed."
    assert (await ruled.order("config log-channel", {"channel": ruled.text}, locale="ko")).startswith("채널 권한을")
    assert await ruled.changes() == []


async def test_an_administrator_may_post_wherever_it_likes(ruled: RuledHouse) -> None:
    await ruled.open()
    own = ruled.guild.roles[ruled.world.me(ruled.guild).roles[0]]
    ruled.world.edit_role(own, permissions=Permission.ADMINISTRATOR)
    hierarchy = ruled.front.hierarchy
    await until(lambda: bool(hierarchy.bot_permissions(ruled.guild_id) & Permission.ADMINISTRATOR))
    ruled.world.set_overwrite(ruled.text, Overwrite(id=ruled.guild.id, deny=Permission.SEND_MESSAGES))
    answer = await ruled.order("config log-channel", {"channel": ruled.text})
    assert answer == f"Log channel: **<#{ruled.text.id}>** (before: none)"


async def test_a_hundred_reports_are_listed_as_far_as_there_is_room(ruled: RuledHouse) -> None:
    await ruled.open()
    reports = [{"role_id": str(10**18 + n), "period": "monthly", "channel_id": str(10**18)} for n in range(100)]
    ruled.rules.change(ruled.guild_id, {"reports": reports}, UserId(ruled.boss.id))
    lines = (await ruled.order("schedule list")).split("\n")
    assert lines[0] == f"1. <@&{10**18}> · on day 1 of the month at 00:00 → <#{10**18}>"
    assert lines[-1] == f"and {100 - (len(lines) - 1)} more"
    assert 40 < len(lines) < 60

"""`/why`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.discord.house import until
from tests.discord.personal import PersonalHouse, fields, said
from tracker.discord.commands.why import day_named, recent_days
from tracker.errors import ConfigError, DatabaseError
from tracker.events.member import MemberOptedOut
from tracker.events.rule import ExpAdjusted
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.sandbox import Channel, Member
from tracker.sandbox.permissions import Permission

HOUR, MINUTE, DAY = 3_600_000, 60_000, 86_400_000


async def sit(house: PersonalHouse, member: Member, channel: Channel, minutes: int, **flags: bool) -> None:
    """In a channel for so long."""
    house.world.join_voice(member, channel, **flags)
    await until(lambda: house.in_voice().get(member.id) == channel.id)
    house.desk.clock.time += minutes * MINUTE
    house.world.leave_voice(member)
    await until(lambda: member.id not in house.in_voice())


async def write(house: PersonalHouse, member: Member, *texts: Channel) -> None:
    """A message in each of the channels."""
    for channel in texts:
        house.world.send_message(member, channel)
    sent = len(texts) + sum(e.type == "message.sent" for e in house.desk.logged(house.guild_id))
    await until(lambda: sum(e.type == "message.sent" for e in house.desk.logged(house.guild_id)) >= sent)


def afk(house: PersonalHouse) -> Channel:
    return next(channel for channel in house.guild.channels.values() if channel.id == house.guild.afk_channel_id)


async def test_it_is_offered_to_everybody_in_both_languages(own: PersonalHouse) -> None:
    await own.open()
    command = next(c for c in own.world.commands() if c["name"] == "why")
    assert command["name_localizations"]["ko"] == "왜"
    assert command["contexts"] == [0]
    assert not command.get("default_member_permissions")
    day, member = command["options"]
    assert (day["name"], day["name_localizations"]["ko"], day["autocomplete"]) == ("day", "날짜", True)
    assert not any(option.get("required") for option in (day, member))


async def test_each_source_is_told_with_its_rule_and_what_earned_nothing_with_its_reason(own: PersonalHouse) -> None:
    waiting = own.world.add_channel(own.guild, "대기실", kind="voice")
    quiet = own.world.add_channel(own.guild, "안내", kind="text")
    await own.open()
    own.desk.clock.time += DAY
    own.rule(
        {
            "voice": {"require": {"undeafened": True}, "channels": {str(own.talk.id): {"every_s": 60, "exp": 2}}},
            "messages": {"exp_min": 2, "exp_max": 2, "ignore_channels": [str(quiet.id)]},
            "interactions": {"exp": 4, "cooldown_s": 600},
            "multipliers": {"channels": {str(own.talk.id): 150}, "roles": {str(own.role.id): 200}},
        }
    )
    await sit(own, own.ana, own.talk, 10)
    await sit(own, own.ana, own.study, 6)
    await sit(own, own.ana, own.study, 5, self_deaf=True)
    await sit(own, own.ana, waiting, 7)
    await sit(own, own.ana, afk(own), 8)
    await write(own, own.ana, own.text, own.text, quiet)
    own.fact(ExpAdjusted(amount=-5, reason="", by=None), own.ana)
    message = await own.privately(own.ana, "why")
    assert message.embeds[0]["title"] == "Where your EXP comes from"
    assert said(message).split("\n") == [
        "**Thu, 19 Feb 2026** (UTC)",
        "EXP of the day: **+69**",
        "voice +62 · messages +4 · commands +8 · by hand −5",
    ]
    shown = fields(message)
    assert shown["🎙️ Voice: +62 EXP"].split("\n") == [
        "**🎙️대화** · 10 min · **+60**",
        "└ Rule of this channel: 2 EXP for every 1 min × 150% × 200% = 6 EXP each time",
        "**📝\\-공부방** · 11 min · **+2**",
        "└ Rule: 1 EXP for every 5 min × 200% = 2 EXP each time",
        "└ ❌ 5 min: deafened (sound switched off)",
        "└ ⏳ 1 min of 5 min towards the next award",
        "**AFK** · 8 min · **0**",
        "└ ❌ 8 min: in the AFK channel, which is not counted",
        "**대기실** · 7 min · **0**",
        "└ ❌ 7 min: in a channel that is not counted because of its name (such as waiting or afk)",
    ]
    assert shown["💬 Messages: +4 EXP"].split("\n") == [
        "Rule: 2 EXP for a message, then none for 1 min",
        "**잡담** · 2 messages · **+4**",
        "└ ❌ 1 message: sent less than 1 min after the last one that earned EXP",
        "**안내** · 1 message · **0**",
        "└ ❌ 1 message: written in a channel whose messages are not counted",
    ]
    assert shown["⌨️ Commands and buttons: +8 EXP"].startswith("Rule: 4 EXP for a command or button")
    assert shown["✋ By hand: −5 EXP"].startswith("Given or taken by somebody who manages the server")
    assert shown["✖️ Multipliers (included above)"] == "Role **스터디**: 200%"
    assert shown["📜 The rules changed on this day"].startswith("At <t:")


async def test_who_got_nothing_is_told_the_main_reason_in_korean(own: PersonalHouse) -> None:
    await own.open()
    own.desk.clock.time += DAY
    own.rule({"timezone": "Asia/Seoul", "voice": {"require": {"min_members": 3, "unmuted": True}}})
    own.desk.clock.time += DAY
    await sit(own, own.ana, own.study, 40)
    await sit(own, own.ana, afk(own), 5)
    message = await own.privately(own.ana, "why", locale="ko")
    assert said(message).split("\n") == [
        "**2026년 2월 20일 (금)** (Asia/Seoul)",
        "활동은 기록됐지만 **경험치는 받지 못했습니다.**",
        "**가장 큰 이유:** 40분: 채널에 사람이 모자랐습니다. 봇을 빼고 3명은 있어야 합니다",
    ]
    assert fields(message) == {
        "🎙️ 음성: 경험치 0": (
            "**📝\\-공부방** · 40분 · **0**\n"
            "└ 규칙: 5분마다 경험치 1\n"
            "└ ❌ 40분: 채널에 사람이 모자랐습니다. 봇을 빼고 3명은 있어야 합니다\n"
            "**AFK** · 5분 · **0**\n"
            "└ ❌ 5분: 잠수(AFK) 채널이라 세지 않습니다"
        ),
        "⌨️ 명령어와 버튼: 경험치 0": "1번 썼지만, 이 서버에서는 명령어와 버튼으로 경험치를 받을 수 없습니다.",
    }
    assert message.embeds[0]["footer"]["text"] == "아직 끝나지 않은 날입니다"


async def test_a_few_minutes_are_on_their_way_to_the_next_award(own: PersonalHouse) -> None:
    await own.open()
    own.desk.clock.time += DAY
    own.world.join_voice(own.ana, own.study)
    await own.in_rooms(1)
    own.desk.clock.time += 4 * MINUTE
    shown = fields(await own.privately(own.ana, "why", locale="ko"))
    assert shown["🎙️ 음성: 경험치 0"].split("\n") == [
        "**📝\\-공부방** · 4분 · **0**",
        "└ 규칙: 5분마다 경험치 1",
        "└ ❌ 4분: 5분 동안 있어야 받을 수 있습니다. 지금까지 채운 시간은 다음에 이어집니다",
        "└ ⏳ 다음 경험치까지 5분 중 4분 채움",
    ]


async def test_a_message_that_is_deleted_in_time_loses_its_award_and_that_is_told(own: PersonalHouse) -> None:
    await own.open()
    own.desk.clock.time += DAY
    own.rule({"messages": {"revoke_s": 600}})
    sent = own.world.send_message(own.ana, own.text)
    await until(lambda: any(e.type == "message.sent" for e in own.desk.logged(own.guild_id)))
    own.world.delete_message(sent)
    await until(lambda: any(e.type == "message.deleted" for e in own.desk.logged(own.guild_id)))
    message = await own.privately(own.ana, "why", locale="ko")
    assert "보내고 곧바로 지워서 받은 경험치가 취소됐습니다" in said(message)


async def test_a_day_without_anything_says_so_and_why_that_may_be(own: PersonalHouse) -> None:
    await own.open()
    since = own.desk.clock.time // 1000
    message = await own.privately(own.ana, "why", {"day": "2026-02-01"}, locale="ko")
    assert said(message).split("\n")[1:] == [
        "이날은 **기록된 활동이 없습니다.** 이런 이유일 수 있습니다:",
        f"· 봇이 이 멤버를 처음 본 날은 <t:{since}:D>입니다. 그 전의 활동은 알 수 없습니다.",
    ]
    own.desk.clock.time += DAY
    own.fact(TrackerLost())
    own.desk.clock.time += HOUR
    own.fact(TrackerReturned())
    message = await own.privately(own.ana, "why")
    assert said(message).split("\n")[1:] == [
        "On this day **nothing was counted**. What may be behind it:",
        "· I was away for a part of the day (below) and could not see what happened.",
        "· No voice channel was joined, and no message was sent.",
        "· It was in a channel that I am not allowed to see.",
    ]
    shown = fields(message)
    start, end = since + DAY // 1000, since + (DAY + HOUR) // 1000
    assert shown == {
        "🔌 I was away for 1 h": (f"<t:{start}:t> – <t:{end}:t>\nWhat happened in that time may not have been counted.")
    }


@pytest.mark.parametrize(
    ("locale", "off"), [("en-US", "`/privacy opt-in` switches it on again"), ("ko", "`/개인정보 기록켜기`를 써 주세요")]
)
async def test_who_opted_out_is_told_that_nothing_is_counted(own: PersonalHouse, locale: str, off: str) -> None:
    await own.open()
    own.fact(MemberOptedOut(), own.ana)
    message = await own.privately(own.ana, "why", locale=locale)
    assert off in said(message)
    assert fields(message) == {}


async def test_who_was_forgotten_is_met_anew(own: PersonalHouse) -> None:
    await own.open()
    await sit(own, own.ana, own.study, 10)
    asked = await own.privately(own.ana, "privacy forget")
    await own.press(own.ana, asked, "privacy:forget")
    message = await own.privately(own.ana, "why")
    assert said(message).split("\n")[1:] == [
        "On this day **nothing was counted**. What may be behind it:",
        "· I have not met this member in this server yet.",
    ]


@pytest.mark.parametrize("locale", ["en-US", "ko"])
async def test_others_days_are_for_those_who_manage_the_server(own: PersonalHouse, locale: str) -> None:
    await own.open()
    own.desk.clock.time += DAY
    await sit(own, own.ana, own.study, 10)
    message = await own.privately(own.minjun, "why", {"member": own.ana}, locale=locale)
    assert not message.embeds
    assert message.content == (
        "You can only ask about yourself. Those who manage the server can ask about others."
        if locale == "en-US"
        else "내 기록만 볼 수 있습니다. 다른 멤버의 기록은 서버 관리자만 볼 수 있습니다."
    )
    for asker in (own.boss, own.ana):
        message = await own.privately(asker, "why", {"member": own.ana}, locale=locale)
        title = message.embeds[0]["title"]
        assert ("Ana" in title) is (asker is own.boss)
        assert any(("+2" in name) for name in fields(message))
    message = await own.privately(own.boss, "why", {"member": own.beep}, locale=locale)
    assert message.content == ("Bots are not counted." if locale == "en-US" else "봇은 집계하지 않습니다.")


async def test_a_past_day_is_asked_for_by_name_or_by_date(own: PersonalHouse) -> None:
    await own.open()
    await sit(own, own.ana, own.study, 10)
    own.desk.clock.time += DAY
    assert "**Thu, 19 Feb 2026**" in said(await own.privately(own.ana, "why"))
    for day in ("yesterday", "어제", "2026-02-18"):
        message = await own.privately(own.ana, "why", {"day": day})
        assert said(message).split("\n")[:2] == ["**Wed, 18 Feb 2026** (UTC)", "EXP of the day: **+2**"]
        assert "footer" not in message.embeds[0]
        assert "⏳" not in fields(message)["🎙️ Voice: +2 EXP"]


@pytest.mark.parametrize("day", ["2026-02-20", "someday", "2026-02-30", "1999-01-01"])
async def test_days_to_come_and_nonsense_are_refused(own: PersonalHouse, day: str) -> None:
    await own.open()
    message = await own.privately(own.ana, "why", {"day": day}, locale="ko")
    assert message.content.endswith("오늘, 어제 또는 오늘까지의 날짜를 2026-02-18처럼 적어 주세요.")


async def test_the_last_days_are_suggested_in_the_language_of_who_types(own: PersonalHouse) -> None:
    await own.open()
    call = own.world.type_command(own.ana, own.text, "why", "day", {"day": ""}, locale="ko")
    await call.answered()
    assert call.choices is not None
    assert len(call.choices) == 25
    assert [(c["name"], c["value"]) for c in call.choices[:3]] == [
        ("오늘 · 2026년 2월 18일 (수)", "2026-02-18"),
        ("어제 · 2026년 2월 17일 (화)", "2026-02-17"),
        ("2026년 2월 16일 (월)", "2026-02-16"),
    ]


def test_what_is_typed_finds_days_and_names_mean_days() -> None:
    assert recent_days("yes", 20260301, "en") == {"yesterday · Sat, 28 Feb 2026": "2026-02-28"}
    assert list(recent_days("2026-02-2", 20260301, "ko").values())[:2] == ["2026-02-28", "2026-02-27"]
    assert recent_days("nonsense", 20260301, "en") == {}
    assert [day_named(typed, 20260301) for typed in (" Today ", "어제", "2026-01-31")] == [20260301, 20260228, 20260131]
    for typed in ("2026-03-02", "", "모레"):
        with pytest.raises(ConfigError):
            day_named(typed, 20260301)


async def test_a_member_with_very_many_channels_still_fits(own: PersonalHouse) -> None:
    names = [f"*[{'긴_이름' * 20}]({n})" for n in range(14)]
    rooms = [own.world.add_channel(own.guild, name, kind="voice") for name in names]
    texts = [own.world.add_channel(own.guild, name, kind="text") for name in names]
    await own.open()
    own.desk.clock.time += DAY
    everywhere: dict[str, Any] = {str(room.id): {"every_s": 61, "exp": 3} for room in rooms}
    own.rule(
        {
            "voice": {"channels": everywhere, "require": {"undeafened": True, "unmuted": True}},
            "messages": {"exp_min": 1, "exp_max": 9, "cooldown_s": 86_399},
            "multipliers": {"channels": {str(room.id): 175 for room in rooms}},
        }
    )
    for minutes, room in enumerate(rooms, start=3):
        await sit(own, own.ana, room, minutes)
        await sit(own, own.ana, room, 2, self_deaf=True)
        await sit(own, own.ana, room, 1, self_mute=True)
    await write(own, own.ana, *texts)
    for locale in ("en-US", "ko"):
        message = await own.privately(own.ana, "why", locale=locale)
        shown = "\n".join(fields(message).values())
        assert ("9 other channels" in shown) or ("다른 채널 9개" in shown)
        assert ("10 other channels" in shown) or ("다른 채널 10개" in shown)


async def test_a_database_that_is_away_is_told(own: PersonalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await own.open()

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr("store.why_queries.read_day", away)
    message = await own.privately(own.ana, "why")
    assert "My database cannot be reached" in message.content


async def test_managing_means_manage_server_or_administrator(own: PersonalHouse) -> None:
    chief = own.world.add_role(own.guild, "chief", permissions=Permission.ADMINISTRATOR)
    helper = own.world.add_role(own.guild, "helper", permissions=Permission.MANAGE_ROLES | Permission.KICK_MEMBERS)
    admin = own.world.add_member(own.guild, "admin", roles=[chief])
    other = own.world.add_member(own.guild, "other", roles=[helper])
    await own.open(5)
    assert (await own.privately(admin, "why", {"member": own.ana})).embeds
    assert not (await own.privately(other, "why", {"member": own.ana})).embeds

"""`/privacy`, with the real ingest on SQLite behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import rebuild
from tests.discord.house import check_embed, until
from tests.discord.personal import PersonalHouse, fields, said
from tests.store.living import tables
from tracker.errors import DatabaseError
from tracker.events.member import MemberForgotten, MemberJoined, MemberOptedIn, MemberOptedOut
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.events.voice import VoiceLeft
from tracker.ids import UserId
from tracker.ingest.export_files import write_export
from tracker.projections.rows import TABLES
from tracker.sandbox import Message
from tracker.sandbox.permissions import Permission

HOUR, MINUTE = 3_600_000, 60_000
FORGET, FORGET_AND_OUT, KEEP = "privacy:forget", "privacy:forget-and-opt-out", "privacy:keep"


async def live(house: PersonalHouse) -> None:
    """Ana and 민준 talk for an hour and write a message each."""
    await house.open()
    house.rule({"timezone": "Asia/Seoul"})
    for member in (house.ana, house.minjun):
        house.world.join_voice(member, house.study)
        house.world.send_message(member, house.text)
    await house.in_rooms(2)
    await until(lambda: _logged(house, "message.sent") == 2)
    house.desk.clock.time += HOUR


def _logged(house: PersonalHouse, kind: str) -> int:
    return sum(event.type == kind for event in house.desk.logged(house.guild_id))


def entries(message: Message) -> dict[str, Any]:
    """What a file of an export holds."""
    (file,) = message.attachments
    found: dict[str, Any] = json.loads(file.content)
    return found


async def rows_of(house: PersonalHouse, user: int) -> dict[str, list[Any]]:
    """The member's rows in every read model that has any."""
    await house.desk.ingest.flush()
    found = tables(house.desk.database)
    named = {name: table.columns.index("user_id") for name, table in TABLES.items() if "user_id" in table.columns}
    return {name: mine for name, at in named.items() if (mine := [r for r in found[name] if r[at] == user])}


async def test_the_commands_are_offered_to_everybody_in_both_languages(own: PersonalHouse) -> None:
    await own.open()
    command = next(c for c in own.world.commands() if c["name"] == "privacy")
    assert command["name_localizations"]["ko"] == "개인정보"
    assert command["contexts"] == [0]
    assert not command.get("default_member_permissions")
    korean = {sub["name"]: sub["name_localizations"]["ko"] for sub in command["options"]}
    assert korean == {
        "show": "보기",
        "export": "내보내기",
        "opt-out": "기록끄기",
        "opt-in": "기록켜기",
        "forget": "잊기",
    }


async def test_one_is_told_what_is_stored_since_when_and_who_sees_it(own: PersonalHouse) -> None:
    await live(own)
    message = await own.privately(own.ana, "privacy show", locale="ko")
    assert said(message) == "지금 내 활동을 **세고 있습니다.**"
    shown = fields(message)
    start, now = own.desk.clock.time - HOUR, own.desk.clock.time
    assert shown["저장된 것"].split("\n") == [
        "· 이름(Ana)과 역할 1개",
        f"· <t:{start // 1000}:D>부터",
        "· 음성 채널에 있던 때: 1번, 모두 1시간",
        "· 메시지를 보낸 때와 채널: 1개",
        "· 사용한 명령어와 버튼: 0번",
        "· 경험치: 13",
        f"· 마지막 활동: <t:{now // 1000}:f>",
    ]
    assert "이 서버의 모두: 순위표" in shown["누가 볼 수 있나요?"]
    own.rule({"boards": {"enabled": False}})
    shown = fields(await own.privately(own.minjun, "privacy show"))
    assert "no leaderboard shows you" in shown["Who can see it"]
    assert "`/privacy opt-out`" in shown["What you can do"]


async def test_the_export_is_valid_json_with_all_events_and_nothing_of_others(
    own: PersonalHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await live(own)
    own.fact(ExpAdjusted(amount=7, reason="quiz", by=UserId(own.boss.id)), own.ana)
    message = await own.privately(own.ana, "privacy export")
    assert message.content == "This is everything: 5 events and 8 entries of the tables. Nobody else has been sent it."
    found = entries(message)
    assert message.attachments[0].filename == "my-data-1.json"
    assert found["about"]["user_id"] == str(own.ana.id)
    assert [event["type"] for event in found["events"]] == [
        "member.joined", "member.roles_changed", "voice.joined", "message.sent", "exp.adjusted",
    ]  # fmt: skip
    assert found["totals"][0]["exp"] == 20
    text = message.attachments[0].content.decode()
    assert not any(str(other.id) in text for other in (own.minjun, own.boss))
    await until(lambda: not list(tmp_path.glob("tracker-export-*")))  # gone from this machine


async def test_a_large_export_comes_in_files_that_are_json_each(
    own: PersonalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live(own)
    write = _with_most_bytes(1_500)
    monkeypatch.setattr("tracker.ingest.personal.write_export", write)
    call = own.world.use_command(own.ana, own.text, "privacy export", locale="ko")
    message = await call.answered()
    assert message is not None
    wanted = int(message.content.split("파일 ")[1].split("개")[0])
    assert wanted > 1
    await call.until(lambda: len(call.followups) == wanted - 1, 15)
    assert call.ephemeral
    assert all(m.ephemeral_to == own.ana.id for m in call.followups)
    parts = [entries(m) for m in (message, *call.followups)]
    assert [part["about"]["file"] for part in parts] == list(range(1, wanted + 1))
    assert len([event for part in parts for event in part.get("events", [])]) == 4


def _with_most_bytes(most: int) -> Callable[..., Any]:
    return lambda entries, folder, about: write_export(entries, folder, about, most_bytes=most)


async def test_who_opts_out_is_counted_no_more_from_that_instant_on(own: PersonalHouse) -> None:
    await live(own)
    message = await own.privately(own.ana, "privacy opt-out", locale="ko")
    assert message.content.startswith("지금부터 이 서버에서 하는 활동을 세지 않습니다.")
    assert own.in_voice() == {own.minjun.id: own.study.id}
    own.desk.clock.time += HOUR
    own.world.send_message(own.ana, own.text)
    own.world.set_voice_flags(own.ana, self_mute=True)
    own.world.send_message(own.minjun, own.text)
    await until(lambda: _logged(own, "message.sent") == 3)
    rows = await rows_of(own, own.ana.id)
    assert [row[3] for row in rows["totals"]] == [HOUR]
    message = await own.privately(own.ana, "privacy opt-out")
    assert message.content == "You are not being counted already."
    assert "**is not being counted**" in said(await own.privately(own.ana, "privacy show"))
    board, _ = await own.ask(own.minjun, "leaderboard")
    assert "Ana" not in said(board)
    assert [type(e.data) for e in own.desk.logged(own.guild_id) if e.user_id == own.ana.id][-1] is MemberOptedOut


async def test_who_opts_in_again_goes_on_where_they_were(own: PersonalHouse) -> None:
    await live(own)
    message = await own.privately(own.ana, "privacy opt-in")
    assert message.content == "You are being counted already."
    await own.privately(own.ana, "privacy opt-out")
    own.desk.clock.time += HOUR
    message = await own.privately(own.ana, "privacy opt-in", locale="ko")
    assert message.content.startswith("지금부터 다시 셉니다.")
    own.world.leave_voice(own.ana)
    own.world.join_voice(own.ana, own.talk)
    await own.in_rooms(2)
    own.desk.clock.time += HOUR
    rows = await rows_of(own, own.ana.id)
    assert [row[3] for row in rows["totals"]] == [2 * HOUR]
    facts = [type(e.data) for e in own.desk.logged(own.guild_id) if e.user_id == own.ana.id]
    assert (facts.count(MemberOptedOut), facts.count(MemberOptedIn)) == (1, 1)


@pytest.mark.parametrize("locale", ["en-US", "ko"])
async def test_nothing_is_forgotten_before_a_button_says_so(own: PersonalHouse, locale: str) -> None:
    await live(own)
    before = await rows_of(own, own.ana.id)
    message = await own.privately(own.ana, "privacy forget", locale=locale)
    check_embed(message.embeds[0])
    message, _ = await own.press(own.ana, message, KEEP, locale=locale)
    assert message.content == ("Nothing was erased." if locale == "en-US" else "아무것도 지우지 않았습니다.")
    assert not message.components
    assert (await rows_of(own, own.ana.id)).keys() == before.keys()
    assert _logged(own, MemberForgotten.TYPE) == 0


async def test_the_forgotten_are_nowhere_and_everybody_else_is_as_before(own: PersonalHouse) -> None:
    await live(own)
    others = {user: await rows_of(own, user) for user in (own.minjun.id, own.boss.id)}
    message = await own.privately(own.ana, "privacy forget", locale="ko")
    message, _ = await own.press(own.ana, message, FORGET, locale="ko")
    assert message.content == "이 서버에서 나에 대한 기록을 모두 지웠습니다."
    assert not message.components
    assert await rows_of(own, own.ana.id) == {}
    now = {user: await rows_of(own, user) for user in others}
    untouched = set(TABLES) - {"daily", "sessions", "totals"}  # 민준 is still in voice: those grow
    for user, rows in others.items():
        assert {n: r for n, r in now[user].items() if n in untouched} == {
            n: r for n, r in rows.items() if n in untouched
        }
    for command in ("privacy export", "privacy show"):
        message = await own.privately(own.ana, command)
        told = message.content or message.embeds[0]["description"]
        assert told == "Nothing is stored about you in this server."
    assert await rows_of(own, own.ana.id) == {}, "asking has not made her known again"
    assert list(rebuild.verify(own.desk.database)) == []


async def test_who_is_active_again_begins_anew(own: PersonalHouse) -> None:
    await live(own)
    message = await own.privately(own.ana, "privacy forget")
    await own.press(own.ana, message, FORGET)
    own.world.send_message(own.ana, own.text)
    await until(lambda: _logged(own, "message.sent") == 3)
    found = entries(await own.privately(own.ana, "privacy export"))
    assert [event["type"] for event in found["events"]] == ["message.sent"]
    assert [row["exp"] for row in found["totals"]] == [1]


async def test_who_wants_it_stays_uncounted_and_unnamed_after_being_forgotten(own: PersonalHouse) -> None:
    await live(own)
    message = await own.privately(own.ana, "privacy forget")
    message, _ = await own.press(own.ana, message, FORGET_AND_OUT)
    assert message.content.startswith("Everything about you in this server is erased, and you are not counted")
    own.world.send_message(own.ana, own.text)
    own.world.set_nick(own.ana, "Ana!")
    own.world.send_message(own.minjun, own.text)
    await until(lambda: _logged(own, "message.sent") == 3)
    assert await rows_of(own, own.ana.id) == {"members": [(own.guild_id, own.ana.id, None, None, None, 1, None)]}
    names = [e.user_id for e in own.desk.logged(own.guild_id) if isinstance(e.data, MemberJoined)]
    assert own.ana.id not in names
    await own.privately(own.ana, "privacy opt-in")
    rows = await rows_of(own, own.ana.id)
    assert [(row[2], row[4], row[5]) for row in rows["members"]] == [("Ana!", 1, 0)]


async def test_who_opted_out_before_stays_so(own: PersonalHouse) -> None:
    await live(own)
    await own.privately(own.ana, "privacy opt-out")
    message = await own.privately(own.ana, "privacy forget", locale="ko")
    message, _ = await own.press(own.ana, message, FORGET, locale="ko")
    assert "앞으로도 세지 않습니다" in message.content
    assert list(await rows_of(own, own.ana.id)) == ["members"]
    assert "세지 않습니다" in said(await own.privately(own.ana, "privacy show", locale="ko"))


def _tiers(own: PersonalHouse, role: int) -> dict[str, Any]:
    return {
        "tiers": {"list": [{"name": "Bronze", "role_id": str(role), "min_level": 0}]},
        "nickname": {"template": "[{tier}] {name}", "enabled": True},
    }


async def _given(own: PersonalHouse) -> Any:
    """Ana has earned a tier: she holds its role and the nickname that goes with it."""
    tier = own.world.add_role(own.guild, "Bronze")
    await live(own)
    own.rule(_tiers(own, tier.id))
    await own.desk.ingest.flush()
    own.world.set_roles(own.ana, [own.role, tier])
    with own.desk.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE member_sync SET managed = 1, set_nick = '[Bronze] Ana', original_nick = 'ana*', state = 'sent'"
        )
    own.world.set_nick(own.ana, "[Bronze] Ana")
    sight = own.desk.ingest.sight
    ana = UserId(own.ana.id)
    await until(lambda: (known := sight.member(own.guild_id, ana)) is not None and known.is_named("[Bronze] Ana"))
    return tier


async def test_tier_roles_and_nicknames_are_taken_back_and_other_roles_stay(own: PersonalHouse) -> None:
    await _given(own)
    message = await own.privately(own.ana, "privacy forget")
    message, _ = await own.press(own.ana, message, FORGET)
    assert message.content == "Everything about you in this server is erased."
    assert own.ana.roles == [own.role.id]
    assert own.ana.nick == "ana*"
    assert await rows_of(own, own.ana.id) == {}, "what Discord told of it has not made her known again"


async def test_what_discord_keeps_is_told_and_the_member_forgotten_all_the_same(own: PersonalHouse) -> None:
    tier = await _given(own)
    (bots_role,) = [role for role in own.guild.roles.values() if role.bot_id is not None]
    own.world.edit_role(bots_role, permissions=Permission.VIEW_CHANNEL)
    message = await own.privately(own.ana, "privacy forget", locale="ko")
    message, _ = await own.press(own.ana, message, FORGET, locale="ko")
    assert "되돌리지 못했습니다" in message.content
    assert tier.id in own.ana.roles
    assert await rows_of(own, own.ana.id) == {}


async def test_what_goes_only_once_the_gateway_is_back_is_told(own: PersonalHouse) -> None:
    await live(own)
    message = await own.privately(own.ana, "privacy forget", locale="ko")
    own.desk.ingest.hold("another shard")
    message, _ = await own.press(own.ana, message, FORGET, locale="ko")
    assert message.content.split("\n")[1].startswith("⏳ 지금 디스코드와의 연결이 불안정합니다.")
    own.desk.ingest.release("another shard")
    assert await rows_of(own, own.ana.id) == {}


async def test_an_admin_who_is_forgotten_is_named_by_no_rule_any_more(own: PersonalHouse) -> None:
    await own.open()
    own.fact(SettingsChanged(settings={"locale": "ko"}, by=UserId(own.boss.id)))
    message = await own.privately(own.boss, "privacy forget")
    await own.press(own.boss, message, FORGET)
    (rule,) = [e.data for e in own.desk.logged(own.guild_id) if isinstance(e.data, SettingsChanged)]
    assert rule == SettingsChanged(settings={"locale": "ko"}, by=None)
    assert str(own.boss.id) not in str(tables(own.desk.database)["rules"])


async def test_a_database_that_is_away_is_told_and_nothing_has_changed(
    own: PersonalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live(own)

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    message = await own.privately(own.ana, "privacy forget")
    for name in ("read_kept", "read_export", "read_traces"):
        monkeypatch.setattr(f"store.personal.{name}", away)
    for command in ("show", "export", "opt-out", "opt-in"):
        answer = await own.privately(own.ana, f"privacy {command}")
        assert "My database cannot be reached" in answer.content, command
    message, _ = await own.press(own.ana, message, FORGET)
    assert "My database cannot be reached" in message.content
    assert [c["custom_id"] for c in message.components[0]["components"]] == [FORGET, FORGET_AND_OUT, KEEP]
    assert _logged(own, MemberForgotten.TYPE) == 0
    assert VoiceLeft.TYPE not in {e.type for e in own.desk.logged(own.guild_id)}

"""`/config`, with the real ingest on SQLite behind it."""

from __future__ import annotations

import pytest

from tests.discord.ruled import RuledHouse
from tracker.discord.commands.config import nearest_zones
from tracker.ids import UserId
from tracker.sandbox.permissions import Permission


async def test_each_change_is_one_event_that_says_who_and_is_answered_with_now_and_before(ruled: RuledHouse) -> None:
    await ruled.open()
    answer = await ruled.order("config timezone", {"zone": "Asia/Seoul"})
    assert answer == "Time zone: **Asia/Seoul** (before: UTC)"
    answer = await ruled.order("config language", {"language": "ko"}, locale="ko")
    assert answer == "언어: **한국어** (이전: 서버 기본값)"
    answer = await ruled.order("config log-channel", {"channel": ruled.text})
    assert answer == f"Log channel: **<#{ruled.text.id}>** (before: none)"
    whole = {"timezone": "Asia/Seoul", "locale": "ko", "log_channel_id": str(ruled.text.id)}
    assert ruled.document == whole
    assert [(c.by, dict(c.settings)) for c in await ruled.changes()] == [
        (UserId(ruled.boss.id), {"timezone": "Asia/Seoul"}),
        (UserId(ruled.boss.id), {"timezone": "Asia/Seoul", "locale": "ko"}),
        (UserId(ruled.boss.id), whole),
    ]
    shown = await ruled.order("config show", locale="ko")
    assert shown.startswith(f"시간대: **Asia/Seoul**\n언어: **한국어**\n기록 채널: **<#{ruled.text.id}>**\n")
    assert await ruled.order("config log-channel") == f"Log channel: **none** (before: <#{ruled.text.id}>)"
    assert "log_channel_id" not in ruled.document


async def test_what_is_refused_or_the_same_changes_nothing(ruled: RuledHouse) -> None:
    await ruled.open()
    answer = await ruled.order("config timezone", {"zone": "Mars/Base"})
    assert (
        answer == "There is no such time zone. Choose one of the suggestions, such as Asia/Seoul. Nothing was changed."
    )
    assert (await ruled.order("config timezone", {"zone": "Mars/Base"}, locale="ko")).startswith(
        "그런 시간대는 없습니다."
    )
    answer = await ruled.order("config timezone", {"zone": "UTC"}, locale="ko")
    assert answer == "시간대: **UTC**. 이전과 같아서 바꾸지 않았습니다."
    assert await ruled.changes() == []


async def test_all_that_is_set_is_shown(ruled: RuledHouse) -> None:
    await ruled.open()
    ruled.rules.start_season(ruled.guild_id, "Spring", UserId(ruled.boss.id))
    tiers = [{"name": "Silver", "role_id": "5", "min_level": 4}, {"name": "Gold", "role_id": "6", "min_exp": 900}]
    document = {
        "voice": {"channels": {"5": {"every_s": 60}}, "ignore": {"channels": ["7"]}},
        "tiers": {"list": tiers},
        "announcements": {"mode": "dm"},
        "boards": {"enabled": False},
    }
    ruled.rules.change(ruled.guild_id, document, UserId(ruled.boss.id))
    assert await ruled.order("config show") == (
        "Time zone: **UTC**\nLanguage: **the server's own**\nLog channel: **none**\n"
        "Voice EXP: **all other channels: 1 EXP for every 5 min (and 1 of single channels or categories)**\n"
        "Message EXP: **1 EXP, at most once in 60 s**\nInteraction EXP: **0 EXP, at most once in 0 s**\n"
        "Levels: **100 EXP each**\nTiers: **Silver, Gold (all EXP ever earned, only the highest)**\n"
        "Season: **Spring**\nNicknames: **\\[{tier}\\] {name} (off)**\n"
        "Level announcements: **direct message · {mention} reached level {level}!**\n"
        "Leaderboards: **off**\nChannels not counted: **1 (name patterns: 3)**\nScheduled reports: **0**\n\n"
        "More: /exp show, /exp window list, /tier list, /track list, /schedule list, /nickname show, /season show"
    )
    korean = await ruled.order("config show", locale="ko")
    assert "등급: **Silver, Gold (전체 경험치, 가장 높은 것만)**\n시즌: **Spring**\n" in korean


GROUPS = {
    "config": "설정", "track": "집계", "exp": "경험치", "schedule": "예약", "announce": "알림", "boards": "순위공개",
    "tier": "등급", "level": "레벨", "nickname": "별명", "season": "시즌",
}  # fmt: skip


async def test_only_those_who_manage_the_server_are_offered_them(ruled: RuledHouse) -> None:
    await ruled.open()
    for name in ("config show", "tier list", "level curve mee6", "nickname off", "season show", "announce off",
                 "boards off", "exp show", "exp window list"):  # fmt: skip
        with pytest.raises(PermissionError):
            ruled.world.use_command(ruled.ana, ruled.text, name)
    offered = {c["name"]: c for c in ruled.world.commands()}
    assert {name: offered[name]["name_localizations"]["ko"] for name in GROUPS} == GROUPS
    for name in GROUPS:
        assert offered[name]["contexts"] == [0]
        assert int(offered[name]["default_member_permissions"]) == Permission.MANAGE_GUILD
    options = {name: [o["name_localizations"]["ko"] for o in offered[name]["options"]] for name in GROUPS}
    assert options["config"] == ["보기", "시간대", "언어", "기록채널"]
    assert options["tier"] == ["추가", "삭제", "목록", "기준", "방식", "미리보기"]
    assert options["nickname"] == ["형식", "켜기", "끄기", "보기"]


async def test_zones_are_suggested_while_one_types(ruled: RuledHouse) -> None:
    await ruled.open()
    call = ruled.world.type_command(ruled.boss, ruled.text, "config timezone", "zone", {"zone": "seo"})
    await call.acknowledged()
    assert call.choices is not None
    assert call.choices[0]["value"] == "Asia/Seoul"


def test_the_best_match_comes_first() -> None:
    assert nearest_zones("new yo")[0] == "America/New_York"
    assert nearest_zones("utc")[0] == "UTC"
    assert nearest_zones("europe/par") == ["Europe/Paris"]
    assert len(nearest_zones("")) == 25
    assert nearest_zones("nowhere at all") == []

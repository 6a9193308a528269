"""`/config`, with the real ingest on SQLite behind it."""

from __future__ import annotations

import pytest

from tests.discord.ruled import RuledHouse
from tracker.discord.commands.config import nearest_zones
from tracker.ids import UserId


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


async def test_only_those_who_manage_the_server_are_offered_it(ruled: RuledHouse) -> None:
    await ruled.open()
    with pytest.raises(PermissionError):
        ruled.world.use_command(ruled.ana, ruled.text, "config show")
    (config,) = [c for c in ruled.world.commands() if c["name"] == "config"]
    assert config["contexts"] == [0]
    assert config["name_localizations"]["ko"] == "설정"
    assert [o["name_localizations"]["ko"] for o in config["options"]] == ["보기", "시간대", "언어", "기록채널"]


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

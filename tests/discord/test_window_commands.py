"""`/exp window` and `/exp show`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from datetime import datetime

from tests.discord.house import Options
from tests.discord.ruled import RuledHouse
from tracker.clock import to_ms
from tracker.ids import UserId

START: Options = {"percent": 200, "from": "2026-03-07 00:00", "to": "2026-03-09"}


def at(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


async def test_windows_are_in_the_guilds_own_time(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.order("config timezone", {"zone": "Asia/Seoul"})
    answer = await ruled.order("exp window add", START)
    assert answer == (
        "Timed multiplier: **200% · 2026-03-07 00:00 → 2026-03-09 00:00** (before: none)\n"
        "Times are those of Asia/Seoul."
    )
    assert ruled.document["multipliers"]["windows"] == [
        {"percent": 200, "from": "2026-03-07T00:00+09:00", "to": "2026-03-09T00:00+09:00"}
    ]
    answer = await ruled.order(
        "exp window add", {"percent": 50, "from": "2026-03-01 10:00", "to": "2026-03-01 12:00"}, locale="ko"
    )
    assert answer == (
        "기간배율: **50% · 2026-03-01 10:00 → 2026-03-01 12:00** (이전: 없음)\n시각은 Asia/Seoul 기준입니다."
    )
    ruled.desk.clock.time = at("2026-03-07T01:00+09:00")
    assert await ruled.order("exp window list") == (
        "200% · 2026-03-07 00:00 → 2026-03-09 00:00 · **in force**\nOver: 1"
    )
    suggested = await ruled.suggestions("exp window remove", "window", {"window": ""})
    assert suggested == [
        ("200% · 2026-03-07 00:00 → 2026-03-09 00:00", str(at("2026-03-07T00:00+09:00"))),
        ("50% · 2026-03-01 10:00 → 2026-03-01 12:00", str(at("2026-03-01T10:00+09:00"))),
    ]
    answer = await ruled.order("exp window remove", {"window": suggested[0][1]}, locale="ko")
    assert answer == "기간배율: **없음** (이전: 200% · 2026-03-07 00:00 → 2026-03-09 00:00)"
    await ruled.order("exp window remove", {"window": suggested[1][0]})
    assert ruled.document == {"timezone": "Asia/Seoul"}
    assert len(await ruled.changes()) == 5


async def test_times_that_the_clock_skips_or_repeats_are_said(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.order("config timezone", {"zone": "Europe/Paris"})
    answer = await ruled.order("exp window add", {"percent": 150, "from": "2026-03-29 02:30", "to": "2026-10-25 02:30"})
    assert answer == (
        "Timed multiplier: **150% · 2026-03-29 03:00 → 2026-10-25 02:30** (before: none)\n"
        "Times are those of Europe/Paris.\n"
        "The clock jumps over one of these times; the first time after the jump is meant: 2026-03-29 03:00.\n"
        "The end comes twice that night, because the clock is set back; the second one is meant."
    )
    assert ruled.document["multipliers"]["windows"] == [
        {"percent": 150, "from": "2026-03-29T03:00+02:00", "to": "2026-10-25T02:30+01:00"}
    ]
    twice: Options = {"percent": 150, "from": "2027-10-31 02:30", "to": "2027-10-31 02:30"}
    answer = await ruled.order("exp window add", twice, locale="ko")
    assert "먼저 오는 시각으로 정했습니다." in answer
    assert "나중에 오는 시각으로 정했습니다." in answer
    assert ruled.document["multipliers"]["windows"][1]["from"] == "2027-10-31T02:30+02:00"


async def test_what_cannot_be_is_refused_plainly(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.order("exp window add", START)
    overlap: Options = {"percent": 300, "from": "2026-03-08 23:59", "to": "2026-03-10 00:00"}
    assert await ruled.order("exp window add", overlap) == (
        "It overlaps with 200% · 2026-03-07 00:00 → 2026-03-09 00:00; only one can be in force at a time. Choose other "
        "times, or remove that one first. Nothing was changed."
    )
    assert "겹칩니다" in await ruled.order("exp window add", overlap, locale="ko")
    right_after: Options = {"percent": 300, "from": "2026-03-09 00:00", "to": "2026-03-10 00:00"}
    assert "300%" in await ruled.order("exp window add", right_after)
    for times, said in (
        (("2026-03-10 00:00", "2026-03-09 00:00"), "The end must be later than the beginning."),
        (("2026-01-10 00:00", "2026-01-11 00:00"), "That is over already: it is 2026-02-18 07:33 in UTC."),
        (("tomorrow", "2026-03-09 00:00"), "tomorrow is no local time. Write it as 2026-03-07 00:00."),
    ):
        answer = await ruled.order("exp window add", {"percent": 5, "from": times[0], "to": times[1]})
        assert answer == f"{said} Nothing was changed."
    assert (await ruled.order("exp window remove", {"window": "x"}, locale="ko")).startswith(
        "그런 기간배율은 없습니다."
    )
    assert len(await ruled.changes()) == 2


async def test_every_rule_of_exp_is_shown(ruled: RuledHouse) -> None:
    await ruled.open()
    assert await ruled.order("exp show", locale="ko") == (
        "**음성 경험치**\n그 밖의 모든 채널: 5분마다 1\n음성 시간이 인정되는 조건: 없음\n"
        "**메시지 경험치**\n1, 60초에 한 번까지\n**상호작용 경험치**\n0, 0초에 한 번까지\n"
        "**배율**\n없음\n**기간배율** (UTC)\n없음"
    )
    ruled.rules.change(
        ruled.guild_id,
        {
            "voice": {
                "default": None,
                "channels": {"5": {"every_s": 60, "exp": 2}},
                "categories": {"6": {"every_s": 90, "exp": 3}},
                "require": {"min_members": 2, "undeafened": True, "unmuted": True},
            },
            "messages": {"exp_min": 2, "exp_max": 5, "revoke_s": 30},
            "interactions": {"exp": 4, "cooldown_s": 10},
            "multipliers": {
                "channels": {"5": 150},
                "roles": {"7": 1_200},
                "windows": [{"percent": 200, "from": "2026-03-07T00:00Z", "to": "2026-03-09T00:00Z"}],
            },
        },
        by=UserId(ruled.boss.id),
    )
    assert await ruled.order("exp show") == (
        "**Voice EXP**\nnone\n<#6>: 3 EXP for every 90 s\n<#5>: 2 EXP for every 1 min\n"
        "Voice time earns only if: at least 2 members are in the channel, not deafened, not muted\n"
        "**Message EXP**\n2 to 5 EXP, at most once in 60 s\nA message deleted within 30 s loses its EXP\n"
        "**Interaction EXP**\n4 EXP, at most once in 10 s\n**Multiplier**\n<#5> 150%, <@&7> 1,200%\n"
        "**Timed multiplier** (UTC)\n200% · 2026-03-07 00:00 → 2026-03-09 00:00"
    )

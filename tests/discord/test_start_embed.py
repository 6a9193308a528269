"""The summary of a start says what was found and done, in both languages, and what is still going on."""

from __future__ import annotations

import hikari
import msgspec
import pytest

from tests.discord.house import units
from tracker.discord.start_embed import StartPost, SyncFigures, start_embed

DONE = StartPost(
    at=1_771_400_000_000, away_ms=190_000, taken_over=2, begun=1, closed=3, known=24, new=2, gone=1,
    sync=SyncFigures(to_change=5, unchanged=12, changed=5), commands=12,
)  # fmt: skip


def fields(post: StartPost, locale: str) -> list[str]:
    return [field.value for field in start_embed(post, locale).fields]


def test_all_is_told_in_english() -> None:
    embed = start_embed(DONE, "en-US")
    assert (embed.title, embed.description) == ("Back and counting", "The tracker was away for 3 min.")
    assert [(f.name, f.value) for f in embed.fields] == [
        ("Members", "24 known · 2 new · 1 gone"),
        ("Voice sessions", "2 taken over · 1 begun · 3 closed"),
        ("Tier roles and nicknames", "5 changed · 12 already right"),
        ("Slash commands", "12 synchronised"),
    ]
    assert embed.timestamp is not None
    assert embed.colour == hikari.Color(0x57F287)


def test_all_is_told_in_korean() -> None:
    embed = start_embed(DONE, "ko")
    assert (embed.title, embed.description) == ("다시 집계를 시작했습니다", "봇이 3분 동안 자리를 비웠습니다.")
    assert [(f.name, f.value) for f in embed.fields] == [
        ("멤버", "24명 · 새로 온 멤버 2명 · 나간 멤버 1명"),
        ("음성 접속", "이어서 집계 2건 · 새로 시작 1건 · 종료 3건"),
        ("등급 역할과 별명", "변경 5명 · 이미 맞음 12명"),
        ("슬래시 명령어", "12개 동기화 완료"),
    ]


@pytest.mark.parametrize(("away_ms", "said"), [(999, None), (1000, "The tracker was away for 1 s.")])
def test_an_absence_of_less_than_a_second_is_not_worth_a_word(away_ms: int, said: str | None) -> None:
    assert start_embed(msgspec.structs.replace(DONE, away_ms=away_ms), "en").description == said


def test_a_guild_that_was_never_seen_was_not_left_alone_either() -> None:
    first = msgspec.structs.replace(DONE, away_ms=None)
    assert (start_embed(first, "en").title, start_embed(first, "en").description) == ("Counting from now on", None)
    assert (fields(first, "en")[0], fields(first, "ko")[0]) == ("24 known", "24명")  # of course all are new


@pytest.mark.parametrize(
    ("changes", "field", "en", "ko"),
    [
        ({"known": None}, 0, "⏳ Not all of them", "⏳ 아직 모든 멤버를"),
        ({"sync": None}, 2, "⏳ Not compared yet", "⏳ 아직 확인하지"),
        ({"sync": SyncFigures(to_change=90, unchanged=1, changed=60, left=30)}, 2,
         "⏳ Going on: 60 of 90 done.",
         "⏳ 진행 중: 90명 중 60명 처리"),
        ({"sync": SyncFigures(to_change=3, unchanged=1, changed=1, failed=2)}, 2,
         "1 changed · 1 already right\n⚠️ 2 failed",
         "변경 1명 · 이미 맞음 1명\n⚠️ 실패 2명"),
        ({"sync": SyncFigures(to_change=3, unchanged=1, changed=2, blocked=1)}, 2,
         "2 changed · 1 already right\n⚠️ 1 blocked", "변경 2명 · 이미 맞음 1명\n⚠️ 변경 불가 1명"),
        ({"commands": None}, 3, "⏳ Discord has not taken them yet", "⏳ 아직 등록하지"),
    ],
)  # fmt: skip
def test_what_is_going_on_or_needs_a_look_is_said_and_coloured(
    changes: dict[str, object], field: int, en: str, ko: str
) -> None:
    post = msgspec.structs.replace(DONE, **changes)
    assert fields(post, "en")[field].startswith(en)
    assert fields(post, "ko")[field].startswith(ko)
    assert start_embed(post, "en").colour == hikari.Color(0xFEE75C)


@pytest.mark.parametrize(
    ("changes", "en", "ko"),
    [
        ({"sync": None, "sync_off": True}, "None are set up.", "사용하지 않습니다."),
        ({"sync": SyncFigures(to_change=0, unchanged=1)}, "All right: nothing to change for 1 member.",
         "1명 모두 맞게 되어 있습니다."),
        ({"sync": SyncFigures(to_change=0, unchanged=1234)}, "All right: nothing to change for 1,234 members.",
         "1,234명 모두 맞게 되어 있습니다."),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_do_it_says_so(changes: dict[str, object], en: str, ko: str) -> None:
    post = msgspec.structs.replace(DONE, **changes)
    assert (fields(post, "en")[2], fields(post, "ko")[2]) == (en, ko)
    assert start_embed(post, "en").colour == hikari.Color(0x57F287)


def test_the_payload_comes_back_as_it_was() -> None:
    assert msgspec.json.decode(DONE.text(), type=StartPost) == DONE
    assert sum(units(f.name) + units(f.value) for f in start_embed(DONE, "ko").fields) < 6000

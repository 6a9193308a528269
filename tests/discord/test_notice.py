"""What is blocked is told in the guild's language: who, why, and what to do."""

from __future__ import annotations

import hikari
import msgspec
import pytest

from tests.discord.house import units
from tracker.discord.notice import BlockedMember, BlockedPost, NoticePost, notice_embed, render_notice
from tracker.discord.texts import translate

AT = 1_771_400_000_000
ABOVE = translate("ko")("sync.block.role_above", role="골드")


def member(user: int, reason: str) -> BlockedMember:
    return BlockedMember(user_id=str(user), reason=reason)


def post(kind: str, reason: str, channel: int | None = None) -> BlockedPost:
    return BlockedPost(kind=kind, channel_id=None if channel is None else str(channel), reason=reason)


def shown(notice: NoticePost, locale: str) -> list[tuple[str, str]]:
    return [(field.name, field.value) for field in notice_embed(notice, locale).fields]


def test_members_are_named_together_under_the_reason_that_stands_in_their_way() -> None:
    notice = NoticePost(at=AT, members=(member(1, ABOVE), member(2, "다른 이유"), member(3, ABOVE)), more_members=7)
    assert shown(notice, "ko") == [
        (
            "등급 역할과 별명: 멤버 10명",
            "• '골드' 역할이 봇의 역할보다 아래에 있지 않습니다. "
            "서버 설정 → 역할에서 봇의 역할을 그 위로 옮기세요.\n<@1> <@3>\n"
            "• 다른 이유\n<@2>\n… 외 7명",
        )
    ]


@pytest.mark.parametrize(
    ("reason", "en", "ko"),
    [
        (
            "Discord refuses it (HTTP 403 Missing Access)",
            "The bot may not post there.",
            "봇이 이 채널에 글을 올릴 수 없습니다.",
        ),
        ("Discord refuses it (HTTP 404 Unknown Channel)", "The channel is gone.", "채널이 없어졌습니다."),
        (
            "there is no channel: set log_channel_id",
            "No log channel is set.",
            "기록 채널이 정해지지 않았습니다.",
        ),
        ("there is no role 11", "there is no role 11", "there is no role 11"),
        ("", "No reason was noted.", "이유가 기록되지 않았습니다."),
    ],
)
def test_posts_come_with_what_to_do(reason: str, en: str, ko: str) -> None:
    notice = NoticePost(at=AT, posts=(post("report", reason, 7),))
    ((name, value),) = shown(notice, "en")
    assert name == "Posts: 1"
    assert value.startswith(f"• Scheduled report → <#7>\n{en}")
    ((name, value),) = shown(notice, "ko")
    assert name == "올리지 못한 글: 1개"
    assert value.startswith(f"• 예약 보고서 → <#7>\n{ko}")


def test_the_same_trouble_is_told_once_with_how_often() -> None:
    notice = NoticePost(at=AT, posts=(post("level", "HTTP 403"), post("level", "HTTP 403")), more_posts=30)
    ((_, value),) = shown(notice, "ko")
    assert value.startswith("• 레벨 알림 → 기록 채널 ×2\n봇이 이 채널에")
    assert value.endswith("\n… 외 30개")


def test_it_says_that_nothing_is_lost_and_how_often_it_comes() -> None:
    embed = notice_embed(NoticePost(at=AT, members=(member(1, "x"),)), "ko")
    assert embed.title == "확인이 필요합니다"
    assert embed.description == "Discord가 허용하지 않아 봇이 하지 못한 일입니다. 집계된 기록은 사라지지 않았습니다."
    assert embed.footer is not None
    assert embed.footer.text == "막힌 일이 있는 동안 하루에 한 번 알려 드립니다"
    assert embed.colour == hikari.Color(0xFEE75C)


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_a_notice_of_ten_long_reasons_fits_into_every_limit(locale: str) -> None:
    long = "*가" * 400
    members = tuple(member(10**18 + n, f"{n}{long}") for n in range(10))
    posts = tuple(post("report", f"{n}{long}", 10**18 + n) for n in range(10))
    embed = notice_embed(NoticePost(at=AT, members=members, posts=posts, more_posts=1), locale)
    assert len(embed.fields) <= 25
    assert all(units(f.value) <= 1024 and f.value for f in embed.fields)
    parts = [embed.title, embed.description, *(f.name for f in embed.fields), *(f.value for f in embed.fields)]
    assert sum(units(part or "") for part in parts) < 6000
    named = sum(field.value.count("→ <#") for field in embed.fields)
    left = 11 - named
    assert embed.fields[-1].value.endswith(f"… and {left} more posts" if locale == "en" else f"… 외 {left}개")


def test_names_in_a_reason_are_harmless() -> None:
    ((_, value),) = shown(NoticePost(at=AT, members=(member(1, "role **@everyone**"),)), "en")
    assert value.startswith("• role \\*\\*@\u200beveryone")


def test_the_payload_comes_back_as_it_was() -> None:
    notice = NoticePost(at=AT, members=(member(1, "x"),), posts=(post("level", "y"),), more_posts=2)
    assert render_notice(notice.text(), "ko").fields[0].value == notice_embed(notice, "ko").fields[0].value
    assert msgspec.json.decode(notice.text(), type=NoticePost) == notice

"""What Discord does not let the bot do in a guild, as one embed for those who can change it, in English or Korean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import hikari
import msgspec

from tracker.clock import from_ms
from tracker.discord.embeds import FIELD_LIMIT, length
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.reports.catalogue import Translate

__all__ = ["KINDS", "MOST_NAMED", "BlockedMember", "BlockedPost", "NoticePost", "notice_embed", "render_notice"]

MOST_NAMED: Final = 10
"""So many members and so many posts are named; the others are counted."""

KINDS: Final = ("report", "level")
"""The kinds of posts that a notice is about; one about notices would help nobody."""

_AMBER: Final = 0xFEE75C
_LONGEST_REASON: Final = 250
_ROOM: Final = 2_600
"""UTF-16 units for members, and as many for posts: with all the rest, they stay within what an embed may hold."""


class BlockedMember(msgspec.Struct, frozen=True, kw_only=True):
    """`reason`: as it was noted, in the guild's language."""

    user_id: str
    reason: str


class BlockedPost(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: one of `KINDS`. `channel_id` None: the log channel. `reason`: as it was noted, for operators."""

    kind: str
    channel_id: str | None
    reason: str


class NoticePost(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a delivery of kind `notice`. `more_members`, `more_posts`: how many are not named."""

    at: int
    members: tuple[BlockedMember, ...] = ()
    more_members: int = 0
    posts: tuple[BlockedPost, ...] = ()
    more_posts: int = 0

    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()


def render_notice(payload: str, locale: str | None) -> hikari.Embed:
    """The embed of a delivery's payload. Raises msgspec.MsgspecError if it is none."""
    return notice_embed(msgspec.json.decode(payload, type=NoticePost), locale)


def notice_embed(post: NoticePost, locale: str | None) -> hikari.Embed:
    """The notice in the language nearest to `locale`: members by what stands in the way, then posts."""
    t = translate(locale)
    embed = hikari.Embed(
        title=t("notice.title"), description=t("notice.about"), colour=_AMBER, timestamp=from_ms(post.at)
    )
    if post.members:
        lines = _fitting(_member_lines(post, t), post.more_members, "notice.more.members", t)
        _add(embed, t("notice.members", n=len(post.members) + post.more_members), lines)
    if post.posts:
        lines = _fitting(_post_lines(post, t), post.more_posts, "notice.more.posts", t)
        _add(embed, t("notice.posts", n=len(post.posts) + post.more_posts), lines)
    embed.set_footer(t("notice.footer"))
    return embed


def _member_lines(post: NoticePost, t: Translate) -> Iterator[tuple[str, int]]:
    """Each reason with all whom it concerns, and how many they are."""
    by_reason: dict[str, list[str]] = {}
    for member in post.members:
        by_reason.setdefault(member.reason, []).append(f"<@{member.user_id}>")
    for reason, who in by_reason.items():
        yield f"• {_worded(reason, t)}\n{' '.join(who)}", len(who)


def _post_lines(post: NoticePost, t: Translate) -> Iterator[tuple[str, int]]:
    """Each kind of trouble, and how many posts it concerns."""
    times: dict[tuple[str, str], int] = {}
    for each in post.posts:
        where = t("notice.log_channel") if each.channel_id is None else f"<#{each.channel_id}>"
        about = (f"{t(f'notice.kind.{each.kind}')} → {where}", _remedy(each.reason, t))
        times[about] = times.get(about, 0) + 1
    for (what, remedy), count in times.items():
        yield f"• {what}{f' ×{count}' if count > 1 else ''}\n{remedy}", count


def _fitting(lines: Iterable[tuple[str, int]], more: int, key: str, t: Translate) -> list[str]:
    """As many lines as there is room for; `more`, and what the others stand for, are counted in the last one."""
    kept, room = [], _ROOM
    for line, count in lines:
        if length(line) < room:
            kept.append(line)
            room -= length(line) + 1
        else:
            more += count
    return [*kept, t(key, n=more)] if more else kept


def _remedy(reason: str, t: Translate) -> str:
    """What to do. The reason was noted in English, with Discord's status in it."""
    for sign, key in (("HTTP 403", "forbidden"), ("HTTP 404", "gone"), ("log_channel_id", "no_channel")):
        if sign in reason:
            return t(f"notice.remedy.{key}")
    return _worded(reason, t)


def _worded(reason: str, t: Translate) -> str:
    return harmless(reason, otherwise=t("notice.no_reason"), longest=_LONGEST_REASON)


def _add(embed: hikari.Embed, name: str, lines: Iterable[str]) -> None:
    """The lines in as few fields as they fit into; each is far shorter than a field."""
    chunk = ""
    for line in lines:
        longer = f"{chunk}\n{line}" if chunk else line
        if length(longer) > FIELD_LIMIT:
            embed.add_field(name, chunk)
            name, longer = "\u200b", line
        chunk = longer
    embed.add_field(name, chunk)

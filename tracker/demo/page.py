"""A channel of the sandbox as one HTML page that needs nothing else, as Discord would show it."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tracker.clock import from_ms
from tracker.demo.embed import components_html, embed_html, files_html
from tracker.demo.markdown import Names, moment, to_html
from tracker.sandbox.model import Channel, ChannelType, Guild, Message, User

__all__ = ["channel_page"]

_STYLE: Final = Path(__file__).with_name("page.css")
_AVATARS: Final = ("#5865f2", "#757e8a", "#3ba55c", "#faa61a", "#ed4245", "#eb459f")
_TOGETHER_MS: Final = 7 * 60_000
"""Messages of one author within this time stand under one name."""


def channel_page(guild: Guild, channel: Channel, zone: ZoneInfo) -> str:
    """The page. Shows ephemeral answers too, with Discord's note that only one person sees them."""
    names = Names(
        zone=zone,
        users={member.id: member.display_name for member in guild.members.values()},
        channels={c.id: c.name for c in guild.channels.values()},
        roles={role.id: role.name for role in guild.roles.values()},
    )
    messages = list(channel.messages.values())
    body = "".join(
        _day_line(before, message, zone) + _message(before, message, guild, names)
        for before, message in pairwise([None, *messages])
        if message is not None
    )
    title = f"#{channel.name} | {guild.name}"
    return (
        '<!doctype html><html lang="ko"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f"{_sidebar(guild, channel)}<main><header><i>#</i> <b>{escape(channel.name)}</b>"
        f"<span>{escape(channel.topic or '')}</span></header><ol>{body}</ol>"
        f'<div class="box">#{escape(channel.name)}에 메시지 보내기</div></main></body></html>\n'
    )


def _sidebar(guild: Guild, shown: Channel) -> str:
    parts = []
    for channel in guild.channels.values():
        if channel.type not in (ChannelType.TEXT, ChannelType.VOICE):
            continue
        sign = "🔊" if channel.type is ChannelType.VOICE else "#"
        here = ' class="here"' if channel is shown else ""
        parts.append(f"<li{here}><i>{sign}</i> {escape(channel.name)}</li>")
    return f"<nav><h2>{escape(guild.name)}</h2><ul>{''.join(parts)}</ul></nav>"


def _day_line(before: Message | None, message: Message, zone: ZoneInfo) -> str:
    day = from_ms(message.created_at).astimezone(zone).date()
    if before is not None and from_ms(before.created_at).astimezone(zone).date() == day:
        return ""
    return f'<li class="day"><span>{day.year}년 {day.month}월 {day.day}일</span></li>'


def _message(before: Message | None, message: Message, guild: Guild, names: Names) -> str:
    continued = (
        before is not None
        and before.author is message.author
        and before.webhook_id == message.webhook_id
        and message.created_at - before.created_at < _TOGETHER_MS
        and not (message.reply_to or message.interaction)
    )
    member = guild.members.get(message.author.id)
    name = message.author.global_name or message.author.name if member is None else member.display_name
    head = "" if continued else _head(message, name, _colour(message.author, guild), names)
    embeds = "".join(embed_html(embed, message.attachments, names) for embed in message.embeds)
    content = f'<div class="content">{to_html(message.content, names)}</div>' if message.content else ""
    if message.loading:
        content = '<div class="content thinking">생각하는 중…</div>'
    note = ""
    if message.ephemeral_to is not None:
        note = '<div class="note">👁 나에게만 보이는 메시지예요</div>'
    inside = content + embeds + files_html(message.attachments, embeds) + components_html(message.components) + note
    kind = ("private" if message.ephemeral_to is not None else "") + (" continued" if continued else "")
    used = "" if continued else _used(message, names)
    return f'<li class="message {kind}">{used}{head}<div class="body">{inside}</div></li>'


def _head(message: Message, name: str, colour: str, names: Names) -> str:
    tag = '<span class="tag">앱</span>' if message.author.bot else ""
    user = message.author.id
    background = _AVATARS[((user >> 22) + user) % len(_AVATARS)]  # unlike Discord's, also differs within a millisecond
    return (
        f'<div class="avatar" style="background:{background}">'
        f"{escape(_initials(name))}</div>"
        f'<div class="who"><b style="color:{colour}">{escape(name)}</b>{tag}'
        f"<time>{moment(message.created_at, names.zone)}</time></div>"
    )


def _used(message: Message, names: Names) -> str:
    """Who used which command, above the answer."""
    if message.interaction is None:
        return ""
    user = message.interaction.get("user") or {}
    name = names.users.get(int(user.get("id", 0)), user.get("global_name") or user.get("username") or "")
    command = message.interaction.get("name")
    what = f'<span class="mention">/{escape(str(command))}</span>' if command else "명령어"
    return f'<div class="used"><b>{escape(name)}</b> 님이 {what} 사용</div>'


def _colour(user: User, guild: Guild) -> str:
    """The colour of the highest role that has one."""
    member = guild.members.get(user.id)
    held = [] if member is None else [guild.roles[role] for role in member.roles if guild.roles[role].color]
    return f"#{max(held, key=lambda role: role.position).color:06x}" if held else "#f2f3f5"


def _initials(name: str) -> str:
    """`Emma Lee` → EL, `김서연` → 서연."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return name[:1]
    first = words[0]
    if "가" <= first[0] <= "힣":
        return first[-2:] if len(first) == 3 else first[:2]
    return "".join(word[0] for word in words[:2]).upper()

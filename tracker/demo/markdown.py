"""Discord's markdown as HTML. Everything that people wrote is escaped; only our own tags come out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from tracker.clock import from_ms

__all__ = ["Names", "moment", "to_html"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What mentions are shown as, by id, and the zone that timestamps are shown in."""

    zone: ZoneInfo
    users: Mapping[int, str] = field(default_factory=dict)
    channels: Mapping[int, str] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)


_INLINE: Final = re.compile(
    r"""
      \\(?P<literal>[^\w\s])
    | ``(?P<code2>.+?)``(?!`)
    | `(?P<code>[^`\n]+)`
    | \[(?P<label>[^\]\n]+)\]\((?P<link><?https?://[^\s)<>]+>?)(?:\ "[^"\n]*")?\)
    | (?P<url>https?://[^\s<>()]+[^\s<>().,:;"'\]])
    | <a?:(?P<emoji>\w{2,32}):\d+>
    | <@!?(?P<user>\d+)> | <@&(?P<role>\d+)> | <\#(?P<channel>\d+)>
    | <t:(?P<time>-?\d{1,12})(?::(?P<style>[tTdDfFR]))?>
    | </(?P<command>[^:<>\n]+):\d+>
    | \*\*(?P<bold>(?:[^*]|\*(?!\*))+)\*\*
    | __(?P<under>(?:[^_]|_(?!_))+)__
    | ~~(?P<strike>.+?)~~
    | \|\|(?P<spoiler>.+?)\|\|
    | \*(?P<italic>(?!\s)[^*\n]+)\*
    | (?<!\w)_(?P<italic2>[^_\n]+)_(?!\w)
    """,
    re.VERBOSE | re.DOTALL,
)
_WRAPPED: Final = {
    "bold": "<strong>{}</strong>",
    "under": "<u>{}</u>",
    "strike": "<s>{}</s>",
    "spoiler": '<span class="spoiler">{}</span>',
    "italic": "<em>{}</em>",
    "italic2": "<em>{}</em>",
}
_BLOCK: Final = re.compile(r"```(?:[\w+-]*\n)?\n?(.+?)\n?```\n?", re.DOTALL)
_LINE: Final = re.compile(r"(?P<mark>#{1,3}|-\#|>|[-*](?=\s)) +(?P<rest>\S.*)")
_LINE_TAGS: Final = {
    "#": "<h1>{}</h1>",
    "##": "<h2>{}</h2>",
    "###": "<h3>{}</h3>",
    "-#": '<div class="subtext">{}</div>',
    ">": "<blockquote>{}</blockquote>",
    "-": '<div class="item">{}</div>',
    "*": '<div class="item">{}</div>',
}
_STYLES: Final[Mapping[str, Callable[[datetime], str]]] = {
    "t": lambda m: f"{m:%H:%M}",
    "T": lambda m: f"{m:%H:%M:%S}",
    "d": lambda m: f"{m:%Y-%m-%d}",
    "D": lambda m: f"{m.year}년 {m.month}월 {m.day}일",
}


def to_html(text: str, names: Names) -> str:
    """The text as HTML. Line ends stay line ends (`white-space: pre-wrap`)."""
    parts = _BLOCK.split(text)
    shown = [_lines(part, names) if n % 2 == 0 else f"<pre>{escape(part)}</pre>" for n, part in enumerate(parts)]
    return "".join(shown)


def moment(ms: int, zone: ZoneInfo, style: str = "f") -> str:
    """An instant (Unix ms) as Discord's Korean client shows it, never relative to a "now"."""
    local = from_ms(ms).astimezone(zone)
    return _STYLES[style](local) if style in _STYLES else f"{_STYLES['D'](local)} {local:%H:%M}"


def _lines(text: str, names: Names) -> str:
    """Headings, lists, quotes; the line end after one of them is its own."""
    shown: list[str] = []
    for line in text.split("\n"):
        found = _LINE.fullmatch(line)
        if found is None:
            shown.append(_inline(line, names) + "\n")
        else:
            shown.append(_LINE_TAGS[found["mark"]].format(_inline(found["rest"], names)))
    return "".join(shown).removesuffix("\n")


def _inline(text: str, names: Names) -> str:
    shown, end = [], 0
    for found in _INLINE.finditer(text):
        shown += [escape(text[end : found.start()]), _token(found, names)]
        end = found.end()
    return "".join([*shown, escape(text[end:])])


def _token(found: re.Match[str], names: Names) -> str:
    kind = found.lastgroup or ""
    if kind in _WRAPPED:
        return _WRAPPED[kind].format(_inline(found[kind], names))
    if kind in ("code", "code2"):
        return f"<code>{escape(found[kind])}</code>"
    if kind in ("link", "url"):
        url = escape(found[kind].strip("<>"))
        return f'<a href="{url}" rel="noreferrer">{_inline(found["label"], names) if kind == "link" else url}</a>'
    if kind in ("time", "style"):
        return f'<span class="time">{moment(int(found["time"]) * 1000, names.zone, found["style"] or "f")}</span>'
    if kind == "literal":
        return escape(found["literal"])
    if kind == "emoji":
        return f":{escape(found['emoji'])}:"
    return f'<span class="mention">{escape(_mentioned(kind, found[kind], names))}</span>'


def _mentioned(kind: str, value: str, names: Names) -> str:
    if kind == "command":
        return f"/{value}"
    known = {"user": names.users, "role": names.roles, "channel": names.channels}[kind]
    unknown = {"user": "알 수 없는 사용자", "role": "삭제된 역할", "channel": "알 수 없음"}[kind]
    return ("#" if kind == "channel" else "@") + known.get(int(value), unknown)

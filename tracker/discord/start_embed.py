"""What a start found and brought in line, as one embed in the log channel, in English or Korean."""

from __future__ import annotations

from typing import Final

import hikari
import msgspec

from tracker.clock import from_ms
from tracker.discord.texts import translate
from tracker.reports import text
from tracker.reports.catalogue import Translate

__all__ = ["StartPost", "SyncFigures", "render_start", "start_embed"]

_GREEN: Final = 0x57F287
_AMBER: Final = 0xFEE75C


class SyncFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How members were brought in line, in members. `to_change` = changed + failed + blocked + left.

    `left`: still to be done. `unchanged`: already right.
    """

    to_change: int
    unchanged: int
    changed: int = 0
    failed: int = 0
    blocked: int = 0
    left: int = 0


class StartPost(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a delivery of kind `start`.

    `away_ms` None: the guild was never seen before. `known` None: not all members have answered yet, and `new` and
    `gone` mean nothing. `sync` None: members could not be compared yet, unless `sync_off` says that there is nothing to
    compare. `commands` None: Discord has not taken the slash commands yet.
    """

    at: int
    away_ms: int | None
    taken_over: int
    begun: int
    closed: int
    known: int | None = None
    new: int = 0
    gone: int = 0
    sync: SyncFigures | None = None
    sync_off: bool = False
    commands: int | None = None

    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()


def render_start(payload: str, locale: str | None) -> hikari.Embed:
    """The embed of a delivery's payload. Raises msgspec.MsgspecError if it is none."""
    return start_embed(msgspec.json.decode(payload, type=StartPost), locale)


def _away(away_ms: int | None, locale: str | None) -> str | None:
    """How long nobody was watching; nothing of less than a second, which a restart on the spot may be."""
    if away_ms is None or away_ms < 1000:
        return None
    return translate(locale)("start.away", duration=text.duration(away_ms, locale))


def start_embed(post: StartPost, locale: str | None) -> hikari.Embed:
    """The summary in the language nearest to `locale`. Amber where something is left to do or to look after."""
    t = translate(locale)
    first = post.away_ms is None
    embed = hikari.Embed(
        title=t("start.title.first" if first else "start.title"),
        description=_away(post.away_ms, locale),
        colour=_GREEN if _is_done(post) else _AMBER,
        timestamp=from_ms(post.at),
    )
    embed.add_field(t("start.members"), _members(post, t))
    embed.add_field(
        t("start.voice"), t("start.voice.found", taken=post.taken_over, begun=post.begun, closed=post.closed)
    )
    embed.add_field(t("start.sync"), _sync(post, t))
    embed.add_field(t("start.commands"), _commands(post, t))
    return embed


def _is_done(post: StartPost) -> bool:
    if post.known is None or post.commands is None:
        return False
    if post.sync is None:
        return post.sync_off
    return not (post.sync.left or post.sync.failed or post.sync.blocked)


def _members(post: StartPost, t: Translate) -> str:
    if post.known is None:
        return t("start.members.waiting")
    if post.away_ms is None:
        return t("start.members.first", n=post.known)  # all of them are new
    return t("start.members.known", known=post.known, new=post.new, gone=post.gone)


def _sync(post: StartPost, t: Translate) -> str:
    figures = post.sync
    if figures is None:
        return t("start.sync.off" if post.sync_off else "start.sync.waiting")
    lines = []
    if figures.left:
        lines.append(t("start.sync.going_on", done=figures.to_change - figures.left, total=figures.to_change))
    elif not figures.to_change:
        return t("start.sync.right", n=figures.unchanged)
    lines.append(t("start.sync.done", changed=figures.changed, unchanged=figures.unchanged))
    if figures.failed:
        lines.append(t("start.sync.failed", n=figures.failed))
    if figures.blocked:
        lines.append(t("start.sync.blocked", n=figures.blocked))
    return "\n".join(lines)


def _commands(post: StartPost, t: Translate) -> str:
    return t("start.commands.waiting") if post.commands is None else t("start.commands.taken", n=post.commands)

"""What is said of a reading of message history: before it, during it, after it; in English or Korean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import hikari
import msgspec

from store.backfills import Backfill, Place, Progress
from tracker.clock import from_ms
from tracker.discord.backfill_places import Survey
from tracker.discord.texts import translate
from tracker.ids import Ms
from tracker.reports.catalogue import Translate

__all__ = ["BackfillPost", "plan_lines", "progress_lines", "render_backfill"]

_GREEN: Final = 0x57F287
_AMBER: Final = 0xFEE75C
_NAMED: Final = 15
"""So many channels are named; the others are counted."""


class BackfillPost(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a delivery of kind `backfill`. `refused`: channels that could not be read, `more_refused` others.

    `channel_id` None: all of the server. `state`: done, cancelled or failed.
    """

    at: int
    since: int
    until: int
    state: str
    places: int
    messages: int
    added: int
    channel_id: str | None = None
    refused: tuple[str, ...] = ()
    more_refused: int = 0

    @classmethod
    def of(cls, wanted: Backfill, found: Progress, at: Ms) -> BackfillPost:
        """Of a reading that is over."""
        refused = [str(place.channel_id) for place in found.refused]
        return cls(
            at=at,
            since=wanted.since,
            until=wanted.until,
            state=wanted.state,
            places=found.places,
            messages=found.messages,
            added=found.added,
            channel_id=None if wanted.channel_id is None else str(wanted.channel_id),
            refused=tuple(refused[:_NAMED]),
            more_refused=len(refused[_NAMED:]),
        )

    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()


def render_backfill(payload: str, locale: str | None) -> hikari.Embed:
    """The embed of a delivery's payload. Raises msgspec.MsgspecError if it is none."""
    post, t = msgspec.json.decode(payload, type=BackfillPost), translate(locale)
    embed = hikari.Embed(
        title=t(f"backfill.title.{post.state}"),
        description=t("backfill.span", since=_day(post.since), until=_day(post.until)),
        colour=_GREEN if post.state == "done" and not post.refused else _AMBER,
        timestamp=from_ms(post.at),
    )
    if post.channel_id is not None:
        embed.add_field(t("backfill.where"), f"<#{post.channel_id}>")
    found = f"{t('backfill.places', n=post.places)}\n{_found(post.messages, post.added, t)}"
    embed.add_field(t("backfill.found"), found)
    if post.refused:
        ids = [int(channel) for channel in post.refused]
        lines = (_named(ids, post.more_refused, t), t("backfill.unread.why"), t("backfill.unread.todo"))
        embed.add_field(t("backfill.unread"), "\n".join(lines))
    if post.added:
        embed.add_field(t("backfill.then"), t("backfill.then.anew"))
    return embed


def plan_lines(wanted: Backfill, found: Survey, t: Translate) -> Iterator[str]:
    """What will be read, before it is confirmed."""
    yield t("backfill.plan", since=_day(wanted.since), until=_day(wanted.until))
    yield t("backfill.plan.channels", n=len(found.channels))
    if found.threads:
        yield t("backfill.plan.threads", n=len(found.threads))
    yield from _refused_lines(found.refused, t)
    yield ""
    yield t("backfill.plan.speed")
    yield ""
    yield t("backfill.plan.limits")
    yield ""
    yield t("backfill.plan.confirm")


def progress_lines(wanted: Backfill, found: Progress, t: Translate) -> Iterator[str]:
    """How far a reading has come, or how it ended."""
    yield f"**{t(f'backfill.title.{wanted.state}')}**"
    yield t("backfill.span", since=_day(wanted.since), until=_day(wanted.until))
    if wanted.state == "reading":
        yield f"{_bar(found.over, found.places)} {t('backfill.done_of', done=found.over, total=found.places)}"
    elif wanted.state != "waiting":
        yield t("backfill.places", n=found.over)
    if wanted.state != "waiting":
        yield _found(found.messages, found.added, t)
    yield from _refused_lines(found.refused, t)
    if found.refused and wanted.ended_at is not None:
        yield t("backfill.unread.todo")
    if wanted.state == "failed":
        yield t("backfill.failed.why")
    elif wanted.state == "cancelled":
        yield t("backfill.cancelled.kept")
    elif wanted.state == "done" and found.added:
        yield t("backfill.then.anew")


def _refused_lines(refused: Sequence[Place], t: Translate) -> Iterator[str]:
    if refused:
        ids = [place.channel_id for place in refused]
        yield f"{t('backfill.unread')}: {_named(ids[:_NAMED], len(ids[_NAMED:]), t)}"
        yield t("backfill.unread.why")


def _found(messages: int, added: int, t: Translate) -> str:
    return f"{t('backfill.messages', n=messages)}\n{t('backfill.added', n=added)}"


def _named(channels: Sequence[int], more: int, t: Translate) -> str:
    text = " ".join(f"<#{channel}>" for channel in channels)
    return f"{text} {t('backfill.more', n=more)}" if more else text


def _bar(done: int, total: int) -> str:
    full = 10 * done // total if total else 10
    return "█" * full + "░" * (10 - full)


def _day(moment: int) -> str:
    return f"<t:{moment // 1000}:D>"

"""One reading of a guild's message history, from its first request to its end: one request after another.

What was read is in the log before the next page is asked for, and where to go on is noted behind it: the reading can be
given up at any instant, by a cancellation or by the end of the process, and taken up again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import hikari

from store.backfills import Backfill, Place
from tracker.discord.backfill_pages import PAGE, IsSilent, fetch_page, message_facts
from tracker.discord.backfill_places import first_id_at, lacking, survey
from tracker.errors import DatabaseError, LeaseLostError
from tracker.ids import ChannelId, MessageId, Ms, UserId
from tracker.ingest.backfills import Backfills, Spans

__all__ = ["Patience", "Reading"]

T = TypeVar("T")

_LOG = logging.getLogger("tracker.discord.backfill")
_GONE: Final = "the bot is not in the server any more, or may not see it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often something is tried when Discord or the database is away (None: for ever), and how long it is waited.

    The pauses double from `first_s` up to `longest_s`. (hikari has tried some times by itself before.)
    """

    tries: int | None = None
    first_s: float = 2.0
    longest_s: float = 300.0

    async def over(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives. Raises what it raises for good, or at the last try."""
        pause, left = self.first_s, self.tries
        while True:
            try:
                return await work()
            except (hikari.ClientHTTPResponseError, LeaseLostError):
                raise
            except (hikari.HTTPError, OSError, DatabaseError) as error:
                left = None if left is None else left - 1
                if left == 0:
                    raise
                wait = error.retry_after if isinstance(error, hikari.RateLimitTooLongError) else pause
                _LOG.info("%s: reading on in %.0f s", _short(error), wait)
                await asyncio.sleep(wait)
                pause = min(pause * 2, self.longest_s)


class Reading:
    """`is_silent`: whom to leave out as of now, beside those who the log says did not want to be counted then.

    `moved` is called after each page.
    """

    def __init__(
        self,
        rest: hikari.api.RESTClient,
        book: Backfills,
        wanted: Backfill,
        *,
        is_silent: IsSilent = lambda _user, _at: False,
        moved: Callable[[], Awaitable[None]] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._rest = rest
        self._book = book
        self._wanted = wanted
        self._is_silent = is_silent
        self._told = moved
        self._over = (patience or Patience()).over
        self._floor = first_id_at(wanted.since)

    async def run(self) -> None:
        """Read all that is left, and note the end. Raises DatabaseError, hikari's errors when patience is at its end.

        A guild that is not there any more is the end, too.
        """
        book, wanted = self._book, self._wanted
        try:
            if wanted.state == "waiting":
                found = await self._over(lambda: survey(self._rest, wanted))
                await self._over(lambda: book.begin(wanted, found.places))
                await self._moved()
        except (hikari.ForbiddenError, hikari.NotFoundError):
            await self._over(lambda: book.end(wanted, "failed", error=_GONE))
            return
        spans = await self._over(lambda: book.opt_outs(wanted.guild_id))
        for place in await self._over(lambda: book.places(wanted)):
            await self._read(place, spans)
        await self._over(lambda: book.end(wanted, "done"))

    async def _read(self, place: Place, spans: Spans) -> None:
        def is_silent(user: UserId, at: Ms) -> bool:
            return self._is_silent(user, at) or _was_silent(spans, user, at)

        over = False
        while not over:
            try:
                page = await self._over(partial(fetch_page, self._rest, place.channel_id, place.before))
                if not page and await self._may_not(place):
                    await self._leave_out(place, refused=True)
                    return
            except hikari.ClientHTTPResponseError as error:
                if isinstance(error, hikari.UnauthorizedError):
                    raise
                await self._leave_out(place, refused=not isinstance(error, hikari.NotFoundError))
                return
            wanted = [message for message in page if int(message["id"]) >= self._floor]
            over = len(page) < PAGE or len(wanted) < len(page)
            before = MessageId(int(page[-1]["id"])) if page else place.before
            facts = message_facts(wanted, self._wanted, place, is_silent)
            append = partial(self._book.append, self._wanted, place, facts)
            await self._over(partial(append, messages=len(wanted), before=before, over=over))
            place = replace(place, before=before)
            await self._moved()

    async def _moved(self) -> None:
        if self._told is not None:
            await self._told()

    async def _may_not(self, place: Place) -> bool:
        """Whether nothing was shown because nothing may be: Discord does not say so by itself."""
        channel: ChannelId = place.parent_id or place.channel_id
        return bool(await self._over(lambda: lacking(self._rest, self._wanted.guild_id, channel)))

    async def _leave_out(self, place: Place, *, refused: bool) -> None:
        _LOG.info("channel %d is not read (any further): it is %s", place.channel_id, "hidden" if refused else "gone")
        await self._over(lambda: self._book.leave_out(self._wanted, place, "refused" if refused else "gone"))
        await self._moved()


def _was_silent(spans: Spans, user: UserId, at: Ms) -> bool:
    """Who does not want to be counted now is not counted for the time before that either."""
    return any(until is None or since <= at < until for since, until in spans.get(user, ()))


def _short(error: Exception) -> str:
    if isinstance(error, hikari.HTTPResponseError):
        return f"HTTP {int(error.status)}"
    return type(error).__name__

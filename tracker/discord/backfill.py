"""The bot's readings of message history: begun by admins or the command line, gone on with after a restart.

In a guild one request is made after the other, and two guilds are read at a time at most: posts and members keep their
share of Discord's limits. Nothing here touches the fold; see `tracker.ingest.backfills`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import hikari

from store.backfills import Backfill, Progress
from tracker.discord.backfill_places import Survey, survey
from tracker.discord.backfill_reading import Patience, Reading
from tracker.discord.backfill_text import BackfillPost
from tracker.discord.owing import Owe
from tracker.discord.sight import Intake
from tracker.errors import DatabaseError, LeaseLostError
from tracker.ids import GuildId
from tracker.ingest.backfills import Backfills

__all__ = ["Backfiller", "Say", "Standing"]

_LOG = logging.getLogger("tracker.discord.backfill")
_AT_ONCE: Final = 2
_LOOK_S: Final = 5.0
_EDIT_EVERY_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A reading as it stands."""

    wanted: Backfill
    progress: Progress


Say = Callable[[Standing], Awaitable[bool]]
"""Shows how far a reading has come to who asked for it; False if it cannot be shown (any more)."""


class Backfiller:
    """`owe` None posts no summaries. `look_s`: how often it is looked for what the command line asks for."""

    def __init__(
        self,
        rest: Callable[[], hikari.api.RESTClient],
        intake: Intake,
        book: Backfills,
        *,
        owe: Owe | None,
        look_s: float = _LOOK_S,
        edit_every_s: float = _EDIT_EVERY_S,
        patience: Patience | None = None,
    ) -> None:
        self._rest = rest
        self._intake = intake
        self._book = book
        self._owe = owe
        self._look_s = look_s
        self._edit_every_s = edit_every_s
        self._patience = patience
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._running: dict[GuildId, asyncio.Task[None]] = {}
        self._stopping: set[GuildId] = set()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on with what was not finished, and look for what is asked for from now on."""
        self._looking = asyncio.create_task(self._look_forever(), name="look for backfills")

    async def close(self) -> None:
        """Read no further; the next start goes on from here."""
        tasks = [task for task in (self._looking, *self._running.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._running.clear()

    async def survey(self, wanted: Backfill) -> Survey:
        """What would be read, threads that are archived apart. Raises hikari's errors."""
        return await survey(self._rest(), wanted, archived=False)

    def begin(self, wanted: Backfill, say: Say | None = None) -> None:
        """Begin with it, or join the one that the guild has already. `say` is told how it goes on."""
        self._take_up(wanted, self._book.ask, say)

    def _take_up(
        self, wanted: Backfill, noted: Callable[[Backfill], Awaitable[Backfill | None]], say: Say | None = None
    ) -> None:
        before = self._running.get(wanted.guild_id)
        task = asyncio.create_task(self._note_and_run(wanted, noted, say, before), name=f"backfill {wanted.guild_id}")
        self._running[wanted.guild_id] = task

    async def standing(self, guild: GuildId) -> Standing | None:
        """The guild's newest reading; None: there never was one. Raises DatabaseError."""
        wanted = await self._book.latest(guild)
        return None if wanted is None else Standing(wanted=wanted, progress=await self._book.progress(wanted))

    async def cancel(self, guild: GuildId) -> Standing | None:
        """Read no further and note that; None: nothing was being read. Raises DatabaseError."""
        wanted = await self._book.latest(guild)
        if wanted is None or wanted.ended_at is not None:
            return None
        self._stopping.add(guild)  # or it would be taken up again before its end is noted
        try:
            task = self._running.get(guild)
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
            if not await self._book.end(wanted, "cancelled"):
                return None  # it had just come to its end
        finally:
            self._stopping.discard(guild)
        await self._sum_up(wanted)
        return await self.standing(guild)

    # -- reading ---------------------------------------------------------------------------------------------------

    async def _look_forever(self) -> None:
        while True:
            try:
                for wanted in await self._book.unfinished():
                    seen = self._intake.sight.lost_at(wanted.guild_id) is None  # else its snapshot is still to come
                    if seen and wanted.guild_id not in self._running.keys() | self._stopping:
                        self._take_up(wanted, self._book.find)
            except DatabaseError as error:
                _LOG.debug("backfills wait for the database: %s", error)  # those who write say so louder
            except Exception:
                _LOG.exception("looking for backfills failed")
            await asyncio.sleep(self._look_s)

    async def _note_and_run(
        self,
        wanted: Backfill,
        noted: Callable[[Backfill], Awaitable[Backfill | None]],
        say: Say | None,
        before: asyncio.Task[None] | None,
    ) -> None:
        """`before`: who reads in the guild until now, perhaps the very thing that is wanted."""
        try:
            found = await noted(wanted)
            if before is not None:
                await _ended(before)
                found = None if found is None else await self._book.find(found)
            if found is None or found.ended_at is not None:
                return
            wanted = found
            async with self._turns:
                await self._run(wanted, say)
        except LeaseLostError as error:
            _LOG.error("reading the messages of guild %d stopped: %s", wanted.guild_id, error)
        except Exception:
            _LOG.exception("reading the messages of guild %d failed", wanted.guild_id)
            with contextlib.suppress(DatabaseError):
                await self._book.end(wanted, "failed", error="see the bot's log")
                await self._sum_up(wanted)
        finally:
            if self._running.get(wanted.guild_id) is asyncio.current_task():
                del self._running[wanted.guild_id]

    async def _run(self, wanted: Backfill, say: Say | None) -> None:
        guild, sight = wanted.guild_id, self._intake.sight
        _LOG.info("reading the messages of guild %d since %d", guild, wanted.since)
        telling = None if say is None else asyncio.create_task(self._tell(wanted, say), name=f"tell of {guild}")
        try:
            await Reading(
                self._rest(),
                self._book,
                wanted,
                is_silent=lambda user, _: sight.is_silent(guild, user),
                patience=self._patience,
            ).run()
        finally:
            if telling is not None:
                telling.cancel()
        standing = await self._sum_up(wanted)
        if say is not None and standing is not None:
            await _said(say, standing)

    async def _tell(self, wanted: Backfill, say: Say) -> None:
        """Show how far it is, every few seconds."""
        while True:
            await asyncio.sleep(self._edit_every_s)
            with contextlib.suppress(DatabaseError):
                standing = await self._as_noted(wanted)
                if standing is not None and not await _said(say, standing):
                    return

    async def _as_noted(self, wanted: Backfill) -> Standing | None:
        noted = await self._book.find(wanted)
        return None if noted is None else Standing(wanted=noted, progress=await self._book.progress(noted))

    async def _sum_up(self, wanted: Backfill) -> Standing | None:
        """Owe the summary, if there is a channel for it. The key holds the reading: it is posted once."""
        standing = await self._as_noted(wanted)
        if standing is None or standing.wanted.ended_at is None:
            return None
        over, found = standing.wanted, standing.progress
        _LOG.info(
            "the messages of guild %d: %s; %d looked at, %d new, %d channels refused",
            over.guild_id, over.state, found.messages, found.added, len(found.refused),
        )  # fmt: skip
        channel = self._intake.sight.settings(over.guild_id).log_channel_id
        if self._owe is not None and channel is not None:
            post = BackfillPost.of(over, found, over.ended_at or self._intake.clock.now())
            await self._owe(over.guild_id, channel, key=f"backfill:{over.guild_id}:{over.run}", payload=post.text())
        return standing


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for it; who is cancelled meanwhile takes it along."""
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise


async def _said(say: Say, standing: Standing) -> bool:
    try:
        return await say(standing)
    except (hikari.HikariError, OSError) as error:
        _LOG.info("the progress of a backfill could not be shown: %s", type(error).__name__)
        return False

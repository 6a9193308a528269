"""The running bot moves old events into the archive's files, a file at a time, and nobody waits for it.

A process of its own reads the events and writes the file, with low priority; the writer's thread then puts it into use
in one short transaction, between two commits (`store.archive_segment`), and rests for many times as long. Killed
anywhere, each event is in exactly one place, and the next start goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar

from store import archive_place, archive_segment, archive_unasked, archive_wishes
from store.archive_segment import Step
from store.archive_shelves import Folder
from store.engine import Database
from store.lease import Lease
from tracker.clock import SystemClock, from_ms
from tracker.errors import DatabaseError, TrackerError
from tracker.ids import Ms
from tracker.ingest.archive_process import Prepare, files_apart
from tracker.ingest.ingest import Ingest

__all__ = ["Archiving"]

_LOG = logging.getLogger("tracker.archive")

T = TypeVar("T")

_SETTLED_MS: Final = 300_000
"""So long after a start nothing is archived: the bot has other things to do."""
_REST_MS: Final = 3_600_000
"""So long after there was nothing more to archive, or something was in the way, it is looked for again."""
_SHARE: Final = 20
"""The writer has so many times as long for everything else as for archiving."""


class Archiving:
    """`look` is one round; whoever calls it decides when. Belongs to one event loop.

    Events go that are older than `after_days` (None: none do by themselves), in files of `step` events each: what does
    not fill one stays. "auto": where the archive is within the database and can be written, those of an hour ago go;
    else none do. A wish that `tracker archive --before` left goes at once, the rest of it in smaller files.
    """

    def __init__(
        self,
        database: Database,
        url: str,
        ingest: Ingest,
        lease: Lease | None,
        after_days: int | Literal["auto"] | None,
        *,
        step: int = archive_segment.STEP,
        files: Callable[[str], AbstractAsyncContextManager[Prepare]] = files_apart,
    ) -> None:
        """`url`: the address of `database`, with its password if it has one. `files`: writes them, in whatever way."""
        self._database = database
        self._url = url
        self._ingest = ingest
        self._lease = lease
        self._after_days = after_days
        self._step = step
        self._files = files
        self._due = Ms(ingest.clock.now() + _SETTLED_MS)
        self._tried: Ms | None = None
        self._closed = False
        self._looking: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Archive what is due, until nothing is left. What cannot be done now is tried again in an hour."""
        if self._closed or self._looking is not None:
            return
        self._looking = asyncio.create_task(self._look(), name="archive")
        try:
            await self._looking
        except TrackerError as error:
            _LOG.warning("old events are not archived now: %s; trying again in an hour", error)
        finally:
            self._looking = None

    async def close(self) -> None:
        """Stop, also in the middle: what was not put into use is removed with the next archiving."""
        self._closed = True
        looking = self._looking
        if looking is not None:
            looking.cancel()
            with suppress(asyncio.CancelledError, TrackerError):
                await looking

    async def _look(self) -> None:
        now = self._ingest.clock.now()
        try:
            wish = await self._read(partial(archive_wishes.wish, self._database))
        except DatabaseError:
            return  # those who write say so louder
        is_new = wish is not None and wish != self._tried
        if not is_new and (now < self._due or (wish is None and self._after_days is None)):
            return
        self._due, self._tried = Ms(now + _REST_MS), wish
        if wish is not None:
            await self._archive(wish, least=1)
            await self._ingest.write(partial(archive_wishes.come_true, self._database, wish))
            self._tried = None  # the same one may be made again
        age = await self._read(partial(archive_unasked.age, self._database, self._after_days))
        if age is not None:
            await self._archive(Ms(now - age), least=self._step)

    async def _archive(self, before: Ms, *, least: int) -> None:
        """All that happened before the instant, in files of at least so many events."""
        find = partial(archive_segment.next_step, self._database, before, size=self._step, least=least)
        if await self._read(partial(find, Folder(Path()))) is None:
            return
        place = await self._ingest.write(partial(archive_place.settle, self._database, None))
        await self._ingest.write(partial(archive_place.sweep, self._database))
        files = events = 0
        try:
            async with self._files(self._url) as prepare:
                while (step := await self._read(partial(find, place))) is not None:
                    events += await self._move(step, prepare)
                    files += 1
        except TrackerError:
            await self._ingest.write(partial(archive_place.sweep, self._database))
            raise
        finally:
            if files:
                _LOG.info(
                    "archived %d events from before %s in %d new files in %s",
                    events, f"{from_ms(before):%Y-%m-%dT%H:%MZ}", files, place,
                )  # fmt: skip
                await self._read(partial(archive_place.write_manifest, self._database))

    async def _move(self, step: Step, prepare: Prepare) -> int:
        """One file. Returns how many events are in it."""
        await self._ingest.write(partial(archive_segment.begin, self._database, step))
        prepared = await prepare(step)
        timer = asyncio.get_running_loop().time
        began, now = timer(), SystemClock().now()
        put = partial(archive_segment.put_into_use, self._database, prepared, self._lease, now=now)
        segment = await self._ingest.write(put)
        took = timer() - began
        await self._read(self._database.tidy)  # the pages that are free now are in the write-ahead log
        await asyncio.sleep(took * _SHARE)
        return segment.events

    async def _read(self, job: Callable[[], T]) -> T:
        """Not on the writer's thread: it has better things to do."""
        return await asyncio.to_thread(job)

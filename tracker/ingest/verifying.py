"""The running bot compares its figures with the log now and then, in a process of its own and of low priority.

Folding the whole log takes seconds of a core and memory of its own; in a thread it would hold up the event loop. The
process is started when a comparison is due, reads one snapshot of the database beside the bot, and ends; it dies with
the bot, however that ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

import msgspec

from store import verifications
from store.engine import Database
from store.verifications import Verification
from tracker.clock import Clock, from_ms
from tracker.errors import TrackerError
from tracker.ids import Ms
from tracker.ingest.health import Health
from tracker.ingest.ingest import Ingest
from tracker.recurring import Recurring
from tracker.verify_worker import Verdict

__all__ = ["Told", "Verifying"]

_LOG = logging.getLogger("tracker.verify")

_SETTLED_MS: Final = 300_000
"""So long after a start nothing is compared: the bot has other things to do."""
_AGAIN_MS: Final = 3_600_000
_PATIENCE_S: Final = 1.0
_LEAN: Final = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}


class Told(Protocol):
    """Whoever tells the guilds concerned (`tracker.discord.notice_figures`)."""

    def __call__(self, verdict: Verdict, at: Ms, /) -> Awaitable[None]:
        """Tell them. Raises DatabaseError."""
        ...


class VerifyError(TrackerError):
    """The figures could not be compared with the log."""


class Verifying:
    """`look` is one round; whoever calls it decides when. Belongs to one event loop."""

    def __init__(self, database: Database, url: str, ingest: Ingest, when: Recurring, tell: Told) -> None:
        """`url`: the address of `database`, with its password if it has one."""
        self._database = database
        self._url = url
        self._ingest = ingest
        self._when = when
        self._tell = tell
        self._begun = ingest.clock.now()
        self._due: Ms | None = None
        self._process: Process | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process that compares; None while there is none."""
        return None if self._process is None else self._process.pid

    async def look(self) -> None:
        """Compare if it is due, and tell what was found. What cannot be done now is tried again in an hour."""
        now = self._clock.now()
        if self._closed:
            return
        try:
            if self._due is None:
                await self._plan()
            if self._due is not None and self._due <= now:
                await self._compare(now)
        except TrackerError as error:
            if not self._closed:
                _LOG.warning("the figures could not be compared with the log: %s", error)
                self._due = Ms(now + _AGAIN_MS)

    async def close(self) -> None:
        """End the process at once, and start none any more."""
        self._closed = True
        if self._process is not None:
            await _ended(self._process)

    @property
    def _clock(self) -> Clock:
        return self._ingest.clock

    @property
    def _health(self) -> Health:
        return self._ingest.health

    async def _plan(self) -> None:
        """When the first comparison is due: what was missed while the bot was away is made up for."""
        before = await self._ingest.write(partial(verifications.last, self._database))
        if before is not None:
            self._health.verified = _shown(before)
        due = self._when.next_after(self._begun if before is None else before.at)
        self._due = max(due, Ms(self._begun + _SETTLED_MS))

    async def _compare(self, now: Ms) -> None:
        verdict = await self._verdict()
        found = Verification(
            at=now,
            events=verdict.events,
            differences=sum(guild.differences for guild in verdict.guilds),
            guilds=len(verdict.guilds),
            more=verdict.more,
        )
        self._health.verified = _shown(found)
        if verdict.guilds:
            many = f"at least {found.differences}" if found.more else str(found.differences)
            self._health.bad(
                "figures",
                f"{many} figures in {found.guilds} servers are not what the log says "
                f"(compared at {from_ms(now):%Y-%m-%dT%H:%M:%SZ}); "
                "`tracker replay --verify` shows them, `tracker replay` mends them",
            )
            await self._tell(verdict, now)
        else:
            self._health.good("figures")
            _LOG.info("%d events replayed: live figures = replay", found.events)
        self._due = self._when.next_after(now)
        await self._ingest.write(partial(verifications.note, self._database, found))

    async def _verdict(self) -> Verdict:
        """What the process says. Raises VerifyError."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tracker.verify_worker", stdin=PIPE, stdout=PIPE, env={**os.environ, **_LEAN}
        )  # fmt: skip
        try:
            if self._closed:
                raise VerifyError("the tracker is ending")
            if process.stdin is None or process.stdout is None:
                raise AssertionError("both were asked for")
            process.stdin.write(f"{self._url}\n".encode())
            verdict = msgspec.json.decode(await process.stdout.read(), type=Verdict)
        except (OSError, msgspec.MsgspecError) as error:
            raise VerifyError(f"the process that compares did not answer ({type(error).__name__})") from error
        finally:
            await _ended(process)
            self._process = None
        if verdict.error is not None:
            raise VerifyError(verdict.error)
        return verdict


async def _ended(process: Process) -> None:
    """It ends when its input does, and tidies up; one that hangs is killed."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await process.wait()
            return
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _shown(found: Verification) -> Mapping[str, object]:
    """As the health check says it."""
    return msgspec.to_builtins(found)  # type: ignore[no-any-return]

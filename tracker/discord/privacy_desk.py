"""Where `/privacy` finds, exports and erases what is stored about a member."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import hikari

from store.personal import Given
from tracker.discord import describe
from tracker.discord.desk import FreshDesk
from tracker.discord.sight import Intake
from tracker.errors import DatabaseError
from tracker.ids import GuildId, UserId
from tracker.ingest.export_files import Export
from tracker.ingest.personal import Personal
from tracker.reports.kept_about import Kept

__all__ = ["Forgotten", "PrivacyDesk"]

T = TypeVar("T")

_LOG = logging.getLogger("tracker.discord.privacy")
_LONG_S: Final = 600.0
"""How long a reading of the whole log may take; Discord takes an answer for 15 minutes."""

_REASON: Final = "/privacy forget"
_ECHO_S: Final = 3.0
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A member was erased.

    `taken_back`: False if tier roles or a nickname that we gave are still there. `complete`: False if the tables follow
    as soon as the gateway is back. `opted_out`: they are not counted either.
    """

    taken_back: bool
    complete: bool
    opted_out: bool


class PrivacyDesk(FreshDesk):
    """One member at a time, as of now. Everything raises DatabaseError if the database is away."""

    def __init__(self, intake: Intake, personal: Personal, rest: hikari.api.RESTClient) -> None:
        super().__init__(intake)
        self._personal = personal
        self._rest = rest

    def shows_boards(self, guild: GuildId) -> bool:
        """Whether the guild wants its members' figures shown to each other."""
        return self._intake.sight.settings(guild).boards_enabled

    async def kept(self, guild: GuildId, user: UserId) -> Kept | None:
        """What is stored about the member, in figures; None: nothing."""
        return await self._fresh(lambda: self._personal.kept(guild, user))

    @asynccontextmanager
    async def export(self, guild: GuildId, user: UserId) -> AsyncIterator[Export]:
        """All that is stored about the member, as files that are gone afterwards. Raises OSError for a full disk."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="tracker-export-"))
        try:
            await self._fresh(_nothing)
            yield await _in_time(self._personal.export(guild, user, folder))
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def opt_out(self, guild: GuildId, user: UserId) -> bool:
        """The member is not counted from now on; False if they were not before."""
        kept = await self.kept(guild, user)
        if kept is not None and kept.opted_out:
            return False
        self._personal.opt_out(guild, user)
        await self._fresh(_nothing)
        return True

    async def opt_in(self, guild: GuildId, seen: hikari.Member) -> bool:
        """The member is counted from now on; False if they were before."""
        user = UserId(seen.id)
        kept = await self.kept(guild, user)
        if kept is None or not kept.opted_out:
            return False
        self._personal.opt_in(guild, user)
        # What they were called meanwhile, nobody was told.
        self._intake.accept(*describe.member(seen, self._intake.sight, self._intake.clock.now()))
        await self._fresh(_nothing)
        return True

    async def forget(self, guild: GuildId, user: UserId, *, opt_out: bool) -> Forgotten:
        """Erase the member; `opt_out`: and count them no more. Who opted out before stays so.

        Roles and nickname go first, because who they belong to is known only until then.
        """
        kept = await self.kept(guild, user)
        given = await self._personal.given(guild, user)
        taken = given is None or await self._take_back(guild, user, given)
        opt_out = opt_out or (kept is not None and kept.opted_out)
        complete = await _in_time(self._personal.forget(guild, user, opt_out=opt_out))
        return Forgotten(taken_back=taken, complete=complete, opted_out=opt_out)

    async def _take_back(self, guild: GuildId, user: UserId, given: Given) -> bool:
        """Each role and the nickname by itself: one that may not be touched must not keep the others from going."""
        known = self._intake.sight.member(guild, user)
        if known is None:
            return True
        tiers = {tier.role_id for tier in self._intake.sight.settings(guild).tiers.tiers} | set(given.tier_roles)
        steps: list[Awaitable[object]] = [
            self._rest.remove_role_from_member(guild, user, role, reason=_REASON)
            for role in known.role_ids
            if role in tiers
        ]
        if given.managed:
            steps.append(self._rest.edit_member(guild, user, nickname=given.original_nick, reason=_REASON))
        done = [await _succeeds(guild, step) for step in steps]
        if done and all(done):
            await self._heard(guild, user, tiers, given.set_nick)
        return all(done)

    async def _heard(self, guild: GuildId, user: UserId, tiers: Iterable[int], nick: str | None) -> None:
        """Wait until the gateway has told of it, or some seconds: told later, it would make the member known again."""
        gone = frozenset(tiers)
        for _ in range(int(_ECHO_S / _LOOK_S)):
            known = self._intake.sight.member(guild, user)
            if known is None:
                return
            if not gone.intersection(known.role_ids) and not (nick is not None and known.is_named(nick)):
                return
            await asyncio.sleep(_LOOK_S)


async def _succeeds(guild: GuildId, step: Awaitable[object]) -> bool:
    try:
        await step
    except Exception as error:  # whatever Discord or the network says: the member is forgotten all the same
        _LOG.warning("what a member was given in guild %d is still there: %s", guild, type(error).__name__)
        return False
    return True


async def _nothing() -> None:
    """Nothing to read: what happened until now is written, that is all."""


async def _in_time(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_LONG_S):
            return await work
    except TimeoutError:
        raise DatabaseError("the database has not answered in time") from None

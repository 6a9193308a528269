"""Posts scheduled reports that Discord refused, once somebody has put right what stood in the way.

Whether it is put right is asked, not tried: nothing is sent to a channel that would refuse it. It is asked at a start,
soon after a refusal, when the gateway tells of anything that may have opened a way (the guild's snapshot, a channel, a
role, the bot's own roles), when the guild's settings change, and every hour. What is then posted is marked late, the
oldest first; what lies further back than `catch_up` is given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import hikari
import msgspec

from store.blocked_runs import Again, BlockedRun, Over
from tracker.discord.channel_access import ChannelAccess
from tracker.discord.listeners import Ears
from tracker.discord.scheduled import HasRole
from tracker.discord.sight import Intake
from tracker.errors import DatabaseError
from tracker.events.settings import GuildSettings, ReportEntry
from tracker.ids import ChannelId, GuildId, Ms
from tracker.reports.due import LATE_MS, entry_key_of, in_reach
from tracker.reports.entry_life import heir

__all__ = ["Blocked", "News", "Unblocking"]

_LOG = logging.getLogger("tracker.discord.outbox")
_P = hikari.Permissions
_NEEDED: Final = frozenset(str(p.name) for p in (_P.VIEW_CHANNEL, _P.SEND_MESSAGES, _P.EMBED_LINKS))
"""Without these a report is refused; without leave to attach files it goes out without its picture."""

_SOON_MS: Final = 60_000
_LATER_MS: Final = 3_600_000
_APART_MS: Final = 10_000
_AT_ONCE: Final = 8
_MOST: Final = 32
_PATIENCE_S: Final = 10.0

_OFF: Final = "it was taken off the schedule before it was posted"
_TOO_OLD: Final = "it could not be posted in time, and lies further back than catch_up by now"


class Blocked(Protocol):
    """Where blocked reports are known (`tracker.ingest.blocked_runs.BlockedRuns`). All raise DatabaseError."""

    async def guilds(self) -> Collection[GuildId]:
        """Where anything is blocked; may name guilds where nothing is any more."""
        ...

    async def blocked(self, guild: GuildId) -> Sequence[BlockedRun]:
        """The guild's blocked reports, those that were owed first coming first."""
        ...

    async def settle(self, again: Sequence[Again], over: Sequence[Over], now: Ms) -> int:
        """Have them tried again, or given up; returns how many are owed once more."""
        ...


class News:
    """Hears in which guilds something may have become possible."""

    def __init__(self) -> None:
        self._guilds: set[GuildId] = set()

    def subscribe(self, events: Ears) -> None:
        """Hear what opens ways. What closes one is noticed when a post is refused."""
        for kind in (
            hikari.GuildAvailableEvent, hikari.GuildJoinEvent, hikari.GuildUpdateEvent, hikari.GuildChannelCreateEvent,
            hikari.GuildChannelUpdateEvent, hikari.RoleCreateEvent, hikari.RoleUpdateEvent, hikari.RoleDeleteEvent,
        ):  # fmt: skip
            events.hear(kind, self._on_guild)
        events.hear(hikari.MemberUpdateEvent, self._on_member)

    def take(self) -> frozenset[GuildId]:
        """Those since this was last asked."""
        taken = frozenset(self._guilds)
        self._guilds.clear()
        return taken

    async def _on_guild(self, event: Any) -> None:
        self._guilds.add(GuildId(event.guild_id))

    async def _on_member(self, event: hikari.MemberUpdateEvent) -> None:
        if event.user_id == event.shard.get_user_id():
            self._guilds.add(GuildId(event.guild_id))


@dataclass(slots=True, kw_only=True)
class _Watched:
    """A guild with blocked reports. `ask_at`: when it is asked again at the latest; `not_before`: at the earliest."""

    settings: GuildSettings
    ask_at: Ms
    not_before: Ms
    news: bool = False


class _Late(msgspec.Struct, frozen=True, kw_only=True):
    """Of a report's payload, what decides whether it is still to be posted."""

    due_at: int | None = None
    late: bool = False
    family: tuple[str, ...] = ()


class Unblocking:
    """`look` is one round; whoever calls it decides when, and has posted afterwards what is owed."""

    def __init__(
        self, *, intake: Intake, blocked: Blocked, access: ChannelAccess, news: News, has_role: HasRole
    ) -> None:  # fmt: skip
        self._intake = intake
        self._blocked = blocked
        self._access = access
        self._news = news
        self._has_role = has_role
        self._watched: dict[GuildId, _Watched] | None = None

    async def look(self) -> int:
        """Owe once more what can be posted now; returns how many reports those are. Raises DatabaseError."""
        now = self._intake.clock.now()
        ripe = self._ripe(await self._blocked.guilds(), now)
        if not ripe:
            return 0
        free = asyncio.Semaphore(_AT_ONCE)

        async def ask(guild: GuildId) -> int:
            async with free:
                return await self._guild(guild, now)

        return sum(await asyncio.gather(*map(ask, ripe)))

    def _ripe(self, guilds: Iterable[GuildId], now: Ms) -> list[GuildId]:
        """Those that are to be asked now; they are put off, so that news that come meanwhile are not lost."""
        news, sight = self._news.take(), self._intake.sight
        first = now if self._watched is None else Ms(now + _SOON_MS)  # at a start, whatever is left from before
        before = self._watched or {}
        self._watched = {
            guild: before.get(guild) or _Watched(settings=sight.settings(guild), ask_at=first, not_before=now)
            for guild in guilds
        }
        ripe: list[GuildId] = []
        for guild, watched in self._watched.items():
            settings = sight.settings(guild)
            watched.news |= guild in news or settings is not watched.settings
            watched.settings = settings
            jumped = watched.ask_at > now + _LATER_MS  # the clock was set back
            if sight.lost_at(guild) is not None or (watched.not_before > now and not jumped) or len(ripe) == _MOST:
                continue
            if watched.news or watched.ask_at <= now or jumped:
                watched.news = False
                watched.ask_at, watched.not_before = Ms(now + _LATER_MS), Ms(now + _APART_MS)
                ripe.append(guild)
        return ripe

    async def _guild(self, guild: GuildId, now: Ms) -> int:
        settings = self._intake.sight.settings(guild)
        again: list[Again] = []
        over: list[Over] = []
        open_: dict[ChannelId, bool] = {}
        try:
            async with asyncio.timeout(_PATIENCE_S):
                for run in await self._blocked.blocked(guild):
                    entry, channel, late = _now(run, settings)
                    if channel is not None and channel not in open_:
                        open_[channel] = not _NEEDED & {*await self._access.lacking(guild, channel)}
                    if entry is None:
                        over.append(Over(guild_id=guild, key=run.key, reason=_OFF))
                    elif channel is None or not open_[channel] or self._has_no_role(guild, entry):
                        continue
                    elif _reaches(run, entry, settings, late, now):
                        again.append(_again(run, channel, late, now))
                    else:
                        over.append(Over(guild_id=guild, key=run.key, reason=_TOO_OLD))
                return await self._settle(guild, again, over, now)
        except (hikari.HTTPError, hikari.ComponentStateConflictError, OSError, TimeoutError) as error:
            self._put_off(guild, now)
            _LOG.debug("guild %d: whether reports can be posted now is not known: %s", guild, type(error).__name__)
        except DatabaseError:
            self._put_off(guild, now)
            raise
        return 0

    def _put_off(self, guild: GuildId, now: Ms) -> None:
        if self._watched is not None and guild in self._watched:
            self._watched[guild].ask_at = Ms(now + _SOON_MS)

    async def _settle(self, guild: GuildId, again: Sequence[Again], over: Sequence[Over], now: Ms) -> int:
        if not again and not over:
            return 0
        reopened = await self._blocked.settle(again, over, now)
        if self._watched is not None and guild in self._watched:
            self._watched[guild].not_before = Ms(now + _SOON_MS)  # if Discord refuses for another reason
        if reopened:
            _LOG.info("guild %d: %d reports that Discord refused are tried again", guild, reopened)
        if over:
            _LOG.info("guild %d: %d reports that Discord refused are not posted any more", guild, len(over))
        return reopened

    def _has_no_role(self, guild: GuildId, entry: ReportEntry) -> bool:
        return entry.role_id is not None and not self._has_role(guild, entry.role_id)


def _now(run: BlockedRun, settings: GuildSettings) -> tuple[ReportEntry | None, ChannelId | None, _Late]:
    """The report's entry as it stands now (None: it is removed), where it goes, and what its payload says."""
    try:
        late = msgspec.json.decode(run.payload, type=_Late)
    except msgspec.MsgspecError:
        late = _Late()  # whoever posts it says so once more
    entry = heir(entry_key_of(run.key) or "", late.family, settings)
    return entry, None if entry is None else entry.channel_id or settings.log_channel_id, late


def _reaches(run: BlockedRun, entry: ReportEntry, settings: GuildSettings, late: _Late, now: Ms) -> bool:
    first_day = int(run.key.rpartition(":")[2])
    due_at = 0 if late.due_at is None else late.due_at
    return in_reach(entry, settings.zone, first_day=first_day, due_at=due_at, now=now)


def _again(run: BlockedRun, channel: ChannelId, late: _Late, now: Ms) -> Again:
    payload = run.payload
    if not late.late and late.due_at is not None and now - late.due_at > LATE_MS:
        payload = msgspec.json.encode(msgspec.json.decode(payload) | {"late": True}).decode()
    return Again(guild_id=run.guild_id, key=run.key, payload=payload, channel_id=channel)

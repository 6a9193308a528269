"""Owes the reports that came due, for the schedule on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, Final

import msgspec

import store.report_runs
from store.deliveries import NewDelivery
from store.engine import Database
from store.report_runs import EntryRuns, Run
from tracker.errors import SettingsError
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import GuildId, Ms
from tracker.ingest.ingest import Ingest
from tracker.ingest.posts import Posts
from tracker.reports.due import due_key
from tracker.reports.entry_life import EntryLife, family, lives
from tracker.reports.owing import OwedEntry

__all__ = ["ReportRuns"]

_NO_REPORTS: Final = parse_settings({})


class ReportRuns:
    """Reads on a thread of its own and writes on the writer's thread. Everything raises DatabaseError."""

    def __init__(self, database: Database, ingest: Ingest, posts: Posts) -> None:
        self._database = database
        self._ingest = ingest
        self._posts = posts

    async def settle(self) -> bool:
        """A flush: what is owed afterwards is about windows whose figures are written, and do not change any more."""
        return await self._ingest.flush()

    async def lives(self, guilds: Collection[GuildId]) -> Mapping[GuildId, Sequence[EntryLife]]:
        """The entries of these guilds, from the settings that are written."""
        return await asyncio.to_thread(self._lives, tuple(guilds))

    async def owe(self, owed: Sequence[OwedEntry], now: Ms) -> int:
        """Owe them, in the order in which they came due; what is settled already is passed over."""
        entries = await asyncio.to_thread(_entries, owed, now)
        return await self._posts.change(partial(store.report_runs.owe, self._database, entries))

    def _lives(self, guilds: Sequence[GuildId]) -> dict[GuildId, tuple[EntryLife, ...]]:
        found = store.report_runs.settings_history(self._database, guilds)
        return {guild: lives((at, _scheduled(text)) for at, text in changes) for guild, changes in found.items()}


def _scheduled(text: str) -> GuildSettings:
    """Of a settings document, only what schedules are made of; none if it does not keep to the rules of today."""
    document: dict[str, Any] = msgspec.json.decode(text)
    kept = {key: document[key] for key in ("timezone", "reports") if key in document}
    return _parsed(msgspec.json.encode(kept))


@lru_cache(maxsize=256)
def _parsed(text: bytes) -> GuildSettings:
    try:
        return parse_settings(msgspec.json.decode(text))
    except SettingsError:
        return _NO_REPORTS


def _entries(owed: Sequence[OwedEntry], now: Ms) -> list[EntryRuns]:
    made: list[EntryRuns] = []
    for guild, entries in groupby(owed, key=lambda entry: entry.guild_id):
        of_guild = list(entries)
        order = sorted({window.due.at for entry in of_guild for window in entry.windows})
        # Posts of a channel are made in the order in which they were owed: within a look, that of their hours.
        owed_at = {due: Ms(now - len(order) + number) for number, due in enumerate(order, start=1)}
        made += [_runs(guild, entry, owed_at) for entry in of_guild]
    return made


def _runs(guild: GuildId, owed: OwedEntry, owed_at: Mapping[Ms, Ms]) -> EntryRuns:
    entry, runs = owed.life.entry, []
    for window in owed.windows:
        key, *former = (due_key(guild, key, window.due.window) for key in owed.life.keys)
        about = {
            "role_id": None if entry.role_id is None else str(entry.role_id),
            "period": entry.period,
            "day": window.due.window.first_day,
            "late": window.late,
            "due_at": window.due.at,
            "family": family(entry, owed.settings),
        }
        delivery = NewDelivery(
            key=key,
            guild_id=guild,
            channel_id=entry.channel_id,
            kind="report",
            payload=msgspec.json.encode(about).decode(),
            at=owed_at[window.due.at],
        )
        runs.append(Run(delivery=delivery, former_keys=tuple(former), late=window.late))
    return EntryRuns(runs=tuple(runs), most_late=owed.most_late)

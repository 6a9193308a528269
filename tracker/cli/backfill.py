"""`tracker backfill`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from tracker.cli.frame import say
from tracker.cli.options import DatabaseUrl, guild_of, opened
from tracker.config import Config
from tracker.errors import ConfigError, HeldByAnotherProcessError
from tracker.ids import ChannelId, GuildId, Ms, partition_of

if TYPE_CHECKING:
    from store.backfills import Backfill, Place, Progress
    from store.engine import Database
    from store.lease import Lease

__all__ = ["backfill"]

T = TypeVar("T")

_DAY_MS: Final = 86_400_000
_MOST_DAYS: Final = 3_650


def backfill(
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=_MOST_DAYS, help="How many days back.", show_default=False)
    ],
    guild: Annotated[
        str | None, typer.Option("--guild", metavar="ID", help="Only this server; all that the bot is in if left out.")
    ] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="ID", help="Only this channel with its threads (needs --guild).")
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """Read the messages of the last days from Discord, and count them as if they had come live.

    Reads all text channels, threads and voice channels' chats that the bot may read (View Channel and Read Message
    History), some 6,000 messages a minute; channels that it may not read are named. Cut off anywhere, the same command
    goes on from there, and what was read already is never counted twice. If the bot is running on the database, the
    wish is left to it: it begins within seconds, and /backfill status shows how far it is.

    What cannot be read back: messages that were deleted, and time in voice.

    \b
    Examples:
      DISCORD_TOKEN=… tracker backfill --days 90
      DISCORD_TOKEN=… tracker backfill --days 7 --guild 1100000000000000001 --channel 1100000000000000031
    """
    from tracker.cli.holding import holding

    config = Config.from_env(os.environ)
    config.require_token()
    if channel is not None and guild is None:
        raise ConfigError("--channel needs --guild: the server that the channel is in")
    wish = _Wish(
        days=days,
        guild=None if guild is None else guild_of(guild),
        channel=None if channel is None else ChannelId(guild_of(channel, option="--channel")),
    )
    with opened(database, create=True) as db:
        try:
            with holding(db) as lease:
                _read(db, lease, config, wish)
        except HeldByAnotherProcessError as error:
            _leave_to_the_bot(db, wish, config.clock.now(), error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What is to be read. `guild` None: every server that the bot is in."""

    days: int
    guild: GuildId | None
    channel: ChannelId | None

    def of(self, guild: GuildId, now: Ms, until: Ms) -> Backfill:
        from store.backfills import Backfill

        since = Ms(min(now - self.days * _DAY_MS, until))
        return Backfill(guild_id=guild, run=now, since=since, until=until, channel_id=self.channel)


@dataclass(slots=True)
class _Found:
    """What the readings came to."""

    messages: int = 0
    added: int = 0
    refused: list[Place] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def add(self, wanted: Backfill, progress: Progress) -> None:
        self.messages += progress.messages
        self.added += progress.added
        self.refused += progress.refused
        if wanted.state == "failed":
            self.failed.append(f"server {wanted.guild_id}: {wanted.error}")


def _read(db: Database, lease: Lease, config: Config, wish: _Wish) -> None:
    """Read, then count anew what changed; also what an earlier import or reading left to be counted."""
    from store import rebuild
    from tracker.cli.progress import bar

    found = asyncio.run(_over_rest(db, lease, config, wish))
    marked = rebuild.marked(db)
    if marked:
        with bar("Counting anew", None) as counted:
            rebuild.rebuild(db, guilds=marked, progress=counted, lease=lease)
    for place in found.refused:
        say(f"not readable: #{place.name} ({place.channel_id}): allow View Channel and Read Message History there")
    for sentence in found.failed:
        say(f"tracker: {sentence}")
    there = found.messages - found.added
    typer.echo(
        f"{found.messages:,} messages read: {found.added:,} new, {there:,} already there or not counted; "
        f"{len(marked):,} {'server' if len(marked) == 1 else 'servers'} counted anew"
    )
    if found.failed:
        raise typer.Exit(1)


async def _over_rest(db: Database, lease: Lease, config: Config, wish: _Wish) -> _Found:
    from tracker.cli.progress import bar
    from tracker.discord.backfill_alone import alone
    from tracker.ingest.backfills import Backfills

    book, found = Backfills(db, config.clock, lease, write=_aside, read=_aside), _Found()
    async with alone(config.require_token(), config.rest_url, book) as discord:
        guilds = [wish.guild] if wish.guild is not None else await discord.guilds()
        for wanted in await _aside(lambda: _readings(db, lease, guilds, wish, config.clock.now())):
            with bar(f"Reading server {wanted.guild_id}", None) as read:
                last = 0

                def moved(progress: Progress, read: Callable[[int], None] = read) -> None:
                    nonlocal last
                    read(progress.messages - last)
                    last = progress.messages

                found.add(*await discord.read(wanted, moved))
    return found


async def _aside(job: Callable[[], T]) -> T:
    return await asyncio.to_thread(job)


def _readings(db: Database, lease: Lease, guilds: Sequence[GuildId], wish: _Wish, now: Ms) -> list[Backfill]:
    """What is to be read in each server; what was not finished there goes first, and is not read twice."""
    from store import backfills

    left = {each.guild_id: each for each in backfills.unfinished(db)}
    wanted = []
    for guild in guilds:
        new = wish.of(guild, now, _until(db, lease, guild, now))
        old = left.get(guild)
        if old is not None:
            wanted.append(old)
            if old.since <= new.since and old.channel_id in (None, new.channel_id):
                new = replace(new, since=min(max(new.since, old.until), new.until))
        wanted.append(new)
    return wanted


def _until(db: Database, lease: Lease, guild: GuildId, now: Ms) -> Ms:
    """Up to when messages may be read: if somebody was in voice when the bot was stopped, up to that instant.

    Their sessions end then, as the bot says when it comes back; a later message would make that look like the past.
    That nobody watches since then is noted before the first message is, and of other servers too: time goes on to the
    newest message, and members who are in voice there, unwatched, must get none of it.
    """
    from store import log
    from store import state as states
    from tracker.cli.appending import losses
    from tracker.clock import SystemClock

    state, _ = states.recover(db, partition_of(guild, db.partitions))
    lost = [e for e in losses(state) if e.guild_id == guild or state.guilds[e.guild_id].voice.open]
    if lost:
        log.append(db, lost, recorded_at=SystemClock().now(), lease=lease)
    known = state.guilds.get(guild)
    if known is None or not known.voice.open:
        return now
    since = next((e.occurred_at for e in lost if e.guild_id == guild), known.lost_at)
    say(
        f"server {guild}: people were in voice when the bot was stopped; what was written since then can be read once "
        "it runs again (/backfill)"
    )
    return now if since is None else Ms(since)


def _leave_to_the_bot(db: Database, wish: _Wish, now: Ms, held: HeldByAnotherProcessError) -> None:
    """Note the wish: a running bot looks for such notes. Raises `held` if there is no server to note it for."""
    from store import backfills, queries

    guilds = queries.guild_ids(db) if wish.guild is None else [wish.guild]
    if not guilds:
        raise held
    for guild in guilds:
        noted = backfills.ask(db, wish.of(guild, now, now))
        state = "is noted" if noted.run >= now else "has to wait: messages are being read there already"
        typer.echo(f"server {guild}: the wish {state}")
    say(
        f"tracker: {str(held).split(';')[0]}; if that is the bot, it begins within seconds, and /backfill status shows "
        "how far it is (another command: once the bot runs)"
    )

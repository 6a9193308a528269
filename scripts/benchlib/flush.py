"""What a flush costs with thousands of members in voice: on the event loop, and off it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import store.lease
import store.log
import store.state
from scripts.benchlib.figures import Figure
from scripts.benchlib.place import Place
from store.engine import Database
from store.lease import Lease
from store.state import FlushBatch
from store.tally import tally
from tracker import heap
from tracker.clock import SystemClock
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Event
from tracker.events.member import MemberJoined
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.ticks import tick
from tracker.events.voice import VoiceJoined
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, GuildId, Ms, Partition, UserId, mint_event_id
from tracker.projections.state import PartitionState

__all__ = ["measure"]

_GUILDS = 4
_MINUTE_MS = 60_000
_START = 1_767_571_200_000


def measure(place: Place) -> list[Figure]:
    """Milliseconds and statements of a flush, on every database there is."""
    members, flushes = place.scaled(2_000, 200), place.scaled(15, 3)
    figures = []
    for dialect in place.kinds():
        for writing in (False, True):
            runs = []
            for _ in range(place.runs):
                with place.database(dialect) as db:
                    runs.append(_medians(list(_flushes(db, members, flushes, writing=writing))))
            figures += _figures(dialect, runs, members, flushes, writing=writing)
    return figures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """Milliseconds on the loop (tick), and off it (append of the ticks, rows, read models); SQL statements."""

    loop: float
    write: float
    statements: float


def _figures(dialect: str, runs: list[_Cost], members: int, flushes: int, *, writing: bool) -> list[Figure]:
    crowd = f"{members:,} in voice" + (", all writing" if writing else "")
    short = dialect if not writing else f"{dialect}.writing"
    note = f"each run is the median of {flushes} flushes a minute apart, {_GUILDS} guilds"
    rows: tuple[tuple[str, str, tuple[float, ...], float | None, str], ...] = (
        ("write", "flush off the loop", tuple(r.write for r in runs), None if writing else 50.0, "ms"),
        ("statements", "statements a flush", tuple(r.statements for r in runs), None if writing else 6.0, ""),
        ("loop", "flush on the loop (tick)", tuple(r.loop for r in runs), None, "ms"),
    )
    return [
        Figure(
            name=f"flush.{short}.{name}",
            what=f"{what}, {crowd}, {dialect}",
            unit=unit,
            runs=values,
            aim=aim,
            note=note,
        )
        for name, what, values, aim, unit in rows
    ]


def _medians(costs: list[_Cost]) -> _Cost:
    def middle(values: list[float]) -> float:
        return sorted(values)[len(values) // 2]

    return _Cost(
        loop=middle([c.loop for c in costs]),
        write=middle([c.write for c in costs]),
        statements=middle([c.statements for c in costs]),
    )


def _flushes(db: Database, members: int, count: int, *, writing: bool) -> Iterator[_Cost]:
    """The cost of each flush; the first one, which writes everything for the first time, is left out."""
    heap.settle()  # as the bot does when it is connected, and tidies after each flush
    lease = store.lease.acquire(db, now=SystemClock().now())
    states = {p: PartitionState(partition=p) for p in db.all_partitions}
    guilds = [GuildId((_START - DISCORD_EPOCH_MS + n) << 22) for n in range(_GUILDS)]
    _append(db, lease, states, _opening(guilds, members))
    for minute in range(1, count + 2):
        now = Ms(_START + minute * _MINUTE_MS)
        if writing:
            _append(db, lease, states, _messages(guilds, members, Ms(now - 1), minute))
        cost = _flush(db, lease, states, now)
        heap.tidy()
        if minute > 1:
            yield cost


def _flush(db: Database, lease: Lease, states: dict[Partition, PartitionState], now: Ms) -> _Cost:
    """What `Ingest.flush` does, one part after the other."""
    started = time.perf_counter()
    ticks, taken = [], {}
    for partition, state in states.items():
        if state.guilds:
            ticks.append(tick(partition, now))
            state.apply(ticks[-1])
            taken[partition] = state.take()
    ticked = time.perf_counter()
    with tally(db) as asked:
        heads = store.log.append(db, ticks, recorded_at=now, lease=lease).last
        batches = [FlushBatch(partition=p, position=heads[p], as_of=now, changes=d.changes()) for p, d in taken.items()]
        store.state.flush(db, batches, lease)
        written = time.perf_counter()
    return _Cost(loop=(ticked - started) * 1000, write=(written - ticked) * 1000, statements=asked.statements)


def _append(db: Database, lease: Lease, states: dict[Partition, PartitionState], events: list[Event]) -> None:
    for event in events:
        states[store.log.partition_for(event, db.partitions)].apply(event)
    store.log.append(db, events, recorded_at=events[-1].occurred_at, lease=lease)


def _opening(guilds: list[GuildId], members: int) -> list[Event]:
    """Everybody is a member and in voice, 50 to a channel."""
    events, at = [], Ms(_START)
    for number in range(members):
        guild = guilds[number % len(guilds)]
        user, channel = UserId(guild + 1000 + number), ChannelId(guild + 1 + number // 50)
        name = f"member {number}"
        if number % 50 < len(guilds):
            described = ChannelDescribed(name=f"voice {number}")
            events.append(_event(guild, None, channel, at, described))
        events.append(_event(guild, user, None, at, MemberJoined(name=name)))
        events.append(_event(guild, user, channel, at, VoiceJoined()))
    return events


def _event(
    guild: GuildId,
    user: UserId | None,
    channel: ChannelId | None,
    at: Ms,
    data: ChannelDescribed | MemberJoined | VoiceJoined,
) -> Event:
    return Event(id=mint_event_id(at), guild_id=guild, user_id=user, channel_id=channel, occurred_at=at, data=data)


def _messages(guilds: list[GuildId], members: int, at: Ms, minute: int) -> list[Event]:
    """Everybody writes once."""
    events = []
    for number in range(members):
        guild = guilds[number % len(guilds)]
        message = (at - DISCORD_EPOCH_MS << 22) + number
        events.append(
            Event(
                id=message_sent_id(message),
                guild_id=guild,
                user_id=UserId(guild + 1000 + number),
                channel_id=ChannelId(guild + 900 + minute % 3),
                occurred_at=at,
                data=MessageSent(),
            )
        )
    return events

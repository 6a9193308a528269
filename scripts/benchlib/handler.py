"""What one event costs in our own code: from hikari's event object to folded and buffered.

hikari's event objects are real and made beforehand, so its own decoding and dispatching are not in the figures. The
garbage collector is told what the bot tells it; commits and flushes happen between the measured stretches.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import Iterable, Iterator

import hikari

import store.state
from scripts.benchlib.figures import Figure, percentile
from scripts.benchlib.place import Place
from scripts.benchlib.wired import Village, listeners_of
from store.engine import Database
from tracker import heap
from tracker.clock import SystemClock
from tracker.discord.gate import Listener
from tracker.ids import Position
from tracker.ingest import Ingest, Limits

__all__ = ["measure"]

_STRETCH = 500  # events in a group commit
_CHANNELS = 40


def measure(place: Place) -> list[Figure]:
    """Microseconds per voice and per message event."""
    members, rounds = place.scaled(2_000, 200), place.scaled(10, 2)
    taken: dict[str, list[tuple[float, float]]] = {"voice": [], "message": []}
    for _ in range(place.runs):
        with place.database("sqlite") as db:
            for kind, costs in asyncio.run(_run(db, members, rounds)).items():
                taken[kind].append((percentile(costs, 0.5) / 1000, percentile(costs, 0.99) / 1000))
    figures = []
    for kind, runs in taken.items():
        note = f"{members:,} members in voice, {rounds * members:,} events a run or more, GC as in the bot"
        for name, place_in_run, aim in (("p50", 0, None), ("p99", 1, 25.0)):
            figures.append(
                Figure(
                    name=f"handler.{kind}.{name}",
                    what=f"own handler per {kind} event, {name}",
                    unit="µs",
                    runs=tuple(run[place_in_run] for run in runs),
                    aim=aim,
                    note=note,
                )
            )
    return figures


async def _run(db: Database, members: int, rounds: int) -> dict[str, list[int]]:
    """Nanoseconds of each event, by kind."""
    ingest = Ingest(
        db, None, store.state.recover_all(db), dict.fromkeys(db.all_partitions, Position(0)),
        SystemClock(), Limits(), fatal=_raise,
    )  # fmt: skip
    heard = listeners_of(ingest)
    village = Village(members=members, channels=_CHANNELS)
    costs: dict[str, list[int]] = {"voice": [], "message": []}
    voice, message = heard[hikari.VoiceStateUpdateEvent], heard[hikari.GuildMessageCreateEvent]
    heap.settle()  # as the bot does when it is connected
    await _handle(ingest, voice, _all_join(village), [])  # the crowd is there before the measurement begins
    for _ in range(rounds):
        await _handle(ingest, voice, _voice_round(village), costs["voice"])
        await _handle(ingest, message, _message_round(village), costs["message"])
        await ingest.flush()
        heap.tidy()
    await ingest.close(60)
    return costs


async def _handle(ingest: Ingest, listener: Listener, events: list[hikari.Event], costs: list[int]) -> None:
    now = time.perf_counter_ns
    gc.collect()  # what making the events left behind is not the handler's
    for stretch in _stretches(events):
        for event in stretch:
            started = now()
            try:
                listener(event).send(None)
            except StopIteration:
                costs.append(now() - started)
        await ingest.commit()


def _stretches(events: list[hikari.Event]) -> Iterator[Iterable[hikari.Event]]:
    source = iter(events)
    while stretch := list(itertools.islice(source, _STRETCH)):
        yield stretch


def _all_join(village: Village) -> list[hikari.Event]:
    for number, member in enumerate(village.members):
        village.world.join_voice(member, village.voice[number % _CHANNELS])
    return village.events()


def _voice_round(village: Village) -> list[hikari.Event]:
    """Each member moves, mutes, and every fourth leaves and comes back."""
    for number, member in enumerate(village.members):
        village.world.move_voice(member, village.voice[village.world.next_id() % _CHANNELS])
        village.world.set_voice_flags(member, self_mute=village.world.next_id() % 2 == 0)
        if number % 4 == 0:
            village.world.leave_voice(member)
            village.world.join_voice(member, village.voice[number % _CHANNELS])
    return village.events()


def _message_round(village: Village) -> list[hikari.Event]:
    for member in village.members:
        village.world.send_message(member, village.text, "hello")
    return village.events()


def _raise(error: Exception) -> None:
    raise error

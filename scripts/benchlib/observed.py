"""The bot's own process under observation: `python -m scripts.benchlib.observed bot|hikari`.

`bot` is `tracker run` with ears at three of its doors: each voice and message listener, each append, each flush. What
the sandbox stamped into an event tells how long ago it went into the socket. `hikari` is hikari alone, with listeners
that do nothing: what is there to be reached. Each line on standard input is answered with one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import Any

import hikari

import store.log
from store.engine import Database, open_database
from store.tally import Tally, tally
from tracker import heap
from tracker.discord.bot import INTENTS, Front
from tracker.discord.gate import Listener
from tracker.discord.listeners import Ears, Listeners
from tracker.ingest import Ingest

__all__ = ["Observations", "main"]

_LAG_EVERY_S = 0.01
_STAMP: dict[type, Callable[[Any], Any]] = {
    hikari.VoiceStateUpdateEvent: lambda event: event.state.session_id,
    hikari.GuildMessageCreateEvent: lambda event: event.message.nonce,
}


class Observations:
    """What was seen since the last `reset`. Instants are `time.monotonic_ns()`."""

    def __init__(self) -> None:
        self.ready = False
        self.appended = 0
        self.asked = Tally()
        self.waiting: Callable[[], int] = lambda: 0
        self.reset()

    def reset(self) -> None:
        """Begin a new measurement."""
        self.handled: list[tuple[int, int]] = []
        """(sent, handled) of each stamped event."""
        self.flushes: list[tuple[int, int]] = []
        self.asked.statements = self.asked.turns = 0
        self.asked.texts.clear()
        self.durable = 0
        """When the last append was committed; 0: none was."""
        self.lag = 0
        """The longest time, in ns, that the event loop let something due wait."""
        self.began = (time.monotonic_ns(), time.process_time_ns())

    def report(self) -> dict[str, Any]:
        """Counts, as JSON values: cheap, for it is asked for while the measurement runs."""
        return {
            "ready": self.ready,
            "appended": self.appended,
            "waiting": self.waiting(),
            "handled": len(self.handled),
            "statements": self.asked.statements,
            "round_trips": self.asked.round_trips,
            "wall_ns": time.monotonic_ns() - self.began[0],
            "cpu_ns": time.process_time_ns() - self.began[1],
        }

    def details(self) -> dict[str, Any]:
        """All there is, in ns: each latency in the order of handling, and those of events during a flush apart."""
        handled, flushes = self.handled, self.flushes
        return self.report() | {
            "first_sent": min((sent for sent, _ in handled), default=0),
            "last_handled": max((at for _, at in handled), default=0),
            "durable": self.durable,
            "latencies": [at - sent for sent, at in handled],
            "in_flush": [at - sent for sent, at in handled if any(a <= at and sent <= b for a, b in flushes)],
            "flush_ns": [b - a for a, b in flushes],
            "lag_ns": self.lag,
        }

    def listening(self, kind: type, listener: Callable[[Any], Coroutine[Any, Any, None]]) -> Any:
        """The listener, and then a note of when it was done."""
        stamp = _STAMP.get(kind)
        if stamp is None:
            return listener

        async def observed(event: Any) -> None:
            await listener(event)
            sent = stamp(event)
            if sent and sent.isdigit():
                self.handled.append((int(sent), time.monotonic_ns()))

        return observed

    async def watch_the_loop(self) -> None:
        """For ever: how late is a timer?"""
        while True:
            due = time.monotonic_ns() + int(_LAG_EVERY_S * 1e9)
            await asyncio.sleep(_LAG_EVERY_S)
            self.lag = max(self.lag, time.monotonic_ns() - due)

    def answer(self, lines: Any) -> None:
        """On a thread of its own, as long as somebody asks."""
        for line in lines:
            if line.strip() == "reset":
                self.reset()
            found = self.details() if line.strip() == "details" else self.report()
            print(json.dumps(found), flush=True)


def _count_statements(seen: Observations) -> None:
    from tracker import app

    plain, until_the_end = open_database, ExitStack()

    def observed_open(url: str, **options: Any) -> Database:
        database = plain(url, **options)
        seen.asked = until_the_end.enter_context(tally(database))
        return database

    app.__dict__["open_database"] = observed_open


def _observe_bot(seen: Observations) -> None:
    subscribe, append, flush, start, begin = (
        Listeners.subscribe, store.log.append, Ingest.flush, Front.start, Ingest.start,
    )  # fmt: skip

    def observed_subscribe(self: Listeners, events: Ears) -> None:
        class Observed:
            def hear(self, kind: type[hikari.Event], listener: Listener) -> None:
                events.hear(kind, seen.listening(kind, listener))

        subscribe(self, Observed())

    def observed_append(db: Any, events: Sequence[Any], **options: Any) -> Any:
        result = append(db, events, **options)
        seen.durable = time.monotonic_ns()
        seen.appended += result.appended
        return result

    async def observed_flush(self: Ingest) -> bool:
        began = time.monotonic_ns()
        try:
            return await flush(self)
        finally:
            seen.flushes.append((began, time.monotonic_ns()))

    async def observed_start(self: Front) -> None:
        await start(self)
        seen.ready = True

    def observed_begin(self: Ingest) -> None:
        seen.waiting = lambda: self.waiting
        begin(self)
        self.__dict__.setdefault("watcher", asyncio.ensure_future(seen.watch_the_loop()))

    Listeners.subscribe = observed_subscribe  # type: ignore[method-assign]
    store.log.append = observed_append
    Ingest.flush = observed_flush  # type: ignore[method-assign]
    Front.start = observed_start  # type: ignore[method-assign]
    Ingest.start = observed_begin  # type: ignore[method-assign]


async def _hikari_alone(seen: Observations) -> None:
    bot = hikari.GatewayBot(
        os.environ["DISCORD_TOKEN"], rest_url=os.environ["TRACKER_REST_URL"], intents=INTENTS, banner=None, logs=None,
        suppress_optimization_warning=True, auto_chunk_members=False,
        cache_settings=hikari.impl.CacheSettings(components=hikari.api.CacheComponents.NONE),
    )  # fmt: skip

    async def nothing(event: hikari.Event) -> None:
        pass

    for kind in (hikari.VoiceStateUpdateEvent, hikari.GuildMessageCreateEvent):
        bot.subscribe(kind, seen.listening(kind, nothing))
    await bot.start(check_for_updates=False)
    heap.settle()  # as our bot does, so that the two differ in nothing else
    seen.ready = True
    await asyncio.gather(bot.join(), seen.watch_the_loop())


def main(what: str) -> None:
    """Run until killed or told to stop."""
    seen = Observations()
    threading.Thread(target=seen.answer, args=(sys.stdin,), daemon=True).start()
    if what == "hikari":
        import uvloop

        uvloop.run(_hikari_alone(seen))
        return
    _observe_bot(seen)
    _count_statements(seen)
    from tracker.app import run
    from tracker.config import Config

    run(Config.from_env(os.environ))


if __name__ == "__main__":
    main(sys.argv[1])

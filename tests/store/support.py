"""Events to append, and an eye on the statements that a database is sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from store.engine import Database
from tracker.events.envelope import Data, Event
from tracker.events.voice import VoiceJoined
from tracker.ids import ChannelId, EventId, GuildId, Ms, UserId

GUILD = GuildId(7 << 22)
OTHER_GUILD = GuildId(8 << 22)
CHANNEL = ChannelId(900)
START = Ms(1_772_000_000_000)

_numbers = itertools.count(1)
_LETTERS = str.maketrans("0123456789", "abcdefghij")  # in order, and never the digits of anybody's id


def fact(
    data: Data | None = None,
    *,
    at: int = 0,
    user: int | None = 20,
    guild: int = GUILD,
    channel: int | None = CHANNEL,
    event_id: str | None = None,
) -> Event:
    """An event `at` ms after START with an id of its own (or `event_id`); by default somebody joins a channel."""
    return Event(
        id=EventId(event_id or f"fact-{next(_numbers):08}".translate(_LETTERS)),
        guild_id=GuildId(guild),
        user_id=None if user is None else UserId(user),
        channel_id=None if channel is None else ChannelId(channel),
        occurred_at=Ms(START + at),
        data=VoiceJoined() if data is None else data,
    )


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Every statement that `db` is sent within (BEGIN and COMMIT apart; one for an executemany)."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement not in ("BEGIN", "BEGIN IMMEDIATE"):
            seen.append(statement)

    engines = (db.engine,) if db.reader.pool is db.engine.pool else (db.engine, db.reader)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)

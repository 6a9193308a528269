"""What the library `eventsourcing` takes to make the same sums anew, as its documentation shows it: to be held against.

Members are aggregates, its SQLite recorder keeps their events, a projection counts messages and time in voice in a view
beside its tracking record. It knows none of the tracker's rules: no days, EXP, seasons, roles, revoked messages.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import InfrastructureFactory, Tracking
from eventsourcing.projection import Projection
from eventsourcing.sqlite import SQLiteTrackingRecorder
from eventsourcing.utils import Environment

from tracker.events.envelope import Event
from tracker.events.message import MessageSent
from tracker.events.voice import VoiceJoined, VoiceLeft

__all__ = ["projected"]

_SAVED_AT_ONCE = 2_000
_READ_AT_ONCE = 1_000


class _Member(Aggregate):
    def __init__(self, guild_id: int, user_id: int) -> None:
        self.guild_id = guild_id
        self.user_id = user_id

    @staticmethod
    def create_id(guild_id: int, user_id: int) -> UUID:
        return uuid5(NAMESPACE_URL, f"/members/{guild_id}/{user_id}")

    @event("Wrote")
    def write(self, at: int) -> None:
        """A message."""

    @event("Joined")
    def join(self, at: int) -> None:
        """Came into voice."""

    @event("Left")
    def leave(self, at: int) -> None:
        """Left voice."""


class _Members(Application[UUID]):
    pass


class _View(SQLiteTrackingRecorder):
    """Totals by member."""

    def construct_create_table_statements(self) -> list[str]:
        columns = "member TEXT PRIMARY KEY, messages INTEGER, voice_ms INTEGER, since INTEGER"
        made = f"CREATE TABLE IF NOT EXISTS totals ({columns})"
        return [*super().construct_create_table_statements(), made]

    def change(self, statement: str, values: tuple[Any, ...], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement, values)


class _Totals(Projection[_View]):
    name = "totals"

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        values = (str(domain_event.originator_id),)
        self.view.change("INSERT OR IGNORE INTO totals VALUES (?, 0, 0, 0)", values, tracking)

    @process_event.register
    def wrote(self, domain_event: _Member.Wrote, tracking: Tracking) -> None:  # type: ignore[name-defined]
        values = (str(domain_event.originator_id),)
        self.view.change("UPDATE totals SET messages = messages + 1 WHERE member = ?", values, tracking)

    @process_event.register
    def joined(self, domain_event: _Member.Joined, tracking: Tracking) -> None:  # type: ignore[name-defined]
        values = (domain_event.at, str(domain_event.originator_id))
        self.view.change("UPDATE totals SET since = ? WHERE member = ?", values, tracking)

    @process_event.register
    def left(self, domain_event: _Member.Left, tracking: Tracking) -> None:  # type: ignore[name-defined]
        values = (domain_event.at, str(domain_event.originator_id))
        self.view.change(
            "UPDATE totals SET voice_ms = voice_ms + ? - since, since = 0 WHERE member = ?", values, tracking
        )


def projected(events: Sequence[Event], folder: Path) -> float:
    """Seconds in which its projection counts what of these is about messages and voice. Appending is not timed."""
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "log.db")}
    env["TOTALS_SQLITE_DBNAME"] = str(folder / "view.db")
    app = _Members(env=env)
    _append(app, events)
    factory: InfrastructureFactory[_View] = InfrastructureFactory.construct(env=Environment("totals", env))
    projection = _Totals(view=factory.tracking_recorder(_View))
    began = time.perf_counter()
    _run(app, projection)
    taken = time.perf_counter() - began
    factory.close()
    app.close()
    return taken


def _run(app: _Members, projection: _Totals) -> None:
    """What its ProjectionRunner does for each event; its SQLite recorder has no subscriptions to run one with."""
    last = 0
    while notifications := app.recorder.select_notifications(start=last, limit=_READ_AT_ONCE, inclusive_of_start=False):
        for notification in notifications:
            last = int(notification.id)
            domain_event = app.mapper.to_domain_event(notification)
            projection.process_event(domain_event, Tracking(app.name, last))


def _append(app: _Members, events: Sequence[Event]) -> None:
    """The same facts in its log."""
    members: dict[tuple[int, int], _Member] = {}
    waiting: dict[tuple[int, int], _Member] = {}
    for one in events:
        if one.user_id is None or not isinstance(one.data, (MessageSent, VoiceJoined, VoiceLeft)):
            continue
        key = (int(one.guild_id), int(one.user_id))
        member = members.get(key)
        if member is None:
            member = members[key] = _Member(*key)
        at = int(one.occurred_at)
        if isinstance(one.data, MessageSent):
            member.write(at)
        elif isinstance(one.data, VoiceJoined):
            member.join(at)
        else:
            member.leave(at)
        waiting[key] = member
        if len(waiting) >= _SAVED_AT_ONCE:
            app.save(*waiting.values())
            waiting.clear()
    app.save(*waiting.values())

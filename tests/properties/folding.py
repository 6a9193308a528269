"""The tracker's fold over a community, its rows in a dict, and what the oracle says they must be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tests.oracle.oracle import FIGURES, REASONS, Answer
from tests.oracle.tables import TableStore
from tracker.events.envelope import Event
from tracker.events.ticks import tick
from tracker.ids import Ms, Partition
from tracker.projections.state import PartitionState

__all__ = ["HOME", "expected", "fold", "found", "with_ticks"]

HOME = Partition(0)


def with_ticks(events: Sequence[Event], ticks: Iterable[int]) -> list[Event]:
    """The events with ticks among them, in canonical order (a tick after what occurred at its instant)."""
    return sorted([*events, *(tick(HOME, Ms(at)) for at in ticks)], key=lambda e: (e.occurred_at, not e.guild_id))


def fold(events: Iterable[Event], until: int, *, drain_at_ticks: bool = False) -> TableStore:
    """The tables after all of it and a last tick."""
    state, store = PartitionState(partition=HOME), TableStore()
    for event in [*events, tick(HOME, Ms(until))]:
        state.apply(event)
        if drain_at_ticks and not event.guild_id:
            store.write(state.drain())
    store.write(state.drain())
    return store


def found(store: TableStore) -> dict[str, Any]:
    """What the tables say, in the oracle's words."""
    daily = {
        (day, user, channel): row
        for (_, day, user, channel), row in store.tables["daily"].items()
        if _any(row, FIGURES)
    }
    sums = ("exp", "voice_ms", "messages", "interactions")
    totals = {user: row for (_, user), row in store.tables["totals"].items()}
    sessions = {
        (user, started_at): row | {"day": day}
        for (_, day, user, started_at), row in store.tables["sessions"].items()
        if row["ended_at"] != started_at
    }
    carries = {(user, channel): row["carry_ms"] for (_, user, channel), row in store.tables["carries"].items()}
    carries |= {
        (user, row["channel_id"]): row["carry_ms"] for (user, _), row in sessions.items() if row["ended_at"] is None
    }
    return {
        "daily": {key: tuple(row[name] for name in FIGURES) for key, row in daily.items()},
        "last_at": {key: row["last_at"] for key, row in daily.items() if row["last_at"]},
        "totals": {u: tuple(row[name] for name in sums) for u, row in totals.items() if _any(row, sums)},
        "awards": {u: _pair(row) for u, row in totals.items() if any(_pair(row))},
        "sessions": {
            key: (row["day"], row["channel_id"], row["ended_at"], row["flags"], row["voice_ms"], row["exp"])
            for key, row in sessions.items()
        },
        "session_days": {
            (day, u, started_at): row["first_day"]
            for (_, day, u, started_at), row in store.tables["session_days"].items()
        },
        "carries": {key: ms for key, ms in carries.items() if ms},
        "away": sorted(
            (since, row["to_at"]) for (_, since), row in store.tables["away"].items() if row["to_at"] != since
        ),
        "unearned": {key[1:]: tuple(row[name] for name in REASONS) for key, row in store.tables["unearned"].items()},
        "season_totals": {key[1:]: row["exp"] for key, row in store.tables["season_totals"].items()},
        "rules": {
            at: (msgspec.json.decode(row["settings"]), row["set_by"]) for (_, at), row in store.tables["rules"].items()
        },
    }


def _any(row: dict[str, Any], names: Iterable[str]) -> bool:
    return any(row[name] for name in names)


def _pair(row: dict[str, Any]) -> tuple[int, int]:
    return row["message_award_at"], row["interaction_award_at"]


def expected(answer: Answer) -> dict[str, Any]:
    """What the oracle says the tables must say."""
    daily = {row: figures for row, figures in answer.daily.items() if any(figures.values())}
    totals = {
        user: tuple(sums[name] for name in ("exp", "voice_ms", "messages", "interactions"))
        for user, sums in answer.totals().items()
    }
    sessions = [s for s in answer.sessions if s.first_day or s.ended_at is None]
    return {
        "daily": {row: tuple(figures[name] for name in FIGURES) for row, figures in daily.items()},
        "last_at": answer.last_at,
        "totals": {user: sums for user, sums in totals.items() if any(sums)},
        "awards": {
            user: (answer.award_at.get((user, "message"), 0), answer.award_at.get((user, "interaction"), 0))
            for user, _ in answer.award_at
        },
        "sessions": {
            (s.user, s.started_at): (s.first_day, s.channel, s.ended_at, s.flags, s.voice_ms, s.exp) for s in sessions
        },
        "session_days": {(day, s.user, s.started_at): s.first_day for s in sessions for day in s.days - {s.first_day}},
        "carries": {key: ms for key, ms in answer.carries.items() if ms},
        "away": answer.away,
        "unearned": {row: tuple(reasons[name] for name in REASONS) for row, reasons in answer.unearned.items()},
        "season_totals": answer.seasons,
        "rules": answer.rules,
    }

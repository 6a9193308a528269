"""The demo's database: its settings before the bot starts, and what stands in it at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from store import deliveries, log, member_sync, queries, rebuild
from store import lease as leases
from store.engine import Database, open_database
from tracker.clock import SystemClock
from tracker.demo.cast import STUDY
from tracker.demo.script import Step
from tracker.demo.stage import TIERS, Stage
from tracker.demo.timetable import DAY, MIDNIGHT, START, ZONE, at
from tracker.demo.yesterday import DAY_MS, history, settings_changed
from tracker.events.envelope import Event
from tracker.events.settings import parse_settings
from tracker.events.ticks import tick
from tracker.ids import GuildId, Ms

__all__ = ["NICKNAME", "Line", "compare", "durable", "opened_new", "owed", "problems_in"]

NICKNAME: Final = "[{tier}] {name}"
"""The template of the demo's nicknames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One member's day: what really happened in the sandbox (`true_…`) and what the tracker says. Milliseconds."""

    name: str
    true_voice_ms: int
    voice_ms: int
    true_messages: int
    messages: int


@contextmanager
def opened_new(url: str, stage: Stage, yesterday: Sequence[Step]) -> Iterator[Database]:
    """A new database with the guild's settings and the day before in it, up to the first played instant."""
    database = open_database(url)
    try:
        document = _document(stage)
        before = dict(parse_settings(document | {"reports": []}).document)
        facts = [*history(stage, yesterday, before, since=Ms(at(0) - DAY_MS))]
        # The report is set up on the day itself; else the bot would owe that of the day before, too.
        facts.append(settings_changed(stage, START, dict(parse_settings(document).document)))
        _append(database, facts)
        yield database
    finally:
        database.close()


def _document(stage: Stage) -> dict[str, Any]:
    return {
        "timezone": ZONE.key,
        "locale": "ko",
        "log_channel_id": str(stage.log.id),
        "voice": {"channels": {str(stage.rooms["study"].id): {"every_s": 60, "exp": 1}}},
        "messages": {"exp_min": 2, "exp_max": 2},  # by a roll of the dice, tiers would differ from demo to demo
        "interactions": {"exp": 1},
        "levels": {"kind": "linear", "exp_per_level": 60},
        "tiers": {
            "list": [
                {"name": name, "role_id": str(stage.roles[name].id), "min_level": level}
                for level, name in enumerate(TIERS, start=1)
            ]
        },
        "nickname": {"template": NICKNAME, "enabled": True},
        "announcements": {"mode": "channel", "card": True},
        "reports": [{"role_id": str(stage.roles[STUDY].id), "period": "daily", "at": "00:00"}],
    }


def _append(database: Database, events: Iterable[Event]) -> None:
    """Put the events into the log, bring the time of every partition to the first played instant, and count them.

    What was counted before the bot starts is announced to nobody, and its roles are the start's to bring in line.
    """
    ticks = [tick(partition, START) for partition in database.all_partitions]
    lease = leases.acquire(database, now=SystemClock().now())
    try:
        log.append(database, [*events, *ticks], recorded_at=SystemClock().now(), lease=lease)
        rebuild.rebuild(database, lease=lease)
    finally:
        leases.release(database, lease)


def durable(database: Database) -> int:
    """How many events are in the log."""
    return sum(log.head(database).values())


def owed(database: Database) -> int:
    """How many members still have to be brought in line, and how many posts have to be made."""
    states = (member_sync.counts(database), deliveries.count_by_state(database))
    return sum(count for by_state in states for state, count in by_state.items() if state in ("pending", "failed"))


def compare(database: Database, stage: Stage) -> list[Line]:
    """Every member's day, those with the most voice time first. The other bot is there too: with nothing."""
    voice: dict[int, int] = {}
    messages: dict[int, int] = {}
    for row in queries.daily_rows(database, GuildId(stage.guild.id), DAY, DAY):
        voice[row.user_id] = voice.get(row.user_id, 0) + row.voice_ms
        messages[row.user_id] = messages.get(row.user_id, 0) + row.messages
    lines = [
        Line(
            name=member.display_name,
            true_voice_ms=stage.truth.voice_ms(member.id, START, MIDNIGHT),
            voice_ms=voice.get(member.id, 0),
            true_messages=stage.truth.messages.get(member.id, 0),
            messages=messages.get(member.id, 0),
        )
        for member in stage.people.values()
    ]
    return sorted(lines, key=lambda line: -line.true_voice_ms)


def problems_in(database: Database) -> list[str]:
    """What `tracker check` would find: figures that differ from a replay. Raises LogCorruptError for a hole."""
    log.check_contiguity(database)
    return [str(difference) for difference in rebuild.verify(database)]

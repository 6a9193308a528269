"""Who is in which tracked voice channel: names and today's voice time, read from the read models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from store.beyond import NOTHING, Beyond, Heard
from store.board_here import Here
from store.engine import Database
from tracker.ids import ChannelId, GuildId, Ms, UserId
from tracker.projections.days import local_day
from tracker.reports.boards import InVoice, Occupant, Studyroom

__all__ = ["TABLES", "read_studyroom"]

TABLES: Final = ("members", "daily")
"""Which tables of members are read."""

_AT_ONCE: Final = 500
_NAMES: Final = (
    "SELECT user_id, COALESCE(name, '') FROM members "
    "WHERE partition = :partition AND guild_id = :guild AND user_id IN :users"
)
_VOICE_OF_DAY: Final = (
    "SELECT user_id, CAST(SUM(voice_ms) AS BIGINT) FROM daily "
    "WHERE partition = :partition AND guild_id = :guild AND day = :day AND user_id IN :users GROUP BY user_id"
)


def read_studyroom(
    db: Database, guild: GuildId, sessions: Iterable[InVoice], *, now: Ms, beyond: Beyond = NOTHING
) -> Studyroom:
    """Those who have an open session: their names, and how long they have been in any tracked channel today.

    The sessions come from the fold: among all that ever were, the database would have to look for them.
    """
    found = list(sessions)
    with db.read() as connection:
        here = Here(connection, db, guild)
        day = local_day(here.settings().zone, now)
        users = sorted({session.user_id for session in found})
        names = dict(_of(here, _NAMES, users))
        voice = dict(_of(here, _VOICE_OF_DAY, users, day=day.day))
        _, as_of = here.reached() if beyond.as_of is None else (None, beyond.as_of)
    crowd: dict[ChannelId, int] = {}
    for session in found:
        crowd[session.channel_id] = crowd.get(session.channel_id, 0) + 1
    found.sort(key=lambda s: (-crowd[s.channel_id], s.channel_id, s.since, s.user_id))
    return Studyroom(
        as_of=as_of,
        day_start=day.start,
        channels={session.channel_id: session.channel_name for session in found},
        occupants=tuple(
            Occupant(
                user_id=session.user_id,
                name=beyond.heard(session.user_id, Heard(name=names.get(session.user_id))).name or "",
                channel_id=session.channel_id,
                since=session.since,
                today_ms=int(voice.get(session.user_id, 0))
                + beyond.sums("daily", session.user_id, "voice_ms", days=(day.day,))[0],
            )
            for session in found
        ),
    )


def _of(here: Here, statement: str, users: Sequence[UserId], **about: int) -> Iterable[tuple[Any, ...]]:
    rest = iter(users)
    while some := list(islice(rest, _AT_ONCE)):
        yield from here.rows(statement, users=some, **about)

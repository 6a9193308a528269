"""What members are shown of each other, read from the read models. Each call reads one consistent state.

Departed members, bots and those who opted out are on no board.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, text

from store.engine import Database
from tracker.events.settings import DEFAULTS, GuildSettings, parse_settings
from tracker.ids import ChannelId, GuildId, Ms, UserId, partition_of
from tracker.projections.days import local_day, next_day
from tracker.projections.sessions import ChannelState
from tracker.reports.boards import Board, BoardLine, BoardPeriod, Measure, Occupant, Standing, Studyroom
from tracker.reports.window import Period, Window, containing_moment

__all__ = ["PAGE", "read_board", "read_standing", "read_studyroom"]

PAGE: Final = 10
"""Lines on a page of the leaderboard."""

_KINDS: Final[dict[BoardPeriod, Period]] = {"today": "daily", "week": "weekly", "month": "monthly"}
_ON_BOARD: Final = "m.present = 1 AND COALESCE(m.bot, 0) = 0 AND COALESCE(m.opted_out, 0) = 0"
_DAILY_VALUE: Final[dict[Measure, str]] = {
    "exp": "exp_voice + exp_messages + exp_interactions + exp_adjusted",
    "voice": "voice_ms",
    "messages": "messages",
}
_TOTAL_VALUE: Final[dict[Measure, str]] = {"exp": "exp", "voice": "voice_ms", "messages": "messages"}

_OF_DAYS: Final = (
    "SELECT user_id, CAST(SUM({value}) AS BIGINT) AS value FROM daily "
    "WHERE partition = :partition AND guild_id = :guild AND day BETWEEN :first AND :last GROUP BY user_id"
)
_OF_ALL_TIME: Final = (
    "SELECT user_id, {value} AS value FROM totals WHERE partition = :partition AND guild_id = :guild AND {value} > 0"
)
# Three answers in one: the page's lines (0), the board's length and how many are ahead of the asker (1), the asker (2).
# Sorting for the first page only, and names for its lines only, halve what numbering everybody took.
_BOARD: Final = f"""
WITH did AS ({{did}}), listed AS MATERIALIZED (
  SELECT did.user_id, did.value FROM did
  JOIN members m ON m.partition = :partition AND m.guild_id = :guild AND m.user_id = did.user_id
  WHERE did.value > 0 AND {_ON_BOARD}
), own AS MATERIALIZED (SELECT user_id, value FROM listed WHERE user_id = :asker),
page AS (SELECT user_id, value FROM listed ORDER BY value DESC, user_id LIMIT :size OFFSET :skipped)
SELECT 0, p.user_id, p.value, COALESCE(m.name, '') FROM page p
JOIN members m ON m.partition = :partition AND m.guild_id = :guild AND m.user_id = p.user_id
UNION ALL
SELECT 1, COUNT(*), COALESCE(SUM(
  CASE WHEN l.value > o.value OR (l.value = o.value AND l.user_id < o.user_id) THEN 1 ELSE 0 END), 0), ''
FROM listed l LEFT JOIN own o ON 1 = 1
UNION ALL
SELECT 2, o.user_id, o.value, COALESCE(m.name, '') FROM own o
JOIN members m ON m.partition = :partition AND m.guild_id = :guild AND m.user_id = o.user_id
"""  # noqa: S608
_OPEN: Final = """
SELECT s.user_id, COALESCE(m.name, '') AS name, s.channel_id, s.started_at
FROM sessions s LEFT JOIN members m
  ON m.partition = s.partition AND m.guild_id = s.guild_id AND m.user_id = s.user_id
WHERE s.partition = :partition AND s.guild_id = :guild AND s.ended_at IS NULL
ORDER BY s.started_at, s.user_id
"""
_CHANNELS: Final = (
    "SELECT channel_id, name, parent_id, afk FROM channels WHERE partition = :partition AND guild_id = :guild"
)
_VOICE_OF_DAY: Final = (
    "SELECT user_id, CAST(SUM(voice_ms) AS BIGINT) FROM daily "
    "WHERE partition = :partition AND guild_id = :guild AND day = :day AND user_id IN ("
    "SELECT user_id FROM sessions WHERE partition = :partition AND guild_id = :guild AND ended_at IS NULL) "
    "GROUP BY user_id"
)

_PLACE: Final = f"""
SELECT COUNT(*), COALESCE(SUM(CASE WHEN t.exp > :exp OR (t.exp = :exp AND t.user_id < :user) THEN 1 ELSE 0 END), 0)
FROM totals t JOIN members m ON m.partition = t.partition AND m.guild_id = t.guild_id AND m.user_id = t.user_id
WHERE t.partition = :partition AND t.guild_id = :guild AND t.exp > 0 AND {_ON_BOARD}
"""  # noqa: S608
_MEMBER: Final = f"""
SELECT COALESCE(m.name, ''), CASE WHEN {_ON_BOARD} THEN 1 ELSE 0 END FROM members m
WHERE m.partition = :partition AND m.guild_id = :guild AND m.user_id = :user
"""  # noqa: S608
_TOTALS: Final = (
    "SELECT exp, last_at FROM totals WHERE partition = :partition AND guild_id = :guild AND user_id = :user"
)
# Each day by itself: the key leads with the day, and a range of days would be read for all members.
_WEEK: Final = (
    "SELECT CAST(COALESCE(SUM(voice_ms), 0) AS BIGINT), CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM daily "
    "WHERE partition = :partition AND guild_id = :guild AND user_id = :user "
    "AND day IN (:d0, :d1, :d2, :d3, :d4, :d5, :d6)"
)


def read_board(
    db: Database, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId, now: Ms
) -> Board:
    """Page `page` (0 is the first, one too far is the last) of the leaderboard, and where `asker` is on it."""
    with db.read() as connection:
        here = _Here(connection, db, guild)
        kind = _KINDS.get(period)
        window = None if kind is None else containing_moment(kind, now, here.settings().zone)
        found = _page(here, measure, window, page, asker)
        if not found.lines and found.total:
            page = (found.total - 1) // PAGE
            found = _page(here, measure, window, page, asker)
        as_of = here.as_of()
    return Board(
        period=period,
        measure=measure,
        page=page if found.total else 0,
        pages=max(1, -(-found.total // PAGE)),
        total=found.total,
        lines=found.lines,
        own=found.own,
        as_of=as_of,
        first_day=None if window is None else window.first_day,
        last_day=None if window is None else window.last_day,
    )


def read_studyroom(db: Database, guild: GuildId, *, now: Ms) -> Studyroom:
    """Who is in which tracked channel, and how long they have been in any of them today."""
    with db.read() as connection:
        here = _Here(connection, db, guild)
        settings = here.settings()
        channels = {row[0]: _weighed(row, settings) for row in here.rows(_CHANNELS)}
        day = local_day(settings.zone, now)
        voice = {user: int(ms) for user, ms in here.rows(_VOICE_OF_DAY, day=day.day)}
        occupants = [
            Occupant(
                user_id=UserId(user),
                name=name,
                channel_id=ChannelId(channel),
                since=Ms(since),
                today_ms=voice.get(user, 0),
            )
            for user, name, channel, since in here.rows(_OPEN)
            if channel not in channels or channels[channel].tracked
        ]
        as_of = here.as_of()
    crowd: dict[int, int] = {}
    for occupant in occupants:
        crowd[occupant.channel_id] = crowd.get(occupant.channel_id, 0) + 1
    occupants.sort(key=lambda o: (-crowd[o.channel_id], o.channel_id, o.since, o.user_id))
    return Studyroom(
        as_of=as_of,
        day_start=day.start,
        channels={ChannelId(c): channels[c].name if c in channels else "" for c in crowd},
        occupants=tuple(occupants),
    )


def read_standing(db: Database, guild: GuildId, user: UserId, *, now: Ms) -> Standing:
    """Where a member stands. Somebody unknown has nothing."""
    with db.read() as connection:
        here = _Here(connection, db, guild)
        window = containing_moment("weekly", now, here.settings().zone)
        name, listed = next(iter(here.rows(_MEMBER, user=user)), ("", 0))
        exp, last_at = next(iter(here.rows(_TOTALS, user=user)), (0, 0))
        ((total, ahead),) = here.rows(_PLACE, user=user, exp=exp)
        ((voice_ms, messages),) = here.rows(_WEEK, user=user, **_each_day(window.first_day))
        as_of = here.as_of()
    return Standing(
        user_id=user,
        name=name,
        exp=exp,
        place=int(ahead) + 1 if listed and exp > 0 else None,
        total=total,
        week_voice_ms=voice_ms,
        week_messages=messages,
        last_at=Ms(last_at) if last_at else None,
        as_of=as_of,
    )


class _Here:
    """A guild, as one read transaction sees it."""

    def __init__(self, connection: Connection, db: Database, guild: GuildId) -> None:
        self._connection = connection
        self._place = {"partition": partition_of(guild, db.partitions), "guild": guild}

    def rows(self, statement: str, **arguments: int) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._connection.execute(text(statement), {**self._place, **arguments})]

    def settings(self) -> GuildSettings:
        found = self.rows("SELECT settings FROM guilds WHERE partition = :partition AND guild_id = :guild")
        if not found or found[0][0] is None:
            return DEFAULTS
        return parse_settings(msgspec.json.decode(found[0][0]))

    def as_of(self) -> Ms:
        return Ms(self.rows("SELECT as_of FROM checkpoints WHERE partition = :partition")[0][0])


@dataclass(frozen=True, slots=True)
class _Found:
    total: int
    lines: tuple[BoardLine, ...]
    own: BoardLine | None


def _page(here: _Here, measure: Measure, window: Window | None, page: int, asker: UserId) -> _Found:
    """What the database says of a page; no lines for one too far."""
    if window is None:
        did, days = _OF_ALL_TIME.format(value=_TOTAL_VALUE[measure]), {}
    else:
        did = _OF_DAYS.format(value=_DAILY_VALUE[measure])
        days = {"first": window.first_day, "last": window.last_day}
    skipped = page * PAGE
    rows = here.rows(_BOARD.format(did=did), asker=asker, size=PAGE, skipped=skipped, **days)
    ((total, ahead),) = ((int(row[1]), int(row[2])) for row in rows if row[0] == 1)
    listed = sorted((-value, user, name) for kind, user, value, name in rows if kind == 0)
    own = next((_line(ahead + 1, user, name, value) for kind, user, value, name in rows if kind == 2), None)
    lines = (_line(skipped + n, user, name, -less) for n, (less, user, name) in enumerate(listed, start=1))
    return _Found(total, tuple(lines), own)


def _line(place: int, user: int, name: str, value: int) -> BoardLine:
    return BoardLine(place=place, user_id=UserId(user), name=name, value=value)


def _each_day(first: int) -> dict[str, int]:
    """The seven days from `first` (yyyymmdd) on."""
    days = {"d0": first}
    for number in range(1, 7):
        days[f"d{number}"] = next_day(days[f"d{number - 1}"])
    return days


def _weighed(row: tuple[Any, ...], settings: GuildSettings) -> ChannelState:
    """The channel as the fold sees it under these settings."""
    channel, name, parent, afk = row
    state = ChannelState(id=channel, name=name, parent_id=parent, afk=bool(afk))
    state.weigh(settings)
    return state

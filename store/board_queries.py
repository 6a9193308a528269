"""The leaderboard and a member's standing, read from the read models. Each call reads one consistent state.

Departed members, bots and those who opted out are on no board. What is read here is what a board is; those that are
kept in memory (`tracker/ingest/kept_boards.py`) are held equal to it by tests.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from store.beyond import NOTHING, UNHEARD_OF, Beyond, Heard
from store.board_here import ON_BOARD, Here
from store.engine import Database
from tracker.ids import GuildId, Ms, UserId
from tracker.projections.days import date_of, day_of, local_day, next_day
from tracker.projections.standing import rolling_window
from tracker.reports.boards import Board, BoardLine, BoardPeriod, BoardScope, Measure, Standing
from tracker.reports.window import containing

__all__ = ["NAMED_TABLES", "PAGE", "STANDING_TABLES", "Named", "Place", "read_board", "read_named", "read_standing"]

PAGE: Final = 10
"""Lines on a page of the leaderboard."""

NAMED_TABLES: Final = ("members", "totals")
"""Which tables of members `read_named` reads."""

STANDING_TABLES: Final = ("members", "totals", "daily", "season_totals")
"""Which tables of members `read_standing` reads, where the place is known."""

_DAILY_VALUE: Final[dict[Measure, str]] = {
    "exp": "exp_voice + exp_messages + exp_interactions + exp_adjusted",
    "voice": "voice_ms",
    "messages": "messages",
}
_SUMMED: Final = ("exp_voice", "exp_messages", "exp_interactions", "exp_adjusted", "voice_ms", "messages")
_TOTAL_VALUE: Final[dict[Measure, str]] = {"exp": "exp", "voice": "voice_ms", "messages": "messages"}

_OF_DAYS: Final = (
    "SELECT user_id, CAST(SUM({value}) AS BIGINT) AS value FROM daily "
    "WHERE partition = :partition AND guild_id = :guild AND day BETWEEN :first AND :last GROUP BY user_id"
)
_OF_SEASON: Final = (
    "SELECT user_id, exp AS value FROM season_totals "
    "WHERE partition = :partition AND guild_id = :guild AND season_at = :season"
)
_OF_ALL_TIME: Final = (
    "SELECT user_id, {value} AS value FROM totals WHERE partition = :partition AND guild_id = :guild AND {value} > 0"
)
# Three answers in one: the page's lines (0), the board's length and how many are ahead of the asker (1), the asker (2).
# Sorting for the first page only halves what numbering everybody took.
_BOARD: Final = f"""
WITH did AS ({{did}}), listed AS MATERIALIZED (
  SELECT did.user_id, did.value FROM did
  JOIN members m ON m.partition = :partition AND m.guild_id = :guild AND m.user_id = did.user_id
  WHERE did.value > 0 AND {ON_BOARD}
), own AS MATERIALIZED (SELECT user_id, value FROM listed WHERE user_id = :asker),
page AS (SELECT user_id, value FROM listed ORDER BY value DESC, user_id LIMIT :size OFFSET :skipped)
SELECT 0, p.user_id, p.value FROM page p
UNION ALL
SELECT 1, COUNT(*), COALESCE(SUM(
  CASE WHEN l.value > o.value OR (l.value = o.value AND l.user_id < o.user_id) THEN 1 ELSE 0 END), 0)
FROM listed l LEFT JOIN own o ON 1 = 1
UNION ALL
SELECT 2, o.user_id, o.value FROM own o
"""  # noqa: S608
_NAMED: Final = """
SELECT m.user_id, COALESCE(t.exp, 0), m.name, m.bot, m.present, m.opted_out FROM members m LEFT JOIN totals t
  ON t.partition = :partition AND t.guild_id = :guild AND t.user_id = m.user_id
WHERE m.partition = :partition AND m.guild_id = :guild AND m.user_id IN :users
"""

_PLACE: Final = f"""
SELECT COUNT(*), COALESCE(SUM(CASE WHEN t.exp > :exp OR (t.exp = :exp AND t.user_id < :user) THEN 1 ELSE 0 END), 0)
FROM totals t JOIN members m ON m.partition = t.partition AND m.guild_id = t.guild_id AND m.user_id = t.user_id
WHERE t.partition = :partition AND t.guild_id = :guild AND t.exp > 0 AND {ON_BOARD}
"""  # noqa: S608
_MEMBER: Final = (
    "SELECT name, bot, present, opted_out FROM members "
    "WHERE partition = :partition AND guild_id = :guild AND user_id = :user"
)
_TOTALS: Final = (
    "SELECT exp, last_at FROM totals WHERE partition = :partition AND guild_id = :guild AND user_id = :user"
)
# Each day by itself: the key leads with the day, and a range of days would be read for all members.
_DAYS: Final = (
    "SELECT CAST(COALESCE(SUM(exp_voice + exp_messages + exp_interactions + exp_adjusted), 0) AS BIGINT), "
    "CAST(COALESCE(SUM(voice_ms), 0) AS BIGINT), CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM daily "
    "WHERE partition = :partition AND guild_id = :guild AND user_id = :user AND day IN :days"
)
_SEASON: Final = (
    "SELECT exp FROM season_totals "
    "WHERE partition = :partition AND guild_id = :guild AND season_at = :season AND user_id = :user"
)


@dataclass(frozen=True, slots=True)
class Named:
    """What a board says of a member beside what it sums: the name, and EXP in all."""

    name: str
    exp: int


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place (None: not on the board) by all-time EXP, among `total`."""

    place: int | None
    total: int


def read_board(
    db: Database, guild: GuildId, *, period: BoardPeriod, measure: Measure, page: int, asker: UserId, now: Ms
) -> Board:
    """Page `page` (0 is the first, one too far is the last) of the leaderboard, and where `asker` is on it."""
    with db.read() as connection:
        here = Here(connection, db, guild)
        scope = here.scope(period, now)
        found = _page(here, measure, scope, page, asker)
        if not found.lines and found.total:
            page = (found.total - 1) // PAGE
            found = _page(here, measure, scope, page, asker)
        _, as_of = here.reached()
    return Board(
        scope=scope,
        measure=measure,
        page=page if found.total else 0,
        pages=max(1, -(-found.total // PAGE)),
        total=found.total,
        lines=found.lines,
        own=found.own,
        as_of=as_of,
    )


def read_named(
    db: Database, guild: GuildId, users: Collection[UserId], beyond: Beyond = NOTHING
) -> dict[UserId, Named]:  # fmt: skip
    """The names of those who are on boards; the others of `users` are missing."""
    with db.read() as connection:
        return _named(Here(connection, db, guild), users, beyond)


def read_standing(
    db: Database, guild: GuildId, user: UserId, *, now: Ms, place: Place | None = None, beyond: Beyond = NOTHING
) -> Standing:
    """Where a member stands. Somebody unknown has nothing.

    `place`: None counts everybody (by what the tables alone say); else it is known.
    """
    with db.read() as connection:
        here = Here(connection, db, guild)
        settings = here.settings()
        week = containing("weekly", local_day(settings.zone, now).day, settings.zone)
        heard = beyond.heard(user, _heard(*next(iter(here.rows(_MEMBER, user=user)), (None, None, None, None))))
        exp, last_at = _totals(here, user, beyond)
        if place is None:
            ((total, ahead),) = here.rows(_PLACE, user=user, exp=exp)
            place = Place(int(ahead) + 1 if heard.on_board and exp > 0 else None, total)
        _, voice_ms, messages = _did_on(here, user, _days(week.first_day, week.last_day), beyond)
        basis_exp = exp
        if settings.tiers.basis == "rolling":
            basis_exp, _, _ = _did_on(here, user, _days(*rolling_window(settings, now)), beyond)
        elif settings.tiers.basis == "season":
            season = here.season()
            basis_exp = 0 if season is None else _in_season(here, user, season.at, beyond)
        _, as_of = here.reached() if beyond.as_of is None else (None, beyond.as_of)
    return Standing(
        user_id=user,
        name=heard.name or "",
        exp=exp,
        basis_exp=basis_exp,
        place=place.place,
        total=place.total,
        week_voice_ms=voice_ms,
        week_messages=messages,
        last_at=Ms(last_at) if last_at else None,
        as_of=as_of,
    )


def _totals(here: Here, user: UserId, beyond: Beyond) -> tuple[int, int]:
    """EXP in all, and when last seen (0: never)."""
    exp, last_at = next(iter(here.rows(_TOTALS, user=user)), (0, 0))
    more = beyond.of("totals", user)
    return exp + sum(row["exp"] for row in more), max([last_at or 0, *(row["last_at"] or 0 for row in more)])


def _did_on(here: Here, user: UserId, days: Collection[int], beyond: Beyond) -> tuple[int, int, int]:
    """EXP, voice ms and messages of a member on these days."""
    ((exp, voice_ms, messages),) = here.rows(_DAYS, user=user, days=sorted(days))
    *more_exp, more_ms, more = beyond.sums("daily", user, *_SUMMED, days=days)
    return exp + sum(more_exp), voice_ms + more_ms, messages + more


def _in_season(here: Here, user: UserId, since: Ms, beyond: Beyond) -> int:
    """EXP since the season began."""
    found: list[int] = [exp for (exp,) in here.rows(_SEASON, user=user, season=since)]
    more: list[int] = [row["exp"] for row in beyond.of("season_totals", user) if row["season_at"] == since]
    return sum(found) + sum(more)


@dataclass(frozen=True, slots=True)
class _Found:
    total: int
    lines: tuple[BoardLine, ...]
    own: BoardLine | None


def _page(here: Here, measure: Measure, scope: BoardScope, page: int, asker: UserId) -> _Found:
    """What the database says of a page; no lines for one too far."""
    did, about = _did(measure, scope)
    if not did:
        return _Found(0, (), None)
    skipped = page * PAGE
    rows = here.rows(_BOARD.format(did=did), asker=asker, size=PAGE, skipped=skipped, **about)
    ((total, ahead),) = ((int(row[1]), int(row[2])) for row in rows if row[0] == 1)
    listed = sorted((-value, user) for kind, user, value in rows if kind == 0)
    own = next(((user, value) for kind, user, value in rows if kind == 2), None)
    named = _named(here, {user for _, user in listed} | ({own[0]} if own else set()))
    lines = tuple(_line(skipped + n, user, -less, named) for n, (less, user) in enumerate(listed, start=1))
    return _Found(total, lines, None if own is None else _line(ahead + 1, *own, named))


def _did(measure: Measure, scope: BoardScope) -> tuple[str, dict[str, int]]:
    """The statement that sums what everybody did, and its arguments; an empty one where nobody can have done it."""
    if scope.period == "season":
        if scope.season is None or measure != "exp":
            return "", {}
        return _OF_SEASON, {"season": scope.season.at}
    if scope.first_day is None or scope.last_day is None:
        return _OF_ALL_TIME.format(value=_TOTAL_VALUE[measure]), {}
    return _OF_DAYS.format(value=_DAILY_VALUE[measure]), {"first": scope.first_day, "last": scope.last_day}


def _named(here: Here, users: Collection[UserId], beyond: Beyond = NOTHING) -> dict[UserId, Named]:
    rows = here.rows(_NAMED, users=sorted(users)) if users else []
    stored = {UserId(user): (exp, _heard(*told)) for user, exp, *told in rows}
    found = {}
    for user in users:
        exp, told = stored.get(user, (0, UNHEARD_OF))
        heard = beyond.heard(user, told)
        if heard.on_board:
            found[user] = Named(heard.name or "", exp + beyond.sums("totals", user, "exp")[0])
    return found


def _heard(name: str | None, bot: int | None, present: int | None, opted_out: int | None) -> Heard:
    return Heard(name=name, bot=bot, present=present, opted_out=opted_out)


def _line(place: int, user: int, value: int, named: dict[UserId, Named]) -> BoardLine:
    about = named[UserId(user)]
    return BoardLine(place=place, user_id=UserId(user), name=about.name, value=value, exp=about.exp)


def _days(first: int, last: int) -> list[int]:
    """From one day (yyyymmdd) to another, both included."""
    days, day = [], day_of(date_of(first))
    while day <= last:
        days.append(day)
        day = next_day(day)
    return days

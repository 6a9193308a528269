"""One member's local day, read from the read models for `/why`. Each row is found by its key; nothing is searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, text

from store.beyond import NOTHING, UNHEARD_OF, Beyond, Heard
from store.engine import Database
from store.sessions_on import OPEN
from tracker.events.settings import DEFAULTS, GuildSettings, parse_settings
from tracker.ids import ChannelId, GuildId, Ms, RoleId, UserId, partition_of
from tracker.projections.days import day_start, local_day, next_day
from tracker.reports.why import same_exp_rules
from tracker.reports.why_model import ChannelDay, DayFacts

__all__ = ["TABLES", "read_day"]

TABLES: Final = ("daily", "unearned", "members", "carries", "sessions", "role_changes")
"""Which tables of members are read."""

_HERE: Final = "partition = :partition AND guild_id = :guild"
_DID: Final = ("voice_ms", "sessions", "messages", "interactions", "exp_voice", "exp_messages", "exp_interactions")
_UNEARNED: Final = (
    "afk_ms", "ignored_ms", "alone_ms", "deaf_ms", "muted_ms", "unruled_ms",
    "cooldown_messages", "ignored_messages", "revoked_messages", "cooldown_interactions",
)  # fmt: skip
_OF_DAY: Final = "SELECT channel_id, {columns} FROM {table} WHERE {here} AND day = :day AND user_id = :user"
_CHANNEL: Final = f"SELECT name, parent_id, afk FROM channels WHERE {_HERE} AND channel_id = :channel"  # noqa: S608
_MEMBER: Final = f"SELECT name, opted_out, role_ids FROM members WHERE {_HERE} AND user_id = :user"  # noqa: S608
# The role that is called as its guild is @everyone: when somebody became a member.
_KNOWN_SINCE: Final = f"SELECT MIN(at) FROM role_changes WHERE {_HERE} AND role_id = :guild AND user_id = :user"  # noqa: S608
_ROLE: Final = f"SELECT name FROM roles WHERE {_HERE} AND role_id = :role"  # noqa: S608
_CARRIES: Final = f"SELECT channel_id, carry_ms FROM carries WHERE {_HERE} AND user_id = :user AND carry_ms > 0"  # noqa: S608
_OPEN: Final = (
    f"SELECT started_at, channel_id, carry_ms FROM {{open}} "  # noqa: S608
    f"WHERE {_HERE} AND user_id = :user AND ended_at IS NULL"
)
_RULES: Final = f"SELECT at, settings FROM rules WHERE {_HERE} AND at < :end AND at >= :start ORDER BY at"  # noqa: S608
_RULES_BEFORE: Final = f"SELECT settings FROM rules WHERE {_HERE} AND at < :start ORDER BY at DESC LIMIT 1"  # noqa: S608
_AWAY: Final = (
    f"SELECT from_at, COALESCE(to_at, :end) FROM away WHERE {_HERE} AND from_at < :end "  # noqa: S608
    "AND COALESCE(to_at, :end) > :start ORDER BY from_at"
)


def read_day(
    db: Database, guild: GuildId, user: UserId, day: int | None, *, now: Ms, beyond: Beyond = NOTHING
) -> DayFacts:
    """What the tables hold of a member on the local day `day` (yyyymmdd; None: the day of `now`).

    Somebody unknown did nothing. A day that has not come is empty too. Raises DatabaseError.
    """
    with db.read() as connection:
        here = _Here(connection, db, guild, user, beyond)
        wanted = local_day(here.settings_before(now + 1).zone, now).day if day is None else day
        settings = here.settings_at_the_end_of(wanted, now)
        start, end = day_start(settings.zone, wanted), day_start(settings.zone, next_day(wanted))
        as_of = here.as_of()
        seen_until = min(end, max(as_of, start))
        heard = here.heard()
        role_ids = tuple(RoleId(int(role)) for role in (heard.role_ids or "").split(",") if role)
        channels, adjusted = here.channels(wanted, today=start <= now < end)
        return DayFacts(
            user_id=user,
            name=heard.name or "",
            opted_out=bool(heard.opted_out),
            known_since=here.known_since(),
            day=wanted,
            start=start,
            end=end,
            as_of=as_of,
            channels=channels,
            adjusted=adjusted,
            settings=settings,
            changed_at=here.changed_at(start, end),
            role_ids=role_ids,
            best_role=here.best_role(settings, role_ids),
            away=tuple(
                (Ms(max(since, start)), Ms(min(until, seen_until)))
                for since, until in here.rows(_AWAY, start=start, end=seen_until)
            ),
        )


class _Here:
    """A member of a guild, as one read transaction sees them."""

    def __init__(self, connection: Connection, db: Database, guild: GuildId, user: UserId, beyond: Beyond) -> None:
        self._connection = connection
        self._user = user
        self._beyond = beyond
        self._place = {"partition": partition_of(guild, db.partitions), "guild": guild, "user": user}

    def rows(self, statement: str, **arguments: int) -> list[tuple[Any, ...]]:
        place = {name: value for name, value in self._place.items() if f":{name}" in statement}
        return [tuple(row) for row in self._connection.execute(text(statement), {**place, **arguments})]

    def heard(self) -> Heard:
        found = self.rows(_MEMBER)
        stored = Heard(**dict(zip(("name", "opted_out", "role_ids"), found[0], strict=True))) if found else UNHEARD_OF
        return self._beyond.heard(self._user, stored)

    def as_of(self) -> Ms:
        if self._beyond.as_of is not None:
            return self._beyond.as_of
        return Ms(self.rows("SELECT as_of FROM checkpoints WHERE partition = :partition")[0][0])

    def known_since(self) -> Ms | None:
        ((since,),) = self.rows(_KNOWN_SINCE)
        told = [row["at"] for row in self._beyond.of("role_changes", self._user) if row["role_id"] == row["guild_id"]]
        return min((Ms(at) for at in (since, *told) if at is not None), default=None)

    def settings_before(self, moment: int) -> GuildSettings:
        """The settings in force just before the instant."""
        found = self.rows(_RULES_BEFORE, start=moment)
        return _settings(found[0][0]) if found else DEFAULTS

    def settings_at_the_end_of(self, day: int, now: Ms) -> GuildSettings:
        """In force at the end of the local day, or now if that is earlier. Which instant that is, they say themselves.

        (Where the zone itself was changed within the day, the one at the end of the day as the present zone has it.)
        """
        present = self.settings_before(now + 1)
        end = day_start(present.zone, next_day(day))
        return present if now < end else self.settings_before(end)

    def changed_at(self, start: Ms, end: Ms) -> tuple[Ms, ...]:
        """When the rules that earn EXP became others within [start, end)."""
        before, changes = self.settings_before(start), []
        for at, document in self.rows(_RULES, start=start, end=end):
            after = _settings(document)
            if not same_exp_rules(before, after):
                changes.append(Ms(at))
            before = after
        return tuple(changes)

    def best_role(self, settings: GuildSettings, role_ids: tuple[RoleId, ...]) -> str | None:
        """The name of the role whose multiplier counts; None if none of them has one."""
        having = [role for role in role_ids if role in settings.role_percent]
        if not having:
            return None
        best = max(having, key=lambda role: settings.role_percent[role])
        return next((str(name) for (name,) in self.rows(_ROLE, role=best)), "")

    def channels(self, day: int, *, today: bool) -> tuple[tuple[ChannelDay, ...], int]:
        """By channel what was done, and what was adjusted in none. Carries are those of now, so of today only."""
        adjusted, found = 0, dict[int, dict[str, int]]()
        for channel, did in self._of_day("daily", (*_DID, "exp_adjusted"), day).items():
            adjusted += did.pop("exp_adjusted")
            if channel:
                found[channel] = did
        for channel, did in self._of_day("unearned", _UNEARNED, day).items():
            found.setdefault(channel, {}).update(did)
        if today:
            for channel, carry in self._carries().items():
                if channel in found:
                    found[channel]["carry_ms"] = carry
        return tuple(self._channel(channel, did) for channel, did in sorted(found.items())), adjusted

    def _of_day(self, table: str, columns: Sequence[str], day: int) -> dict[int, dict[str, int]]:
        """By channel, the sums of a table."""
        rows = self.rows(_OF_DAY.format(columns=", ".join(columns), table=table, here=_HERE), day=day)
        found = {channel: dict(zip(columns, values, strict=True)) for channel, *values in rows}
        for row in self._beyond.of(table, self._user):
            if row["day"] == day:
                did = found.setdefault(row["channel_id"], dict.fromkeys(columns, 0))
                for column in columns:
                    did[column] += row[column]
        return found

    def _carries(self) -> dict[int, int]:
        """By channel, the time towards the next award: what an open session has is newer than what was carried over."""
        carries = dict(self.rows(_CARRIES))
        for row in self._beyond.of("carries", self._user):
            carries[row["channel_id"]] = row["carry_ms"]
        open_ = {began: (channel, carry) for began, channel, carry in self._open()}
        for row in self._beyond.of("sessions", self._user):
            open_[row["started_at"]] = (row["channel_id"], row["carry_ms"])
            if row["ended_at"] is not None:
                del open_[row["started_at"]]
        return {channel: carry for channel, carry in carries.items() if carry > 0} | dict(open_.values())

    def _open(self) -> list[tuple[Any, ...]]:
        return self.rows(_OPEN.format(open=OPEN[self._connection.dialect.name]))

    def _channel(self, channel: int, did: dict[str, int]) -> ChannelDay:
        name, parent, afk = next(iter(self.rows(_CHANNEL, channel=channel)), ("", None, 0))
        return ChannelDay(
            channel_id=ChannelId(channel),
            name=name or "",
            parent_id=None if parent is None else ChannelId(parent),
            afk=bool(afk),
            **did,
        )


def _settings(document: str | None) -> GuildSettings:
    return DEFAULTS if document is None else parse_settings(msgspec.json.decode(document))

"""The read models' tables, as the folds see them, and the deltas that a fold leaves to be written.

A table's columns are its key, columns that deltas are *added* to, columns of which the *larger* value stays, columns
that are *set*, and columns that are set when *known* (None in a delta leaves what is there). `partition` is the first
column of every key; it is known to the store and left out here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker.projections.standing import StandingRules

__all__ = ["TABLES", "Changes", "Row", "Table"]

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One read-model table. A row is a tuple in the order of `columns`."""

    name: str
    key: tuple[str, ...]
    add: tuple[str, ...] = ()
    largest: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Key, added, largest, set, known; in this order."""
        return self.key + self.add + self.largest + self.set + self.known


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        # Activity of a member in a channel on a local day (yyyymmdd). channel_id 0: adjustments, in no channel.
        Table(
            name="daily",
            key=("guild_id", "day", "user_id", "channel_id"),
            add=(
                "voice_ms", "sessions", "messages", "interactions",
                "exp_voice", "exp_messages", "exp_interactions", "exp_adjusted",
            ),
            largest=("last_at",),
        ),
        # Voice sessions; ended_at null: open, and then carry_ms is the live carry of (member, channel). day: the local
        # day of the first tracked ms, 0 as long as there is none; then the row leaves its key for another one. Those
        # that ended without any have no row.
        Table(
            name="sessions",
            key=("guild_id", "day", "user_id", "started_at"),
            set=("channel_id", "ended_at", "flags", "voice_ms", "exp", "carry_ms"),
        ),
        # The other local days on which a session had at least 1 ms of tracked time; first_day: where its own row is.
        Table(name="session_days", key=("guild_id", "day", "user_id", "started_at"), set=("first_day",)),
        # All-time sums of a member, and when each cooldown last began (0: never).
        Table(
            name="totals",
            key=("guild_id", "user_id"),
            add=("exp", "voice_ms", "messages", "interactions"),
            largest=("last_at", "message_award_at", "interaction_award_at"),
        ),
        # Eligible time that has not yet earned an award, as of the end of the last session in the channel.
        Table(name="carries", key=("guild_id", "user_id", "channel_id"), set=("carry_ms",)),
        # role_ids: ascending, joined by commas, without @everyone.
        Table(name="members", key=("guild_id", "user_id"), known=("name", "bot", "present", "opted_out", "role_ids")),
        # From `at` on the member holds (or no longer holds) the role; role_id = guild_id is @everyone, being a member.
        Table(name="role_changes", key=("guild_id", "role_id", "user_id", "at"), set=("held",)),
        Table(name="roles", key=("guild_id", "role_id"), set=("name",)),
        Table(name="channels", key=("guild_id", "channel_id"), set=("name", "kind", "parent_id", "afk")),
        # lost_at null: the tracker sees the guild. settings: the document as JSON text, null if never changed.
        Table(name="guilds", key=("guild_id",), set=("settings", "lost_at", "season_name", "season_at")),
        # When the tracker was away (to_at null: still).
        Table(name="away", key=("guild_id", "from_at"), set=("to_at",)),
        # Message awards that a deletion may still revoke. season_at: the season they count in, 0 for none.
        Table(
            name="awards",
            key=("guild_id", "message_id"),
            set=("user_id", "channel_id", "day", "exp", "until", "season_at"),
        ),
        # EXP since a season began (season_at), of those who earned any in it.
        Table(name="season_totals", key=("guild_id", "season_at", "user_id"), add=("exp",)),
        # Why something earned nothing, by member, channel and local day: each ms of voice under the first that applies.
        Table(
            name="unearned",
            key=("guild_id", "day", "user_id", "channel_id"),
            add=(
                "afk_ms", "ignored_ms", "alone_ms", "deaf_ms", "muted_ms", "unruled_ms",
                "cooldown_messages", "ignored_messages", "revoked_messages", "cooldown_interactions",
            ),
        ),
        # The settings documents that were ever in force, from `at` on, and who set them.
        Table(name="rules", key=("guild_id", "at"), set=("settings", "set_by")),
    )
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Changes:
    """What a fold changed since the last drain.

    Written in this order: `forgotten` members' rows are deleted from every table with a user_id, `expired` keys are
    deleted, then `rows` are upserted. `standing`: by guild, the rules by which its members are then judged; of the
    guilds that keep or announce anything, and of those whose own row changed.
    """

    rows: dict[str, list[Row]] = field(default_factory=dict)
    expired: dict[str, list[Row]] = field(default_factory=dict)
    forgotten: list[tuple[int, int]] = field(default_factory=list)
    standing: dict[int, StandingRules] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Nothing to write."""
        return not (self.rows or self.expired or self.forgotten)

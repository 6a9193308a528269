"""What looks told and the tables do not have yet, to be read with them: for what is no sum over a guild."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar

from store.beyond import Beyond
from store.board_here import Here
from store.engine import Database
from store.merging import putting
from store.state import FlushBatch
from tracker.ids import GuildId, Ms, Partition, Position, UserId, partition_of
from tracker.ingest.held import Continued, news_of
from tracker.projections.rows import TABLES, Changes, Row

__all__ = ["Unwritten"]

T = TypeVar("T")

_TRIES: Final = 8
_FEW: Final = 32
_GUILDS_OWN: Final = frozenset({"guilds", "roles", "channels", "away", "rules"})
_OF_MEMBERS: Final = {
    name: table.columns.index("user_id") for name, table in TABLES.items() if "user_id" in table.columns
}
_PUT: Final = {name: putting(table) for name, table in TABLES.items()}


class _Look:
    """What a look told of members, found by member."""

    def __init__(self, changes: Changes) -> None:
        self.changed = {row[0] for name in _GUILDS_OWN & changes.rows.keys() for row in changes.rows[name]}
        self._rows: dict[str, dict[int, list[Row]]] = {}
        self._changes = changes

    def of(self, table: str) -> Mapping[int, Sequence[Row]]:
        """By user, of all guilds; put in order when it is asked for at first."""
        found = self._rows.get(table)
        if found is None:
            found = self._rows[table] = defaultdict(list)
            user = _OF_MEMBERS[table]
            for row in self._changes.rows.get(table, ()):
                found[row[user]].append(row)
        return found


class _Since:
    """A partition since its last flush: the looks, and where the last one came to."""

    def __init__(self) -> None:
        self.flushed: Position | None = None
        self.clear()

    def clear(self) -> None:
        """Nothing is unwritten."""
        self.last: FlushBatch | None = None
        self.looks: list[_Look] = []
        self._together: dict[str, dict[int, dict[Row, Row]]] = {}
        self._among: dict[str, int] = {}

    def of(self, table: str, users: Collection[UserId]) -> dict[UserId, dict[Row, Row]]:
        """What these users have in a table, over all looks.

        Of a few it is put together when somebody asks; of a crowd all is, once, because they will be asked for again.
        """
        if len(users) <= _FEW:
            return {user: rows for user in users if (rows := self._of_one(table, user))}
        put, among = _PUT[table], self._together.setdefault(table, {})
        for look in self.looks[self._among.get(table, 0) :]:
            for user, news in look.of(table).items():
                known = among.setdefault(user, {})
                for row in news:
                    put(known, row)
        self._among[table] = len(self.looks)
        return {user: dict(among[user]) for user in users if user in among}

    def _of_one(self, table: str, user: UserId) -> dict[Row, Row]:
        put, found = _PUT[table], dict[Row, Row]()
        for look in self.looks:
            for row in look.of(table).get(user, ()):
                put(found, row)
        return found


class Unwritten:
    """Told on the writer's thread; any thread may ask."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._since: dict[Partition, _Since] = {}

    def looked(self, batches: Sequence[FlushBatch]) -> None:
        """What is in the log and not in the tables yet; once and in order."""
        with self._lock:
            for batch in batches:
                since = self._since.setdefault(batch.partition, _Since())
                if not isinstance(batch, Continued):
                    since.clear()  # the fold was loaded anew, as of the tables: what looks told of comes once more
                since.last = batch
                since.looks.append(_Look(news_of(batch)))

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """It is in the tables now."""
        with self._lock:
            for batch in batches:
                since = self._since.setdefault(batch.partition, _Since())
                since.clear()
                since.flushed = batch.position

    def read(
        self,
        guild: GuildId,
        tables: Sequence[str],
        users: Callable[[], Collection[UserId]],
        tell: Callable[[Beyond], T | None],
    ) -> T | None:
        """What `tell` makes of the tables and of what is beyond these of them, of these users, at one moment.

        `tell` gives None if what it knows is of another moment; it is asked again then. None: only tables that are
        written can tell. Raises DatabaseError.
        """
        for _ in range(_TRIES):
            with self._database.moment():
                with self._database.read() as connection:
                    reached = Here(connection, self._database, guild).reached()
                asked = users()
                with self._lock:
                    since = self._since.get(partition_of(guild, self._database.partitions), _Since())
                    if any(guild in look.changed for look in since.looks):
                        return None
                    beyond = _beyond(since, guild, tables, asked, *reached)
                found = None if beyond is None else tell(beyond)
                if found is not None:
                    return found
        return None


def _beyond(
    since: _Since, guild: GuildId, tables: Sequence[str], asked: Collection[UserId], position: Position, as_of: Ms
) -> Beyond | None:
    """None: the tables were read before the last flush; they must be read again."""
    if since.last is None or position >= since.last.position:
        is_new = since.flushed is None or position >= since.flushed
        return Beyond(position=position, as_of=as_of) if is_new else None
    if since.flushed is not None and position != since.flushed:
        return None
    rows: dict[UserId, dict[str, dict[Row, Row]]] = {}
    for table in tables:
        for user, found in since.of(table, asked).items():
            rows.setdefault(user, {})[table] = {key: row for key, row in found.items() if key[0] == guild}
    return Beyond(position=since.last.position, as_of=since.last.as_of, rows=rows)

"""What looks told and the tables do not have yet, to be read with them: for what is no sum over a guild."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
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
_OF_MEMBERS: Final = {name: table.key.index("user_id") for name, table in TABLES.items() if "user_id" in table.key}
_PUT: Final = {name: putting(table) for name, table in TABLES.items()}


class _Since:
    """A partition since its last flush: the looks, and where the last one came to. `tables`: those ever asked for."""

    def __init__(self) -> None:
        self.flushed: Position | None = None
        self.tables: set[str] = set()
        self.clear()

    def clear(self) -> None:
        """Nothing is unwritten."""
        self.last: FlushBatch | None = None
        self.changed: set[int] = set()
        self._looks: list[Changes] = []
        self._together: dict[str, dict[int, dict[Row, Row]]] = {}
        self._among: dict[str, int] = {}

    def add(self, batch: FlushBatch) -> None:
        """A look. `changed`: the guilds of which something of their own changed."""
        self.last, news = batch, news_of(batch)
        self.changed.update(row[0] for name in _GUILDS_OWN & news.rows.keys() for row in news.rows[name])
        self._looks.append(news)

    def of(self, table: str, users: Collection[UserId]) -> dict[UserId, dict[Row, Row]]:
        """What these users have in a table, over all looks."""
        self.tables.add(table)
        if len(users) > _FEW:  # most rows are about a crowd: putting them together is done once for the next question
            while self._put_together(table):
                pass
        among = self._together.get(table, {})
        found = {user: dict(among[user]) for user in users if user in among}
        put, whose = _PUT[table], _OF_MEMBERS[table]
        for look in self._looks[self._among.get(table, 0) :]:
            for key in look.expired.get(table, ()):
                if key[whose] in users:
                    found.get(key[whose], {}).pop(key, None)
            for row in look.rows.get(table, ()):
                if row[whose] in users:
                    put(found.setdefault(row[whose], {}), row)
        return found

    def gather(self, batch: FlushBatch) -> None:
        """All looks as one: it takes their place, unless some table has a few of them only."""
        together = all(self._among.get(table, 0) == len(self._looks) for table in self.tables)
        if together and self.last is not None and self.last.position == batch.position:
            self._looks = [batch.changes]
            self._among = dict.fromkeys(self.tables, 1)

    def keep_up(self) -> bool:
        """Put one look's rows of a table to the others. False: all are together."""
        return any(self._put_together(table) for table in self.tables)

    def _put_together(self, table: str) -> bool:
        done = self._among.get(table, 0)
        if done >= len(self._looks):
            return False
        put, whose, among = _PUT[table], _OF_MEMBERS[table], self._together.setdefault(table, {})
        for key in self._looks[done].expired.get(table, ()):
            among.get(key[whose], {}).pop(key, None)
        for row in self._looks[done].rows.get(table, ()):
            known = among.get(row[whose])
            if known is None:
                known = among[row[whose]] = {}
            put(known, row)
        self._among[table] = done + 1
        return True


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
                since.add(batch)

    def gathered(self, batches: Sequence[FlushBatch]) -> None:
        """All looks since the last flush as one."""
        with self._lock:
            for batch in batches:
                self._since.setdefault(batch.partition, _Since()).gather(batch)

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """It is in the tables now."""
        with self._lock:
            for batch in batches:
                since = self._since.setdefault(batch.partition, _Since())
                since.clear()
                since.flushed = batch.position

    def keep_up(self) -> bool:
        """Do a little of what the next question would do first. False: nothing is left."""
        with self._lock:
            return any(since.keep_up() for since in self._since.values())

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
                    if guild in since.changed:
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

"""The event log as columns of numbers, read as fast as the machine allows: what a fold over millions of events eats.

Behind one face are the archived segments (Parquet), which hold the beginning of the log; the pages of a SQLite file,
and ADBC, if `tracker[fast]` is installed; the database's ordinary driver otherwise. All give the same columns, and what
they say of an event is what the codec says (`store.log.read`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from store import log
from store.columns_apart import CAN_PUT_DOWN
from store.columns_args import TYPES
from store.columns_ask import Ask
from store.columns_chunk import ARRAYS, Chunk, Ints
from store.columns_down import Down, Part
from store.columns_everywhere import can_read_everywhere, everywhere
from store.columns_read import Source, chunks, fastest, parts
from store.columns_rest import Rest, Written
from store.columns_roles import RoleSets
from store.columns_rows import joined, numbers
from store.engine import Database
from store.own_process import Spare
from tracker.errors import EventFormatError
from tracker.events import kinds
from tracker.events.codec import data_from_json, data_to_json
from tracker.events.envelope import Data, RecordedEvent
from tracker.ids import Partition, Position

if TYPE_CHECKING:
    from store.archive_stored import Stored

__all__ = ["Archived", "EventColumns", "LogReader", "PutDown", "Source"]

_ROWS: Final = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventColumns:
    """Events as equally long columns, in the order in which they were read. The arrays belong to whoever gets them.

    `kind`: of `tracker.events.kinds`. `guild` 0: an event of the partition. `subject` 0, `channel` 0: none. `at`:
    occurred_at. `arg`, by kind: the flags of voice events; the message id of `message.sent` and `message.deleted`; 1
    where a bot joined; the number of a set of roles (`LogReader.role_sets`); the amount of an adjustment; the instant
    of a tick; 0 of all others.
    """

    position: Ints
    kind: npt.NDArray[np.uint8]
    guild: Ints
    subject: Ints
    channel: Ints
    at: Ints
    arg: Ints
    rest: Rest = field(repr=False)
    lookup: Callable[[EventColumns, int], RecordedEvent] = field(repr=False)

    def part(self, first: int, end: int) -> EventColumns:
        """The events from `first` to before `end`. Shares the arrays."""
        arrays: dict[str, Any] = {name: getattr(self, name)[first:end] for name in ARRAYS}
        return EventColumns(**arrays, rest=self.rest.part(first, end), lookup=self.lookup)

    def __len__(self) -> int:
        return len(self.position)

    def text(self, i: int) -> str:
        """The `data` column of row i. At hand for names and for the rare kinds; of the others a look-up in the log, as
        the codec writes it.
        """
        found = self.rest.find(i)
        return data_to_json(self.event(i).event.data) if found is None else self.rest.texts[found]

    def texts(self, rows: npt.NDArray[np.intp]) -> Written:
        """As `text`, of several rows of which it is at hand."""
        return self.rest.texts.taken(np.searchsorted(self.rest.rows, rows))

    def said(self, rows: npt.NDArray[np.intp]) -> Iterator[Data]:
        """The data of several rows whose texts are at hand, each read when it is asked for. Raises as `event`."""
        at = np.searchsorted(self.rest.rows, rows)
        versions, texts = self.rest.versions[at].tolist(), self.rest.texts.taken(at)
        for i, kind, version, text in zip(rows.tolist(), self.kind[rows].tolist(), versions, texts, strict=True):
            try:
                yield data_from_json(TYPES[kind], version, text)
            except EventFormatError:  # which event it is is said by whoever reads it as a whole
                self.event(i)
                raise

    def event(self, i: int) -> RecordedEvent:
        """Row i, read by the codec. As cheap as `text`. Raises LogCorruptError, DatabaseError."""
        return self.lookup(self, i)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutDown:
    """What whoever read the log has put down: as Part. `ahead`: those that are AHEAD, in columns."""

    events: int
    slices: Ints
    end: int
    newest: int
    places: Ints
    ahead: Sequence[EventColumns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A segment that is to be read guild by guild. `ahead`: those of its events that are AHEAD, in columns."""

    stored: Stored
    ahead: EventColumns


class LogReader:
    """Reads the log of `db` in columns. `role_sets`: those that were met so far.

    `source`: None takes the fastest that is installed, each time. Several threads may read different partitions.
    `spare`: where a process is kept that has read. `begun`: something is being read.
    """

    def __init__(self, db: Database, *, source: Source | None = None, spare: Spare | None = None) -> None:
        self.role_sets = RoleSets()
        self.begun = Event()
        self._db = db
        self._source = source
        self._spare = spare
        self._users: dict[Partition, Ints] = {}

    def batches(
        self,
        partition: Partition,
        *,
        after: int = 0,
        upto: int,
        guilds: Collection[int] | None = None,
        rows: int = _ROWS,
    ) -> Iterator[EventColumns]:
        """The partition's events beyond position `after`, up to and with `upto`, in batches of at most `rows`.

        In order of position. `guilds`: only theirs; None: all, and the ticks. Raises DatabaseError, LogCorruptError,
        ArchiveAwayError; ConfigError where a part of the log is archived and pyarrow is not installed.
        """
        ask = Ask(partition=partition, after=after, upto=upto, guilds=guilds, rows=rows)
        source = self._source or fastest(self._db, upto - after)
        self._users.pop(partition, None)
        with closing(chunks(self._db, ask, source)) as found:
            for chunk in found:
                yield self._columns(partition, chunk)

    def put_down(
        self,
        partition: Partition,
        *,
        upto: int,
        guilds: Collection[int] | None = None,
        down: Callable[[int], Down],
    ) -> Generator[EventColumns | PutDown | Archived]:
        """As `batches`, of the whole log, in no order; but whoever reads it puts it down by itself, if it can, and says
        so; and what is archived by guild is not read yet.

        `down`: where, asked when it begins; it is told the first number for sets of roles. Raises OSError, too.
        """
        source = self._source or fastest(self._db, upto)
        ask = Ask(partition=partition, after=0, upto=upto, guilds=guilds, rows=_ROWS)
        self._users.pop(partition, None)
        first = self.role_sets.begin()

        def there() -> Down:
            place = down(first)
            self.begun.set()
            return place

        apart = source == "pages" and CAN_PUT_DOWN
        if not apart:
            self.begun.set()
        with closing(parts(self._db, ask, source, there if apart else None, self._spare, by_guild=True)) as found:
            for one in found:
                if isinstance(one, Part):
                    self.role_sets.met(first, one.role_sets)
                    yield self._put_down(partition, one)
                elif isinstance(one, Chunk):
                    self.begun.set()
                    yield self._columns(partition, one)
                else:
                    self.begun.set()
                    yield self._archived(partition, one)

    def _archived(self, partition: Partition, stored: Stored) -> Archived:
        return Archived(stored=stored, ahead=self._columns(partition, stored.ahead))

    def _put_down(self, partition: Partition, part: Part) -> PutDown:
        ahead = [self._columns(partition, chunk) for chunk in part.ahead]
        return PutDown(
            events=part.events,
            slices=part.slices,
            end=part.end,
            newest=part.newest,
            places=part.places,
            ahead=ahead,
        )

    def reads_everywhere(self, upto: Mapping[Partition, int]) -> bool:
        """Whether `everywhere` can, and should, be asked for these logs."""
        return self._source is None and can_read_everywhere(self._db, upto)

    @contextmanager
    def everywhere(
        self, upto: Mapping[Partition, int]
    ) -> Iterator[Iterator[tuple[Partition, EventColumns | Archived]]]:
        """The whole logs of these partitions up to these positions, in one go and in no order. Raises as `batches`.

        The database reads from now on, whatever else is done before the first one is asked for.
        """
        self.begun.set()
        with everywhere(self._db, upto) as found:
            yield (
                (partition, self._columns(partition, one) if isinstance(one, Chunk) else self._archived(partition, one))
                for partition, one in found
            )

    def _columns(self, partition: Partition, chunk: Chunk) -> EventColumns:
        if chunk.role_sets:
            numbers = np.array(self.role_sets.numbers(chunk.role_sets), np.int64)
            sets = np.flatnonzero(chunk.kind == kinds.ROLES_CHANGED)
            chunk.arg[sets] = numbers[chunk.arg[sets]]
        return EventColumns(
            position=chunk.position,
            kind=chunk.kind,
            guild=chunk.guild,
            subject=chunk.subject,
            channel=chunk.channel,
            at=chunk.at,
            arg=chunk.arg,
            rest=chunk.rest,
            lookup=lambda columns, i: self._event(partition, columns, i),
        )

    def guild_sizes(self, partition: Partition) -> tuple[Ints, Ints]:
        """The guilds of which subjects are known, ascending, and how many those are."""
        sql = f"SELECT guild_id, COUNT(*) FROM subjects WHERE partition = {int(partition)} GROUP BY 1 ORDER BY 1"  # noqa: S608
        found = np.concatenate([np.zeros((0, 2), np.int64), *numbers(self._db, sql, 2)])
        return found[:, 0], found[:, 1]

    def users(self, partition: Partition) -> Ints:
        """User ids, indexed by subject id; 0 where nobody knows: then the user is minus the subject.

        As they are when this is called: who was forgotten since the events were read is unknown in it.
        """
        parts = list(joined(self._db, "subjects", "subject_id", "user_id", f"partition = {int(partition)}"))
        users = np.zeros(1 + max((int(subjects.max(initial=0)) for subjects, _ in parts), default=0), np.int64)
        for subjects, ids in parts:
            users[subjects] = ids
        return users

    def _event(self, partition: Partition, columns: EventColumns, i: int) -> RecordedEvent:
        position, rest = int(columns.position[i]), columns.rest
        found = rest.find(i)
        if found is None and position <= 0:
            raise ValueError("of an event that is archived by guild only what a fold asks for is at hand")
        if found is None:
            return next(log.read(self._db, partition, Position(position - 1)))
        return log.recorded_event(
            partition,
            (
                position, rest.ids[found], TYPES[int(columns.kind[i])], int(rest.versions[found]),
                int(columns.guild[i]), self._user(partition, int(columns.subject[i])), int(columns.channel[i]) or None,
                int(columns.at[i]), int(rest.recorded_at[found]), rest.texts[found],
            ),
        )  # fmt: skip

    def _user(self, partition: Partition, subject: int) -> int | None:
        if not subject:
            return None
        if partition not in self._users:
            self._users[partition] = self.users(partition)
        users = self._users[partition]
        return int(users[subject] if subject < len(users) else 0) or -subject

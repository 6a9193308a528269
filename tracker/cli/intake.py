"""Reading files of events line by line with bounded memory, however long a file or a line is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from tracker.errors import EventFormatError
from tracker.events.envelope import Event
from tracker.events.exchange import MAX_LINE, from_line
from tracker.events.member import MemberForgotten
from tracker.events.ticks import TrackerTicked
from tracker.ids import GuildId

if TYPE_CHECKING:
    from store.engine import Database
    from tracker.cli.sources import Source

__all__ = ["Intake", "Lines", "Refusals", "Refused", "Survey", "batched", "events_in", "lines_in"]

_SHOWN: Final = 10
_BATCH: Final = 2_000
_BOM: Final = b"\xef\xbb\xbf"

Refused = Callable[[EventFormatError], None]
"""Is told of each entry that is refused."""


@dataclass(slots=True)
class Refusals:
    """The entries that were refused: how many, and the first few by name."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, error: EventFormatError) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < _SHOWN:
            self.first.append(str(error))

    def raise_if_any(self, word: str) -> None:
        """Raises EventFormatError: the first one in full, and how many others there are. `word`: what one is called."""
        if self.count:
            others = self.count - 1
            more = f" (and {others:,} more bad {word}{'s' if others > 1 else ''})" if others else ""
            raise EventFormatError(f"{self.first[0]}{more}; nothing was imported (--skip-bad imports the good {word}s)")


@dataclass(slots=True)
class Survey:
    """What the files hold. `guilds`: whom they speak of. `newest`: the instant of the newest event in ms (0: none).

    `ticks`: how many are there. `alone`: the first event that may not be appended beside a running bot, by its place.
    """

    guilds: set[GuildId] = field(default_factory=set)
    refusals: Refusals = field(default_factory=Refusals)
    newest: int = 0
    ticks: int = 0
    alone: str | None = None


class Intake(Protocol):
    """A way to read files as events. `word`: what an entry is called; `passed`: how many it passed over."""

    word: str
    passed: int

    def survey(self, files: Sequence[Source], moved: Callable[[int], None]) -> Survey:
        """Read everything once."""
        ...

    def batches(
        self, db: Database, files: Sequence[Source], moved: Callable[[int], None], refused: Refused
    ) -> Iterator[list[Event]]:
        """The events of the good entries, to be appended one batch after the other."""
        ...


class Lines:
    """Our own format: an event per line (SEMANTICS §10)."""

    word = "line"

    def __init__(self) -> None:
        self.passed = 0

    def survey(self, files: Sequence[Source], moved: Callable[[int], None]) -> Survey:
        """Read everything once."""
        found = Survey()
        for number, event in _events(files, moved, found.refusals.add):
            found.newest = max(found.newest, event.occurred_at)
            if event.guild_id:
                found.guilds.add(event.guild_id)
            if isinstance(event.data, TrackerTicked):
                found.ticks += 1
            elif isinstance(event.data, MemberForgotten) and found.alone is None:
                found.alone = f"{number}: {event.type}"
        return found

    def batches(
        self,
        db: Database,
        files: Sequence[Source],
        moved: Callable[[int], None],
        refused: Refused,
    ) -> Iterator[list[Event]]:
        """The events of the good lines."""
        return batched(event for _, event in _events(files, moved, refused))


def batched(events: Iterator[Event]) -> Iterator[list[Event]]:
    """The events in lists of some thousand."""
    while batch := list(islice(events, _BATCH)):
        yield batch


def _events(files: Sequence[Source], moved: Callable[[int], None], refused: Refused) -> Iterator[tuple[str, Event]]:
    """Each good line's place (`a.jsonl: line 3`) and event."""
    for source in files:
        with source.opened(moved) as file:
            for number, event in events_in(file, lambda e, source=source: refused(source.named(e))):  # type: ignore[misc]
                yield f"{source.label}line {number}", event


def events_in(file: BinaryIO, refused: Refused) -> Iterator[tuple[int, Event]]:
    """The events of the good lines with their numbers; each bad one goes to `refused`, and so does a cut off file."""
    try:
        for number, line in lines_in(file):
            try:
                event = from_line(line.rstrip(b"\r\n"), number=number)
            except EventFormatError as error:
                refused(error)
            else:
                yield number, event
    except EventFormatError as error:
        refused(error)


def lines_in(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The file's lines with their numbers (from 1), empty ones left out.

    Of a line that is too long only so much is given that it will be refused.
    """
    number = 0
    while line := file.readline(MAX_LINE + 2):
        number += 1
        rest = line
        while not rest.endswith(b"\n") and (rest := file.readline(MAX_LINE)):
            pass
        text = line.removeprefix(_BOM) if number == 1 else line
        if text.strip():
            yield number, text

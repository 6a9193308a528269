"""Reading a file of events line by line with bounded memory, however long the file or a line is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from tracker.errors import EventFormatError
from tracker.events.envelope import Event
from tracker.events.exchange import MAX_LINE, from_line
from tracker.ids import GuildId

__all__ = ["Refusals", "check_all", "events_in", "lines_in"]

_SHOWN: Final = 10
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Refusals:
    """The lines that were refused: how many, and the first few by name."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, error: EventFormatError) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < _SHOWN:
            self.first.append(str(error))

    def sentence(self) -> str:
        """The first one in full, and how many others there are."""
        others = self.count - 1
        more = f" (and {others:,} more bad line{'s' if others > 1 else ''})" if others else ""
        return f"{self.first[0]}{more}"


def lines_in(file: BinaryIO, moved: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """The file's lines with their numbers (from 1), empty ones left out; `moved` is told of the bytes read.

    Of a line that is too long only so much is given that it will be refused.
    """
    number = 0
    while line := file.readline(MAX_LINE + 2):
        number += 1
        moved(len(line))
        rest = line
        while not rest.endswith(b"\n") and (rest := file.readline(MAX_LINE)):
            moved(len(rest))
        text = line.removeprefix(_BOM) if number == 1 else line
        if text.strip():
            yield number, text


def events_in(
    file: BinaryIO, moved: Callable[[int], None], refused: Callable[[EventFormatError], None]
) -> Iterator[Event]:
    """The events of the good lines; each bad one goes to `refused`."""
    for number, line in lines_in(file, moved):
        try:
            event = from_line(line.rstrip(b"\r\n"), number=number)
        except EventFormatError as error:
            refused(error)
        else:
            yield event


def check_all(file: BinaryIO, moved: Callable[[int], None], *, skip_bad: bool = False) -> set[GuildId]:
    """Read the whole file; the guilds that its good lines speak of.

    Raises EventFormatError if a line is bad (unless `skip_bad`): the first one, named, and how many others there are.
    """
    refusals = Refusals()
    guilds = {event.guild_id for event in events_in(file, moved, refusals.add)}
    if refusals.count and not skip_bad:
        raise EventFormatError(f"{refusals.sentence()}; nothing was imported (--skip-bad imports the good lines)")
    return guilds

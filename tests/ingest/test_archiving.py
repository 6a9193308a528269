"""The running bot moves old events into files, beside everything else that it does."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

import store.log
from store import archive, archive_files, archive_place, archive_segment, archive_wishes, personal
from store.archive import Segment
from store.archive_segment import Prepared, Step
from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD, HOUR, MINUTE
from tests.store import archives
from tests.store.living import tables
from tracker.events.envelope import RecordedEvent
from tracker.events.member import MemberJoined
from tracker.ids import Ms, UserId
from tracker.ingest.archive_process import Prepare, files_apart
from tracker.ingest.archiving import Archiving
from tracker.ingest.personal import Personal
from tracker.ingest.reader import Reader

DAY = 24 * HOUR
STEP = 5


@dataclass
class Office:
    """A desk, and its archiving with files of five events. `meanwhile`: what happens when a file has been written."""

    desk: Desk
    url: str
    elsewhere: Database
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    def start(self, after_days: int | Literal["auto"] | None = 30, *, apart: bool = False) -> Archiving:
        """As after a start of the process."""
        desk, files = self.desk, files_apart if apart else self.files
        return Archiving(desk.database, self.url, desk.ingest, None, after_days, step=STEP, files=files)

    @asynccontextmanager
    async def files(self, _: str) -> AsyncIterator[Prepare]:
        async def prepare(step: Step) -> Prepared:
            prepared = await asyncio.to_thread(archive_segment.prepare, self.elsewhere, step)
            if self.meanwhile:
                await self.meanwhile.pop(0)()
            return prepared

        yield prepare

    async def lived(self, messages: int) -> None:
        """So many messages a minute apart, then a flush, and more than a month."""
        for number in range(messages):
            self.desk.clock.time += MINUTE
            self.desk.message(1_000 + number)
        await self.desk.ingest.flush()
        self.desk.clock.time += 40 * DAY

    def segments(self) -> list[Segment]:
        with self.elsewhere.read() as connection:
            return archive.all_segments(connection)

    def sizes(self) -> list[int]:
        return [segment.events for segment in self.segments()]

    def log(self) -> list[RecordedEvent]:
        return [r for p in self.elsewhere.all_partitions for r in store.log.read(self.elsewhere, p)]

    def left_over(self) -> set[str]:
        """Files that are not in use."""
        return archives.files(self.elsewhere) - {s.file.name for s in self.segments()}


@pytest.fixture
async def office(
    database: Database, database_url: str, open_again: Callable[[], Database], tmp_path: Path
) -> AsyncIterator[Office]:
    """Files are in a directory that was said, or within PostgreSQL."""
    archive_place.settle(database, tmp_path / "archive" if database.dialect == "sqlite" else None)
    office = Office(desk=make_desk(database), url=database_url, elsewhere=open_again())
    yield office
    await office.desk.ingest.close(10)


async def test_old_events_go_into_files_and_nobody_notices(office: Office) -> None:
    await office.lived(12)
    archiving, before, figures = office.start(), office.log(), tables(office.elsewhere)
    office.desk.clock.time += HOUR
    await archiving.look()
    assert office.sizes() == [5, 5]
    assert office.log() == before
    assert tables(office.elsewhere) == figures
    office.desk.message(2_000)
    office.desk.message(2_001)
    await office.desk.ingest.flush()
    office.desk.check()


async def test_within_postgresql_events_of_an_hour_ago_go_unasked_and_into_a_directory_none_do(office: Office) -> None:
    await office.lived(12)
    archiving, is_inside = office.start("auto"), archive_place.is_inside(office.elsewhere)
    for number in range(7):
        office.desk.message(2_000 + number)
    await office.desk.ingest.flush()
    office.desk.clock.time += HOUR - MINUTE
    await archiving.look()
    assert office.sizes() == ([5, 5] if is_inside else [])
    office.desk.clock.time += HOUR + MINUTE
    await archiving.look()
    assert (len(office.sizes()) > 2) == is_inside
    office.desk.check()


async def test_without_pyarrow_nothing_goes_unasked(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await office.lived(12)
    archiving = office.start("auto")
    office.desk.clock.time += HOUR
    with monkeypatch.context() as patch:
        patch.setattr("store.archive_unasked.find_spec", lambda _: None)
        await archiving.look()
    assert office.sizes() == []
    office.desk.clock.time += HOUR
    await archiving.look()
    assert office.sizes() == ([5, 5] if archive_place.is_inside(office.elsewhere) else [])


async def test_a_message_that_is_archived_is_still_known_to_the_bot(office: Office) -> None:
    await office.lived(12)
    archiving = office.start()
    office.desk.clock.time += HOUR
    office.desk.message(2_000)
    await office.desk.ingest.commit()  # what is archived was looked up before
    await archiving.look()
    again = make_desk(office.desk.database)
    again.clock.time = office.desk.clock.time
    for desk in (office.desk, again):
        desk.ingest._older.clear()  # so many came in between that it does not remember
        desk.ingest._recent.clear()
        desk.message(1_000)
        await desk.ingest.flush()
    assert len([r for r in office.log() if r.event.id == "message:1000"]) == 1
    office.desk.check()
    await again.ingest.close(10)


async def test_by_itself_it_makes_full_files_only_and_a_wish_takes_the_rest_at_once(office: Office) -> None:
    await office.lived(12)
    archiving, now = office.start(), office.desk.clock.time
    await archiving.look()
    assert office.sizes() == []  # a start has not settled yet
    archive_wishes.ask(office.elsewhere, Ms(now - 39 * DAY))
    await archiving.look()
    assert office.sizes() == [5, 5, 3]  # twelve messages and a tick
    assert archive_wishes.wish(office.elsewhere) is None


async def test_the_same_wish_can_be_made_again(office: Office) -> None:
    await office.lived(3)
    archiving, before = office.start(None), Ms(office.desk.clock.time - DAY)
    for sizes in ([4], [4, 2]):  # the messages and a tick
        archive_wishes.ask(office.elsewhere, before)
        await archiving.look()
        assert office.sizes() == sizes
        office.desk.clock.time = before - HOUR
        office.desk.message(2_000 + len(sizes))
        await office.desk.ingest.flush()


async def test_what_nobody_asked_for_is_not_done(office: Office) -> None:
    await office.lived(12)
    archiving = office.start(None)
    office.desk.clock.time += DAY
    await archiving.look()
    assert (office.sizes(), office.left_over()) == ([], set())


async def test_the_wish_is_carried_out_by_a_process_of_its_own_and_the_bot_does_not_load_what_that_needs(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.lived(12)
    before = office.log()
    archive_wishes.ask(office.elsewhere, Ms(office.desk.clock.time - 39 * DAY))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)  # importing it fails
        patch.setitem(sys.modules, "numpy", None)
        await office.start(None, apart=True).look()
    assert office.sizes() == [5, 5, 3]
    assert office.log() == before
    office.desk.check()


async def test_events_come_in_and_are_flushed_while_a_file_is_written(office: Office) -> None:
    await office.lived(12)
    written, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        written.set()
        await go_on.wait()

    office.meanwhile.append(wait)
    archiving = office.start()
    office.desk.clock.time += HOUR
    looking = asyncio.create_task(archiving.look())
    await written.wait()
    office.desk.join(7)
    office.desk.clock.time += HOUR
    assert await office.desk.ingest.flush()
    assert office.sizes() == []
    go_on.set()
    await looking
    assert office.sizes() == [5, 5]
    office.desk.check()


async def test_a_name_that_is_erased_while_its_file_is_written_is_in_no_file(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="tracker.archive")
    office.desk.ingest.accept(office.desk.fact(MemberJoined(name="Min-jun"), 1, None))
    await office.lived(12)

    async def erase() -> None:
        traces = personal.read_traces(office.elsewhere, GUILD, UserId(1))
        await office.desk.ingest.write(lambda: personal.erase(office.desk.database, GUILD, UserId(1), traces))

    office.meanwhile.append(erase)
    archiving = office.start()
    office.desk.clock.time += HOUR
    await archiving.look()
    assert "something was erased from the log" in caplog.messages[0]
    assert (office.sizes(), office.left_over()) == ([], set())
    office.desk.clock.time += HOUR
    await archiving.look()
    assert office.sizes() == [5, 5]
    assert "Min-jun" not in repr(office.log())
    assert not any(b"Min-jun" in segment.file.read() for segment in office.segments())


async def test_ended_in_the_middle_it_leaves_what_the_next_archiving_clears_away(office: Office) -> None:
    await office.lived(12)
    before, written = office.log(), asyncio.Event()

    async def wait() -> None:
        written.set()
        await asyncio.Event().wait()

    async def nothing() -> None:
        """The first file is put into use."""

    office.meanwhile += [nothing, wait]
    archiving = office.start()
    office.desk.clock.time += HOUR
    looking = asyncio.create_task(archiving.look())
    await written.wait()
    await archiving.close()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert (office.sizes(), len(office.left_over())) == ([5], 1)
    again = office.start()
    office.desk.clock.time += HOUR
    await again.look()
    assert (office.sizes(), office.left_over()) == ([5, 5], set())
    assert office.log() == before


async def test_a_process_that_cannot_do_it_says_why_and_it_is_tried_again_in_an_hour(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="tracker.archive")
    await office.lived(12)
    office.url = "sqlite:////nowhere/at/all.db"
    archiving = office.start(apart=True)
    office.desk.clock.time += HOUR
    await archiving.look()
    await archiving.look()
    assert caplog.messages == [
        "old events are not archived now: database /nowhere/at/all.db is not there; trying again in an hour"
    ]
    assert (office.sizes(), office.left_over()) == ([], set())


async def test_who_is_forgotten_has_files_written_anew_while_the_writer_does_other_things(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.desk.ingest.accept(office.desk.fact(MemberJoined(name="Min-jun"), 1, None))
    await office.lived(12)
    archiving, write, by = office.start(), archive_files.write, list[str]()
    office.desk.clock.time += HOUR
    await archiving.look()
    assert "Min-jun" in repr(office.log())

    def noted(*given: Any) -> archive_files.Content:
        by.append(threading.current_thread().name.split("_")[0])
        return write(*given)

    monkeypatch.setattr(archive_files, "write", noted)
    reader = Reader(office.desk.database, office.desk.clock)
    await Personal(office.desk.database, office.desk.ingest, reader).forget(GUILD, UserId(1), opt_out=False)
    reader.close()
    assert by == ["reader"]
    assert "Min-jun" not in repr(office.log())
    assert office.left_over() == set()

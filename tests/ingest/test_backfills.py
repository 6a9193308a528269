"""History that is appended beside a running ingest: the fold passes it over, and nothing of it is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable

import store.backfills
import store.log
import store.rebuild
import store.state
from store.backfills import Backfill, Place
from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD
from tracker.events.envelope import Event
from tracker.events.message import MessageSent, message_sent_id
from tracker.ids import ChannelId, MessageId, Ms, UserId, partition_of
from tracker.ingest.backfills import Backfills
from tracker.ingest.reader import Reader

DAY = 86_400_000
PLACE = Place(channel_id=ChannelId(20), name="chat", before=MessageId(1 << 60))


class Beside:
    """A desk, and a reading of the past beside it."""

    def __init__(self, database: Database) -> None:
        self.desk = make_desk(database, commit_ms=0)
        self.reader = Reader(database, self.desk.clock)
        write, read = self.desk.ingest.write, self.reader.read
        self.book = Backfills(database, self.desk.clock, None, write=write, read=read)
        now = self.desk.clock.now()
        self.wanted = Backfill(guild_id=GUILD, run=now, since=Ms(now - 30 * DAY), until=now)

    async def begin(self) -> None:
        await self.book.begin(await self.book.ask(self.wanted), [PLACE])

    def old(self, number: int, *, user: int = 1, days: int = 3) -> Event:
        """A message of the past."""
        return Event(
            id=message_sent_id(number),
            guild_id=GUILD,
            user_id=UserId(user),
            channel_id=ChannelId(20),
            occurred_at=Ms(self.desk.clock.now() - days * DAY),
            data=MessageSent(),
        )

    async def append(self, *events: Event) -> int:
        return await self.book.append(self.wanted, PLACE, events, messages=len(events), before=MessageId(1), over=False)

    async def end(self) -> None:
        self.reader.close()
        assert await self.desk.ingest.close(5)


def messages(desk: Desk) -> int:
    """Messages in the tables."""
    with desk.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT COALESCE(SUM(messages), 0) FROM totals").scalar_one())


def fresh(database: Database) -> None:
    """What a start does first: count the marked guilds anew. Then nothing may differ from the log."""
    store.rebuild.rebuild(database, guilds=store.rebuild.marked(database))
    store.log.check_contiguity(database)
    assert store.rebuild.marked(database) == set()
    assert store.rebuild.verify(database) == []


async def test_the_fold_passes_history_over_and_a_flush_right_after_moves_the_checkpoint_past_it(
    database: Database,
) -> None:
    beside = Beside(database)
    desk = beside.desk
    await beside.begin()
    desk.message(101)
    await desk.ingest.flush()
    desk.message(102)  # waits in the buffer while history is appended in front of it
    assert await beside.append(beside.old(1), beside.old(2, user=2)) == 2
    await desk.ingest.flush()
    assert messages(desk) == 2  # the past is not in it, nor is anything twice
    partition = partition_of(GUILD, database.partitions)
    assert store.state.checkpoints(database)[partition].position == store.log.head(database)[partition]
    assert store.rebuild.marked(database) == {GUILD}
    await beside.append(beside.old(3))
    await desk.ingest.flush()
    await beside.end()
    fresh(database)
    assert messages(desk) == 5


async def test_a_message_that_comes_live_while_it_is_read_back_counts_once(database: Database) -> None:
    beside = Beside(database)
    desk = beside.desk
    await beside.begin()
    desk.message(100)
    await desk.ingest.flush()
    desk.message(101)  # folded, and not in the log yet when the reading appends it
    assert await beside.append(beside.old(101, days=0), beside.old(1)) == 2
    await desk.ingest.flush()
    assert messages(desk) == 2
    assert await beside.append(beside.old(100), beside.old(101)) == 0
    await beside.end()
    fresh(database)
    assert messages(desk) == 3


async def test_a_message_that_comes_live_after_it_was_read_back_counts_once(database: Database) -> None:
    """Discord sends it again, late: the log knows it, so the fold is taken from the log."""
    beside = Beside(database)
    desk = beside.desk
    await beside.begin()
    await beside.append(beside.old(101, days=0), beside.old(1))
    desk.message(102)
    await desk.ingest.commit()
    desk.message(101)
    desk.message(103)
    await desk.ingest.flush()
    assert store.rebuild.marked(database) == {GUILD}
    assert desk.fatal == []
    await beside.end()
    fresh(database)
    assert messages(desk) == 4
    assert len(desk.logged()) == len({e.id for e in desk.logged()})


async def test_after_a_death_right_behind_a_page_nothing_is_lost_or_doubled(
    database: Database, open_again: Callable[[], Database]
) -> None:
    beside = Beside(database)
    await beside.begin()
    beside.desk.message(101)
    await beside.desk.ingest.flush()
    beside.desk.message(102)
    await beside.append(beside.old(1), beside.old(2))
    await beside.desk.ingest.commit()  # and no flush: the process is gone
    next_one = open_again()
    fresh(next_one)
    after = Beside(next_one)
    after.desk.clock.time += 1000
    assert await after.append(after.old(1), after.old(2)) == 0
    after.desk.message(103)
    await after.desk.ingest.flush()
    assert messages(after.desk) == 5
    await after.end()
    assert store.rebuild.verify(next_one) == []
    await beside.end()

"""What a fold apart says of the guilds it counted, where a part of the log is archived."""

from __future__ import annotations

from pathlib import Path

from store import rebuild, state
from store.archive_moving import archive_before
from store.engine import Database
from store.exchanging import Exchange, loaded
from store.log import head
from store.recounting import fold_marked
from tests.store.living import Writer
from tests.store.support import GUILD, START, fact
from tracker.events.message import MessageSent
from tracker.events.ticks import TrackerLost
from tracker.ids import Ms, partition_of

MINUTE = 60_000
LOST = 10 * MINUTE


def test_history_older_than_what_is_archived_is_not_folded_on_top_of_it(database: Database, tmp_path: Path) -> None:
    """The guild is not seen, so nothing but its newest event tells whether what came meanwhile is in order."""
    partition, path = partition_of(GUILD, database.partitions), tmp_path / "scratch.db"
    writer = Writer(database)
    writer.write([fact(user=1), fact(TrackerLost(), user=None, channel=None, at=LOST)])
    writer.flush(START + 2 * LOST)
    archive_before(database, Ms(START + LOST + 1), now=Ms(START + 3 * LOST), folder=tmp_path / "archive", lease=None)
    late = [fact(MessageSent(), user=1, event_id=f"message:{n}", at=n * MINUTE) for n in (1, 5)]
    rebuild.append_history(database, late[:1], recorded_at=START, newest={})
    writer = Writer(database)
    writer.flush(START + 3 * LOST)
    counted = fold_marked(database, partition, [GUILD], state.checkpoints(database)[partition], path)
    assert counted.newest == {GUILD: START + LOST}
    rebuild.append_history(database, late[1:], recorded_at=START, newest={})
    exchange = Exchange(database, counted, path, loaded(database, counted, path), [GUILD])
    exchange.approach(head(database)[partition])
    assert exchange.obstacles == {GUILD: "more of its history came meanwhile"}

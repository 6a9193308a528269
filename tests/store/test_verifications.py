"""What the last comparison found is known to the next start."""

from __future__ import annotations

from store import verifications
from store.engine import Database, open_database
from store.verifications import Verification
from tracker.ids import Ms

FIRST = Verification(at=Ms(5), events=10)
SECOND = Verification(at=Ms(9), events=20, differences=3, guilds=2, more=True)


def test_only_the_newest_is_kept(database: Database, database_url: str) -> None:
    assert verifications.last(database) is None
    verifications.note(database, FIRST)
    assert verifications.last(database) == FIRST
    verifications.note(database, SECOND)
    again = open_database(database_url)
    assert verifications.last(again) == SECOND
    assert again.partitions == database.partitions
    again.close()


def test_differences_that_were_mended_are_not_known_any_more(database: Database) -> None:
    verifications.mended(database)
    verifications.note(database, FIRST)
    verifications.mended(database)
    assert verifications.last(database) == FIRST
    verifications.note(database, SECOND)
    verifications.mended(database)
    assert verifications.last(database) is None


def test_one_that_cannot_be_read_is_none(database: Database) -> None:
    verifications.note(database, FIRST)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE tracker_info SET value = '{}' WHERE name = 'verified'")
    assert verifications.last(database) is None

"""A process that spoils the read models and rebuilds them from the log, for ever: to be killed.

`python -m tests.store.rebuilding_log ADDRESS`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from store import rebuild
from store.engine import Database, open_database
from tests.store.support import GUILD, OTHER_GUILD, fact
from tracker.events.envelope import Event
from tracker.events.message import MessageSent
from tracker.events.rule import SeasonStarted
from tracker.events.voice import VoiceLeft

__all__ = ["history", "spoil"]

MINUTE = 60_000


def history() -> Iterator[Event]:
    """Two guilds; the events of the second one are in no order."""
    for guild, sign in ((GUILD, 1), (OTHER_GUILD, -1)):
        yield fact(SeasonStarted(name="spring"), user=None, channel=None, guild=guild, at=-100 * MINUTE)
        for n in range(40):
            yield fact(user=n, guild=guild, at=sign * n * MINUTE)
            yield fact(MessageSent(), user=n, guild=guild, at=sign * n * MINUTE + 1, event_id=f"message:{guild + n}")
            yield fact(VoiceLeft(), user=n, guild=guild, at=sign * n * MINUTE + 30_000)


def spoil(db: Database) -> None:
    """Wrong figures in one transaction."""
    with db.write() as connection:
        for statement in (
            "UPDATE daily SET messages = 9",
            "UPDATE totals SET messages = 9",
            "UPDATE sessions SET exp = 9",
            "UPDATE sessions SET day = 20200101",
        ):
            connection.exec_driver_sql(statement)


def main(address: str) -> None:
    """Goes on until it is killed."""
    db = open_database(address)
    print("ready", flush=True)
    while True:
        spoil(db)
        rebuild.rebuild(db)


if __name__ == "__main__":
    main(sys.argv[1])

"""The town with the real ingest, and a past that nobody counted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import store.backfills
import store.rebuild
from store.backfills import Backfill, Progress
from tests.discord.house import until
from tests.discord.ruled import RuledHouse
from tracker.discord.backfill import Backfiller
from tracker.discord.backfill_reading import Patience
from tracker.discord.bot import Front
from tracker.ids import Ms
from tracker.ingest.backfills import Backfills
from tracker.ingest.posts import Posts
from tracker.ingest.previews import Previews
from tracker.ingest.reader import Reader
from tracker.ingest.rules import Rules
from tracker.sandbox import Channel, Member, Message

__all__ = ["DAY", "BackfillHouse"]

DAY = 86_400_000


class BackfillHouse(RuledHouse):
    """A house whose admin, Boss, has the past read."""

    def new_front(self) -> Front:
        desk = self.desk
        reader = Reader(desk.database, desk.clock)
        self.posts = Posts(desk.database, desk.ingest)
        self.book = Backfills(desk.database, desk.clock, None, write=desk.ingest.write, read=reader.read)
        return Front(
            token=self.sandbox.token,
            intake=desk.ingest,
            reader=reader,
            rules=Rules(desk.ingest),
            previews=Previews(desk.database, desk.clock, reader),
            backfills=self.book,
            owe_backfill=partial(self.posts.owe_post, kind="backfill"),
            rest_url=self.sandbox.rest_url,
        )

    @property
    def backfiller(self) -> Backfiller:
        found = self.front._backfiller
        assert found is not None
        return found

    def hurry(self) -> None:
        """No pauses: neither between looks and edits, nor before another try."""
        self.backfiller._look_s = self.backfiller._edit_every_s = 0.01
        self.backfiller._patience = Patience(first_s=0.01, longest_s=0.01)

    def wrote(self, who: Member, where: Channel, days_ago: float, count: int = 1, **how: Any) -> list[Message]:
        """Messages of the past, 25 s apart: some of them come under the cooldown."""
        first = int(self.desk.clock.now() - days_ago * DAY)
        return [self.world.write_history(who, where, Ms(first + n * 25_000), **how) for n in range(count)]

    def wanted(self, days: int = 30, **how: Any) -> Backfill:
        now = self.desk.clock.now()
        return Backfill(guild_id=self.guild_id, run=now, since=Ms(now - days * DAY), until=now, **how)

    async def over(self, before: Backfill | None = None) -> Backfill:
        """The newest reading, once it is over. `before`: the one that was the newest until now."""
        find = partial(store.backfills.latest, self.desk.database, self.guild_id)
        run = 0 if before is None else before.run
        await until(lambda: (found := find()) is not None and found.run > run and found.ended_at is not None)
        await until(lambda: self.guild_id not in self.backfiller._running)  # its summary is owed
        found = find()
        assert found is not None
        return found

    def progress(self, wanted: Backfill) -> Progress:
        return store.backfills.progress(self.desk.database, wanted)

    def logged_messages(self) -> Mapping[int, Any]:
        """The messages in the log, by id: (who, channel, thread, attachments, reply, when)."""
        found: dict[int, Any] = {}
        for event in self.desk.logged(self.guild_id):
            if event.type == "message.sent":
                number = int(event.id.removeprefix("message:"))
                assert number not in found
                data: Any = event.data
                about = (event.user_id, event.channel_id, data.thread_id, data.attachments, data.reply)
                found[number] = (*about, event.occurred_at)
        return found

    def rebuild(self) -> None:
        """What counting anew makes of it (with nobody else writing)."""
        store.rebuild.rebuild(self.desk.database, guilds=store.rebuild.marked(self.desk.database))

"""However history comes, and whenever it is counted: what is there in the end is what a rebuild of all of it gives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import store.rebuild
from store.engine import Database
from store.exchanging import Exchange
from store.recounting import Counted, fold_marked
from tests.examples import examples
from tests.ingest.support import make_desk
from tests.properties.communities import GUILD as STORY_GUILD
from tests.properties.communities import MEMBERS, Community, communities
from tests.properties.documents import CHANNELS
from tests.store.living import tables
from tests.store.test_rebuild import emptied
from tracker.events.envelope import Event
from tracker.events.interaction import InteractionUsed
from tracker.events.voice import VoiceJoined
from tracker.ids import EventId, Ms, Partition, mint_event_id
from tracker.ingest.recount import Recount
from tracker.ingest.recount_worker import Request

HOUR = 3_600_000


class Play:
    """A community's history: some of it live, some of it brought by another process, in an order made of dice."""

    def __init__(self, database: Database, elsewhere: Database, community: Community, dice: Random) -> None:
        self.desk = make_desk(database)
        self.elsewhere = elsewhere
        self.community = community
        self.dice = dice
        share = dice.random()
        late = [dice.random() < share for _ in community.events]
        self.live = [e for e, is_late in zip(community.events, late, strict=True) if not is_late]
        self.late = [e for e, is_late in zip(community.events, late, strict=True) if is_late]
        self.turn = asyncio.Event()
        self.over = False
        self.plain = self.desk.ingest.exchange
        self.desk.ingest.exchange = self.exchange  # type: ignore[method-assign]
        clock = count(step=100_000)
        self.recount = Recount(database, "", self.desk.ingest, fold=self.fold, timer=lambda: float(next(clock)))

    async def fold(self, request: Request) -> Counted:
        """In another process it takes its time; the others go on meanwhile."""
        parts = (request.partition, request.guilds, request.checkpoint, request.path)
        await self.turns()
        counted = await asyncio.to_thread(fold_marked, self.elsewhere, *parts)
        await self.turns()
        return counted

    async def exchange(self, partition: Partition, exchange: Exchange | None = None) -> bool:
        """While the database writes, more comes in."""
        writing = asyncio.create_task(self.plain(partition, exchange))
        while not writing.done():
            self.turn.set()
            await asyncio.sleep(0.0005)
        return await writing

    async def turns(self) -> None:
        """Whoever brings events has some turns."""
        for _ in range(self.dice.randrange(5)):
            self.turn.set()
            await asyncio.sleep(0.001)

    async def wait(self) -> None:
        """Until the recount has come further, if there is one that does; or not at all."""
        if self.dice.random() < 0.6:
            self.turn.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.turn.wait(), 0.05)
        elif self.dice.random() < 0.5:
            await asyncio.sleep(0)

    def bring(self) -> None:
        """Another process appends some of the history that is over by now, not always the oldest first."""
        known = [e for e in self.late if e.occurred_at <= self.desk.clock.time]
        chosen = set(self.dice.sample(range(len(known)), self.dice.randint(0, len(known))))
        batch = [e for n, e in enumerate(known) if n in chosen]
        self.late = [e for e in self.late if e not in batch]
        now = self.desk.clock.now()
        store.rebuild.append_history(self.elsewhere, batch, recorded_at=now, newest={})

    async def run(self) -> None:
        counting = asyncio.create_task(self.count())
        for event in self.live:
            self.desk.clock.time = event.occurred_at
            self.desk.ingest.accept(event)
            act = self.dice.randrange(8)
            if act == 0:
                await self.desk.ingest.flush()
            elif act == 1:
                await self.desk.ingest.commit()
            elif act == 2:
                self.bring()
            await self.wait()
        self.over = True
        await counting
        self.desk.clock.time = self.community.until
        await self.finish()
        await self.go_on()
        await self.recount.close()
        await self.desk.ingest.close(10)

    async def count(self) -> None:
        """Again and again; whenever nobody is marked, everything is right."""
        while not self.over:
            await self.recount._look()
            await asyncio.sleep(0.001)
            if self.dice.random() < 0.4 and not store.rebuild.marked(self.elsewhere):
                await self.desk.ingest.flush()
                found = store.rebuild.verify(self.elsewhere)
                assert found == [] or store.rebuild.marked(self.elsewhere)

    async def finish(self) -> None:
        """Who is marked is counted in the end."""
        if self.dice.random() < 0.3:
            self.bring()
        await self.desk.ingest.flush()
        for _ in range(5):
            await self.recount._look()
        assert store.rebuild.marked(self.elsewhere) == set()
        self.check()

    async def go_on(self) -> None:
        """And what comes then finds the state that a restart would find."""
        for user in MEMBERS[:3]:
            self.desk.clock.time += HOUR
            self.desk.ingest.accept(self.fact(VoiceJoined(), user), self.fact(InteractionUsed(command="x"), user))
        self.desk.clock.time += HOUR
        await self.desk.ingest.flush()
        self.check()

    def fact(self, data: object, user: int | None = None) -> Event:
        at = self.desk.clock.now()
        return Event(
            id=EventId(mint_event_id(at)),
            guild_id=STORY_GUILD,
            user_id=user,  # type: ignore[arg-type]
            channel_id=None if user is None else CHANNELS[0],  # type: ignore[arg-type]
            occurred_at=Ms(at),
            data=data,  # type: ignore[arg-type]
        )

    def check(self) -> None:
        assert not self.desk.fatal
        assert store.rebuild.verify(self.elsewhere) == []
        before = tables(self.elsewhere)
        store.rebuild.rebuild(self.elsewhere)
        assert tables(self.elsewhere) == before


@settings(
    max_examples=examples(12),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[p for p in Phase if p is not Phase.explain],
)
@given(community=communities(moves=25), seed=st.integers(0, 1_000_000))
def test_whatever_comes_late_and_whenever_it_is_counted_the_end_is_the_same(
    database: Database, open_again: Callable[[], Database], tmp_path: Path, community: Community, seed: int
) -> None:
    emptied(database)
    elsewhere = open_again()
    try:
        asyncio.run(Play(database, elsewhere, community, Random(seed)).run())
    finally:
        elsewhere.close()

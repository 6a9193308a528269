"""A replay's rows are those of the events in canonical order, whatever order the log has them in."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import columns_everywhere, log, rebuild, replay, replay_feed, replay_kernel
from store.columns import EventColumns, LogReader, Source
from store.engine import Database
from store.gathered import Gathered
from store.replay import Preset, Replay
from store.replay_ahead import read_ahead
from store.replay_folding import fold_all
from store.shadow import Shadow
from tests.oracle.tables import TableStore
from tests.properties.communities import Community, communities
from tests.properties.documents import documents
from tests.properties.folding import fold
from tests.store.living import tables
from tests.store.support import fact
from tests.store.test_rebuild import HISTORIES, emptied
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberForgotten, MemberJoined, MemberRenamed, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent, message_id_of, message_sent_id
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import ChannelId, EventId, GuildId, MessageId, Ms, Partition, RoleId, UserId, partition_of
from tracker.projections.kernel.compiled import Compiled
from tracker.projections.memory import Memory
from tracker.projections.rows import TABLES, Row

MINUTE, HOUR = 60_000, 3_600_000


class ByFives(LogReader):
    """Reads a log of a few events as if it were long."""

    def batches(self, partition: Partition, **how: Any) -> Iterator[EventColumns]:
        return super().batches(partition, **{**how, "rows": 5})


@pytest.fixture
def handing_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever can be handed over is, after every few events; and there are as many groups as can be."""
    monkeypatch.setattr(replay, "_MOST_WAITING", 0)
    monkeypatch.setattr(replay, "_GROUP", 3)
    monkeypatch.setattr(replay_feed, "_AT_ONCE", 4)
    monkeypatch.setattr(columns_everywhere, "_MANY", 1)
    monkeypatch.setattr(columns_everywhere, "_ROWS", 5)


Tables = dict[str, list[Row]]


def three_guilds(db: Database) -> list[GuildId]:
    """Two of one partition, and one of another if there is any."""
    first, *others = (GuildId(n << 22) for n in range(1, 1000))
    home = partition_of(first, db.partitions)
    beside = [guild for guild in others if partition_of(guild, db.partitions) == home]
    away = [guild for guild in others if partition_of(guild, db.partitions) != home]
    return [first, beside[0], (away or beside[1:])[0]]


def moved_to(guild: GuildId, events: Sequence[Event]) -> list[Event]:
    """The same happens in that guild, by other messages."""
    return [_moved(event, guild) for event in events]


def _moved(event: Event, guild: GuildId) -> Event:
    data, name = event.data, f"{event.id}-{guild}"
    if isinstance(data, MessageSent):
        name = message_sent_id(_other(message_id_of(event.id), guild))
    if isinstance(data, MessageDeleted):
        data = replace(data, message_id=_other(data.message_id, guild))
    return replace(event, guild_id=guild, id=EventId(name), data=data)


def _other(message: int, guild: GuildId) -> MessageId:
    return MessageId(message + (guild >> 22 << 12))


def replayed(
    db: Database, as_of: int, *, kernel: Compiled | None = None, source: Source | None = None, **how: Any
) -> Tables:
    """The rows of a replay of the whole log."""
    found: dict[str, list[Row]] = {}
    for partition, head in log.head(db).items():
        if head:
            gathered = Gathered()
            with Replay(ByFives(db, source=source), partition, gathered, kernel=kernel, **how) as one:
                one.read(head)
                one.finish(as_of)
            for name, rows in gathered.rows().items():
                found.setdefault(name, []).extend(rows)
    return {name: sorted(rows) for name, rows in found.items()}


def in_shadow(db: Database, until: int, kernel: Compiled | None = None) -> Tables:
    """The rows of a replay of the whole log that went through shadow tables."""
    with Shadow.create(db, db.all_partitions) as shadow:
        heads, reader = {p: head for p, head in sorted(log.head(db).items()) if head}, ByFives(db)
        several = [(Replay(reader, p, shadow, kernel=kernel, jobs=2), head) for p, head in heads.items()]
        assert [one for one, _ in fold_all(read_ahead(reader, several, None, jobs=2), lambda _: until)] == [
            one for one, _ in several
        ]
        shadow.finish()
        shadow.check()
        with db.write() as connection:
            shadow.swap(connection)
    return {name: rows for name, rows in tables(db).items() if rows}


def as_logged(events: Iterable[Event]) -> list[Event]:
    """Events in the log's order, with those known to it: whoever is forgotten is nobody up to there in the log."""
    known = list(events)
    until: dict[int | None, int] = {e.user_id: i for i, e in enumerate(known) if isinstance(e.data, MemberForgotten)}
    subjects: dict[tuple[int, int | None], UserId] = {}
    said = []
    for i, event in enumerate(known):
        if i <= until.get(event.user_id, -1):
            times = sum(isinstance(e.data, MemberForgotten) and e.user_id == event.user_id for e in known[:i])
            nobody = subjects.setdefault((times, event.user_id), UserId(-1 - len(subjects)))
            said.append(replace(event, user_id=nobody))
        else:
            said.append(event)
    return said


def by_event(events: Sequence[Event], until: int) -> Tables:
    """The rows that folding the log's events one by one gives, in the order in which they occurred."""
    in_order = sorted(as_logged(events), key=lambda e: e.occurred_at)
    store: TableStore = fold(in_order, until)
    return {name: rows for name in TABLES if (rows := store.rows(name))}


def united(*parts: Tables) -> Tables:
    """The rows of all of them."""
    rows = {name: sorted(row for part in parts for row in part.get(name, [])) for name in TABLES}
    return {name: found for name, found in rows.items() if found}


def shuffled(events: Sequence[Event], order: Random) -> list[Event]:
    """In any order, but events of one instant keep theirs: nothing else says which of them came first."""
    by_instant: dict[int, list[Event]] = {}
    for event in events:
        by_instant.setdefault(event.occurred_at, []).append(event)
    groups = list(by_instant.values())
    order.shuffle(groups)
    return [event for group in groups for event in group]


def unlinked(db: Database) -> None:
    """A flush has deleted the rows of those who were forgotten, and the log's only way to them."""
    with db.write() as connection:
        connection.exec_driver_sql("DELETE FROM subjects WHERE retired <> 0")


@HISTORIES
@given(
    community=communities(moves=25),
    order=st.randoms(use_true_random=False),
    compile_it=st.booleans(),
    flushed=st.booleans(),
)
def test_a_disordered_guild_is_folded_again_and_what_was_handed_over_of_it_counts_for_nothing(
    database: Database,
    kernel: Compiled,
    handing_over: None,
    community: Community,
    order: Random,
    compile_it: bool,
    flushed: bool,
) -> None:
    del handing_over
    emptied(database)
    come = shuffled(community.events, order)
    log.append(database, come, recorded_at=Ms(1))
    if flushed:
        unlinked(database)
    chosen = kernel if compile_it else None
    wanted = by_event(come, community.until)
    assert replayed(database, community.until, kernel=chosen) == wanted
    assert in_shadow(database, community.until, chosen) == wanted


@HISTORIES
@given(
    several=st.lists(communities(moves=14), min_size=3, max_size=3),
    order=st.randoms(use_true_random=False),
    compile_it=st.booleans(),
)
def test_of_several_guilds_only_those_in_disorder_are_folded_again(
    database: Database,
    kernel: Compiled,
    handing_over: None,
    several: list[Community],
    order: Random,
    compile_it: bool,
) -> None:
    """The first and the second guild share a partition, and only the second one's history is in disorder."""
    del handing_over
    emptied(database)
    told = [moved_to(guild, each.events) for guild, each in zip(three_guilds(database), several, strict=True)]
    until = max(community.until for community in several)
    told[1] = shuffled(told[1], order)
    come = [event for events in told for event in events]
    places = order.sample(range(len(come)), len(come)) if order.random() < 0.5 else list(range(len(come)))
    kept = iter(sorted(places[: len(told[0])]))
    appended = log.append(database, _woven(come, len(told[0]), kept), recorded_at=Ms(1))
    assert not appended.duplicates
    chosen = kernel if compile_it else None
    wanted = united(*(by_event(events, until) for events in told))
    assert replayed(database, until, kernel=chosen) == wanted
    assert in_shadow(database, until, chosen) == wanted


def _woven(come: Sequence[Event], count: int, places: Iterator[int]) -> list[Event]:
    """The first `count` events at these places, the others between them; both keep their order."""
    at = dict(zip(places, come[:count], strict=False))
    rest = iter(come[count:])
    return [at[i] if i in at else next(rest) for i in range(len(come))]


@st.composite
def with_a_preset(draw: st.DrawFn) -> tuple[Community, Any]:
    community = draw(communities(moves=25))
    return community, draw(documents(community.zone, community.events[0].occurred_at))


def under(events: Sequence[Event], document: Any) -> list[Event]:
    """As if that document had been in force from the first event on, and nothing else ever."""
    first = replace(min(events, key=lambda e: e.occurred_at), id=EventId("given"), user_id=None, channel_id=None)
    others = [e for e in events if not isinstance(e.data, SettingsChanged)]
    return [replace(first, data=SettingsChanged(settings=document)), *others]


@HISTORIES
@given(drawn=with_a_preset(), order=st.randoms(use_true_random=False), compile_it=st.booleans())
def test_a_preset_is_in_force_from_the_first_event_on_in_whatever_order_they_come(
    database: Database,
    kernel: Compiled,
    handing_over: None,
    drawn: tuple[Community, Any],
    order: Random,
    compile_it: bool,
) -> None:
    del handing_over
    community, document = drawn
    emptied(database)
    come = shuffled(community.events, order)
    log.append(database, come, recorded_at=Ms(1))
    presets = {int(community.events[0].guild_id): Preset(document=document)}
    found = replayed(database, community.until, kernel=kernel if compile_it else None, presets=presets)
    assert found == by_event(under(as_logged(come), document), community.until)


@st.composite
def up_to_an_instant(draw: st.DrawFn) -> tuple[Community, int]:
    community = draw(communities(moves=25))
    instants = [e.occurred_at + draw(st.sampled_from([-1, 0, 1])) for e in community.events]
    return community, draw(st.sampled_from(instants))


@HISTORIES
@given(drawn=up_to_an_instant(), order=st.randoms(use_true_random=False), compile_it=st.booleans())
def test_until_an_instant_nothing_after_it_is_seen_in_whatever_order_it_comes(
    database: Database,
    kernel: Compiled,
    handing_over: None,
    drawn: tuple[Community, int],
    order: Random,
    compile_it: bool,
) -> None:
    del handing_over
    community, until = drawn
    emptied(database)
    come = shuffled(community.events, order)
    log.append(database, come, recorded_at=Ms(1))
    unlinked(database)
    found = replayed(database, until, kernel=kernel if compile_it else None, until=until)
    assert found == by_event([e for e in as_logged(come) if e.occurred_at <= until], until)


def roaming(guild: GuildId, begin: int) -> list[Event]:
    """Days in three zones, roles that come and go with what they are worth, and members of whom only that is known."""

    numbers = count()

    def event(number: int, data: Data, user: int | None = None, channel: int | None = None, name: str = "") -> Event:
        return Event(
            id=EventId(name or f"{guild}-{next(numbers)}"),
            guild_id=guild,
            user_id=None if user is None else UserId(user),
            channel_id=None if channel is None else ChannelId(channel),
            occurred_at=Ms(begin + number * HOUR),
            data=data,
        )

    found = []
    zones = ["Asia/Seoul", "America/New_York", "Pacific/Kiritimati"]
    for n in range(0, 90, 3):
        document = {
            "timezone": zones[n // 15 % 3],
            "messages": {"exp_min": 1, "exp_max": 50, "cooldown_s": 0},
            "multipliers": {"roles": {str(400 + n % 4): 250, "402": 300}},
        }
        roles = tuple(RoleId(400 + bit) for bit in range(4) if n >> bit & 1)
        found += [
            event(n, SettingsChanged(settings=document)),
            event(n, MemberRolesChanged(role_ids=roles), 50 + n % 2),
            event(n + 1, VoiceJoined(), 50 + n % 2, 9),
            event(n + 1, MessageSent(), 51, 8, message_sent_id(MessageId(guild + n))),
            event(n + 2, VoiceLeft(), 50 + n % 2, 9),
            event(n + 2, MemberRenamed(name=f"name {n}"), 50),
            event(n + 2, ExpAdjusted(amount=n - 40), 52),
        ]
    return found


@pytest.mark.parametrize("source", ["driver", "adbc", "pages"])
def test_zones_roles_and_names_that_change_are_those_of_their_time(
    database: Database, kernel: Compiled, handing_over: None, source: Source
) -> None:
    del handing_over
    (guild, other, away), begin = three_guilds(database), 1_772_000_000_000
    told = [roaming(guild, begin), roaming(other, begin)[::-1], roaming(away, begin)]
    log.append(database, [event for events in told for event in events], recorded_at=Ms(1))
    until = begin + 100 * HOUR
    wanted = united(*(by_event(events, until) for events in told))
    assert len({row[1] for row in wanted["daily"]}) > 3
    assert replayed(database, until, source=source) == wanted
    assert replayed(database, until, source=source, kernel=kernel) == wanted
    assert in_shadow(database, until, kernel) == wanted


def test_a_log_that_is_worth_it_is_rebuilt_by_the_compiled_kernel(
    database: Database, kernel: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, guilds = 1_772_000_000_000, three_guilds(database)
    told = [roaming(guilds[0], begin), roaming(guilds[1], begin)[::-1], roaming(guilds[2], begin)]
    log.append(database, [event for events in told for event in events], recorded_at=Ms(1))
    rebuild.rebuild(database)
    plain = tables(database)
    monkeypatch.setattr(replay_kernel, "WORTH_COMPILING", 1)
    calls: list[int] = []

    def run(*arguments: Any) -> int:
        calls.append(1)
        return kernel.run(*arguments)

    monkeypatch.setattr("tracker.projections.kernel.compiled.compiled", lambda: kernel._replace(run=run))
    rebuild.rebuild(database)
    assert calls
    assert tables(database) == plain
    assert rebuild.verify(database) == []


def test_without_numba_everything_is_folded_as_the_kernel_stands(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.projections.kernel.compiled.find_spec", lambda _: None)
    monkeypatch.setattr(replay_kernel, "WORTH_COMPILING", 1)
    assert replay_kernel.kernel_for(10**9) is None
    begin, guilds = 1_772_000_000_000, three_guilds(database)
    told = [roaming(guild, begin) for guild in guilds]
    log.append(database, [event for events in told for event in events], recorded_at=Ms(1))
    rebuild.rebuild(database)
    assert rebuild.verify(database) == []
    until = begin + 91 * HOUR
    found = {name: rows for name, rows in tables(database).items() if rows}
    assert found["totals"] == united(*(by_event(events, until) for events in told))["totals"]


def test_a_log_that_is_too_short_is_folded_as_the_kernel_stands() -> None:
    assert replay_kernel.kernel_for(replay_kernel.WORTH_COMPILING - 1) is None


@pytest.mark.parametrize("compile_it", [False, True])
def test_one_event_that_comes_late_is_enough_for_its_guild_to_be_folded_again(
    database: Database, kernel: Compiled, compile_it: bool
) -> None:
    """None but such as the kernel itself folds."""
    guild, begin = GuildId(9 << 22), 1_772_000_000_000
    common = [e for e in roaming(guild, begin) if not isinstance(e.data, SettingsChanged)]
    come = [*common[:3], *common[4:], common[3]]
    log.append(database, come, recorded_at=Ms(1))
    until = begin + 100 * HOUR
    found = replayed(database, until, kernel=kernel if compile_it else None)
    assert found == by_event(come, until)
    assert found != {name: rows for name in TABLES if (rows := fold(come, until).rows(name))}


@pytest.mark.parametrize("compile_it", [False, True])
def test_of_several_names_the_last_one_is_kept(database: Database, kernel: Compiled, compile_it: bool) -> None:
    guild, begin = GuildId(9 << 22), 1_772_000_000_000
    known = roaming(guild, begin)[5]
    told = [replace(known, id=EventId(f"name-{n}"), data=MemberRenamed(name=f"name {n % 7}")) for n in range(12)]
    told.insert(9, replace(known, id=EventId("joined"), data=MemberJoined(name="joined")))
    log.append(database, told, recorded_at=Ms(1))
    found = replayed(database, begin, kernel=kernel if compile_it else None)
    assert found == by_event(told, begin)
    assert [row[2] for row in found["members"]] == ["name 4"]


def test_replays_may_be_folded_when_all_have_been_read(database: Database) -> None:
    """The last groups are, whenever their threads come to it."""
    begin = 1_772_000_000_000
    come = [event for n in range(1, 9) for event in roaming(GuildId(n << 22), begin)]
    log.append(database, come, recorded_at=Ms(1))
    heads, reader, gathered = {p: head for p, head in log.head(database).items() if head}, ByFives(database), Gathered()
    several = [(Replay(reader, p, gathered, kernel=None), head) for p, head in heads.items()]
    read = list(read_ahead(reader, several, None, jobs=2))
    assert [replay for replay, _ in fold_all(read, lambda _: begin)] == [replay for replay, _ in several]
    assert {name: sorted(rows) for name, rows in gathered.rows().items()} == replayed(database, begin)


def test_a_fold_takes_the_memory_of_those_before_of_other_partitions_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = [fact(MemberJoined(name="n"), guild=n << 22, user=5, channel=None) for n in range(1, 40)]
    log.append(database, joined, recorded_at=Ms(1))
    taken: list[bool] = []

    def noted(heap: array[int] | None) -> Memory:
        taken.append(heap is not None)
        return Memory(heap)

    monkeypatch.setattr(replay, "Memory", noted)
    gathered, reader = Gathered(), ByFives(database)
    heads = {p: head for p, head in log.head(database).items() if head}
    several = [(Replay(reader, p, gathered, kernel=None), head) for p, head in heads.items()]
    for one in read_ahead(reader, several, None, jobs=2):
        one.finish(HOUR)
    assert taken == [False] + [True] * (len(heads) - 1)
    assert len(gathered.rows()["members"]) == len(joined)

"""Columns of the log say what the codec says of each event, whatever source they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from store import columns_read, columns_rows, columns_worker, log
from store.columns import EventColumns, LogReader, Source
from store.columns_copy import can_copy
from store.engine import Database
from tests.examples import examples
from tests.properties.communities import Community, communities
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.errors import LogCorruptError
from tracker.events import kinds
from tracker.events.codec import data_to_json
from tracker.events.envelope import Event, RecordedEvent
from tracker.events.interaction import InteractionUsed
from tracker.events.member import MemberForgotten, MemberJoined, MemberLeft, MemberRenamed, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent, message_id_of, message_sent_id
from tracker.events.rule import ExpAdjusted
from tracker.events.ticks import TrackerTicked, tick
from tracker.events.voice import Flags, VoiceFlagsChanged, VoiceJoined, VoiceMoved
from tracker.ids import ChannelId, GuildId, MessageId, Ms, Partition, RoleId, UserId, partition_of

SOURCES: tuple[Source, ...] = ("driver", "adbc", "copy", "pages")


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, database: Database) -> Source:
    if request.param == "adbc":
        pytest.importorskip("pyarrow")
        pytest.importorskip(f"adbc_driver_{database.dialect}")
    if request.param == "pages":
        pytest.importorskip("numba")
    if request.param == "copy":
        pytest.importorskip("numba")
        if not can_copy():
            pytest.skip("this machine has no binary COPY")
    chosen: Source = request.param
    return chosen


@pytest.fixture
def within(source: Source, monkeypatch: pytest.MonkeyPatch) -> Source:
    """As `source`, but what a process of its own does is done in this one: to start one takes longer than the test."""
    monkeypatch.setattr(columns_read, "chunks_apart", columns_worker.read)
    return source


Row = tuple[int, int, int, int | None, int | None, int, object]
"""position, kind, guild, user, channel, at, arg (of roles: the set)"""


def wanted(recorded: RecordedEvent) -> Row:
    """What the columns must say of an event."""
    event = recorded.event
    return (
        recorded.position,
        kinds.KINDS[event.type],
        event.guild_id,
        event.user_id,
        event.channel_id,
        event.occurred_at,
        arg(event),
    )


def arg(event: Event) -> object:
    """By the contract."""
    match event.data:
        case VoiceJoined(flags=flags) | VoiceMoved(flags=flags) | VoiceFlagsChanged(flags=flags):
            return flags
        case MessageSent():
            return message_id_of(event.id)
        case MessageDeleted(message_id=message):
            return message
        case MemberJoined(bot=bot):
            return int(bot)
        case MemberRolesChanged(role_ids=roles):
            return roles
        case ExpAdjusted(amount=amount):
            return amount
        case TrackerTicked(as_of=as_of):
            return as_of
    return 0


def rows_of(reader: LogReader, partition: Partition, batches: Iterable[EventColumns]) -> Iterator[Row]:
    """The columns as rows, members named as the log's readers name them."""
    users = reader.users(partition)
    for batch in batches:
        for i in range(len(batch)):
            subject, kind, number = int(batch.subject[i]), int(batch.kind[i]), int(batch.arg[i])
            user = int(users[subject] if subject < len(users) else 0) or -subject
            yield (
                int(batch.position[i]),
                kind,
                int(batch.guild[i]),
                user if subject else None,
                int(batch.channel[i]) or None,
                int(batch.at[i]),
                reader.role_sets[number] if kind == kinds.ROLES_CHANGED else number,
            )


def check(db: Database, source: Source, *, rows: int = 500_000) -> None:
    """Every partition: columns, texts and events are those of `store.log`."""
    reader = LogReader(db, source=source)
    for partition, upto in log.head(db).items():
        if not upto:
            continue
        recorded = list(log.read(db, partition))
        found = list(reader.batches(partition, upto=upto, rows=rows))
        assert list(rows_of(reader, partition, found)) == [wanted(r) for r in recorded]
        assert [batch.event(i) for batch in found for i in range(len(batch))] == recorded
        assert [batch.text(i) for batch in found for i in range(len(batch))] == [
            data_to_json(r.event.data) for r in recorded
        ]
        assert all(0 < len(batch) <= rows for batch in found)


@pytest.mark.long  # the first of them may have to compile all that reads
@settings(
    max_examples=examples(5),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(community=communities())
def test_a_community_reads_in_columns_as_it_reads_by_the_codec(
    database: Database, within: Source, community: Community
) -> None:
    # One database for all examples: each community's ids are made anew in the name of its example.
    mark = sum(log.head(database).values())
    log.append(database, [renamed(e, mark) for e in community.events], recorded_at=Ms(community.until))
    check(database, within, rows=7 + mark)


def renamed(event: Event, mark: int) -> Event:
    """The event under another id, if its id says nothing."""
    if ":" in event.id:
        return event
    return fact(
        event.data, at=event.occurred_at - START, user=event.user_id, guild=event.guild_id,
        channel=event.channel_id, event_id=f"{event.id}-{mark}",
    )  # fmt: skip


HOME_EVENTS = [
    fact(MemberJoined(name="김\"민\\준'🎙️\n"), channel=None),
    fact(MemberJoined(name="robot", bot=True), channel=None, user=21),
    fact(MemberRenamed(name="x" * 300), channel=None),
    fact(MemberLeft(name="민준"), channel=None),
    fact(VoiceJoined(flags=Flags(127), reason="observed"), at=9),
    fact(VoiceMoved(from_channel_id=ChannelId(901), flags=Flags(3)), at=8),
    fact(MemberRolesChanged(role_ids=(RoleId(5), RoleId(6))), channel=None),
    fact(MemberRolesChanged(), channel=None),
    fact(MemberRolesChanged(role_ids=(RoleId(5), RoleId(6))), channel=None, user=21, guild=OTHER_GUILD),
    fact(MessageSent(thread_id=ChannelId(77), attachments=3, reply=True), event_id="message:1"),
    fact(MessageSent(), event_id="message:9223372036854775807", at=3),
    fact(MessageDeleted(message_id=MessageId((1 << 63) - 1)), user=None),
    fact(InteractionUsed(command="r" * 100)),
    fact(ExpAdjusted(amount=-(10**13), reason="김"), channel=None),
    tick(Partition(0), Ms(START + 10)),
    tick(Partition(0), Ms(START + 4)),
]


def test_every_kind_of_value_comes_back(database: Database, source: Source) -> None:
    log.append(database, HOME_EVENTS, recorded_at=START)
    check(database, source)
    check(database, source, rows=1)


def test_who_was_forgotten_reads_as_nobody(database: Database, within: Source) -> None:
    log.append(database, [fact(), fact(MemberForgotten(), channel=None), fact()], recorded_at=START)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM subjects WHERE retired <> 0")
    check(database, within)
    partition = partition_of(GUILD, database.partitions)
    users = LogReader(database, source=within).users(partition)
    assert users.tolist() == [0, 0, 20]


def test_users_are_known_however_many_have_been_forgotten_between_them(
    database: Database, within: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_rows, "_KEYS", 2)
    log.append(database, [fact(user=UserId(20 + n)) for n in range(9)], recorded_at=START)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM subjects WHERE subject_id BETWEEN 4 AND 7 OR subject_id = 9")
    users = LogReader(database, source=within).users(partition_of(GUILD, database.partitions))
    assert users.tolist() == [0, 20, 21, 22, 0, 0, 0, 0, 27]


def test_a_reading_is_bounded_by_positions_and_guilds(database: Database, within: Source) -> None:
    events = [fact(at=i, guild=GuildId((7 + 16 * (i % 3)) << 22)) for i in range(30)]
    log.append(database, events, recorded_at=START)
    partition = partition_of(GUILD, database.partitions)
    reader = LogReader(database, source=within)

    def positions(**given: Any) -> list[int]:
        return [p for batch in reader.batches(partition, **given) for p in batch.position.tolist()]

    assert positions(after=4, upto=9) == [5, 6, 7, 8, 9]
    assert positions(upto=30, after=30) == []
    assert positions(upto=9, guilds=[GUILD]) == [1, 4, 7]
    assert positions(upto=9, guilds=[]) == []
    assert positions(upto=7, guilds=[GuildId((7 + 16) << 22), GUILD]) == [1, 2, 4, 5, 7]


def test_an_empty_partition_has_no_batches(database: Database, within: Source) -> None:
    reader = LogReader(database, source=within)
    assert list(reader.batches(Partition(0), upto=0)) == []
    assert reader.users(Partition(0)).tolist() == [0]


SPOILT = [
    ("data", "no json"),
    ("data", '{"flags":["loud"]}'),
    ("data", '{"flags":[],"reason":"gateway","more":1}'),
    ("data", "[]"),
    ("type", "voice.sung"),
    ("version", 2),
]


@pytest.mark.parametrize(("column", "value"), SPOILT)
def test_an_event_that_cannot_be_read_is_named_as_the_codec_names_it(
    database: Database, within: Source, column: str, value: object
) -> None:
    log.append(database, [fact(), fact(), fact(), fact()], recorded_at=START)
    spoil(database, 3, column, value)
    spoil(database, 4, "data", "even later")
    partition = partition_of(GUILD, database.partitions)
    with pytest.raises(LogCorruptError) as expected:
        list(log.read(database, partition))
    with pytest.raises(LogCorruptError) as found:
        list(LogReader(database, source=within).batches(partition, upto=4))
    assert str(found.value) == str(expected.value)
    assert f"event 3 of partition {partition}" in str(found.value)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (MemberJoined(), '{"name":"a\\u0000b"}'),
        (MemberJoined(), '{"bot":1}'),
        (MemberLeft(), '{"name":null}'),
        (MemberRenamed(name="a"), "{}"),
        (MemberRenamed(name="a"), '{"name":"\\u0000"}'),
        (MessageDeleted(message_id=MessageId(1)), '{"message_id":"0"}'),
        (MessageDeleted(message_id=MessageId(1)), '{"message_id":"9223372036854775808"}'),
        (VoiceMoved(from_channel_id=ChannelId(1)), '{"from_channel_id":"-1","flags":[]}'),
        (VoiceMoved(from_channel_id=ChannelId(1)), '{"from_channel_id":"1","flags":["loud"]}'),
        (VoiceMoved(from_channel_id=ChannelId(1)), '{"flags":[]}'),
    ],
)
def test_the_short_cuts_refuse_what_the_codec_refuses(database: Database, within: Source, data: Any, text: str) -> None:
    log.append(database, [fact(), fact(data)], recorded_at=START)
    spoil(database, 2, "data", text)
    partition = partition_of(GUILD, database.partitions)
    with pytest.raises(LogCorruptError) as expected:
        list(log.read(database, partition))
    with pytest.raises(LogCorruptError) as found:
        list(LogReader(database, source=within).batches(partition, upto=4))
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    ("data", "text", "number"),
    [
        (MemberJoined(), ' {"bot" : true , "name": "\\ud55c"} ', 1),
        (MemberJoined(), '{"bot":true,"bot":false}', 0),
        (MessageDeleted(message_id=MessageId(1)), '{"message_id":12}', 12),
        (MessageDeleted(message_id=MessageId(1)), '{"message_id":"0012"}', 12),
        (VoiceMoved(from_channel_id=ChannelId(1)), '{"flags":["mute","mute"],"from_channel_id":7}', 4),
        (VoiceMoved(from_channel_id=ChannelId(1)), '{"from_channel_id":"7"}', 0),
    ],
)
def test_a_text_that_the_codec_would_not_have_written_means_what_the_codec_reads(
    database: Database, within: Source, data: Any, text: str, number: int
) -> None:
    log.append(database, [fact(data)], recorded_at=START)
    spoil(database, 1, "data", text)
    partition = partition_of(GUILD, database.partitions)
    reader = LogReader(database, source=within)
    found = list(reader.batches(partition, upto=1))
    assert found[0].arg.tolist() == [number]
    assert list(rows_of(reader, partition, found)) == [wanted(r) for r in log.read(database, partition)]


@pytest.mark.parametrize(
    "event_id",
    ["message:", "message:0", "message:012", "message:+12", "message:1_2", "message: 12", "message:0x12",
     "message:9223372036854775808", "message:12345678901234567890123", "massage:12", "12", "message:1２"],
)  # fmt: skip
def test_a_message_whose_id_names_none_is_refused(database: Database, within: Source, event_id: str) -> None:
    good = [fact(MessageSent(), event_id=message_sent_id(n)) for n in (5, 6)]
    log.append(database, [*good, fact(MessageSent(), event_id=event_id)], recorded_at=START)
    with pytest.raises(LogCorruptError, match="event 3 of partition"):
        list(LogReader(database, source=within).batches(partition_of(GUILD, database.partitions), upto=3))


def spoil(database: Database, position: int, column: str, value: object) -> None:
    """Change an event of the log behind the tracker's back."""
    mark = "?" if database.dialect == "sqlite" else "%s"
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE events SET {column} = {mark} WHERE position = {mark}", (value, position))


def test_the_columns_belong_to_whoever_reads_them(database: Database, within: Source) -> None:
    log.append(database, [fact()], recorded_at=START)
    (batch,) = LogReader(database, source=within).batches(partition_of(GUILD, database.partitions), upto=1)
    for array in (batch.position, batch.kind, batch.guild, batch.subject, batch.channel, batch.at, batch.arg):
        array[0] = 1
        assert array.flags.c_contiguous

"""Which rows events are about: found by what numba compiles as by numpy, whoever comes again being who it was."""

from __future__ import annotations

import numpy as np
import pytest

from store.columns import EventColumns
from store.columns_chunk import Ints, Rest
from store.replay_rows import RowsOf, Whose, rows_of
from tracker.events import kinds
from tracker.events.envelope import RecordedEvent

MANY = 3_000
FIRST = 1_000


class Made:
    """Rows as a memory would make them, one behind the other, and for what."""

    def __init__(self) -> None:
        self.members: list[tuple[int, int]] = []
        self.channels: list[tuple[int, int]] = []
        self.met_by: list[int] = []

    def new_members(self, subjects: Ints, guilds: Ints) -> Ints:
        self.members += zip(subjects.tolist(), guilds.tolist(), strict=True)
        return FIRST + np.arange(len(self.members) - len(subjects), len(self.members))

    def new_channels(self, guilds: Ints, ids: Ints, met_by: np.ndarray) -> Ints:
        known = {one: n for n, one in enumerate(self.channels)}
        for one, kind in zip(zip(guilds.tolist(), ids.tolist(), strict=True), met_by.tolist(), strict=True):
            if one not in known:
                known[one] = len(self.channels)
                self.channels.append(one)
                self.met_by.append(kind)
        return FIRST + np.array([known[one] for one in zip(guilds.tolist(), ids.tolist(), strict=True)], np.int64)


def events(guild: Ints, subject: Ints, channel: Ints, kind: Ints) -> EventColumns:
    return EventColumns(
        position=np.arange(1, len(guild) + 1),
        kind=kind.astype(np.uint8),
        guild=guild,
        subject=subject,
        channel=channel,
        at=np.zeros(len(guild), np.int64),
        arg=np.zeros(len(guild), np.int64),
        rest=Rest.none(),
        lookup=unasked,
    )


def unasked(_: EventColumns, __: int) -> RecordedEvent:
    raise AssertionError


def find(whose: Whose, columns: EventColumns) -> RowsOf:
    starts = np.flatnonzero(np.diff(columns.guild, prepend=-1))
    return whose(columns, starts, np.where(columns.guild[starts] > 0, 10 * columns.guild[starts], -1))


def meant(made: Made, columns: EventColumns, found: RowsOf) -> None:
    """Each event's rows are those of its guild, its member and its channel."""
    for i, guild in enumerate(columns.guild.tolist()):
        row = 10 * guild if guild else -1
        assert found.guild[i] == row
        subject, channel = int(columns.subject[i]), int(columns.channel[i])
        if subject and guild:
            assert made.members[found.member[i] - FIRST] == (subject, row)
        else:
            assert found.member[i] == -1
        adjusted = columns.kind[i] == kinds.ADJUSTED
        if guild and (channel or adjusted):
            assert made.channels[found.channel[i] - FIRST] == (row, 0 if adjusted else channel)
        else:
            assert found.channel[i] == -1


@pytest.mark.parametrize("fast", [True, False])
def test_each_event_has_the_rows_of_its_guild_its_member_and_its_channel(fast: bool) -> None:
    random = np.random.default_rng(1)
    made = Made()
    whose = rows_of(made.new_members, made.new_channels, fast=fast)
    for _ in range(3):  # those of a batch are known in the next
        guild = np.sort(random.integers(0, 5, MANY))
        subject = np.where(guild > 0, 5 * random.integers(0, 900, MANY) + guild, 0) * random.integers(0, 2, MANY)
        channel = random.integers(0, 1_500, MANY) * random.integers(0, 2, MANY) << 40
        kind = np.where(random.integers(0, 9, MANY) == 0, kinds.ADJUSTED, kinds.MESSAGE_SENT)
        columns = events(guild, subject, channel, kind)
        meant(made, columns, find(whose, columns))
    assert len(set(made.members)) == len(made.members)
    assert len(made.channels) > FIRST  # more than there was room for in the beginning


@pytest.mark.parametrize("fast", [True, False])
def test_of_a_channel_it_is_told_what_kind_of_event_it_was_met_by(fast: bool) -> None:
    made = Made()
    whose = rows_of(made.new_members, made.new_channels, fast=fast)
    ones = np.ones(3, np.int64)
    told = np.array([kinds.CHANNEL, kinds.MESSAGE_SENT, kinds.CHANNEL])
    columns = events(ones, ones, np.array([7, 8, 8]), told)
    meant(made, columns, find(whose, columns))
    by_channel = dict(zip(made.channels, made.met_by, strict=True))
    assert by_channel == {(10, 7): kinds.CHANNEL, (10, 8): kinds.MESSAGE_SENT}

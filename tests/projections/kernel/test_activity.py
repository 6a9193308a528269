"""Awards that may be revoked run out as a plain list of them would."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tracker.ids import Partition
from tracker.projections.guild import GuildState
from tracker.projections.kernel.activity import expire_awards, found, remember, take_out
from tracker.projections.kernel.layout import (
    A_MEMBER,
    A_MESSAGE,
    A_NEXT,
    A_PREVIOUS,
    A_UNTIL,
    BUCKETS,
    G_AWARDS,
    G_NEWEST_AWARD,
    U_AWARDS,
)
from tracker.projections.state import PartitionState

Kept = list[tuple[int, int]]
"""(message, until) in the order in which they were given."""


def kept_by(guild: GuildState) -> Kept:
    """The guild's awards, from the oldest on; the way back is the same."""
    heap, forth, back = guild.memory.heap, [], []
    at = heap[guild.row + G_AWARDS]
    while at >= 0:
        forth.append((heap[at + A_MESSAGE], heap[at + A_UNTIL]))
        at = heap[at + A_NEXT]
    at = heap[guild.row + G_NEWEST_AWARD]
    while at >= 0:
        back.append((heap[at + A_MESSAGE], heap[at + A_UNTIL]))
        at = heap[at + A_PREVIOUS]
    assert forth == back[::-1]
    return forth


def given_out(guild: GuildState, message: int, until: int) -> None:
    """One award more."""
    guild.memory.make_room()
    who, channel = guild.member(1), guild.channel(2).row
    remember(guild.memory.heap, guild.row, message, who, channel, 20260218, 5, until, 0)


# Messages that share a bucket, and settings that allow now for longer and now for less.
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["give", "give", "give", "take", "expire"]),
        st.integers(0, 1),
        st.integers(1, 6).map(lambda n: n % 3 + BUCKETS * n),
        st.integers(0, 30),
    ),
    max_size=60,
)


@given(moves=MOVES)
def test_awards_given_revoked_and_run_out_are_those_of_a_plain_list(moves: Sequence[tuple[str, int, int, int]]) -> None:
    state = PartitionState(partition=Partition(0))
    guilds = [state.guild(7), state.guild(8)]
    lists: list[Kept] = [[], []]
    now = 0
    for what, which, message, number in moves:
        guild, heap = guilds[which], state.memory.heap
        if what == "give":
            given_out(guild, message, now + number)
            lists[which] = [each for each in lists[which] if each[0] != message] + [(message, now + number)]
        elif what == "take":
            state.memory.make_room()
            row = found(heap, guild.row, message)
            assert (row >= 0) == any(each[0] == message for each in lists[which])
            if row >= 0:
                take_out(heap, row)
                lists[which] = [each for each in lists[which] if each[0] != message]
        else:
            now += number
            guild.until_done(expire_awards, guild.row, now)
            lists[which] = [each for each in lists[which] if each[1] >= now]
        assert [kept_by(each) for each in guilds] == lists
        there = sum(heap[at + A_MEMBER] >= 0 for at in state.memory.rows(U_AWARDS))
        assert there == sum(map(len, lists))
    assert state.memory.count(U_AWARDS) <= max(1, len(moves))  # rows that are free are used again

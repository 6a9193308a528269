"""The index of members does what a dict does, in much less memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.projections import index as indexes
from tracker.projections.index import MemberIndex
from tracker.projections.memory import Memory

GUILD = 0
USERS = st.integers(-3, 12) | st.integers(1, 4).map(lambda n: n << 22) | st.integers(1, (1 << 63) - 1)


@given(steps=st.lists(st.tuples(st.booleans(), USERS), max_size=120), most=st.integers(1, 10))
def test_whoever_comes_and_goes_is_found_at_the_row_given_last(steps: list[tuple[bool, int]], most: int) -> None:
    memory = Memory()
    index, plain = MemberIndex(memory), dict[int, int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexes, "_MOST_LATELY", most)
        for comes, user in steps:
            if comes:
                index[user] = plain[user] = memory.new_member(user, GUILD)
            elif user in plain:
                del index[user], plain[user]
            assert index.row(user) == plain.get(user, -1)
            assert len(index._lately) <= most
    assert dict(index) == plain
    assert len(index) == len(plain)
    assert sorted(index.rows()) == sorted(plain.values())


def test_who_is_not_there_is_refused_like_a_missing_key() -> None:
    index = MemberIndex(Memory())
    with pytest.raises(KeyError):
        index[1]
    with pytest.raises(KeyError):
        del index[1]


def test_a_thousand_members_who_joined_discord_within_a_second_are_told_apart() -> None:
    memory = Memory()
    index = MemberIndex(memory)
    users = [(1_500_000_000_000 + n) << 22 for n in range(1000)]
    for user in users:
        index[user] = memory.new_member(user, GUILD)
    assert [memory.heap[index[user]] for user in users] == users

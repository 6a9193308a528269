"""The kernel's arithmetic is that of the libraries and of plain sums."""

from __future__ import annotations

from zlib import crc32

from hypothesis import example, given
from hypothesis import strategies as st

from tracker.projections.kernel.exp import awards_in, crc_of, draw
from tracker.projections.memory import Memory

HEAP = Memory().heap


@given(number=st.integers(1, (1 << 63) - 1) | st.integers(0, 18).map(lambda digits: 10**digits))
@example(number=(1 << 63) - 1)
@example(number=9_999_999_999_999_999)
def test_the_crc_of_a_message_id_is_that_of_zlib(number: int) -> None:
    assert crc_of(HEAP, number) == crc32(str(number).encode())


@given(message=st.integers(1, (1 << 63) - 1), lowest=st.integers(0, 1000), more=st.integers(0, 1000))
def test_what_a_message_is_worth_lies_within_the_bounds_and_follows_from_its_id(
    message: int, lowest: int, more: int
) -> None:
    assert draw(HEAP, message, lowest, lowest + more) == lowest + crc32(str(message).encode()) % (more + 1)


@given(carry=st.integers(0, 500), every=st.integers(1, 200), length=st.integers(0, 1000))
def test_awards_are_those_that_counting_ms_by_ms_gives(carry: int, every: int, length: int) -> None:
    instants, counted = [], carry
    for ms in range(1, length + 1):
        counted += 1
        if counted >= every:
            instants.append(ms)
            counted = 0
    assert awards_in(carry, every, length) == (len(instants), instants[0] if instants else 0, counted)

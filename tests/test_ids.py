"""Identifiers."""

from __future__ import annotations

import os
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.ids import mint_event_id, partition_of, snowflake_ms

INSTANTS = st.integers(0, (1 << 48) - 1)


@given(now=INSTANTS)
def test_a_minted_id_is_a_uuid_of_version_7_that_tells_its_instant(now: int) -> None:
    value = uuid.UUID(mint_event_id(now))
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == now


@given(earlier=INSTANTS, later=INSTANTS)
def test_ids_minted_later_sort_later(earlier: int, later: int) -> None:
    if earlier > later:
        earlier, later = later, earlier
    if earlier < later:
        assert mint_event_id(earlier) < mint_event_id(later)


def test_ids_minted_in_one_millisecond_differ() -> None:
    assert len({mint_event_id(5) for _ in range(1000)}) == 1000


def test_nobody_elses_seed_makes_ids_that_were_there_before() -> None:
    made = set()
    for _ in range(2):
        random.seed(1)
        made.add(mint_event_id(5))
    assert len(made) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes are forked")
def test_a_forked_process_mints_ids_of_its_own() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, mint_event_id(5).encode())
        os._exit(0)
    os.waitpid(child, 0)
    minted = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)
    assert uuid.UUID(minted).version == 7
    assert minted != mint_event_id(5)


def test_a_snowflake_tells_its_instant() -> None:
    assert snowflake_ms(175_928_847_299_117_063) == 1_462_015_105_796  # the example in Discord's reference
    assert snowflake_ms(0) == 1_420_070_400_000


@given(guild=st.integers(1, (1 << 63) - 1), partitions=st.integers(1, 64))
def test_a_guild_is_in_one_partition_whatever_its_low_bits(guild: int, partitions: int) -> None:
    home = partition_of(guild, partitions)
    assert 0 <= home < partitions
    assert partition_of(guild ^ (guild & 0x3FFFFF), partitions) == home

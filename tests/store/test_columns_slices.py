"""Events laid out by group of guilds: what is compiled does what numpy does, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba")

from store.columns import EventColumns
from store.columns_places import Places
from store.columns_rest import Rest
from store.columns_slices import EVENTS, FIRST, GROUP, START, Laid, lay, lay_fast
from store.replay_arranging import Stretch, arranged
from tracker.events import kinds

NUMBERS = st.sampled_from([0, 1, -1, 255, 256, 65_535, 65_536, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, -(1 << 63)])
SUBJECTS = st.sampled_from([0, 1, 255, 256, 1 << 24, (1 << 54) - 1])
GUILDS = st.sampled_from([-5, 0, 9, 10, 11, 20, 29, 30, 31, 1 << 60, (1 << 63) - 1])
KINDS = st.sampled_from([kinds.TICKED, kinds.MESSAGE_SENT, kinds.VOICE_LEFT, 255])
EVENT = st.tuples(NUMBERS, KINDS, GUILDS, SUBJECTS, NUMBERS, NUMBERS, NUMBERS)
BOUNDS = st.lists(st.sampled_from([-9, 10, 20, 30, 1 << 61]), unique=True).map(sorted)


def columns_of(events: list[tuple[int, ...]]) -> EventColumns:
    position, kind, guild, subject, channel, at, arg = np.array(events, np.int64).reshape(-1, 7).T.copy()
    return EventColumns(
        position=position,
        kind=kind.astype(np.uint8),
        guild=guild,
        subject=subject,
        channel=channel,
        at=at,
        arg=arg,
        rest=Rest.none(),
        lookup=lambda columns, i: pytest.fail(f"nobody asks for event {i} of {columns}"),
    )


def groups_of(laid: Laid, places: Places) -> list[tuple[int, int, list[int], list[list[int]]]]:
    """Of each group its number, its first position, and what its events say."""
    raw, found = np.frombuffer(laid.content, np.uint8), []
    for one in laid.slices.tolist():
        whole = Stretch(start=one[START], first=0, events=one[EVENTS], whole=one[EVENTS])
        said = arranged(raw, [whole], places.since(0), fast=False)
        found.append((one[GROUP], one[FIRST], said.kind.tolist(), said.columns.tolist()))
    return found


@given(st.lists(EVENT, max_size=40), BOUNDS, st.one_of(st.none(), NUMBERS), st.booleans())
def test_events_are_laid_out_as_numpy_does_it(
    events: list[tuple[int, ...]], bounds: list[int], until: int | None, numbered: bool
) -> None:
    columns, cuts, places = columns_of(events), np.array(bounds, np.int64), Places()
    slow, fast = lay(columns, cuts, until), lay_fast(columns, cuts, until, places if numbered else None)
    assert groups_of(fast, places) == groups_of(slow, places)
    assert fast.newest == slow.newest

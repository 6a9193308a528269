"""What is left behind while nobody looks for objects that keep each other alive."""

from __future__ import annotations

import gc

import pytest

from store import allocation, log
from store.allocation import keeping, no_circles
from store.engine import Database
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_replay import replayed
from tracker.ids import Ms
from tracker.projections.guild import GuildState


def guilds_alive() -> int:
    return sum(type(one) is GuildState for one in gc.get_objects())  # others may be proxies of what is gone


def test_nobody_looks_for_circles_meanwhile_and_somebody_does_afterwards() -> None:
    assert gc.isenabled()
    with no_circles():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="no number"), no_circles():
        int("no number")
    assert gc.isenabled()


def test_who_looked_for_no_circles_before_looks_for_none_afterwards() -> None:
    with no_circles():
        with no_circles():
            pass
        assert not gc.isenabled()


def test_a_fold_leaves_no_guild_that_somebody_would_have_to_look_for(sqlite: Database) -> None:
    log.append(sqlite, [fact(guild=GUILD), fact(guild=OTHER_GUILD, at=1_000)], recorded_at=START)
    gc.collect()
    before = guilds_alive()
    with no_circles():
        assert set(replayed(sqlite, Ms(START + 60_000))) >= {"sessions", "daily"}
        assert guilds_alive() == before


def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What the C library is told from now on, by a process of which nothing is known."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(allocation, "_asked", set())
    monkeypatch.setattr(allocation, "_tell", lambda *options: found.extend(options))
    return found


def test_a_process_that_gives_memory_back_keeps_some_for_a_while_and_then_gives_that_back_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = told(monkeypatch)
    allocation.give_back()
    at_first = dict(options)
    with keeping():
        meanwhile = at_first | dict(options)
    afterwards = at_first | dict(options)
    assert meanwhile[allocation._MMAP_THRESHOLD] > at_first[allocation._MMAP_THRESHOLD]
    assert afterwards[allocation._MMAP_THRESHOLD] == at_first[allocation._MMAP_THRESHOLD]
    assert afterwards[allocation._TRIM_THRESHOLD] < meanwhile[allocation._TRIM_THRESHOLD]


def test_what_two_keep_is_given_back_when_the_second_one_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    options = told(monkeypatch)
    allocation.give_back()
    with keeping():
        with keeping():
            meanwhile = dict(options)
        assert dict(options) == meanwhile
    assert dict(options) != meanwhile


def test_a_process_that_gives_nothing_back_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    options = told(monkeypatch)
    with keeping():
        pass
    assert not options

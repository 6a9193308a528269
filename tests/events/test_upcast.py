"""Old versions are lifted step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tracker.errors import EventFormatError
from tracker.events.upcast import lift


def _rename(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"name": plain["nick"]}


def _add(plain: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**plain, "bot": False}


STEPS = {("thing.done", 1): _rename, ("thing.done", 2): _add, ("other.done", 1): _add}


def test_each_version_is_lifted_through_every_step_after_it() -> None:
    assert lift("thing.done", 1, {"nick": "하늘"}, newest=3, steps=STEPS) == {"name": "하늘", "bot": False}
    assert lift("thing.done", 2, {"name": "하늘"}, newest=3, steps=STEPS) == {"name": "하늘", "bot": False}
    assert lift("thing.done", 3, {"name": "하늘", "bot": True}, newest=3, steps=STEPS) == {"name": "하늘", "bot": True}


def test_what_was_stored_is_left_as_it_is() -> None:
    stored = {"nick": "a"}
    lift("thing.done", 1, stored, newest=3, steps=STEPS)
    assert stored == {"nick": "a"}


@pytest.mark.parametrize("version", [0, -1, 4, 10**30])
def test_a_version_that_is_not_known_is_refused(version: int) -> None:
    with pytest.raises(EventFormatError, match=rf"version {version} is not known here \(1 to 3\)"):
        lift("thing.done", version, {}, newest=3, steps=STEPS)


def test_a_missing_step_is_refused() -> None:
    with pytest.raises(EventFormatError, match=r"other\.done: nothing leads from version 2 to 3"):
        lift("other.done", 1, {}, newest=3, steps=STEPS)

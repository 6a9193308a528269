"""What the demo waits for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tracker.demo import ledger, run
from tracker.demo.director import MissingError


def test_a_bot_that_leaves_members_or_posts_waiting_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played: Any = SimpleNamespace(
        thread=SimpleNamespace(call=lambda act: act()),
        director=SimpleNamespace(is_over=lambda: True),
        database=None,
    )
    monkeypatch.setattr(ledger, "owed", lambda database: 3)
    monkeypatch.setattr(run, "_SETTLED_WITHIN_S", -1.0)
    with pytest.raises(MissingError, match="3 members or posts still wait"):
        run._watch(played, played, played)

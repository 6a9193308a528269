"""What a bot that comes out of `forked` does not wait for: there are a hundred of them, and nobody looks at any.

How long these waits are is tested in `tests/discord`.
"""

from __future__ import annotations

import pytest
from hikari.impl.shard import _BACKOFF_WINDOW

from tests.hasty import hurry, shared_tls, try_again_at_once
from tracker.discord.backfill import Backfiller

__all__ = ["hurry_up"]

shared_tls(True)  # read once, by the process that they come out of


def hurry_up() -> None:
    """In this process, for good: hikari without its pauses, and what the command line asks for is seen at once."""
    forever = pytest.MonkeyPatch()
    hurry(forever, backoff_window_s=_BACKOFF_WINDOW)
    try_again_at_once(forever)
    forever.setitem(Backfiller.__init__.__kwdefaults__ or {}, "look_s", 0.2)

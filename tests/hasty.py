"""The real hikari client without its pauses, which tests against a sandbox on this machine need not wait for."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import hikari.impl.config
import hikari.impl.rate_limits
import hikari.impl.shard
import pytest

__all__ = ["hurry", "shared_tls", "try_again_at_once"]

# Reading the machine's certificates takes longer than starting a bot, and the sandbox speaks plain HTTP.
shared_tls = functools.cache(hikari.impl.config._ssl_factory)


class _Hasty:
    """asyncio as hikari's shard sees it: without the quarter of a second that it waits for TLS after each close."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(delay: float) -> None:
        await asyncio.sleep(0 if delay == 0.25 else delay)


def hurry(monkeypatch: pytest.MonkeyPatch, *, backoff_window_s: float) -> None:
    """Closing does not wait, connecting again waits as `backoff_window_s` says, and bots share one TLS context."""
    monkeypatch.setattr(hikari.impl.config, "_ssl_factory", shared_tls)
    monkeypatch.setattr(hikari.impl.shard, "asyncio", _Hasty())
    monkeypatch.setattr(hikari.impl.shard, "_BACKOFF_WINDOW", backoff_window_s)


def try_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again after a moment instead of after seconds, as often as ever."""
    monkeypatch.setattr(hikari.impl.rate_limits.ExponentialBackOff, "__next__", lambda self: 0.01)

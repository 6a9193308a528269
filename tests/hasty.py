"""The real hikari client without its pauses, which tests against a sandbox on this machine need not wait for."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import hikari.impl.config
import hikari.impl.shard
import pytest

__all__ = ["hurry"]

# Reading the machine's certificates takes longer than starting a bot, and the sandbox speaks plain HTTP.
_ssl_context = functools.cache(hikari.impl.config._ssl_factory)


class _Hasty:
    """asyncio as hikari's shard sees it: without the quarter of a second that it waits for TLS after each close."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(delay: float) -> None:
        await asyncio.sleep(0 if delay == 0.25 else delay)


def hurry(monkeypatch: pytest.MonkeyPatch, *, backoff_window_s: float) -> None:
    """Closing does not wait, connecting again waits as `backoff_window_s` says, and bots share one TLS context."""
    monkeypatch.setattr(hikari.impl.config, "_ssl_factory", _ssl_context)
    monkeypatch.setattr(hikari.impl.shard, "asyncio", _Hasty())
    monkeypatch.setattr(hikari.impl.shard, "_BACKOFF_WINDOW", backoff_window_s)

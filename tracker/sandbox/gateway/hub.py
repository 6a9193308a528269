"""All gateway sessions: telling them what happens, and what a session is told when it begins."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from tracker.sandbox.gateway.session import Dispatch, Session
from tracker.sandbox.intents import Intent
from tracker.sandbox.model import Guild, Json
from tracker.sandbox.payloads import snapshot_json, user_json
from tracker.sandbox.world import Emission, World

if TYPE_CHECKING:
    from tracker.sandbox.gateway.connection import Connection

__all__ = ["Counters", "Hub"]

_DAY_S = 86_400.0


@dataclass(slots=True, kw_only=True)
class Counters:
    """What the gateway has seen since it started."""

    connects: int = 0
    identifies: int = 0
    """Identifies that were answered with READY."""

    resumes: int = 0
    """Resumes that were answered with RESUMED."""

    refused_resumes: int = 0
    """Resumes that were answered with an invalid session."""

    heartbeats: int = 0
    replayed: int = 0
    """Dispatches that were sent again in resumes."""


class Hub:
    """The gateway's memory. `Connection` is one socket of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.options = world.options
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.counters = Counters()
        self.paused = False
        self.acks = True
        self._starts: deque[float] = deque()
        self._starts_by_key: dict[int, float] = {}
        world.emit = self.emit

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.world.base_url.replace("http", "ws", 1) + "/gateway"

    def emit(self, emission: Emission) -> None:
        """Tell every session that wants to know. The body is encoded once for all that see the same."""
        whole: bytes | None = None
        blank: bytes | None = None
        for session in self.sessions.values():
            if not session.wants(emission.name, emission.guild_id, about_bot=emission.about_bot):
                continue
            if emission.name == "GUILD_CREATE" and emission.guild_id is not None:
                self.send_snapshot(session, self.world.guilds[emission.guild_id])
            elif emission.blanked is not None and Intent.MESSAGE_CONTENT not in session.intents:
                blank = blank or orjson.dumps(emission.blanked)
                session.dispatch(emission.name, blank)
            else:
                whole = whole or orjson.dumps(emission.data)
                session.dispatch(emission.name, whole)

    async def firehose(self, dispatches: Iterable[Dispatch], *, rate: float | None = None, batch: int = 64) -> float:
        """Send prepared events as fast as the sockets take them, or `rate` a second. Returns the seconds it took.

        The world does not change by it. Events that a session lacks the intent for are skipped.
        """
        batch = batch if rate is None else max(1, min(batch, int(rate / 1000)))
        started, sent, source = time.perf_counter(), 0, iter(dispatches)
        while chunk := list(itertools.islice(source, batch)):
            for session in list(self.sessions.values()):
                wanted = _wanted(session, chunk)
                session.dispatch_many(wanted)
                if session.wire is not None:
                    await session.wire.drain()
            sent += len(chunk)
            ahead = 0.0 if rate is None else started + sent / rate - time.perf_counter()
            await asyncio.sleep(max(0.0, ahead))
        return time.perf_counter() - started

    def begin(self, session: Session) -> None:
        """READY, then a snapshot of each guild of the shard."""
        self.sessions[session.id] = session
        self.counters.identifies += 1
        guilds = [g for g in self.world.guilds.values() if (g.id >> 22) % session.shard[1] == session.shard[0]]
        ready: Json = {
            "v": 10,
            "user": user_json(self.world.bot) | {"verified": True, "mfa_enabled": True, "email": None, "flags": 0},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "session_type": "normal",
            "shard": list(session.shard),
            "application": {"id": str(self.world.application_id), "flags": self.application_flags},
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "user_settings": {},
            "guild_join_requests": [],
            "_trace": ["sandbox"],
        }
        session.dispatch("READY", orjson.dumps(ready))
        if Intent.GUILDS in session.intents:
            for guild in guilds:
                if guild.available:
                    self.send_snapshot(session, guild)

    def send_snapshot(self, session: Session, guild: Guild) -> None:
        """GUILD_CREATE with what this session's intents let it see."""
        body = snapshot_json(
            guild,
            bot_id=self.world.bot.id,
            everyone=Intent.GUILD_PRESENCES in session.intents,
            voice=Intent.GUILD_VOICE_STATES in session.intents,
            large_threshold=session.large_threshold,
        )
        session.dispatch("GUILD_CREATE", orjson.dumps(body))

    @property
    def application_flags(self) -> int:
        """Which privileged intents the application has in its settings page."""
        granted = self.options
        return (
            granted.presences_intent_granted << 12
            | granted.members_intent_granted << 14
            | granted.message_content_intent_granted << 18
        )

    def start_limit(self) -> Json:
        """https://discord.com/developers/docs/events/gateway#session-start-limit-object"""
        now = time.monotonic()
        while self._starts and self._starts[0] <= now - _DAY_S:
            self._starts.popleft()
        reset = (self._starts[0] + _DAY_S - now) if self._starts else 0
        return {
            "total": self.options.session_start_total,
            "remaining": max(0, self.options.session_start_total - len(self._starts)),
            "reset_after": int(reset * 1000),
            "max_concurrency": self.options.max_concurrency,
        }

    def may_identify(self, shard: int) -> bool | None:
        """Count an identify. False: too soon after the last of its concurrency group. None: none left today."""
        if self.start_limit()["remaining"] == 0:
            return None
        now, key = time.monotonic(), shard % self.options.max_concurrency
        if now - self._starts_by_key.get(key, -_DAY_S) < self.options.identify_interval_s:
            return False
        self._starts_by_key[key] = now
        self._starts.append(now)
        return True

    def forget(self, session: Session) -> None:
        """The session can no longer be resumed."""
        self.sessions.pop(session.id, None)
        if session.expiry is not None:
            session.expiry.cancel()


def _wanted(session: Session, dispatches: list[Dispatch]) -> list[Dispatch]:
    """The events that the session is told; asks once for each kind in each guild."""
    known: dict[tuple[str, int | None], bool] = {}
    wanted = []
    for dispatch in dispatches:
        key = (dispatch.name, dispatch.guild_id)
        if key not in known:
            known[key] = session.wants(*key)
        if known[key]:
            wanted.append(dispatch)
    return wanted

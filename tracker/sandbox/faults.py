"""Making the sandbox misbehave as Discord does on a bad day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tracker.sandbox.gateway.connection import Op
from tracker.sandbox.gateway.hub import Hub

__all__ = ["Faults", "RestFault", "Scope"]

Scope = Literal["user", "shared", "global"]


@dataclass(slots=True, kw_only=True, eq=False)
class RestFault:
    """Something that goes wrong with matching requests."""

    path: str
    """Regular expression, searched in the path after `/api/v10`."""

    method: str | None = None
    """HTTP method; None matches all."""

    left: int | None = 1
    """How many more requests it happens to; None means until `Faults.clear`."""

    delay_s: float = 0.0
    status: int | None = None
    """The status that is answered; None answers properly (after the delay)."""

    drop: bool = False
    """Cut the connection instead of answering."""

    after_processing: bool = False
    """Whether the request is carried out all the same before it fails."""

    retry_after: float = 1.0
    """Seconds, in a 429."""

    scope: Scope = "user"
    """Whose limit a 429 speaks of."""

    every: int = 1
    """Of the matching requests, each so-manieth only."""

    seen: int = 0
    """How many requests have matched so far."""

    hits: int = 0
    """How many requests it has happened to."""

    def strikes(self, method: str, path: str) -> bool:
        """Whether it happens to this request, which is counted if it matches."""
        if self.left == 0 or self.method not in (None, method) or re.search(self.path, path) is None:
            return False
        self.seen += 1
        return self.seen % self.every == 0

    def use(self) -> None:
        """Count one request."""
        self.hits += 1
        if self.left is not None:
            self.left -= 1


class Faults:
    """The switches. Those about sockets act on the connections that are open now, the rest until taken back."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.rest: list[RestFault] = []
        self.refusing = False

    def delay_rest(
        self, seconds: float, path: str = "", *, method: str | None = None, times: int | None = None
    ) -> RestFault:
        """Answer matching requests `seconds` late. `times` None: until cleared."""
        return self._add(RestFault(path=path, method=method, left=times, delay_s=seconds))

    def fail_rest(
        self,
        status: int,
        path: str = "",
        *,
        times: int | None = 1,
        method: str | None = None,
        retry_after: float = 1.0,
        scope: Scope = "user",
        after_processing: bool = False,
        every: int = 1,
    ) -> RestFault:
        """Answer matching requests (or each `every`th of them) with an error status.

        429 has its headers and body; `retry_after` is in seconds.
        """
        fault = RestFault(path=path, method=method, left=times, status=status, retry_after=retry_after, scope=scope)
        fault.after_processing, fault.every = after_processing, every
        return self._add(fault)

    def drop_rest(
        self, path: str = "", *, times: int | None = 1, method: str | None = None, after_processing: bool = True
    ) -> RestFault:
        """Cut the connection of matching requests instead of answering; by default they have been carried out."""
        return self._add(RestFault(path=path, method=method, left=times, drop=True, after_processing=after_processing))

    def _add(self, fault: RestFault) -> RestFault:
        self.rest.append(fault)
        return fault

    def take(self, method: str, path: str) -> list[RestFault]:
        """The faults that happen to a request, counted."""
        found = [fault for fault in self.rest if fault.strikes(method, path)]
        for fault in found:
            fault.use()
        self.rest = [fault for fault in self.rest if fault.left != 0]
        return found

    def clear(self) -> None:
        """Behave again: no REST faults, connections accepted, gateway running, heartbeats acknowledged."""
        self.rest.clear()
        self.refuse_connections(False)
        self.resume_gateway()
        self.stop_heartbeat_acks(False)

    def cut_sockets(self) -> int:
        """Abort every gateway connection without a close frame; returns how many. Sessions can be resumed."""
        connections = list(self._hub.connections)
        for connection in connections:
            connection.abort()
        return len(connections)

    def close(self, code: int = 4000) -> int:
        """Close every gateway connection with a code; returns how many."""
        connections = list(self._hub.connections)
        for connection in connections:
            connection.close(code)
        return len(connections)

    def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """Op 9 to every connection. Unless `resumable`, all sessions are forgotten, those without a connection too."""
        for connection in list(self._hub.connections):
            connection.send(Op.INVALID_SESSION, resumable)
        if not resumable:
            for session in list(self._hub.sessions.values()):
                self._hub.forget(session)

    def ask_reconnect(self) -> None:
        """Op 7 to every connection."""
        for connection in list(self._hub.connections):
            connection.send(Op.RECONNECT)

    def pause_gateway(self) -> None:
        """Send nothing through the gateway, as a stalled network; connections stay open."""
        self._hub.paused = True
        for connection in self._hub.connections:
            connection.wire.hold()

    def resume_gateway(self) -> None:
        """Send what was held back, in order, and go on."""
        self._hub.paused = False
        for connection in self._hub.connections:
            connection.wire.release()

    def stop_heartbeat_acks(self, stopped: bool = True) -> None:
        """Leave heartbeats without an answer."""
        self._hub.acks = not stopped

    def refuse_connections(self, on: bool = True) -> None:
        """Cut every new connection, REST and gateway, as soon as it asks for anything. Open sockets stay."""
        self.refusing = on

"""Back-pressure to the gateway: when the ingest is full, hikari's reader waits, and then Discord does.

hikari reads a payload, decodes it and makes a task for each listener without ever asking whether those tasks keep up;
if the ingest cannot write, events would pile up in memory without bound. The one place where waiting loses nothing is
before the next payload is read from the WebSocket: then TCP's own flow control holds the rest back at Discord, the
sequence number stays at the last payload that was handled, and should the wait outlast the heartbeat, the connection
is replaced and resumed from that number. Waiting anywhere later (in a listener) only moves the pile.

hikari has no hook there. Each connection has a transport object that the shard asks for the next payload;
`GatedEvents`, which the shard calls synchronously with every dispatch, puts a `Gate` in front of it at the first one.
Only `receive_json` behaves differently. This rests on one private name of hikari 2.6 (`GatewayShardImpl._ws`);
`tests/discord/test_gate.py` fails if it goes away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, cast

from hikari import Event
from hikari.api import GatewayShard
from hikari.impl.event_manager import EventManagerImpl
from hikari.internal.data_binding import JSONObject

from tracker.discord.mend import mend_snapshot

__all__ = ["Gate", "GatedEvents", "Listener"]

_LOG = logging.getLogger("tracker.discord.gate")

Listener = Callable[[Any], Coroutine[Any, Any, None]]

_BREATH: Final = 32
"""Payloads that are handled in one go before other tasks get their turn."""


class _Transport(Protocol):
    async def receive_json(self) -> JSONObject: ...
    async def send_json(self, data: JSONObject) -> None: ...
    async def send_close(self, *, code: int, message: bytes) -> None: ...


class Gate:
    """A connection's transport behind a gate.

    `room` waits while the ingest is full. `silent` is called once, at the instant from which nothing more will be
    read: hikari's own disconnect event comes up to some seconds later.
    """

    __slots__ = ("_room", "_silent", "_since_breath", "_transport")

    def __init__(self, transport: _Transport, room: Callable[[], Awaitable[None]], silent: Callable[[], None]) -> None:
        self._transport = transport
        self._room = room
        self._silent = silent
        self._since_breath = 0

    async def receive_json(self) -> JSONObject:
        """The next payload, read only when there is room for it.

        A full socket buffer can hold thousands of payloads, and reading from it does not suspend. So every so often
        the reader stands aside: the tasks of what it has read run, and the loop stays responsive.
        """
        try:
            self._since_breath += 1
            if self._since_breath >= _BREATH:
                self._since_breath = 0
                await asyncio.sleep(0)
            await self._room()
            return await self._transport.receive_json()
        except BaseException:
            self._silent()
            raise

    async def send_json(self, data: JSONObject) -> None:
        """As the transport does."""
        await self._transport.send_json(data)

    async def send_close(self, *, code: int, message: bytes) -> None:
        """As the transport does; nothing is read after it."""
        self._silent()
        await self._transport.send_close(code=code, message=message)


class GatedEvents(EventManagerImpl):
    """hikari's event manager, which puts the gate into every connection. `room` and `silent` (given the shard's id) are
    set before the bot starts.

    What `hear` was called for is handled before the next payload is read, without the task that hikari makes for each
    listener: listeners that never await need none, and at thousands of events a second it is a good part of the cost.
    """

    __slots__ = ("_prompt", "room", "silent")

    room: Callable[[], Awaitable[None]]
    silent: Callable[[int], None]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._prompt: dict[type[Event], tuple[Listener, ...]] = {}

    def hear(self, kind: type[Event], listener: Listener) -> None:
        """Handle events of exactly this kind with a listener that never awaits; several hear in the order they came.

        Kinds below it (each sort of interaction is one) go hikari's way, to others who listen as well.
        """
        self.subscribe(kind, listener)  # hikari decodes only what somebody subscribed to
        self._prompt[kind] = (*self._prompt.get(kind, ()), listener)

    def dispatch(self, event: Event, *, return_tasks: bool = False) -> Any:
        """What hikari calls with each decoded event."""
        listeners = self._prompt.get(type(event))
        if listeners is None:
            return super().dispatch(event, return_tasks=return_tasks)
        for listener in listeners:
            try:
                listener(event).send(None)
            except StopIteration:
                pass
            except Exception:
                _LOG.exception("%s could not be handled", type(event).__name__)
            else:
                raise RuntimeError(f"{listener} awaited something")
        return asyncio.gather() if return_tasks else None  # a future that is done: everything is

    def consume_raw_event(self, event_name: str, shard: GatewayShard, payload: JSONObject) -> None:
        """What the shard calls with each dispatch; READY is the first of a connection, or what a resume replays."""
        transport = cast("Any", shard)._ws
        if transport.__class__ is not Gate and transport is not None:
            silent, shard_id = self.silent, shard.id
            cast("Any", shard)._ws = Gate(transport, self.room, lambda: silent(shard_id))
        if event_name == "GUILD_CREATE":
            mend_snapshot(cast("dict[str, Any]", payload))
        super().consume_raw_event(event_name, shard, payload)

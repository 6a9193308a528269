"""One gateway socket: hello, identify or resume, heartbeats, requests (https://discord.com/developers/docs/events/gateway)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from enum import IntEnum
from typing import Any, cast

import orjson
from aiohttp import WSMsgType, web

from tracker.sandbox.gateway.hub import Hub
from tracker.sandbox.gateway.requests import move_bot, send_members
from tracker.sandbox.gateway.session import Session
from tracker.sandbox.gateway.transport import COMPRESSIONS, Wire, packer_for
from tracker.sandbox.intents import KNOWN, Intent
from tracker.sandbox.model import Json

__all__ = ["Close", "Connection", "GatewayClosedError", "Op"]

_MAX_PAYLOAD = 4096
_ABNORMAL = 1006
_NO_RESUME = {1000, 1001, 4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014}


class Op(IntEnum):
    """https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-opcodes"""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    ACK = 11
    SOUNDBOARD = 31
    CHANNEL_INFO = 43


class Close(IntEnum):
    """https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes"""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQ = 4007
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    SHARDING_REQUIRED = 4011
    INVALID_API_VERSION = 4012
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014

    @property
    def sentence(self) -> str:
        """What Discord writes into the close frame."""
        return f"{self.name.replace('_', ' ').capitalize()}."


class GatewayClosedError(Exception):
    """The client did something that ends the connection."""

    def __init__(self, code: Close) -> None:
        super().__init__(code.sentence)
        self.code = code


class Connection:
    """One client's socket."""

    def __init__(self, hub: Hub, request: web.Request) -> None:
        transport = cast(
            "asyncio.Transport", request.transport
        )  # aiohttp's type is the read-and-write transport's base
        self.hub = hub
        self.request = request
        self.ws = web.WebSocketResponse(timeout=2.0, max_msg_size=16 * _MAX_PAYLOAD, compress=False)
        compression = request.query.get("compress", "")
        self.wire = Wire(transport, packer_for(compression) if compression in COMPRESSIONS else None)
        self.session: Session | None = None
        self._sends: deque[float] = deque()
        self._zombie: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._our_code: int | None = None  # what we closed with; aiohttp forgets it while a reader waits
        self._closer: asyncio.Task[bool] | None = None

    async def run(self) -> web.WebSocketResponse:
        """Serve the client until either side ends it."""
        await self.ws.prepare(self.request)
        self.hub.connections.add(self)
        self.hub.counters.connects += 1
        if self.hub.paused:
            self.wire.hold()
        try:
            self._check_query()
            self._watch()
            self.send(Op.HELLO, {"heartbeat_interval": self.hub.options.heartbeat_ms, "_trace": ["sandbox"]})
            async for message in self.ws:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                await self._receive(message.data)
        except GatewayClosedError as closed:
            self.close(closed.code)
        finally:
            self._leave(self._our_code or self.ws.close_code or _ABNORMAL)
            if self._closer is not None:
                await self._closer
        return self.ws

    def send(self, op: Op, data: Any = None) -> None:
        """A payload that is no dispatch."""
        self.wire.write([orjson.dumps({"op": int(op), "d": data, "s": None, "t": None})])

    def abort(self) -> None:
        """Cut the connection without a word."""
        self.wire.transport.abort()

    def close(self, code: int) -> None:
        """Close from our side; does not wait for the client's part of it."""
        if self._closer is None:
            sentence = next((known.sentence for known in Close if known == code), "")
            self._our_code = code
            self._closer = asyncio.ensure_future(self.ws.close(code=code, message=sentence.encode()))

    def spawn(self, work: Any) -> None:
        """Run something beside reading, for as long as the connection lasts."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _check_query(self) -> None:
        if self.request.query.get("v") != "10":
            raise GatewayClosedError(Close.INVALID_API_VERSION)
        if self.request.query.get("encoding", "json") != "json":
            raise GatewayClosedError(Close.DECODE_ERROR)

    def _watch(self) -> None:
        """Close a client that has been silent for two heartbeats."""
        if self._zombie is not None:
            self._zombie.cancel()
        silence = 2 * self.hub.options.heartbeat_ms / 1000
        self._zombie = asyncio.get_running_loop().call_later(silence, self.close, Close.SESSION_TIMED_OUT)

    def _leave(self, code: int) -> None:
        """The socket is gone: the session waits for a resume, or ends with it."""
        self.hub.connections.discard(self)
        if self._zombie is not None:
            self._zombie.cancel()
        for task in self._tasks:
            task.cancel()
        session = self.session
        if session is None or session.wire is not self.wire:
            return
        session.wire = None
        if code in _NO_RESUME:
            self.hub.forget(session)
        else:
            loop = asyncio.get_running_loop()
            session.expiry = loop.call_later(self.hub.options.resume_window_s, self.hub.forget, session)

    async def _receive(self, raw: str | bytes) -> None:
        self._count_send()
        payload = _decode(raw)
        try:
            op = Op(payload["op"])
        except (KeyError, ValueError):
            raise GatewayClosedError(Close.UNKNOWN_OPCODE) from None
        data = payload.get("d")
        if op is Op.HEARTBEAT:
            self.hub.counters.heartbeats += 1
            self._watch()
            if self.hub.acks:
                self.send(Op.ACK)
        elif op in (Op.IDENTIFY, Op.RESUME):
            if self.session is not None:
                raise GatewayClosedError(Close.ALREADY_AUTHENTICATED)
            if not isinstance(data, dict):
                raise GatewayClosedError(Close.DECODE_ERROR)
            (self._identify if op is Op.IDENTIFY else self._resume)(data)
        elif self.session is None:
            raise GatewayClosedError(Close.NOT_AUTHENTICATED)
        else:
            self._authenticated(self.session, op, data)

    def _authenticated(self, session: Session, op: Op, data: Any) -> None:
        if op in (Op.DISPATCH, Op.RECONNECT, Op.INVALID_SESSION, Op.HELLO, Op.ACK):
            raise GatewayClosedError(Close.UNKNOWN_OPCODE)
        if not isinstance(data, dict):
            raise GatewayClosedError(Close.DECODE_ERROR)
        if op is Op.REQUEST_MEMBERS:
            self.spawn(send_members(self.hub, session, data))
        elif op is Op.VOICE_STATE:
            move_bot(self.hub, session, data)

    def _count_send(self) -> None:
        """https://discord.com/developers/docs/events/gateway#rate-limiting"""
        now = time.monotonic()
        while self._sends and self._sends[0] <= now - 60:
            self._sends.popleft()
        self._sends.append(now)
        if len(self._sends) > self.hub.options.gateway_sends:
            raise GatewayClosedError(Close.RATE_LIMITED)

    def _identify(self, data: Json) -> None:
        if not self._token_is_right(data):
            raise GatewayClosedError(Close.AUTHENTICATION_FAILED)
        if not isinstance(data.get("properties"), dict):
            raise GatewayClosedError(Close.DECODE_ERROR)
        intents, shard = self._intents(data), _shard(data)
        allowed = self.hub.may_identify(shard[0])
        if allowed is None:
            raise GatewayClosedError(Close.AUTHENTICATION_FAILED)
        if not allowed:
            self.send(Op.INVALID_SESSION, False)
            return
        buffer: deque[bytes] = deque(maxlen=self.hub.options.resume_buffer)
        threshold = int(data.get("large_threshold") or 50)
        self.session = Session(intents=intents, shard=shard, large_threshold=threshold, buffer=buffer)
        self.session.wire = self.wire
        self.hub.begin(self.session)

    def _token_is_right(self, data: Json) -> bool:
        return isinstance(data.get("token"), str) and data["token"].removeprefix("Bot ") == self.hub.world.token

    def _intents(self, data: Json) -> Intent:
        asked = data.get("intents")
        if not isinstance(asked, int) or asked & ~KNOWN:
            raise GatewayClosedError(Close.INVALID_INTENTS)
        options, closed = self.hub.options, Intent(0)
        closed |= Intent(0) if options.members_intent_granted else Intent.GUILD_MEMBERS
        closed |= Intent(0) if options.presences_intent_granted else Intent.GUILD_PRESENCES
        closed |= Intent(0) if options.message_content_intent_granted else Intent.MESSAGE_CONTENT
        if asked & closed:
            raise GatewayClosedError(Close.DISALLOWED_INTENTS)
        return Intent(asked)

    def _resume(self, data: Json) -> None:
        if not self._token_is_right(data):
            raise GatewayClosedError(Close.AUTHENTICATION_FAILED)
        session, seq = self.hub.sessions.get(str(data.get("session_id"))), data.get("seq")
        missed = None
        if session is not None:
            if not isinstance(seq, int) or not 0 <= seq <= session.seq:
                raise GatewayClosedError(Close.INVALID_SEQ)
            missed = session.missed(seq)
        if session is None or missed is None:
            self.hub.counters.refused_resumes += 1
            self.send(Op.INVALID_SESSION, False)
            return
        self._take_over(session)
        self.wire.write(missed)
        self.hub.counters.replayed += len(missed)
        self.hub.counters.resumes += 1
        session.dispatch("RESUMED", b'{"_trace":["sandbox"]}')

    def _take_over(self, session: Session) -> None:
        """The session is now this connection's; the one that had it is cut."""
        for other in [c for c in self.hub.connections if c.session is session]:
            other.abort()
        if session.expiry is not None:
            session.expiry.cancel()
            session.expiry = None
        session.wire, self.session = self.wire, session


def _decode(raw: str | bytes) -> Json:
    if len(raw) <= _MAX_PAYLOAD:
        with contextlib.suppress(orjson.JSONDecodeError):
            payload = orjson.loads(raw)
            if isinstance(payload, dict):
                return payload
    raise GatewayClosedError(Close.DECODE_ERROR)


def _shard(data: Json) -> tuple[int, int]:
    match data.get("shard", [0, 1]):
        case [int(index), int(count)] if 0 <= index < count:
            return index, count
    raise GatewayClosedError(Close.INVALID_SHARD)

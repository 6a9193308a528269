"""Clients of the sandbox: a bare one that can be rude, and helpers around the real hikari."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import aiohttp
import hikari
import orjson
from backports import zstd

__all__ = ["INTENTS", "Address", "Inbox", "Rest", "Socket", "bot_for"]

INTENTS = (
    hikari.Intents.GUILDS
    | hikari.Intents.GUILD_MEMBERS
    | hikari.Intents.GUILD_VOICE_STATES
    | hikari.Intents.GUILD_MESSAGES
)
PATIENCE_S = 300.0

E = TypeVar("E", bound=hikari.Event)


class Address(Protocol):
    """Where a sandbox is and what opens it, in this process or another."""

    @property
    def token(self) -> str: ...
    @property
    def rest_url(self) -> str: ...
    @property
    def gateway_url(self) -> str: ...


def bot_for(sandbox: Address, intents: hikari.Intents = INTENTS, *, token: str | None = None) -> hikari.GatewayBot:
    """A real bot that is not started."""
    return hikari.GatewayBot(
        token or sandbox.token,
        rest_url=sandbox.rest_url,
        intents=intents,
        banner=None,
        logs=None,
        suppress_optimization_warning=True,
    )


class Inbox:
    """Collects a bot's events and waits for the one that is expected."""

    def __init__(self, bot: hikari.GatewayBot) -> None:
        self.events: list[hikari.Event] = []
        self._changed = asyncio.Condition()
        bot.subscribe(hikari.Event, self._put)

    async def _put(self, event: hikari.Event) -> None:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    async def wait(self, kind: type[E], check: Callable[[E], bool] = lambda event: True) -> E:
        """The first event of the kind that passes the check. Raises TimeoutError."""

        def found() -> E | None:
            return next((e for e in self.events if isinstance(e, kind) and check(e)), None)

        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: found() is not None)
        event = found()
        assert event is not None
        return event

    def of(self, kind: type[E]) -> list[E]:
        """All events of the kind so far."""
        return [event for event in self.events if isinstance(event, kind)]


class Socket:
    """A gateway client without manners: it sends what it is told and keeps what it gets."""

    def __init__(self, sandbox: Address, *, compress: str = "", query: str = "v=10&encoding=json") -> None:
        self._sandbox = sandbox
        self._url = f"{sandbox.gateway_url}?{query}&compress={compress}"
        self._session = aiohttp.ClientSession()
        self._inflate: Callable[[bytes], bytes] | None = None
        if compress == "zlib-stream":
            self._inflate = zlib.decompressobj().decompress
        elif compress == "zstd-stream":
            self._inflate = zstd.ZstdDecompressor().decompress
        self.got: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        self.ws = await self._session.ws_connect(self._url, max_msg_size=0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(self, op: int, data: Any = None) -> None:
        await self.ws.send_bytes(orjson.dumps({"op": op, "d": data}))

    async def next(self) -> dict[str, Any]:
        """The next payload. Raises TimeoutError; fails if the socket was closed instead."""
        message = await self.ws.receive(timeout=PATIENCE_S)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), (message, self.ws.close_code)
        data = message.data if self._inflate is None else self._inflate(message.data)
        payload = orjson.loads(data)
        assert isinstance(payload, dict)
        self.got.append(payload)
        return payload

    async def until(self, event: str) -> dict[str, Any]:
        """The next dispatch of that name; what comes before it is only kept in `got`."""
        while True:
            payload = await self.next()
            if payload["t"] == event:
                return payload

    async def until_op(self, op: int) -> dict[str, Any]:
        """The next payload with that opcode."""
        while True:
            payload = await self.next()
            if payload["op"] == op:
                return payload

    async def closed(self) -> int:
        """Read to the end; the code of the server's close frame."""
        while True:
            message = await self.ws.receive(timeout=PATIENCE_S)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
                return self.ws.close_code or 0

    async def identify(self, intents: int = int(INTENTS), **more: Any) -> dict[str, Any]:
        """Say who we are, and wait for READY; returns its body."""
        await self.until_op(10)
        await self.send(2, {"token": self._sandbox.token, "intents": intents, "properties": {}} | more)
        body = (await self.until("READY"))["d"]
        assert isinstance(body, dict)
        return body


class Rest:
    """A REST client that retries nothing and believes nothing."""

    def __init__(self, sandbox: Address) -> None:
        self._sandbox = sandbox
        self._session = aiohttp.ClientSession()
        self.headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def __call__(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> tuple[int, Any]:
        """(status, JSON body or None); the headers of the answer are in `headers`."""
        authorization = f"Bot {self._sandbox.token if token is None else token}"
        async with self._session.request(
            method,
            self._sandbox.rest_url + path,
            json=body,
            headers={"Authorization": authorization},
        ) as response:
            raw = await response.read()
            self.headers = dict(response.headers)
            return response.status, orjson.loads(raw) if raw else None

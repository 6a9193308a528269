"""The server that puts the world, the gateway and REST behind one port."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from aiohttp import web

from tracker.clock import Clock, SystemClock
from tracker.sandbox.faults import Faults
from tracker.sandbox.gateway.connection import Connection
from tracker.sandbox.gateway.hub import Counters, Hub
from tracker.sandbox.gateway.session import Dispatch
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.rest.pipeline import Pipeline, Request, cut
from tracker.sandbox.world import World

__all__ = ["Sandbox"]

_MAX_BODY = 110 * 1024 * 1024


class Sandbox:
    """A loopback Discord. An async context manager: inside it listens, and everything belongs to that event loop."""

    def __init__(self, options: SandboxOptions | None = None, *, clock: Clock | None = None) -> None:
        self.options = options or SandboxOptions()
        self.world = World(clock=clock or SystemClock(), options=self.options)
        self.hub = Hub(self.world)
        self.faults = Faults(self.hub)
        self._pipeline = Pipeline(self.hub, self.faults)
        self._runner: web.AppRunner | None = None
        self.port = self.options.port

    @property
    def token(self) -> str:
        """The bot token that is accepted."""
        return self.world.token

    @property
    def rest_url(self) -> str:
        """What to give hikari as `rest_url`."""
        return f"{self.world.base_url}/api/v10"

    @property
    def gateway_url(self) -> str:
        """Where the WebSocket is."""
        return self.hub.url

    @property
    def requests(self) -> deque[Request]:
        """The last REST requests, oldest first."""
        return self._pipeline.requests

    @property
    def calls(self) -> Counter[tuple[str, int]]:
        """How often each route (`METHOD /template`) was answered with each status, from the beginning."""
        return self._pipeline.calls

    @property
    def counters(self) -> Counters:
        """How often the gateway was connected to, identified and resumed with."""
        return self.hub.counters

    async def firehose(self, dispatches: Iterable[Dispatch], *, rate: float | None = None) -> float:
        """Push prepared events through every connected session; see `Hub.firehose`. Returns seconds."""
        return await self.hub.firehose(dispatches, rate=rate)

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        app = web.Application(client_max_size=_MAX_BODY)
        self._pipeline.add_routes(app.router)
        app.router.add_get("/gateway", self._gateway)
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_get("/attachments/{channel}/{attachment}/{name}", self._attachment)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.options.host, self.options.port)
        await site.start()
        host, self.port = self._runner.addresses[0][:2]
        self.world.base_url = f"http://{host}:{self.port}"

    async def stop(self) -> None:
        """Cut every connection and stop listening."""
        self.faults.cut_sockets()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for session in list(self.hub.sessions.values()):
            self.hub.forget(session)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        if self.faults.refusing:
            return cut(request)
        return await Connection(self.hub, request).run()

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        channel = self.world.channel(int(request.match_info["channel"]))
        for message in () if channel is None else channel.messages.values():
            for file in message.attachments:
                if str(file.id) == request.match_info["attachment"]:
                    return web.Response(body=file.content, content_type=file.content_type or "application/octet-stream")
        return web.Response(status=404, text="This content is no longer available.")

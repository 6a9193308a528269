"""For whoever watches over the process, on 127.0.0.1: `GET /health` and `GET /metrics`.

The first is 200 while it does its work, 503 with the reason otherwise; the second has figures in Prometheus' format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from tracker.errors import ConfigError
from tracker.http.metrics import CONTENT_TYPE, exposition

__all__ = ["HealthServer"]


class HealthServer:
    """Serves the health report. `port` 0: any free one; `address` says which it became."""

    def __init__(self, port: int, report: Callable[[], Mapping[str, object]]) -> None:
        self._port = port
        self._report = report
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises ConfigError if the port is taken."""
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        except OSError as error:
            await self.close()
            raise ConfigError(f"TRACKER_HEALTH_PORT: cannot listen on port {self._port} ({error.strerror})") from None

    @property
    def address(self) -> str:
        """The URL of the health check. Only while it is started."""
        assert self._runner is not None  # noqa: S101
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/health"

    async def _health(self, _: web.Request) -> web.Response:
        report = self._report()
        return web.json_response(report, status=200 if report["status"] == "ok" else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=exposition(self._report()).encode(), headers={"Content-Type": CONTENT_TYPE})

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

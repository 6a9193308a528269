"""What every REST request goes through: faults, version, token, rate limits, body, handler, record."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import BodyPartReader, web

from tracker.sandbox.faults import Faults, RestFault
from tracker.sandbox.gateway.hub import Hub
from tracker.sandbox.ratelimit import Limited, RateLimiter, bucket_headers, limited
from tracker.sandbox.rest import ROUTES
from tracker.sandbox.rest.call import Call, Reply, Route, Upload
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["Pipeline", "Request", "cut"]

_LOG = logging.getLogger(__name__)
_PREFIX = "/api/v10"
_MAJOR = ("channel", "guild", "webhook")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One REST request that was made."""

    method: str
    path: str
    """The path after `/api/v10`, without the query."""

    status: int
    """What was answered; 0 if the connection was cut instead."""

    code: int | None = None
    """Discord's JSON error code; None if it went well."""

    body: Any = None
    """The JSON body that was sent; None if there was none or it was not JSON."""

    files: tuple[str, ...] = ()
    """Names of the files that came with it."""

    route: str = ""
    """`METHOD /template`; empty if there is no such route."""

    reason: str | None = None
    """What the guild's audit log says of it; None if the request gave no reason."""


class Pipeline:
    """Answers `/api/v10`."""

    def __init__(self, hub: Hub, faults: Faults) -> None:
        self.hub = hub
        self.faults = faults
        self.limiter = RateLimiter(hub.options)
        self.requests: deque[Request] = deque(maxlen=hub.options.record_requests)
        self.calls: Counter[tuple[str, int]] = Counter()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register every route, and a catch-all that says no."""
        for route in ROUTES:
            router.add_route(route.method, _PREFIX + route.template, self._answerer(route))
        router.add_route("*", "/api/{tail:.*}", self._nowhere)

    def _answerer(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, route)

        return answer

    async def _nowhere(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(_PREFIX)
        known = {r.method for r in ROUTES if _fits(r.template, path)}
        refusal = Refusal.METHOD if known else Refusal.NOT_FOUND
        if not request.path.startswith(_PREFIX + "/"):
            refusal = Refusal.INVALID_VERSION
        return self._finish(request, None, _refused(ApiError(refusal)), None)

    async def _answer(self, request: web.Request, route: Route) -> web.StreamResponse:
        path = request.path.removeprefix(_PREFIX)
        faults = self.faults.take(request.method, path)
        for fault in faults:
            await asyncio.sleep(fault.delay_s)
        failing = next((fault for fault in faults if fault.drop or fault.status is not None), None)
        call: Call | None = None
        if self.faults.refusing:
            return self._cut(request, route, None)
        if failing is None:
            call, response = await self._carry_out(request, route)
            return self._finish(request, route, response, call)
        if failing.after_processing:
            call, _ = await self._carry_out(request, route)
        if failing.drop:
            return self._cut(request, route, call)
        return self._finish(request, route, _failed(failing, route, self.limiter.limit_of(route.key)[0]), call)

    async def _carry_out(self, request: web.Request, route: Route) -> tuple[Call | None, web.Response]:
        headers: dict[str, str] = {}
        call: Call | None = None
        try:
            self._check_token(request, route)
            taken = self._count(request, route)
            if isinstance(taken, Limited):
                return None, web.json_response(taken.body, status=429, headers=taken.headers)
            headers = taken
            call = Call(world=self.hub.world, hub=self.hub, path=request.match_info, query=request.query)
            call.body, call.files = await _body(request)
            return call, _response(route.handler(call), headers)
        except ApiError as error:
            return call, _refused(error, headers)
        except Exception:
            _LOG.exception("the sandbox failed at %s %s", request.method, request.path)
            return call, _response(
                Reply(status=500, body={"message": "500: Internal Server Error", "code": 0}), headers
            )

    def _check_token(self, request: web.Request, route: Route) -> None:
        if route.auth and request.headers.get("Authorization") != f"Bot {self.hub.world.token}":
            raise ApiError(Refusal.UNAUTHORIZED)

    def _count(self, request: web.Request, route: Route) -> dict[str, str] | Limited:
        if not self.hub.options.rate_limits or not route.limited:
            return {}
        major = "/".join(request.match_info[name] for name in _MAJOR if name in request.match_info)
        return self.limiter.take(route.key, major, counts_globally=route.auth)

    def _cut(self, request: web.Request, route: Route, call: Call | None) -> web.StreamResponse:
        self._record(request, route, 0, None, call)
        return cut(request)

    def _finish(
        self, request: web.Request, route: Route | None, response: web.Response, call: Call | None
    ) -> web.StreamResponse:
        code = None
        if response.status >= 400 and isinstance(response.body, bytes):
            parsed = orjson.loads(response.body)
            code = parsed.get("code")
        self._record(request, route, response.status, code, call)
        return response

    def _record(
        self, request: web.Request, route: Route | None, status: int, code: int | None, call: Call | None
    ) -> None:
        reason = request.headers.get("X-Audit-Log-Reason")
        self.calls["" if route is None else route.key, status] += 1
        self.requests.append(
            Request(
                method=request.method,
                path=request.path.removeprefix(_PREFIX),
                status=status,
                code=code,
                body=None if call is None else call.body,
                files=() if call is None else tuple(upload.filename for upload in call.files.values()),
                route="" if route is None else route.key,
                reason=None if reason is None else unquote(reason),
            )
        )


def cut(request: web.Request) -> web.Response:
    """Cut the request's connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _fits(template: str, path: str) -> bool:
    parts, given = template.split("/"), path.split("/")
    return len(parts) == len(given) and all(p.startswith("{") or p == g for p, g in zip(parts, given, strict=True))


def _response(answer: Any, headers: dict[str, str]) -> web.Response:
    if answer is None:
        return web.Response(status=204, headers=headers)
    status, body = (answer.status, answer.body) if isinstance(answer, Reply) else (200, answer)
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", headers=headers)


def _refused(error: ApiError, headers: dict[str, str] | None = None) -> web.Response:
    return _response(Reply(status=error.status, body=error.body()), (headers or {}) | error.headers)


def _failed(fault: RestFault, route: Route, limit: int) -> web.Response:
    if fault.status == 429:
        headers: dict[str, str] = {}
        if fault.scope != "global":
            wait, now = fault.retry_after, time.time()
            headers = bucket_headers(route=route.key, limit=limit, left=0, reset_after=wait, now=now)
        refusal = limited(fault.retry_after, scope=fault.scope, headers=headers)
        return _response(Reply(status=429, body=refusal.body), refusal.headers)
    return _response(Reply(status=fault.status or 500, body={"message": "Internal Server Error", "code": 0}), {})


async def _body(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    """The JSON body and the files (https://discord.com/developers/docs/reference#uploading-files)."""
    if request.content_type.startswith("multipart/"):
        return await _multipart(request)
    raw = await request.read()
    return (_parse(raw) if raw else None), {}


async def _multipart(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    body: Any = None
    files: dict[int, Upload] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        content = bytes(await part.read())
        name = part.name or ""
        if name == "payload_json":
            body = _parse(content)
        elif name.startswith("files["):
            kind = part.headers.get("Content-Type")
            number = int(name.removeprefix("files[").removesuffix("]"))
            files[number] = Upload(filename=part.filename or "file", content=content, content_type=kind)
    return body, files


def _parse(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ApiError(Refusal.INVALID_JSON) from None

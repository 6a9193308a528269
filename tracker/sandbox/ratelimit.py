"""REST rate limits (https://discord.com/developers/docs/topics/rate-limits)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from tracker.sandbox.model import Json
from tracker.sandbox.options import SandboxOptions

__all__ = ["Limited", "RateLimiter", "bucket_headers", "limited"]

_DEFAULT = (50, 1.0)
_LIMITS: dict[str, tuple[int, float]] = {
    "POST /channels/{channel}/messages": (5, 5.0),
    "PATCH /channels/{channel}/messages/{message}": (5, 5.0),
    "DELETE /channels/{channel}/messages/{message}": (5, 1.0),
    "GET /channels/{channel}/messages": (5, 5.0),
    "PATCH /guilds/{guild}/members/{user}": (10, 10.0),
    "PATCH /guilds/{guild}/members/@me": (2, 10.0),
    "PUT /guilds/{guild}/members/{user}/roles/{role}": (10, 10.0),
    "DELETE /guilds/{guild}/members/{user}/roles/{role}": (10, 10.0),
    "GET /guilds/{guild}/members": (10, 10.0),
    "POST /users/@me/channels": (10, 10.0),
    "PUT /applications/{application}/commands": (2, 60.0),
    "GET /gateway/bot": (2, 5.0),
}
"""(requests, seconds) by route, as they have been observed; Discord documents none and may change them at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """A refused request: what to answer with status 429."""

    headers: dict[str, str]
    body: Json


@dataclass(slots=True, kw_only=True)
class _Bucket:
    limit: int
    window_s: float
    left: int
    resets_at: float


def limited(retry_after: float, *, scope: str, headers: dict[str, str] | None = None) -> Limited:
    """The answer to a request that came too early; `retry_after` in seconds."""
    everywhere = scope == "global"
    all_headers = {"Retry-After": str(max(1, round(retry_after))), "X-RateLimit-Scope": scope} | (headers or {})
    if everywhere:
        all_headers["X-RateLimit-Global"] = "true"
    body: Json = {"message": "You are being rate limited.", "retry_after": round(retry_after, 3), "global": everywhere}
    return Limited(headers=all_headers, body=body)


def bucket_headers(*, route: str, limit: int, left: int, reset_after: float, now: float) -> dict[str, str]:
    """The headers of one bucket; `now` is Unix seconds."""
    digest = hashlib.sha256(route.encode()).hexdigest()[:32]
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": f"{now + reset_after:.3f}",
        "X-RateLimit-Reset-After": f"{reset_after:.3f}",
        "X-RateLimit-Bucket": digest,
    }


class RateLimiter:
    """Counts requests by route and by the channel, guild or webhook that they are about."""

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._second = 0
        self._in_second = 0

    def take(self, route: str, major: str, *, counts_globally: bool) -> dict[str, str] | Limited:
        """Count a request. Returns the headers of its answer, or the refusal."""
        now = time.time()
        if counts_globally and self._over_global(now):
            return limited(int(now) + 1 - now, scope="global")
        bucket = self._bucket(route, major, now)
        reset_after = bucket.resets_at - now
        if bucket.left == 0:
            headers = bucket_headers(route=route, limit=bucket.limit, left=0, reset_after=reset_after, now=now)
            return limited(reset_after, scope="user", headers=headers)
        bucket.left -= 1
        return bucket_headers(route=route, limit=bucket.limit, left=bucket.left, reset_after=reset_after, now=now)

    def limit_of(self, route: str) -> tuple[int, float]:
        """(requests, seconds) of a route."""
        return self._options.route_limits.get(route, _LIMITS.get(route, _DEFAULT))

    def _over_global(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._in_second = int(now), 0
        self._in_second += 1
        return self._in_second > self._options.global_per_second

    def _bucket(self, route: str, major: str, now: float) -> _Bucket:
        bucket = self._buckets.get((route, major))
        if bucket is None or bucket.resets_at <= now:
            limit, window = self.limit_of(route)
            bucket = _Bucket(limit=limit, window_s=window, left=limit, resets_at=now + window)
            self._buckets[route, major] = bucket
        return bucket

"""How one sandbox behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["SandboxOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """Everything about a sandbox that can be set before it starts."""

    host: str = "127.0.0.1"
    """The address that the server listens on."""

    port: int = 0
    """The TCP port; 0 takes any free one."""

    application_name: str = "tracker"
    """The name of the application and of its bot user."""

    shards: int = 1
    """The shard count that `GET /gateway/bot` recommends."""

    heartbeat_ms: int = 41_250
    """The heartbeat interval of the gateway's hello, milliseconds. Twice as long in silence closes with 4009."""

    resume_buffer: int = 50_000
    """How many dispatches a session keeps for a resume; asking for an older one makes the session invalid."""

    resume_window_s: float = 180.0
    """How long a session without a connection can be resumed, seconds."""

    members_intent_granted: bool = True
    """Whether the application may identify with GUILD_MEMBERS; if not, it is closed with 4014."""

    presences_intent_granted: bool = False
    """Whether the application may identify with GUILD_PRESENCES."""

    message_content_intent_granted: bool = False
    """Whether the application may identify with MESSAGE_CONTENT, and sees contents over REST."""

    interaction_ack_s: float = 3.0
    """How long an interaction waits for its first answer, seconds."""

    interaction_token_s: float = 900.0
    """How long an interaction's token is good for edits and follow-ups, seconds."""

    nonce_window_s: float = 300.0
    """How long an enforced nonce is remembered, seconds ("the past few minutes")."""

    session_start_total: int = 1000
    """Identifies that the application has per day; when used up, the token is refused (4004)."""

    max_concurrency: int = 16
    """Shards that may identify at once within `identify_interval_s`."""

    identify_interval_s: float = 0.0
    """Discord's is 5 s. 0 turns the limit off; if on, identifying too soon gets an invalid session."""

    gateway_sends: int = 120
    """Payloads a connection may send within 60 s; one more closes it with 4008."""

    rate_limits: bool = False
    """Whether REST requests are counted against buckets and carry the `X-RateLimit-…` headers."""

    global_per_second: int = 50
    """Requests a second over all routes, when `rate_limits` is on."""

    route_limits: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    """Overrides of (requests, seconds) by `METHOD /template`, e.g. `POST /channels/{channel}/messages`."""

    record_requests: int = 10_000
    """How many of the last REST requests `Sandbox.requests` keeps."""

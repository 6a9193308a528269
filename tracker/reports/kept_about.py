"""What is stored about a member, in figures."""

from __future__ import annotations

from dataclasses import dataclass

from tracker.ids import Ms

__all__ = ["Kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`since`: when the member was first heard of. `last_at`: when last seen active. Both None if never."""

    name: str
    opted_out: bool
    roles: int
    since: Ms | None
    last_at: Ms | None
    sessions: int
    voice_ms: int
    messages: int
    interactions: int
    exp: int

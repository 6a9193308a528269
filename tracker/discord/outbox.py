"""Delivers the posts that are owed: one after another in each channel, several channels at once.

What is slow in one channel (Discord's rate limits, hundreds of announcements) does not hold up the others: a round
takes a few posts of each channel, and a channel that is not done when the round ends goes on by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, TypeAlias

import hikari

from tracker.discord.desk import Pictures
from tracker.discord.poster import Poster, Turn
from tracker.discord.posts import BlockedError, Deliveries, DroppedError, Owed, Render
from tracker.discord.posts_level import LevelPosts
from tracker.discord.posts_report import EmbedRenderer, Icon, ReportPost, Reports, embeds, reports_of
from tracker.discord.scheduled import HasRole, channel_now, scheduled
from tracker.discord.sight import Intake
from tracker.ids import MessageId, Ms

__all__ = ["Deliveries", "Outbox", "Owed", "ReportPost", "Reports"]

_LOG = logging.getLogger("tracker.discord.outbox")
_FIRST_PAUSE_MS: Final = 5_000
_LONGEST_PAUSE_MS: Final = 3_600_000
_WORKERS: Final = 8
_ROUND_S: Final = 2.0

_Lane: TypeAlias = tuple[str, int]
"""What is posted one after another: ("channel", channel id), ("dm", guild id), or ("nowhere", guild id)."""


class _Outcome(Enum):
    SENT, FAILED, OVER = range(3)


class Outbox:
    """`deliver` is one round; whoever calls it decides when. `renderers`: of further kinds, by their payloads alone."""

    def __init__(
        self,
        *,
        rest: hikari.api.RESTClient,
        intake: Intake,
        reports: Reports,
        deliveries: Deliveries,
        renderers: Mapping[str, EmbedRenderer] | None = None,
        has_role: HasRole = lambda _guild, _role: True,
        pictures: Pictures | None = None,
        icon: Icon | None = None,
        round_s: float = _ROUND_S,
    ) -> None:
        """`round_s`: how long a round waits for its slowest channel, which goes on all the same.

        `pictures`, `icon`: of reports; None, they have none.
        """
        self._intake = intake
        self._deliveries = deliveries
        self._renderers: dict[str, Render] = {
            "report": scheduled(reports_of(reports, pictures, icon), has_role),
            "level": LevelPosts(rest, intake, deliveries),
            **{kind: embeds(renderer) for kind, renderer in (renderers or {}).items()},
        }
        self._poster = Poster(rest, intake.clock)
        self._round_s = round_s
        self._busy = asyncio.Lock()
        self._workers = asyncio.Semaphore(_WORKERS)
        self._lanes: dict[_Lane, asyncio.Task[int]] = {}
        self._in_hand: set[str] = set()
        self._unnoted: dict[str, MessageId] = {}

    async def deliver(self) -> int:
        """Begin with what is due; returns how many posts were sent since the round before.

        Raises DatabaseError: then the rest of that channel waits.
        """
        async with self._busy:
            await self._begin()
            if self._lanes:
                await asyncio.wait(self._lanes.values(), timeout=self._round_s)
            return self._end()

    async def _begin(self) -> None:
        """Have somebody work on each channel in which anything is due, and nobody works yet."""
        by_lane: dict[_Lane, list[Owed]] = {}
        for owed in await self._deliveries.due(self._intake.clock.now()):
            lane = self._lane(owed)
            if lane not in self._lanes and owed.key not in self._in_hand:
                by_lane.setdefault(lane, []).append(owed)
        for lane, posts in by_lane.items():
            self._in_hand.update(owed.key for owed in posts)
            self._lanes[lane] = asyncio.create_task(self._work(posts), name=f"posts {lane}")

    def _end(self) -> int:
        """Forget those who are done. Raises what stopped one of them, after all are forgotten."""
        done = [lane for lane, work in self._lanes.items() if work.done()]
        finished = [self._lanes.pop(lane) for lane in done]
        errors = [error for work in finished if (error := work.exception()) is not None]
        if errors:
            raise errors[0]
        return sum(work.result() for work in finished)

    def _lane(self, owed: Owed) -> _Lane:
        settings = self._intake.sight.settings(owed.guild_id)
        if owed.kind == "level" and settings.announcements.mode == "dm":
            return "dm", owed.guild_id
        channel = channel_now(owed, settings)
        return ("nowhere", owed.guild_id) if channel is None else ("channel", channel)

    async def _work(self, posts: Sequence[Owed]) -> int:
        """Deliver them in their order, up to the first that must wait; returns how many were sent."""
        sent = 0
        try:
            async with self._workers:
                turn = Turn(since=min(owed.created_at for owed in posts))
                for owed in posts:
                    outcome = await self._deliver(owed, turn)
                    sent += outcome is _Outcome.SENT
                    if outcome is _Outcome.FAILED:
                        break
        finally:
            self._in_hand.difference_update(owed.key for owed in posts)
        return sent

    async def _deliver(self, owed: Owed, turn: Turn) -> _Outcome:
        try:
            message_id = self._unnoted.get(owed.key) or await self._post(owed, turn)
        except DroppedError as error:
            _LOG.info("the post %s is dropped: %s", owed.key, error)
            await self._deliveries.mark_dropped(owed, str(error))
        except BlockedError as error:
            await self._block(owed, str(error))
        except (hikari.ForbiddenError, hikari.NotFoundError, hikari.BadRequestError) as error:
            await self._block(owed, f"Discord refuses it ({_short(error)}): see the bot's permissions in the channel")
        except (hikari.HTTPError, hikari.ComponentStateConflictError, OSError) as error:
            pause = min(_FIRST_PAUSE_MS << min(owed.attempts, 20), _LONGEST_PAUSE_MS)
            await self._deliveries.mark_failed(owed, _short(error), Ms(self._intake.clock.now() + pause))
            return _Outcome.FAILED
        else:
            self._unnoted[owed.key] = message_id
            await self._deliveries.mark_sent(owed, message_id)
            del self._unnoted[owed.key]
            self._poster.forget(owed)
            return _Outcome.SENT
        self._poster.forget(owed)
        return _Outcome.OVER

    async def _post(self, owed: Owed, turn: Turn) -> MessageId:
        settings = self._intake.sight.settings(owed.guild_id)
        render = self._renderers.get(owed.kind)
        if render is None:
            raise BlockedError(f"this version of the tracker makes no posts of the kind {owed.kind}")
        try:
            post = await render(owed, settings)
        except ValueError:
            raise BlockedError("its payload cannot be read") from None
        return await self._poster.post(owed, post, channel_now(owed, settings), turn)

    async def _block(self, owed: Owed, reason: str) -> None:
        _LOG.warning("the post %s is blocked: %s", owed.key, reason)
        await self._deliveries.mark_blocked(owed, reason)


def _short(error: Exception) -> str:
    """Status and Discord's own words, in one line; never headers or bodies."""
    if isinstance(error, hikari.HTTPResponseError):
        return f"HTTP {int(error.status)} {error.message}".strip()[:200]
    return type(error).__name__

"""Reading message history over REST alone, for the command line: no gateway, and nobody else who writes meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import hikari

from store.backfills import Backfill, Progress
from tracker.discord.backfill_reading import Patience, Reading
from tracker.discord.login import refusal
from tracker.errors import TrackerError
from tracker.ids import GuildId
from tracker.ingest.backfills import Backfills

__all__ = ["Alone", "alone"]

_TRIES: Final = 6


class Alone:
    """Discord's REST side, logged in."""

    def __init__(self, rest: hikari.api.RESTClient, book: Backfills, patience: Patience) -> None:
        self._rest = rest
        self._book = book
        self._patience = patience

    async def guilds(self) -> Sequence[GuildId]:
        """The servers that the bot is in."""
        return [GuildId(guild.id) async for guild in self._rest.fetch_my_guilds()]

    async def read(self, wanted: Backfill, moved: Callable[[Progress], None]) -> tuple[Backfill, Progress]:
        """Read what is left of it; `moved` is told after each page. How it ended, and what was found.

        Raises LoginError when Discord takes the token no more, TrackerError when it does not answer; what was read is
        kept then.
        """
        book, noted = self._book, await self._book.ask(wanted)
        found = await book.progress(noted)

        async def told() -> None:
            nonlocal found
            found = await book.progress(noted)
            moved(found)

        try:
            await Reading(self._rest, book, noted, moved=told, patience=self._patience).run()
        except hikari.UnauthorizedError:
            raise
        except (hikari.HTTPError, OSError) as error:
            status = f"HTTP {int(error.status)}" if isinstance(error, hikari.HTTPResponseError) else "no connection"
            raise TrackerError(
                f"Discord does not answer any more ({status}); what was read is kept, and the same command goes on "
                "from there: run it again later"
            ) from None
        return await book.find(noted) or noted, await book.progress(noted)


@asynccontextmanager
async def alone(
    token: str, rest_url: str | None, book: Backfills, *, patience: Patience | None = None
) -> AsyncIterator[Alone]:
    """Logged in as the bot. Raises LoginError if Discord does not take the token, or cannot be reached (any more)."""
    app = hikari.RESTApp(url=rest_url)
    await app.start()
    try:
        async with app.acquire(token, hikari.TokenType.BOT) as rest:
            await rest.fetch_my_user()
            yield Alone(rest, book, patience or Patience(tries=_TRIES))
    except TrackerError:
        raise
    except (hikari.HikariError, aiohttp.ClientError, OSError, ValueError) as error:
        raise refusal(error, server=rest_url) from None
    finally:
        await app.close()

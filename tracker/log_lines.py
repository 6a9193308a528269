"""What the bot says of itself, line by line on stderr."""

from __future__ import annotations

import logging
import sys

__all__ = ["set_up"]


def set_up(level: str) -> None:
    """From now on, and of this level: `debug`, `info`, `warning` or `error`."""
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    for chatty in ("apscheduler", "aiohttp", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # A round of posts that waits for Discord outlasts its interval: that is no news.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)

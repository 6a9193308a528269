"""Starting the bot, apart from the command-line parser: its process should carry only what it needs."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace

from tracker.config import Config

__all__ = ["run_bot"]


def run_bot(database_url: str | None) -> None:
    """Run the bot until it is told to stop. `database_url`: None for what the environment says. Raises TrackerError."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the bot drains, there is nothing to write
    config = Config.from_env(os.environ)
    if database_url is not None:
        config = replace(config, database_url=database_url)
    config.require_token()  # before the second that loading the bot takes
    from tracker.app import run

    run(config)

"""The command line. `main` is the `tracker` command; each command imports what it needs when it is called."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that the process was started with, and exit with its code."""
    if sys.argv[1:] == ["run"]:  # the bot's process lives long and should not carry a command-line parser with it
        from tracker.cli.bot import run_bot
        from tracker.cli.frame import plainly

        with plainly():
            run_bot(None)
        sys.exit(0)
    from tracker.cli.application import app
    from tracker.cli.frame import speak_utf8

    speak_utf8()
    app(prog_name="tracker")

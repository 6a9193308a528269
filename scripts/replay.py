"""Make all figures anew from the event log, check them, or ask what if: `python scripts/replay.py --help`."""

from __future__ import annotations

import sys

from tracker.cli.application import app

if __name__ == "__main__":
    app(["replay", *sys.argv[1:]], prog_name="scripts/replay.py")

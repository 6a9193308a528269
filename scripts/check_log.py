"""Check that the log is whole and that the figures are what it says: `python scripts/check_log.py [--database URL]`."""

from __future__ import annotations

import sys

from tracker.cli.application import app

if __name__ == "__main__":
    app(["check", *sys.argv[1:]], prog_name="scripts/check_log.py")

"""`python -m tests.e2e.deadly POINT`: the real `tracker run`, which kills itself with SIGKILL at an exact point.

POINT is `statement:N` (just before the Nth SQL statement), `executed:N` (just after it), `commit:N` (just before the
Nth COMMIT is sent) or `committed:N` (just after it succeeded, before anybody is told).
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect


def _deadly(point: str) -> None:
    what, _, number = point.partition(":")
    left = int(number)

    def strike() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if what == "statement":
        event.listen(Engine, "before_cursor_execute", lambda *_: strike())
    elif what == "executed":
        event.listen(Engine, "after_cursor_execute", lambda *_: strike())
    elif what == "commit":
        event.listen(Engine, "commit", lambda _: strike())
    elif what == "committed":
        plain = DefaultDialect.do_commit

        def do_commit(self: Any, connection: Any) -> None:
            plain(self, connection)
            strike()

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
    else:
        raise SystemExit(f"no such point: {point}")


def main() -> None:
    """Arm it, then run the bot."""
    from tracker import app
    from tracker.config import Config

    _deadly(sys.argv[1])
    sys.exit(app.run(Config.from_env(os.environ)))


if __name__ == "__main__":
    main()

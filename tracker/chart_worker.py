"""The process that draws: `python -m tracker.chart_worker`. Started and ended by `tracker.ingest.charts` alone.

Not within that package, which would bring the database's libraries along.

Each request on the standard input and each answer on the standard output is a length (4 bytes, the highest first) and
as much pickle: (report, data, locale) goes in, the PNG or the error's text comes out. It ends with its input, so it
outlives nobody.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from typing import Any, BinaryIO

from tracker.reports.charts import draw_charts

__all__ = ["LENGTH_BYTES", "framed", "serve"]

LENGTH_BYTES = 4


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Draw what is asked for until the requests end."""
    while len(head := requests.read(LENGTH_BYTES)) == LENGTH_BYTES:
        asked = requests.read(int.from_bytes(head))
        answers.write(framed(_answer(asked)))
        answers.flush()
        gc.collect()  # a request is rare, and what it left in circles need not wait for the next one


def framed(value: Any) -> bytes:
    """A value as it goes over the pipe."""
    packed = pickle.dumps(value)
    return len(packed).to_bytes(LENGTH_BYTES) + packed


def _answer(asked: bytes) -> bytes | str:
    try:
        report, data, locale = pickle.loads(asked)  # noqa: S301 - the tracker itself wrote it
        return draw_charts(report, data, locale)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main() -> None:
    """Serve whoever started this process. Ctrl-C is for the bot, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.nice(10)  # the bot goes first
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that prints may get in between
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()

"""The process that folds histories anew: `python -m tracker.ingest.recount_worker`. Started by `recount_process` alone.

It reads one request, a line of JSON, folds with low priority, and answers with a line: what `counted_text` writes, or
why nothing came of it. It ends with its input, and then leaves no file behind: it outlives nobody.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from store.engine import open_database
from store.recounting import counted_text, fold_marked, remove
from store.state import Checkpoint
from tracker.errors import TrackerError
from tracker.ids import GuildId, Ms, Partition, Position

__all__ = ["Request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Fold these guilds of the database at `url` up to the checkpoint, into a new file at `path`."""

    url: str
    path: Path
    partition: Partition
    checkpoint: Checkpoint
    guilds: tuple[GuildId, ...]

    def text(self) -> str:
        """As a line."""
        position, as_of = self.checkpoint.position, self.checkpoint.as_of
        return json.dumps([self.url, str(self.path), self.partition, position, as_of, self.guilds])

    @classmethod
    def of(cls, line: str) -> Request:
        """What `text` wrote."""
        url, path, partition, position, as_of, guilds = json.loads(line)
        return cls(
            url=url,
            path=Path(path),
            partition=Partition(partition),
            checkpoint=Checkpoint(position=Position(position), as_of=Ms(as_of)),
            guilds=tuple(map(GuildId, guilds)),
        )

    def answer(self) -> str:
        """Do it, and say so in a line."""
        try:
            with closing(open_database(self.url, create=False)) as db:
                return counted_text(fold_marked(db, self.partition, self.guilds, self.checkpoint, self.path))
        except TrackerError as error:
            return json.dumps({"error": str(error)})
        except Exception as error:
            return json.dumps({"error": f"{type(error).__name__}: {error}"})


def _end_with(requests: TextIO, path: Path, done: threading.Event) -> None:
    """Whoever asked is gone."""
    requests.read()
    if not done.is_set():
        remove(path)
        os._exit(1)


def main() -> None:
    """Do what is asked. Ctrl-C is for the bot, which then ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.nice(10)  # the bot goes first
    answers = sys.stdout
    sys.stdout = sys.stderr  # nothing that prints may get in between
    request = Request.of(sys.stdin.readline())
    done = threading.Event()
    threading.Thread(target=_end_with, args=(sys.stdin, request.path, done), daemon=True).start()
    answer = request.answer()
    done.set()  # from here on the file is the bot's
    answers.write(answer + "\n")
    answers.flush()


if __name__ == "__main__":
    main()

"""What surrounds every command: errors in one sentence on stderr, the right exit code, and no traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from tracker.errors import TrackerError

__all__ = ["BROKEN_PIPE", "INTERRUPTED", "plainly", "say", "speak_utf8"]

INTERRUPTED = 130
BROKEN_PIPE = 141


def say(sentence: str) -> None:
    """A line to a person, on stderr: stdout carries results only."""
    print(sentence, file=sys.stderr)


def speak_utf8() -> None:
    """Whatever the locale, files and pipes get UTF-8; a terminal that cannot show a character shows another one."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what may go wrong in any command into a sentence and an exit code (raises SystemExit)."""
    try:
        yield
        sys.stdout.flush()
    except TrackerError as error:
        say(f"tracker: {error}")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        say("tracker: interrupted")
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        _abandon_stdout()
        raise SystemExit(BROKEN_PIPE) from None
    except OSError as error:
        _abandon_stdout()
        say(f"tracker: the output cannot be written ({error.strerror or error})")
        raise SystemExit(1) from None


def _abandon_stdout() -> None:
    """Who read our output has gone away: let the interpreter's own last flush go nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115

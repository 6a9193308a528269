"""`tracker demo` from beginning to end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from store.engine import Database
from tracker.clock import PlayClock
from tracker.demo import ledger
from tracker.demo.bot import Bot
from tracker.demo.director import Director, MissingError
from tracker.demo.ending import tell, write_page
from tracker.demo.screen import PHASES, Frame, Screen, screen_for
from tracker.demo.script import write_script
from tracker.demo.stage import Stage, set_stage
from tracker.demo.timetable import pace, play_clock
from tracker.errors import ConfigError
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.thread import SandboxThread

__all__ = ["DEFAULT_OUT", "run_demo"]

DEFAULT_OUT: Final = Path("demo-out")
_PAGE, _DATABASE, _BOT_LOG = "log-channel.html", "demo.db", "bot.log"
_HEAD_START_MS: Final = 6_500
"""The clock stands still for so long, so that the bot is there when the day begins."""

_FRAME_S: Final = 0.2
_PLAIN_WIDTH: Final = 110
_LAST_LINES: Final = 15
_SETTLED_WITHIN_S: Final = 60.0
"""How long roles, nicknames and posts may lag behind the day."""


@dataclass(slots=True, kw_only=True)
class _Show:
    """What the parts of one demo share."""

    console: Console
    thread: SandboxThread
    stage: Stage
    director: Director
    clock: PlayClock
    database: Database
    keep: bool


def run_demo(out: Path = DEFAULT_OUT, *, seed: int = 1, keep: bool = False) -> int:
    """Play the day with the real bot; 0 if all that was expected came, else 1.

    `out`: where page, database and the bot's log go; those of an earlier demo are replaced. `keep`: at the end, leave
    sandbox and bot running until Ctrl-C. Raises ConfigError if `out` cannot be written to, KeyboardInterrupt on Ctrl-C
    and SIGTERM, after the bot has been stopped.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    url = _clean(out)
    with _interrupt_on_sigterm():
        clock = play_clock(time.time_ns() // 1_000_000 + _HEAD_START_MS)
        with SandboxThread(SandboxOptions(rate_limits=True), clock=clock) as thread:
            stage = thread.call(set_stage, thread.sandbox)
            director = Director(stage, write_script(seed), clock)
            with ledger.opened_new(url, stage, write_script(seed + 1)) as database, _ended(thread, director):
                show = _Show(
                    console=console,
                    thread=thread,
                    stage=stage,
                    director=director,
                    clock=clock,
                    database=database,
                    keep=keep,
                )
                missing = _play(show, url, out)
                return tell(console, stage, director, database, out / _PAGE, out / _DATABASE, missing)


@contextmanager
def _ended(thread: SandboxThread, director: Director) -> Iterator[None]:
    """Whatever happens inside, the director plays no longer afterwards."""
    try:
        yield
    finally:
        thread.run(director.end())


def _play(show: _Show, url: str, out: Path) -> list[str]:
    """Run the bot through the day; what was expected and did not come."""
    settings = {
        "DISCORD_TOKEN": show.thread.sandbox.token,
        "TRACKER_REST_URL": show.thread.sandbox.rest_url,
        "TRACKER_DATABASE_URL": url,
        "TRACKER_CLOCK": show.clock.text(),
        "TRACKER_FLUSH_S": "1",
        "TRACKER_COMMIT_MS": "100",
        "TRACKER_VERIFY": "off",  # in played time it would be due any moment; the demo checks everything at its end
    }
    missing: list[str] = []
    with Bot(settings, out / _BOT_LOG) as bot:
        try:
            with screen_for(show.console) as screen:
                show.thread.call(show.director.begin)
                _watch(show, bot, screen)
            if show.keep:
                _stay(show, bot)
        except MissingError as error:
            missing.append(str(error))
        code = bot.stop()
        if code != 0:
            missing.append(f"the bot ended with exit code {code}")
        if missing:
            show.console.print("\n".join(["The bot's last log lines:", *list(bot.lines)[-_LAST_LINES:]]), markup=False)
    show.thread.call(write_page, show.stage, out / _PAGE)
    return missing


def _watch(show: _Show, bot: Bot, screen: Screen) -> None:
    """Show frames until the day is over and nothing is owed any more. Raises MissingError for what did not come."""
    _show_until(lambda: show.thread.call(show.director.is_over), show, bot, screen)
    latest = time.monotonic() + _SETTLED_WITHIN_S

    def is_settled() -> bool:
        waiting = ledger.owed(show.database)
        if waiting and time.monotonic() > latest:
            raise MissingError(f"{waiting} members or posts still wait, {_SETTLED_WITHIN_S:g} s after the day")
        return waiting == 0

    _show_until(is_settled, show, bot, screen)


def _show_until(done: Callable[[], bool], show: _Show, bot: Bot, screen: Screen) -> None:
    while not done():
        view = show.thread.call(show.director.view)
        speed = pace(show.clock, time.time_ns() // 1_000_000)
        screen.show(Frame(view, durable=ledger.durable(show.database), pace=speed, log=list(bot.lines)))
        if bot.exit_code is not None:
            raise MissingError(f"the bot died ({PHASES[view.phase]})")
        time.sleep(_FRAME_S)


def _stay(show: _Show, bot: Bot) -> None:
    """Leave everything running until Ctrl-C or the bot's end."""
    show.console.print(f"Sandbox and bot stay up at {show.thread.sandbox.rest_url}; Ctrl-C ends them.", markup=False)
    with suppress(KeyboardInterrupt):
        while bot.exit_code is None:
            time.sleep(_FRAME_S)


def _clean(out: Path) -> str:
    """Make the folder, remove what an earlier demo left, and return the new database's address."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (_PAGE, _BOT_LOG, _DATABASE, f"{_DATABASE}-wal", f"{_DATABASE}-shm"):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"--out: {out} cannot be written to ({error.strerror})") from None
    return f"sqlite:///{(out / _DATABASE).absolute()}"


@contextmanager
def _interrupt_on_sigterm() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that the bot is stopped whoever ends the demo."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

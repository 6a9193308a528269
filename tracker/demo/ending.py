"""What the demo says at its end: the report, the answers, the comparisons with the truth, and where things are."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from store.engine import Database
from tracker.demo.cast import MUSIC_BOT, STUDY
from tracker.demo.director import Director
from tracker.demo.holding import Holding, holdings, patches
from tracker.demo.ledger import Line, compare, durable, problems_in
from tracker.demo.page import channel_page
from tracker.demo.stage import TIERS, Stage
from tracker.demo.terminal import embed_panel
from tracker.demo.timetable import DAY, ZONE
from tracker.errors import TrackerError
from tracker.projections.days import date_of

__all__ = ["tell", "write_page"]

_COMPARED: Final = 5
_ON_THE_PAGE: Final = ("report",)
"""Commands whose answers are too long for the terminal."""


def write_page(stage: Stage, page: Path) -> None:
    """Write the log channel's page. Call it in the sandbox's loop."""
    page.write_text(channel_page(stage.guild, stage.log, ZONE), encoding="utf-8")


def tell(
    console: Console,
    stage: Stage,
    director: Director,
    database: Database,
    page: Path,
    file: Path,
    missing: Sequence[str],
) -> int:
    """Print the ending. `missing`: what did not come. Returns the exit code: 0, or 1 if anything is wrong."""
    wrong = list(missing)
    _show_posts(console, director)
    lines = compare(database, stage)
    wrong += _show_comparison(console, lines, stage.people[MUSIC_BOT.username].display_name)
    wrong += _show_holdings(console, stage, holdings(database, stage))
    wrong += _show_check(console, database)
    counters = stage.sandbox.counters
    if counters.resumes == 0:
        wrong.append("the gateway session was not resumed after the cut")
    else:
        _say(console, f"Gateway cut once, resumed {counters.resumes} time(s), {counters.replayed} events sent again.")
    _show_places(console, stage, page, file)
    for problem in wrong:
        console.print(Text(f"tracker demo: {problem}", style="bold red"), soft_wrap=True)
    return 1 if wrong else 0


def _show_posts(console: Console, director: Director) -> None:
    if director.report is not None:
        _say(console, "\nPosted by the bot itself at midnight:", "bold")
        console.print(embed_panel(director.report.embeds[0]))
    for command, call in director.calls.items():
        if call.message is None or not call.message.embeds:
            continue
        deferred = "deferred, then answered" if call.deferred else "answered"
        seen = " (only they see it)" if call.ephemeral else ""
        said = f"/{command} by a member: acknowledged in {call.acknowledged_ms} ms, {deferred}{seen}"
        if command in _ON_THE_PAGE:
            _say(console, f"{said}; it is on the page.", "bold")
        else:
            _say(console, f"{said}:", "bold")
            console.print(embed_panel(call.message.embeds[0]))


def _show_comparison(console: Console, lines: Sequence[Line], other_bot: str) -> list[str]:
    """Truth against tracker for a few members; what is wrong about any of them."""
    table = Table(title="The sandbox's truth against the tracker's figures", title_justify="left")
    for head in ("member", "voice, truth", "voice, tracker", "difference", "messages, truth", "messages, tracker"):
        table.add_column(head, justify="left" if head == "member" else "right")
    for line in [*lines[:_COMPARED], *(line for line in lines if line.name == other_bot)]:
        off = (line.voice_ms - line.true_voice_ms) / 1000
        table.add_row(
            Text(line.name),
            _clock(line.true_voice_ms),
            _clock(line.voice_ms),
            f"{off:+.1f} s",
            str(line.true_messages),
            str(line.messages),
        )
    console.print(table)
    largest = max(abs(line.voice_ms - line.true_voice_ms) for line in lines)
    _say(
        console,
        f"Largest difference of all {len(lines)}: {largest / 1000:.1f} s of played time. The bot stamps voice changes "
        "when they arrive, and while people come and go the day runs about 600 times faster than real time: "
        "1 ms on the wire is 0.6 s of it.",
    )
    return [
        f"{line.name} wrote {line.true_messages} messages, the tracker says {line.messages}"
        for line in lines
        if line.messages != line.true_messages
    ]


def _show_holdings(console: Console, stage: Stage, found: Sequence[Holding]) -> list[str]:
    """Who should hold which role and nickname, and who does; what is wrong about anybody."""
    table = Table(title="Who holds what: the figures against the sandbox", title_justify="left")
    table.add_column("role")
    for head in ("by the figures", "on Discord"):
        table.add_column(head, justify="right")
    table.add_column("as Discord shows them", overflow="fold")
    for tier in reversed(TIERS):
        holders = [line for line in found if tier in line.held]
        due = sum(tier in line.due for line in found)
        names = ", ".join(line.nick or line.name for line in holders)
        table.add_row(Text(tier), str(due), str(len(holders)), Text(names))
    console.print(table)
    named, blocked = sum(line.nick is not None for line in found), [line for line in found if line.block]
    words = f"Nicknames by the template: {named}."
    if blocked:
        words += f" Left alone: {', '.join(f'{line.name} ({line.block})' for line in blocked)}."
    done, refused = patches(stage)
    _say(console, f"{words} Changes of members sent to Discord: {done}, refused by it: {refused}.")
    return [line.problem for line in found if line.problem]


def _clock(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _show_check(console: Console, database: Database) -> list[str]:
    try:
        problems = problems_in(database)
    except TrackerError as error:
        return [str(error)]
    if not problems:
        _say(console, f"Check: {durable(database)} events without a hole; live figures = replayed figures.", "green")
    return problems


def _show_places(console: Console, stage: Stage, page: Path, file: Path) -> None:
    _say(console, f"\nThe log channel as Discord shows it:  {page}")
    _say(console, f"The database:                         {file}")
    _say(
        console,
        f"Ask it:  {_command()} report --database {file} --guild {stage.guild.id} --role {stage.roles[STUDY].id} "
        f"--period daily --date {date_of(DAY)}",
    )


def _command() -> str:
    """How to call this tracker again: by its path where the shell would not find it."""
    called = Path(sys.argv[0])
    if called.name != "tracker" or shutil.which("tracker"):
        return "tracker"
    return os.path.relpath(called)


def _say(console: Console, words: str, style: str = "") -> None:
    console.print(Text(words, style=style), soft_wrap=True)

"""The `tracker` command with its subcommands."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tracker import __version__
from tracker.cli import backfill, care, moving, reading, rules, running
from tracker.cli.archive import archive
from tracker.cli.doctor import doctor
from tracker.cli.frame import plainly

__all__ = ["app"]


class _Commands(TyperGroup):
    """The group in whose `invoke` all commands run: none of them shows a traceback for what a person did."""

    def invoke(self, ctx: Any) -> Any:
        with plainly():
            return super().invoke(ctx)


app = typer.Typer(
    name="tracker",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tracker {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The activity tracker that Discord communities can trust: voice, messages and interactions, counted exactly.

    \b
    See it at work, without a token:  tracker demo
    Run the bot:                      DISCORD_TOKEN=… tracker run
    Each command has its own --help.
    """


app.command("run", short_help="Run the bot.")(running.run)
app.command("demo", short_help="See the real bot at work within a minute, without a token.")(running.demo)
app.command("report", short_help="Show the report of a role over a day, week or month.")(reading.report)
app.command("activity", short_help="Show what each member did on each day.")(reading.activity)
app.command("import", short_help="Bring events into the log, and count anew.")(moving.import_)
app.command("backfill", short_help="Read the messages of the last days from Discord.")(backfill.backfill)
app.command("export", short_help="Write the event log as JSON lines.")(moving.export)
app.add_typer(rules.app, name="settings", short_help="Show, check and change a server's settings.")
app.command("doctor", short_help="Say how the tracker is, and what a person has to do.")(doctor)
app.command("check", short_help="Check that the log is whole and the figures are what it says.")(care.check)
app.command("replay", short_help="Make all figures anew from the event log.")(care.replay)
app.command("archive", short_help="Move old events into compressed files, or back.")(archive)

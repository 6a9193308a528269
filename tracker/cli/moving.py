"""`tracker import` and `tracker export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.frame import say
from tracker.cli.options import DatabaseUrl, guild_of, opened
from tracker.errors import ConfigError

__all__ = ["Format", "export", "import_"]

_DASH = Path("-")


class Format(StrEnum):
    """What wrote the files."""

    TRACKER = "tracker"
    CHAT = "discord-chat-exporter"
    MEE6 = "mee6"
    LURKR = "lurkr"
    POLARIS = "polaris"


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Files or folders; .gz is unpacked; - for stdin.", show_default=False),
    ],
    form: Annotated[Format, typer.Option("--format", help="What wrote them.")] = Format.TRACKER,
    guild: Annotated[
        str | None,
        typer.Option("--guild", metavar="ID", help="The server they are of, where the files do not say (not tracker)."),
    ] = None,
    skip_bad: Annotated[
        bool,
        typer.Option("--skip-bad", help="Import what is good and list the rest, instead of refusing the files."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Totals (mee6, lurkr, polaris): do not ask.")] = False,
    database: DatabaseUrl = None,
) -> None:
    """Import history from elsewhere, or what `tracker export` wrote, and count anew what it changes.

    \b
    tracker                Our own events, one JSON object per line.
    discord-chat-exporter  Messages, as DiscordChatExporter writes them with `--format Json`.
    mee6, lurkr, polaris   What members had come to: their EXP is taken over as an adjustment, after a preview.

    If any line, message or total is bad, nothing of the files is kept, and the first one is named. What is in the
    database already is passed over, so the same files can be imported again; of a total that has changed, only the
    difference is taken over. A database that is not there is made.

    The bot may be running: then it counts the servers concerned anew by itself. Only what cannot be done behind its
    back is refused (member.forgotten, events from the future), and time (tracker.ticked) is left to it.

    \b
    Examples:
      tracker import events.jsonl
      tracker import --format discord-chat-exporter exports/
      tracker import --format mee6 --guild 1100000000000000001 page0.json page1.json
      curl https://example.org/events.jsonl | tracker import - --database sqlite:///study.db

    \b
    A line of our own format looks like this:
      {"id":"a1","type":"voice.joined","guild_id":"10","user_id":"20","channel_id":"30",
       "occurred_at":"2026-02-18T06:16:52.000Z","data":{"flags":[],"reason":"gateway"}}
    """
    from tracker.cli.importing import import_events, import_totals
    from tracker.cli.sources import sources

    guild_id = None if guild is None else guild_of(guild)
    if form is Format.TRACKER and guild_id is not None:
        raise ConfigError("--guild: each event says of which server it is; leave it out")
    suffixes = (".jsonl", ".ndjson") if form is Format.TRACKER else (".json",)
    with sources(files, suffixes=suffixes) as found:
        if form in (Format.TRACKER, Format.CHAT):
            import_events(found, guild_id, database, is_chat=form is Format.CHAT, skip_bad=skip_bad)
        else:
            import_totals(found, form.value, guild_id, database, skip_bad=skip_bad, ask=not yes)


def export(
    file: Annotated[
        Path,
        typer.Argument(metavar="[FILE]", help="Where to write; .gz is packed; stdout if left out.", show_default=False),
    ] = _DASH,
    guild: Annotated[str | None, typer.Option("--guild", metavar="ID", help="Only this server's events.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="Only from this day on (in each server's zone).")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Only up to this day, itself included.")
    ] = None,
    database: DatabaseUrl = None,
) -> None:
    """Write the event log as JSON lines, in the order in which it was recorded.

    Members who asked to be forgotten are not in it. The bot may be running. The file can be imported elsewhere.

    \b
    Examples:
      tracker export backup.jsonl.gz
      tracker export --guild 1100000000000000001 --from 2026-02-01 --to 2026-02-28 february.jsonl
    """
    from store import log
    from tracker.cli.outflow import exported, written_to
    from tracker.cli.progress import bar
    from tracker.events.exchange import to_line
    from tracker.reports.window import parse_day

    guild_id = None if guild is None else guild_of(guild)
    first_day, last_day = (None if text is None else parse_day(text) for text in (first, last))
    count = 0
    with (
        opened(database) as db,
        written_to(file) as out,
        bar("Exporting", sum(log.head(db).values()) if guild is None else None) as read,
    ):
        for event in exported(db, guild_id, first_day, last_day, read):
            out.write(to_line(event).encode() + b"\n")
            count += 1
    if file != _DASH:
        say(f"{count:,} events written to {file}")

"""`tracker doctor`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tracker.cli.diagnosis import Facts, Finding, examine, examine_online
from tracker.cli.options import AsJson, DatabaseUrl, opened
from tracker.config import Config, hide_password
from tracker.errors import LoginError, TrackerError
from tracker.ids import Ms

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["doctor"]

_NAMED: Final = 20
_HISTORY_MS: Final = 7 * 86_400_000
"""Posts that were owed earlier than this are counted and not named: nobody can make them any more."""


def doctor(
    online: Annotated[
        bool,
        typer.Option("--online", help="Ask Discord too: the token, the intents, and the bot's permissions everywhere."),
    ] = False,
    as_json: AsJson = False,
    database: DatabaseUrl = None,
) -> None:
    """Say how the tracker is, and what a person has to do.

    Looks at the configuration, the database, who writes to it, how far the figures are, which servers are not seen, and
    what could not be sent to Discord: posts, tier roles and nicknames, each with the reason. Changes nothing; the bot
    may be running. (`tracker check` reads the whole log as well.)

    Exit code 0: all is well, 1: a person has to do something, 2: it could not be looked at.

    \b
    Examples:
      tracker doctor
      DISCORD_TOKEN=… tracker doctor --online
    """
    config = Config.from_env(os.environ)
    url = config.database_url if database is None else database
    if online:
        config.require_token()
    findings = [*_configuration(config, url)]
    try:
        with opened(url) as db:
            findings += _database(db)
            findings += examine(_facts(db, config))
            if online:
                findings += _online(db, config)
    except TrackerError as error:
        topic = "Discord" if isinstance(error, LoginError) else "Database"
        findings.append(Finding(kind="bad", topic=topic, text=str(error)))
        _show(findings, as_json=as_json, end="Not all could be looked at.")
        raise typer.Exit(2) from None
    todo = sum(finding.kind == "bad" for finding in findings)
    _show(findings, as_json=as_json, end=f"{todo:,} to do: see the arrows." if todo else "All is well.")
    if todo:
        raise typer.Exit(1)


def _configuration(config: Config, url: str) -> list[Finding]:
    """What was found in the environment; never the token, nor a password."""
    if config.token is None:
        token = Finding(
            kind="note", topic="Configuration",
            text="DISCORD_TOKEN is not set here: `tracker run` and `--online` need it",
        )  # fmt: skip
    else:
        token = Finding(kind="ok", topic="Configuration", text="DISCORD_TOKEN is set (and not shown)")
    server = "Discord" if config.rest_url is None else hide_password(config.rest_url)
    where = f"database {hide_password(url)}; server {server}; figures each {config.flush_s} s"
    return [token, Finding(kind="ok", topic="Configuration", text=where)]


def _database(db: Database) -> list[Finding]:
    from store import examination

    size = examination.size_bytes(db) / 1_000_000
    parts = "1 partition" if db.partitions == 1 else f"{db.partitions} partitions"
    text = f"reachable: {examination.schema_version(db)}, {size:,.1f} MB, {parts}"
    return [Finding(kind="ok", topic="Database", text=text)]


def _facts(db: Database, config: Config) -> Facts:
    from store import examination, outlook, verifications
    from tracker.clock import SystemClock
    from tracker.discord.unavoidable import unavoidable

    now = config.clock.now()
    since = Ms(now - _HISTORY_MS)
    return Facts(
        now=now,
        flush_ms=config.flush_s * 1000,
        writer=examination.who_writes(db, now=SystemClock().now()),
        backlogs=examination.backlogs(db),
        guilds=examination.guilds(db),
        unfinished=examination.unfinished(db),
        counts=outlook.counts(db),
        posts=[(s, p) for s in ("blocked", "failed") for p in outlook.stuck_posts(db, s, since=since, limit=_NAMED)],
        members=[(s, m) for s in ("blocked", "failed") for m in outlook.stuck_members(db, s, limit=_NAMED)],
        unavoidable=unavoidable(),
        verified=verifications.last(db),
    )


def _online(db: Database, config: Config) -> list[Finding]:
    """Raises LoginError if Discord does not take the token or cannot be reached."""
    import asyncio

    from store import queries
    from tracker.discord.checkup import check_up

    known = {guild: queries.settings_of(db, guild) for guild in queries.guild_ids(db)}
    return examine_online(asyncio.run(check_up(config.require_token(), config.rest_url, known)))


def _show(findings: Sequence[Finding], *, as_json: bool, end: str) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
        return
    from tracker.cli.tables import show_findings

    show_findings([(f.kind, f.topic, f.text, f.todo) for f in findings], end)

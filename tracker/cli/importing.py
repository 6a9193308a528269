"""What `tracker import` does, once it is known what with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from tracker.cli.bringing import Brought, append_beside, bring_in
from tracker.cli.chats import Chats
from tracker.cli.frame import say
from tracker.cli.holding import Hold, beside_a_bot, is_still_held
from tracker.cli.intake import Intake, Lines, Survey
from tracker.cli.options import opened
from tracker.cli.packing import pack
from tracker.cli.progress import bar
from tracker.cli.sources import Source
from tracker.cli.takeover import Wish, planned, read_files
from tracker.cli.takeover_tables import show_wish
from tracker.clock import SystemClock
from tracker.config import archive_after_days
from tracker.errors import ConfigError, EventFormatError, HeldByAnotherProcessError
from tracker.ids import GuildId

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["import_events", "import_totals"]


class _Refused:
    """Says what is refused, and counts it."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, error: EventFormatError) -> None:
        self.count += 1
        say(f"refused: {error}")


def import_events(
    files: Sequence[Source], guild: GuildId | None, database: str | None, *, is_chat: bool, skip_bad: bool
) -> None:
    """Check the files, append their events and have them counted; of many, archive the old ones as a bot would.

    Raises TrackerError of any kind.
    """
    after_days = archive_after_days(os.environ)
    intake: Intake = Chats(SystemClock().now(), guild) if is_chat else Lines()
    size, refused = sum(source.size for source in files), _Refused()
    with bar("Checking", size, size=True) as moved:
        survey = intake.survey(files, moved)
    if not skip_bad:
        survey.refusals.raise_if_any(intake.word)
    with opened(database, create=True) as db, beside_a_bot(db) as hold:
        if hold.bot:
            _refuse_beside(survey, hold)
        with bar("Importing", size, size=True) as moved:
            batches = intake.batches(db, files, moved, refused.add)
            done = append_beside(db, hold.lease, batches) if hold.bot else None
            if done is None:
                done = bring_in(db, hold.lease, batches, survey.guilds)
        passed = f"{intake.passed:,} passed over, " if is_chat else ""
        _sum_up(db, done, f"{passed}{refused.count:,} refused", hold)
        if not hold.bot:
            pack(db, hold.lease, done.new, after_days)


def _refuse_beside(survey: Survey, hold: Hold) -> None:
    """What a running bot could not make good. Raises HeldByAnotherProcessError.

    A member is forgotten by taking away who a subject is, and the bot keeps that in memory; and it cannot count what
    is still to come before time has come to it.
    """
    if survey.newest > SystemClock().now():
        survey.alone = survey.alone or "an event that is still to come"
    if survey.alone is not None:
        raise HeldByAnotherProcessError(
            f"{survey.alone} cannot be imported while the bot is running ({hold.bot}): stop it first; "
            "nothing was imported"
        )


def import_totals(
    files: Sequence[Source], form: str, guild: GuildId | None, database: str | None, *, skip_bad: bool, ask: bool
) -> None:
    """Show what taking the totals over would change, ask, and do it. Raises TrackerError of any kind."""
    with bar("Reading", sum(source.size for source in files), size=True) as moved:
        totals = read_files(files, form, guild, moved)
    if not skip_bad:
        totals.refusals.raise_if_any("entry")
    for sentence in totals.refusals.first:
        say(f"refused: {sentence}")
    with opened(database, create=True) as db:
        now = SystemClock().now()
        wish = planned(db, totals, now)
        show_wish(db, wish, len(totals.members), now)
        if wish.events and ask:
            _ask(wish)
        with beside_a_bot(db) as hold:
            if planned(db, totals, now).events != wish.events:
                raise ConfigError("the database has changed since this was shown; nothing was imported, look again")
            batches = [list(wish.events[n : n + 2_000]) for n in range(0, len(wish.events), 2_000)]
            if hold.bot:
                done = append_beside(db, hold.lease, batches)
            else:
                done = bring_in(db, hold.lease, batches, {wish.guild_id})
        done.new, done.there = len(wish.changes), wish.same
        _sum_up(db, done, f"{wish.silent + wish.gone:,} passed over, {totals.refusals.count:,} refused", hold)


def _ask(wish: Wish) -> None:
    question = f"Take over the EXP of {len(wish.changes):,} members into server {wish.guild_id}?"
    if not typer.confirm(question, err=True):
        say("nothing was changed")
        raise typer.Exit(1)


def _sum_up(db: Database, done: Brought, others: str, hold: Hold) -> None:
    guilds = f"{len(done.guilds):,} {'guild' if len(done.guilds) == 1 else 'guilds'}"
    counted = "to be counted anew" if hold.bot else "rebuilt"
    typer.echo(f"{done.new:,} new, {done.there:,} already there, {others}, {guilds} {counted}")
    if done.ticks:
        say(f"{done.ticks:,} of our ticks were passed over: the running bot keeps the time")
    if hold.bot and done.guilds:
        if is_still_held(db, hold):
            say(f"the running bot ({hold.bot}) will count {guilds} anew within a minute")
        else:
            say(f"the bot ({hold.bot}) was stopped meanwhile: {guilds} will be counted anew when it starts again")

"""Taking over what members had come to with another bot: read, shown before anything is done, and appended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from store.backfills import opt_outs
from store.importing import KnownGuild, Past, TakenOver, known_guild, past_of, there
from tracker.cli.intake import Refusals
from tracker.errors import ConfigError, EventFormatError
from tracker.events.envelope import Event
from tracker.ids import GuildId, Ms, UserId
from tracker.imports.facts import adjusted, adjustment_prefix, named_in_total
from tracker.imports.levels import Total, guilds_named, read_totals

if TYPE_CHECKING:
    from store.engine import Database
    from tracker.cli.sources import Source

__all__ = ["Change", "Totals", "Wish", "planned", "read_files"]

_NOTHING: Final = TakenOver()


@dataclass(slots=True)
class Totals:
    """What the files say, by member, in their order."""

    guild_id: GuildId
    form: str
    members: dict[UserId, Total] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What taking a total over comes to. `amount`: by how much the member's EXP changes, from `before` on.

    `is_stranger`: the tracker knows nothing of the member.
    """

    total: Total
    name: str
    before: int
    amount: int
    is_stranger: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What would be done. `at`: the instant to which EXP is credited, before all that the tracker counted itself.

    `same`: members whose total was taken over already. `silent`: members left out as bots or because they opted out.
    `gone`: members left out because they were forgotten since they were first taken over.
    """

    form: str
    guild_id: GuildId
    at: Ms
    changes: tuple[Change, ...]
    events: tuple[Event, ...]
    same: int
    silent: int
    gone: int


def read_files(files: Sequence[Source], form: str, guild: GuildId | None, moved: Callable[[int], None]) -> Totals:
    """Everything in the files. `guild`: whose they are, if that was told.

    A member who is there twice with the same total counts once; with another one the entry is refused. Raises
    ConfigError if it is not clear whose they are, EventFormatError if a file is none of this format.
    """
    found = {guild_id for source in files for guild_id in _guilds_of(source, form)}
    if guild is not None and found - {guild}:
        raise ConfigError(f"--guild is {guild}, but what was given is of server {min(found - {guild})}")
    whose = found | ({guild} if guild is not None else set())
    if len(whose) != 1:
        given = f"of {len(whose)} servers: import one after the other" if whose else "of no server: give --guild"
        raise ConfigError(f"what was given says that it is {given}")
    totals = Totals(whose.pop(), form)
    for source in files:
        _read(source, totals, moved)
    return totals


def _guilds_of(source: Source, form: str) -> set[GuildId]:
    try:
        with source.opened(lambda _: None) as file:
            return guilds_named(file, form)
    except EventFormatError as error:
        raise source.named(error) from None


def _read(source: Source, totals: Totals, moved: Callable[[int], None]) -> None:
    def refused(error: EventFormatError) -> None:
        totals.refusals.add(source.named(error))

    with source.opened(moved) as file:
        for total in read_totals(file, totals.form, refused):
            known = totals.members.setdefault(total.user_id, total)
            if known.exp != total.exp:
                refused(EventFormatError(f"entry {total.entry}: member {total.user_id} has {total.exp:,} EXP here, "
                                         f"and {known.exp:,} before"))  # fmt: skip


def planned(db: Database, totals: Totals, now: Ms) -> Wish:
    """What taking them over would change, by what is in the database. Raises DatabaseError, LogCorruptError."""
    guild, form = totals.guild_id, totals.form
    known, past = known_guild(db, guild), past_of(db, guild, adjustment_prefix(form))
    at = now if past.oldest is None else Ms(past.oldest - (0 if past.taken else 1))
    silent = known.bots | {user for user, spans in opt_outs(db, guild).items() if spans and spans[-1][1] is None}
    heard = [t for t in totals.members.values() if t.user_id not in silent]
    new = [t for t in heard if t.exp != past.taken.get(t.user_id, _NOTHING).exp]
    facts = [_fact(t, past, guild, form, at) for t in new]
    gone = there(db, facts)  # the same step, yet nobody's: who was taken over and then forgotten stays forgotten
    kept = [(t, fact) for t, fact in zip(new, facts, strict=True) if fact.id not in gone]
    changes = tuple(_change(t, known, past) for t, _ in kept)
    names = [named_in_total(form, guild, c.total.user_id, c.total.name, at)
             for c in changes if c.is_stranger and c.total.name]  # fmt: skip
    return Wish(
        form=form,
        guild_id=guild,
        at=at,
        changes=changes,
        events=(*names, *(fact for _, fact in kept)),
        same=len(heard) - len(new),
        silent=len(totals.members) - len(heard),
        gone=len(gone),
    )


def _fact(total: Total, past: Past, guild: GuildId, form: str, at: Ms) -> Event:
    before = past.taken.get(total.user_id, _NOTHING)
    return adjusted(form, guild, total.user_id, total.exp - before.exp, before.steps, at)


def _change(total: Total, known: KnownGuild, past: Past) -> Change:
    user = total.user_id
    return Change(
        total=total,
        name=known.names.get(user, total.name),
        before=known.exp.get(user, 0),
        amount=total.exp - past.taken.get(user, _NOTHING).exp,
        is_stranger=user not in known.names,
    )

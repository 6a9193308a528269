"""Since when a guild's scheduled reports exist, told from its history of settings.

An entry whose channel was changed has another key, and is still the same entry: what it owes, it owes in the new
channel. Of entries of the same role and period, those that are gone and those that have come are matched in the order
of the documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from tracker.events.settings import GuildSettings, ReportEntry
from tracker.ids import Ms

__all__ = ["EntryLife", "family", "heir", "lives"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLife:
    """An entry that is in force. `since`: when it was made; `formed`: when it last changed, or the zone did.

    `former_keys`: under which it was known before its channel was changed.
    """

    entry: ReportEntry
    since: Ms
    formed: Ms
    former_keys: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All its keys, that of now first."""
        return (self.entry.key, *self.former_keys)


def lives(history: Iterable[tuple[Ms, GuildSettings]]) -> tuple[EntryLife, ...]:
    """The entries of the last of these settings, in its order. `history`: oldest first, with the instants of change."""
    living: dict[str, EntryLife] = {}
    before: GuildSettings | None = None
    for at, settings in history:
        if before is None or (settings.reports, settings.timezone) != (before.reports, before.timezone):
            moved = before is not None and settings.timezone != before.timezone
            living = {e.key: _continued(e, at, _ancestor(e, living, settings), moved=moved) for e in settings.reports}
        before = settings
    return tuple(living.values())


def family(entry: ReportEntry, settings: GuildSettings) -> tuple[str, ...]:
    """The keys of the entries about the same as this one, itself among them, in the order of the document."""
    return tuple(e.key for e in settings.reports if (e.role_id, e.period) == (entry.role_id, entry.period))


def heir(key: str, relatives: Sequence[str], settings: GuildSettings) -> ReportEntry | None:
    """The entry that was `key` among these `relatives` (`family`) and may have changed since; None: it is removed."""
    now = {entry.key: entry for entry in settings.reports}
    if key in now:
        return now[key]
    about = key.rpartition(":")[0]
    gone = [k for k in relatives if k not in now]
    come = [k for k in now if k.rpartition(":")[0] == about and k not in relatives]
    matched = dict(zip(gone, come, strict=False))
    return now[matched[key]] if key in matched else None


def _ancestor(entry: ReportEntry, living: Mapping[str, EntryLife], settings: GuildSettings) -> EntryLife | None:
    """What this entry was before these settings; None: it is new."""
    if entry.key in living:
        return living[entry.key]
    about, now = entry.key.rpartition(":")[0], {e.key for e in settings.reports}
    gone = [life for key, life in living.items() if key not in now and key.rpartition(":")[0] == about]
    come = [e.key for e in settings.reports if e.key not in living and e.key.rpartition(":")[0] == about]
    return dict(zip_longest(come, gone[: len(come)]))[entry.key]


def _continued(entry: ReportEntry, at: Ms, before: EntryLife | None, *, moved: bool) -> EntryLife:
    if before is None:
        return EntryLife(entry=entry, since=at, formed=at)
    keys = tuple(key for key in before.keys if key != entry.key)
    formed = at if moved or entry != before.entry else before.formed
    return replace(before, entry=entry, formed=formed, former_keys=keys)

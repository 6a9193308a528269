"""What members had come to with another bot: its leaderboard or export, as totals.

* `mee6`: the pages of its leaderboard API, `plugins/levels/leaderboard/<server>`, as public clients of 2020 to 2025
  read them: `guild.id`, and `players` of `id`, `guild_id`, `username`, `xp` (in all), `level`, `message_count`. Scripts
  save one page, a list of pages, or the players alone (the `export.json` of scrape6.py).
* `lurkr`: its API, `v2/levels/<server>`, by its own type definitions of 2025, and the export that is made there:
  `levels` of `userId`, `xp` (in all), `level`, `messageCount`; the pages have `guild.id`.
* `polaris`: the export of Polaris-Open (commit 373bb7a): `settings`, and `users` by id of `xp`, `cooldown`, `hidden`.

EXP is taken over as it is; levels follow from the server's own curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Final

from tracker.errors import EventFormatError
from tracker.ids import GuildId, UserId
from tracker.imports.shape import Refused, name_in, object_in, snowflake, whole
from tracker.imports.stream import begins_with, elements, pairs, parsed

__all__ = ["FORMATS", "SOURCES", "Total", "guilds_named", "read_totals"]

SOURCES: Final = {"mee6": "MEE6", "lurkr": "Lurkr", "polaris": "Polaris"}
"""The formats, and what their bots are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What a member has come to in all. `name`: what the file calls them, or empty. `entry`: its number in the file."""

    user_id: UserId
    exp: int
    name: str
    entry: int


@dataclass(frozen=True, slots=True)
class _Format:
    """`key`: where the members are; `word`: what an entry is called; `user`: the key of its id."""

    key: str
    word: str
    user: str
    by_id: bool = False


FORMATS: Final = {
    "mee6": _Format("players", "player", "id"),
    "lurkr": _Format("levels", "level", "userId"),
    "polaris": _Format("users", "user", "id", by_id=True),
}


def guilds_named(file: BinaryIO, form: str) -> set[GuildId]:
    """The servers that the file says it is about; often it says none.

    Raises EventFormatError if it is no file of this format: if members are not where this one has them.
    """
    shape, is_list = FORMATS[form], begins_with(file) == "["
    if is_list and shape.by_id:
        raise EventFormatError(f"not a file of {SOURCES[form]}: it must be an object with `{shape.key}`")
    page = "item." if is_list else ""
    names = {f"{page}guild.id", f"{page}{shape.key}.item.guild_id", "item.guild_id"}
    found: set[GuildId] = set()
    is_there = is_list
    for path, event, value in parsed(file):
        is_there = is_there or (path == shape.key and event in ("start_array", "start_map"))
        if path in names and event in ("string", "number"):
            found.add(GuildId(snowflake({"the server's id": value}, "the server's id")))
    file.seek(0)
    if not is_there:
        raise EventFormatError(f"not a file of {SOURCES[form]}: it has no `{shape.key}`")
    return found


def read_totals(file: BinaryIO, form: str, refused: Refused) -> Iterator[Total]:
    """Each member's total, in the file's order. What is wrong goes to `refused`, naming the entry by its number."""
    shape, number = FORMATS[form], 0
    try:
        for number, (user, plain) in enumerate(_entries(file, shape), 1):
            try:
                yield _total(user, plain, shape, number)
            except EventFormatError as error:
                refused(EventFormatError(f"{shape.word} {number}: {error.problem}"))
    except EventFormatError as error:
        refused(EventFormatError(f"after {shape.word} {number}: {error.problem}"))


def _entries(file: BinaryIO, shape: _Format) -> Iterator[tuple[str | None, Any]]:
    """(id, entry): the id where entries are under it, else None."""
    if shape.by_id:
        yield from pairs(file, shape.key)
    elif begins_with(file) == "[":
        for item in elements(file, "item"):  # pages of the leaderboard, or its members alone
            page = item.get(shape.key) if isinstance(item, dict) and shape.key in item else [item]
            if not isinstance(page, list):
                raise EventFormatError(f"`{shape.key}` must be a list")
            yield from ((None, entry) for entry in page)
    else:
        yield from ((None, entry) for entry in elements(file, f"{shape.key}.item"))


def _total(user: str | None, plain: Any, shape: _Format, number: int) -> Total:
    entry: Mapping[str, Any] = object_in(plain, f"a {shape.word}")
    find: Callable[[], int] = (
        partial(snowflake, entry, shape.user) if user is None else partial(snowflake, {"its key": user}, "its key")
    )
    return Total(user_id=UserId(find()), exp=whole(entry, "xp"), name=_name(entry), entry=number)


def _name(entry: Mapping[str, Any]) -> str:
    inner = entry.get("user")
    return name_in(entry, "username") or (name_in(inner, "globalName", "username") if isinstance(inner, dict) else "")

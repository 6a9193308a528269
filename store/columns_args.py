"""What a fold needs of an event's data, as one number (`arg`): read once for each text that differs.

The codec says what a text means and which texts are refused. For the texts that hardly repeat (names, ids) there are
short cuts, which answer only where the codec would give the same answer; whatever they cannot take goes to the codec.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import msgspec

from tracker.errors import EventFormatError
from tracker.events import kinds
from tracker.events.codec import DATA_TYPES, data_from_json, read_id
from tracker.events.envelope import Data
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageDeleted
from tracker.events.rule import ExpAdjusted
from tracker.events.ticks import TrackerTicked
from tracker.events.voice import VoiceJoined, flags_of

__all__ = ["PLAIN_ROLES", "REPEATING", "SHORT_CUTS", "TYPES", "Args"]

TYPES: Final[dict[int, str]] = {number: name for name, number in kinds.KINDS.items()}
"""The type name of each kind."""

_KEPT: Final = 50_000
"""How many texts are remembered at most (some 8 MB); then all are forgotten and read anew."""

REPEATING: Final = frozenset(
    {
        kinds.VOICE_JOINED, kinds.VOICE_MOVED, kinds.VOICE_LEFT, kinds.VOICE_FLAGS, kinds.MESSAGE_SENT,
        kinds.INTERACTION_USED, kinds.ROLES_CHANGED, kinds.ADJUSTED,
    }
)  # fmt: skip
PLAIN_ROLES: Final = MemberRolesChanged.VERSION == 1
"""Whether there are short cuts to the sets of roles in texts of version 1: what they read is that one."""

_MOST: Final = 10**13


class Args:
    """Reads data texts. `role_sets` numbers the sets of roles that were met; 0 is the empty one."""

    def __init__(self) -> None:
        self.role_sets: list[tuple[int, ...]] = [()]
        self._numbers: dict[tuple[int, ...], int] = {(): 0}
        self._known: dict[tuple[int, int], dict[str | bytes, int]] = {}
        self._room = _KEPT
        self._role_ids: dict[str, int] = {}
        self._short_cuts = dict(SHORT_CUTS)
        if PLAIN_ROLES:
            self._short_cuts[kinds.ROLES_CHANGED] = self._role_set

    def read(self, kind: int, version: int, texts: Sequence[str | bytes]) -> tuple[list[int], list[int]]:
        """The args of these texts (0 where a text cannot be read), and the indexes of those that cannot be read."""
        repeats = kind in REPEATING
        known = self._known.setdefault((kind, version), {}) if repeats else {}
        found: list[int] = []
        bad: list[int] = []
        for index, text in enumerate(texts):
            arg = known.get(text)
            if arg is None:
                try:
                    arg = self._one(kind, version, text)
                except EventFormatError:
                    bad.append(index)
                    arg = 0
                else:
                    if repeats:
                        self._make_room()
                    known[text] = arg
            found.append(arg)
        return found, bad

    def _make_room(self) -> None:
        if self._room <= 0:
            for texts in self._known.values():
                texts.clear()
            self._room = _KEPT
        self._room -= 1

    def _one(self, kind: int, version: int, text: str | bytes) -> int:
        short = self._short_cuts.get(kind)
        if short is not None and version == 1:
            try:
                return short(text)
            except (msgspec.DecodeError, ValueError, KeyError, RecursionError):
                pass  # the codec knows
        data = data_from_json(TYPES[kind], version, text)
        if isinstance(data, MemberRolesChanged):
            return self.number(data.role_ids)
        says = _ARGS.get(kind)
        return 0 if says is None else says(data)

    def _role_set(self, text: str | bytes) -> int:
        """The short cut to a set of roles: a community has few of them, so each id is read once."""
        known, role_ids = self._role_ids, set()
        for written in _roles_in(text).role_ids:
            role = known.get(written)
            if role is None:
                role = known[written] = read_id(written)
            role_ids.add(role)
        if len(known) > _KEPT:
            known.clear()
        return self.number(tuple(sorted(role_ids)))

    def number(self, role_ids: tuple[int, ...]) -> int:
        """The number of a set of roles, ascending."""
        number = self._numbers.setdefault(role_ids, len(self.role_sets))
        if number == len(self.role_sets):
            self.role_sets.append(role_ids)
        return number


def _flags(data: Data) -> int:
    return cast("VoiceJoined", data).flags


_ARGS: Final[dict[int, Callable[[Data], int]]] = {
    kinds.VOICE_JOINED: _flags,
    kinds.VOICE_MOVED: _flags,
    kinds.VOICE_FLAGS: _flags,
    kinds.MESSAGE_DELETED: lambda data: cast("MessageDeleted", data).message_id,
    kinds.MEMBER_JOINED: lambda data: int(cast("MemberJoined", data).bot),
    kinds.ADJUSTED: lambda data: cast("ExpAdjusted", data).amount,
    kinds.TICKED: lambda data: cast("TrackerTicked", data).as_of,
}


class _Moved(msgspec.Struct, forbid_unknown_fields=True):
    from_channel_id: str
    flags: list[str] = []


class _Deleted(msgspec.Struct, forbid_unknown_fields=True):
    message_id: str


class _Roles(msgspec.Struct, forbid_unknown_fields=True):
    role_ids: list[str] = []


class _Member(msgspec.Struct, forbid_unknown_fields=True):
    bot: bool = False
    name: str = ""


class _Renamed(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class _Ticked(msgspec.Struct, forbid_unknown_fields=True):
    as_of: int | float


_roles_in: Final = msgspec.json.Decoder(_Roles).decode
_deleted_in: Final = msgspec.json.Decoder(_Deleted).decode
_BEFORE_ID, _BEHIND_ID = '{"message_id":"', '"}'


def _reader(shape: type[Any], arg: Callable[[Any], int]) -> Callable[[str | bytes], int]:
    decode = msgspec.json.Decoder(shape).decode
    return lambda text: arg(decode(text))


def _moved(data: _Moved) -> int:
    read_id(data.from_channel_id)
    return flags_of(data.flags)


def _member(data: _Member) -> int:
    _plain(data.name)
    return int(data.bot)


def _plain(name: str) -> int:
    if "\x00" in name:
        raise ValueError
    return 0


def _instant(data: _Ticked) -> int:
    if type(data.as_of) is not int or not -_MOST <= data.as_of <= _MOST:
        raise ValueError
    return data.as_of


def _left(data: _Member) -> int:
    return _plain(data.name)


def _deleted(text: str | bytes) -> int:
    """As the log writes it, nearly always; no two of them are alike."""
    if isinstance(text, str) and text.startswith(_BEFORE_ID) and text.endswith(_BEHIND_ID):
        return read_id(text[len(_BEFORE_ID) : -len(_BEHIND_ID)])
    return read_id(_deleted_in(text).message_id)


SHORT_CUTS: Final[dict[int, Callable[[str | bytes], int]]] = {
    kind: _reader(shape, arg)
    for kind, shape, arg in (
        (kinds.VOICE_MOVED, _Moved, _moved),
        (kinds.MEMBER_JOINED, _Member, _member),
        (kinds.MEMBER_LEFT, _Member, _left),
        (kinds.RENAMED, _Renamed, lambda data: _plain(data.name)),
        (kinds.TICKED, _Ticked, _instant),
    )
    if DATA_TYPES[TYPES[kind]].VERSION == 1  # what they read is version 1: once there is another, the codec reads all
}
if MessageDeleted.VERSION == 1:
    SHORT_CUTS[kinds.MESSAGE_DELETED] = _deleted

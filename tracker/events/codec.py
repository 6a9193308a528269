"""Event data to JSON text and back, for the log and for the exchange format alike.

Snowflakes are written as strings, flags as sorted names. Reading is strict: an unknown key, a missing one or a wrong
kind of value is refused with its name. Older versions are lifted by `upcast` before they are read.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache, lru_cache
from typing import Any, Final

import msgspec

from tracker.errors import EventFormatError, SettingsError
from tracker.events import channel, interaction, member, message, rule, ticks, upcast, voice
from tracker.events.envelope import Data
from tracker.events.settings import settings_of

__all__ = ["DATA_TYPES", "data_from_json", "data_to_json", "data_to_plain", "decode_data", "read_id"]

DATA_TYPES: Final[dict[str, type[Data]]] = {
    cls.TYPE: cls
    for cls in (
        voice.VoiceJoined,
        voice.VoiceMoved,
        voice.VoiceLeft,
        voice.VoiceFlagsChanged,
        message.MessageSent,
        message.MessageDeleted,
        interaction.InteractionUsed,
        member.MemberJoined,
        member.MemberLeft,
        member.MemberRolesChanged,
        member.MemberRenamed,
        member.MemberOptedOut,
        member.MemberOptedIn,
        member.MemberForgotten,
        channel.ChannelDescribed,
        channel.RoleDescribed,
        rule.SettingsChanged,
        rule.ExpAdjusted,
        rule.SeasonStarted,
        ticks.TrackerTicked,
        ticks.TrackerLost,
        ticks.TrackerReturned,
    )
}
"""Every event type there is, by its stable name."""

_MAX_ID = (1 << 63) - 1
_MAX_INT = 10**13  # beyond any instant in ms; and a million such numbers still add up within 64 bits
_SHORT = 64
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def data_to_json(data: Data) -> str:
    """The `data` column of the log: compact JSON text."""
    return _encode(data_to_plain(data)).decode()


def data_to_plain(data: Data) -> dict[str, Any]:
    """The data as plain JSON values; what came to be known later (`sparse`) only where it says something."""
    known = ((f, getattr(data, f.name)) for f in _fields(type(data)))
    return {f.name: f.write(value) for f, value in known if not f.sparse or value}


def data_from_json(type_name: str, version: int, text: str | bytes) -> Data:
    """Read a `data` column. Raises EventFormatError."""
    # Most events of a log have one of a few dozen short texts, and what they say never changes: read each once.
    return _read_often(type_name, version, text) if len(text) <= _SHORT else _read(type_name, version, text)


def _read(type_name: str, version: int, text: str | bytes) -> Data:
    try:
        plain = _decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise EventFormatError(f"{type_name}: data is not JSON ({error})") from None
    return decode_data(type_name, version, plain)


_read_often = lru_cache(maxsize=1024)(_read)


def decode_data(type_name: str, version: int, plain: object) -> Data:
    """Read plain JSON values as the data of `type_name`. Raises EventFormatError naming what is wrong."""
    cls = DATA_TYPES.get(type_name)
    if cls is None:
        raise EventFormatError(f"unknown event type {type_name!r}")
    if type(plain) is not dict and not isinstance(plain, Mapping):  # it nearly always is one: a replay asks often
        raise EventFormatError(f"{type_name}: data must be an object")
    if version != cls.VERSION:
        plain = upcast.lift(type_name, version, plain, newest=cls.VERSION)
    names, known = _readers(cls)
    if not plain.keys() <= names:
        raise EventFormatError(f"{type_name}: unknown data key {min(plain.keys() - names)[:80]!r}")
    values = {}
    for name, read, f in known:
        if name in plain:
            try:
                values[name] = read(plain[name])
            except SettingsError as error:
                raise EventFormatError(f"{type_name}: {error}") from None
            except (TypeError, ValueError, KeyError):
                raise EventFormatError(f"{type_name}: data.{name} must be {f.wanted}") from None
        elif f.required:
            raise EventFormatError(f"{type_name}: data.{name} is missing")
    return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    required: bool
    sparse: bool
    wanted: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


@cache
def _fields(cls: type[Data]) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(cls)
    return tuple(
        _field(f.name, hints[f.name], required=f.default is MISSING, sparse=bool(f.metadata.get("sparse")))
        for f in fields(cls)  # type: ignore[arg-type]
    )


@cache
def _readers(cls: type[Data]) -> tuple[frozenset[str], tuple[tuple[str, Callable[[Any], Any], _Field], ...]]:
    """The names of its fields, and how each is read: at hand, as a replay asks for tens of thousands."""
    known = _fields(cls)
    return frozenset(f.name for f in known), tuple((f.name, f.read, f) for f in known)


def _field(name: str, hint: Any, *, required: bool, sparse: bool) -> _Field:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner_hint = next(a for a in typing.get_args(hint) if a is not type(None))
        inner = _field(name, inner_hint, required=required, sparse=sparse)
        return _Field(
            name=name,
            required=required,
            sparse=sparse,
            wanted=f"{inner.wanted} or null",
            read=lambda v: None if v is None else inner.read(v),
            write=lambda v: None if v is None else inner.write(v),
        )
    wanted, read, write = _kind(hint)
    return _Field(name=name, required=required, sparse=sparse, wanted=wanted, read=read, write=write)


def _kind(hint: Any) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    if typing.get_origin(hint) is typing.Literal:
        allowed = typing.get_args(hint)
        return "one of " + ", ".join(allowed), lambda v: allowed[allowed.index(v)], _same
    if typing.get_origin(hint) is tuple:
        return "a list of ids", lambda v: tuple(sorted({read_id(x) for x in _list(v)})), lambda v: [str(x) for x in v]
    if hint is voice.Flags:
        return "a list of voice flags", lambda v: voice.flags_of(_list(v)), voice.flag_names
    if typing.get_origin(hint) is not None:
        return "a settings document", _settings, dict
    if isinstance(hint, typing.NewType) and hint.__name__.endswith("Id"):
        return "an id (a string of digits)", read_id, str
    plain: Any = hint.__supertype__ if isinstance(hint, typing.NewType) else hint
    return {bool: ("true or false", _bool, _same), int: ("a whole number", _int, _same), str: ("text", _str, _same)}[
        plain
    ]


def read_id(value: object) -> int:
    """A snowflake: a string of digits (a whole number is taken too). Raises ValueError."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if type(value) is not int or not 0 < value <= _MAX_ID:
        raise ValueError("not an id")
    return value


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _int(value: Any) -> int:
    if type(value) is not int or not -_MAX_INT <= value <= _MAX_INT:
        raise TypeError
    return value


def _str(value: Any) -> str:
    if type(value) is not str or "\x00" in value:
        raise TypeError
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _settings(value: Any) -> Mapping[str, Any]:
    settings_of(value)
    return typing.cast("Mapping[str, Any]", value)


def _same(value: Any) -> Any:
    return value

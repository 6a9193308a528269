"""The exchange format (SEMANTICS §10): one event per line of JSON, for `tracker import` and `tracker export`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from tracker.clock import from_ms, to_ms
from tracker.errors import EventFormatError
from tracker.events.codec import DATA_TYPES, data_to_plain, decode_data, read_id
from tracker.events.envelope import NO_GUILD, Event
from tracker.events.message import MessageDeleted, MessageSent, message_deleted_id, message_id_of
from tracker.events.ticks import TrackerTicked, tick, tick_partition
from tracker.ids import ChannelId, EventId, GuildId, Ms, UserId

__all__ = ["MAX_LINE", "from_line", "to_line"]

MAX_LINE = 1 << 20
"""The longest line that is read, in bytes; a settings document is the only thing that could come near it."""

_KEYS = frozenset({"id", "type", "version", "guild_id", "user_id", "channel_id", "occurred_at", "data"})
_USER = ("voice.", "message.sent", "interaction.", "member.", "exp.")
_CHANNEL = ("voice.joined", "voice.moved", "voice.left", "message.", "interaction.", "channel.")
_EARLIEST, _LATEST = to_ms(datetime(2015, 1, 1, tzinfo=UTC)), to_ms(datetime(2200, 1, 1, tzinfo=UTC))

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def to_line(event: Event) -> str:
    """The event as one line (without the line break)."""
    return _encode(
        {
            "id": event.id,
            "type": event.type,
            "version": event.data.VERSION,
            "guild_id": _text(event.guild_id),
            "user_id": _text(event.user_id),
            "channel_id": _text(event.channel_id),
            "occurred_at": from_ms(event.occurred_at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": data_to_plain(event.data),
        }
    ).decode()


def from_line(line: str | bytes, *, number: int | None = None) -> Event:
    """Read one line. Raises EventFormatError that names the line's `number` (1-based) and what is wrong."""
    try:
        return _read(line)
    except EventFormatError as error:
        raise EventFormatError(error.problem, line=number) from None


def _read(line: str | bytes) -> Event:
    if len(line) > MAX_LINE:
        raise EventFormatError(f"longer than {MAX_LINE} bytes")
    plain = _object(line)
    unknown = plain.keys() - _KEYS
    if unknown:
        raise EventFormatError(f"unknown key {_short(min(unknown))}")
    kind = plain.get("type")
    if kind is None:
        raise EventFormatError("type is missing")
    if not isinstance(kind, str) or kind not in DATA_TYPES:
        raise EventFormatError(f"unknown event type {_short(kind)}")
    version = plain.get("version", 1)
    if type(version) is not int:
        raise EventFormatError("version must be a whole number")
    event = Event(
        id=_id_of(plain),
        guild_id=GuildId(_snowflake(plain, "guild_id", needed=kind != TrackerTicked.TYPE) or NO_GUILD),
        user_id=_optional(UserId, _snowflake(plain, "user_id", needed=kind.startswith(_USER))),
        channel_id=_optional(ChannelId, _snowflake(plain, "channel_id", needed=kind.startswith(_CHANNEL))),
        occurred_at=_instant(plain.get("occurred_at")),
        data=decode_data(kind, version, plain.get("data", {})),
    )
    _check_id(event)
    return event


def _object(line: str | bytes) -> dict[str, Any]:
    try:
        plain = _decode(line)
        # Two equal keys: readers differ in which one they take, so neither is. Looked at closely only if there seem
        # to be more keys in the text than were read.
        if len(_KEY[type(line)].findall(line)) > _keys_in(plain):
            json.loads(line, object_pairs_hook=_unique)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise EventFormatError(f"not JSON ({error})") from None
    if not isinstance(plain, dict):
        raise EventFormatError("not a JSON object")
    return plain


_KEY: Mapping[type, re.Pattern[Any]] = {str: re.compile(r'"\s*:'), bytes: re.compile(rb'"\s*:')}


def _keys_in(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_keys_in, value.values()))
    return sum(map(_keys_in, value)) if isinstance(value, list) else 0


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise EventFormatError(f"key {_short(key)} is there twice")
        seen[key] = value
    return seen


def _check_id(event: Event) -> None:
    """Ids that carry meaning must have their form: what happened once is then appended once, whoever wrote the line."""
    try:
        if isinstance(event.data, MessageSent):
            message_id_of(event.id)
        elif isinstance(event.data, TrackerTicked):
            _check_tick(event, event.data.as_of)
    except ValueError as error:
        raise EventFormatError(f"id {error}") from None
    if isinstance(event.data, MessageDeleted) and event.id != message_deleted_id(event.data.message_id):
        raise EventFormatError("id must be `message-deleted:<message id>`, with the id in data.message_id")


def _check_tick(event: Event, as_of: Ms) -> None:
    if as_of != event.occurred_at:
        raise EventFormatError("a tick's as_of must be its occurred_at")
    if event != tick(tick_partition(event.id), as_of):
        raise EventFormatError("a tick's id must be `tick:<partition>:<as_of>`, and it has no guild, user or channel")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _text(value: int | None) -> str | None:
    return str(value) if value else None


def _optional(kind: Any, value: int | None) -> Any:
    return None if value is None else kind(value)


def _id_of(plain: Mapping[str, Any]) -> EventId:
    value = plain.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isprintable():
        raise EventFormatError("id must be text of 1 to 100 characters")
    return EventId(value)


def _snowflake(plain: Mapping[str, Any], key: str, *, needed: bool) -> int | None:
    value = plain.get(key)
    if value is None:
        if needed:
            raise EventFormatError(f"{key} is missing")
        return None
    try:
        return read_id(value)
    except ValueError:
        raise EventFormatError(f"{key} must be an id (a string of digits)") from None


def _instant(value: object) -> Ms:
    try:
        moment = to_ms(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not _EARLIEST <= moment < _LATEST:
        raise EventFormatError("occurred_at must be an RFC 3339 instant from 2015 on, such as 2026-02-18T06:16:52.000Z")
    return moment

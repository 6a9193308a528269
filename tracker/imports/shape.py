"""Reading a JSON value strictly: each function gives what must be there, or says in words what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tracker.errors import EventFormatError
from tracker.events.codec import read_id

__all__ = ["Refused", "flag", "items_of", "name_in", "object_in", "snowflake", "snowflake_or_none", "text", "whole"]

Refused = Callable[[EventFormatError], None]
"""Is told of each entry that is refused."""

_LONGEST_NAME: Final = 100
_LARGEST: Final = 1 << 53


def object_in(value: object, what: str) -> Mapping[str, Any]:
    """An object. Raises EventFormatError."""
    if not isinstance(value, dict):
        raise EventFormatError(f"{what} must be a JSON object, and is {_short(value)}")
    return value


def items_of(plain: Mapping[str, Any], key: str) -> list[Any]:
    """A list; one that is missing is empty. Raises EventFormatError."""
    value = plain.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise EventFormatError(f"{key} must be a list, and is {_short(value)}")
    return value


def snowflake(plain: Mapping[str, Any], key: str, *, where: str = "") -> int:
    """An id. Raises EventFormatError."""
    found = snowflake_or_none(plain, key, where=where)
    if found is None:
        raise EventFormatError(f"{where}{key} is missing")
    return found


def snowflake_or_none(plain: Mapping[str, Any], key: str, *, where: str = "") -> int | None:
    """An id, or None where there is none. Raises EventFormatError."""
    value = plain.get(key)
    if value is None:
        return None
    try:
        return read_id(value)
    except ValueError:
        raise EventFormatError(f"{where}{key} must be an id (a string of digits), and is {_short(value)}") from None


def text(plain: Mapping[str, Any], key: str, *, where: str = "") -> str:
    """A text that is not empty. Raises EventFormatError."""
    value = plain.get(key)
    if value is None:
        raise EventFormatError(f"{where}{key} is missing")
    if not isinstance(value, str) or not value:
        raise EventFormatError(f"{where}{key} must be text, and is {_short(value)}")
    return value


def name_in(plain: Mapping[str, Any], *keys: str) -> str:
    """The first of these that is a name, shortened to what Discord allows; empty if none is."""
    for key in keys:
        value = plain.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()[:_LONGEST_NAME]
    return ""


def flag(plain: Mapping[str, Any], key: str, *, where: str = "") -> bool:
    """True or false. Raises EventFormatError."""
    value = plain.get(key)
    if value is None:
        raise EventFormatError(f"{where}{key} is missing")
    if not isinstance(value, bool):
        raise EventFormatError(f"{where}{key} must be true or false, and is {_short(value)}")
    return value


def whole(plain: Mapping[str, Any], key: str) -> int:
    """A whole number from 0 on (`12.0` is one too). Raises EventFormatError."""
    value = plain.get(key)
    if value is None:
        raise EventFormatError(f"{key} is missing")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise EventFormatError(f"{key} must be a whole number from 0 on, and is {_short(value)}")
    return value


def _short(value: object) -> str:
    if isinstance(value, (dict, list)):  # however deep it may be
        return "an object" if isinstance(value, dict) else "a list"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."

"""Settings documents as TOML files: read with the standard library, written by hand (it has no writer)."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from tracker.errors import ConfigError

__all__ = ["read_document", "to_toml"]


def read_document(path: Path) -> dict[str, Any]:
    """The document in a TOML file (or, named `*.json`, a JSON one) as plain JSON values.

    Dates and times become text. Raises ConfigError naming the file and, for malformed text, the place.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must be an object of settings")
    return {key: _plain(value) for key, value in document.items()}


def to_toml(document: Mapping[str, Any]) -> str:
    """The document as TOML. Null has no TOML: such keys are left out."""
    return "\n".join(_table(document, ())).lstrip("\n") + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("seconds" if value.second else "minutes")
    return value


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """A table's own values first, then the tables within it: in TOML, everything after a heading belongs to it."""
    values = {k: v for k, v in table.items() if v is not None and not isinstance(v, Mapping)}
    tables = {k: v for k, v in table.items() if isinstance(v, Mapping)}
    lines = ["", f"[{'.'.join(map(_key, path))}]"] if path and (values or not tables) else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in values.items()]
    for key, inner in tables.items():
        lines += _table(inner, (*path, key))
    return lines


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        if any(isinstance(v, Mapping) for v in value):
            return "[\n" + "".join(f"    {_value(v)},\n" for v in value) + "]"
        return f"[{', '.join(map(_value, value))}]"
    return _quoted(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _quoted(key)


def _quoted(value: Any) -> str:
    """JSON's way to write text, numbers and truth values is TOML's too, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

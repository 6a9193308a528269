"""Settings documents for people: with the defaults filled in, and what differs between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tracker.cli.toml import to_toml
from tracker.events.settings_model import Document

__all__ = ["complete", "complete_json", "complete_toml", "differences"]


def complete(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every default written out. A locale that it does not name stays unnamed: Discord's counts."""
    filled: dict[str, Any] = msgspec.to_builtins(msgspec.convert(document, Document))
    if "locale" not in document:
        del filled["locale"]
    return filled


def complete_json(document: Mapping[str, Any]) -> str:
    """As JSON text."""
    return json.dumps(complete(document), ensure_ascii=False, indent=2) + "\n"


def complete_toml(document: Mapping[str, Any]) -> str:
    """As TOML text. TOML has no null, so that "no voice rule" is written as a rule that gives nothing."""
    filled = complete(document)
    if filled["voice"]["default"] is None:
        filled["voice"]["default"] = {"every_s": 300, "exp": 0}
    return to_toml(filled)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """One line for each value that is not the same: `voice.default.exp: 1 -> 2`."""
    old, new = (dict(_flat(complete(document), "")) for document in (before, after))
    return [
        f"{key}: {_shown(old, key)} -> {_shown(new, key)}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}".lstrip("."))
    else:
        yield path, value


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False) if key in values else "nothing"
